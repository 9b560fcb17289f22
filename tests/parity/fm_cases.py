"""The published validation cases of the financial module: portfolios, items, expected losses.

Recipe (see the README beside the data): every location's coverages take a loss of TIV times a loss factor, under every
peril that both the location and the "model" cover; losses are summed by location.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from ods_tools.oed import OedSchema

from oasis_kernel.formats.oed import read_portfolio
from oasis_kernel.model.exposure import Float32, Portfolio
from oasis_kernel.model.terms import Leaves

#: Suite folders whose files are one portfolio; the others hold one portfolio per unit.
WHOLE_SUITES = ("reinsurance4", "issue_1816", "cyber")
TIV_FIELDS = {1: "BuildingTIV", 2: "OtherTIV", 3: "ContentsTIV", 4: "BITIV"}
CYBER_COVERAGES = range(7, 16)
LOCATION_KEY = ["PortNumber", "AccNumber", "LocNumber"]
#: What the "model" covers -> (folder of the expectation).
PERILS = {"WTC": "expected", "WW2": "expected_subperils"}
CYBER_PERILS = {"CSB": "expected", "CC1": "expected_subperils"}


@dataclass(frozen=True)
class FinancialCase:
    """One portfolio under one choice of model perils."""

    suite: str
    unit: str
    perils: str
    folder: Path
    expected_folder: Path  # may not exist: then the reference has published no numbers
    loss_factors: tuple[float, ...]

    @property
    def name(self) -> str:
        """``suite/unit/perils``: unique, and readable as a pytest id."""
        return f"{self.suite}/{self.unit}/{self.perils}"


def financial_cases(shared: Path, suites: Sequence[str] | None = None) -> Iterator[FinancialCase]:
    """Every handed-out case, suite by suite; ``shared`` is the fixture of that name."""
    root = shared / "data" / "fm_validation"
    for suite in sorted(path for path in root.iterdir() if path.is_dir()):
        if suites is not None and suite.name not in suites:
            continue
        factors = _loss_factors(suite)
        folders = [suite] if suite.name in WHOLE_SUITES else sorted((suite / "units").iterdir())
        for folder in folders:
            for perils, expected in (CYBER_PERILS if suite.name == "cyber" else PERILS).items():
                yield FinancialCase(suite.name, folder.name, perils, folder, suite / expected, factors)


def _loss_factors(suite: Path) -> tuple[float, ...]:
    path = suite / "loss_factors.csv"
    return tuple(pd.read_csv(path)["loss_factor"]) if path.exists() else (1.0,)


def read_case(case: FinancialCase) -> Portfolio:
    """The case's portfolio."""
    return read_folder(case.folder)


def read_folder(folder: Path) -> Portfolio:
    """The portfolio of a folder with ``location.csv``, ``account.csv``, ``ri_info.csv``, ``ri_scope.csv``."""
    parts = {part: folder / f"{part}.csv" for part in ("location", "account", "ri_info", "ri_scope")}
    return read_portfolio(**{part: path for part, path in parts.items() if path.exists()})


def perils_of(codes: str) -> set[str]:
    """The single perils of a ``;``-separated list of OED perils and peril groups."""
    return {peril for code in str(codes).split(";") for peril in _peril_groups().get(code, [])}


@lru_cache(maxsize=1)
def _peril_groups() -> dict[str, list[str]]:
    return OedSchema.from_oed_schema_info(None).schema["perils"]["covered"]


def item_map(portfolio: Portfolio, model_perils: str) -> pa.Table:
    """One row per item: location x peril x coverage with value, by location, peril, coverage, then building.

    Columns: loc_id, PortNumber, AccNumber, LocNumber, loc_idx, peril_id, coverage_type_id, tiv, coverage_id, item_id,
    building_id, risk_id, NumberOfRisks. A portfolio without locations (cyber) has its accounts as locations.
    """
    covered = perils_of(model_perils)
    rows = _cyber_rows(portfolio, covered) if portfolio.location is None else _property_rows(portfolio, covered)
    frame = pd.DataFrame(rows)
    frame["item_id"] = np.arange(1, len(frame) + 1)
    coverage = frame.groupby(["loc_id", "building_id", "coverage_type_id"], sort=False)
    frame["coverage_id"] = coverage.ngroup() + 1
    return pa.Table.from_pandas(frame, preserve_index=False)


def _property_rows(portfolio: Portfolio, covered: set[str]) -> list[dict]:
    location = portfolio.location.to_pandas()
    for field in TIV_FIELDS.values():
        location[field] = location[field].fillna(0.0) if field in location else 0.0
    rows = []
    for loc_id, group in location.groupby("loc_id"):
        perils = sorted(set().union(*(perils_of(codes) for codes in group["LocPerilsCovered"])) & covered)
        with_value = group[(group[list(TIV_FIELDS.values())] != 0).any(axis=1)]
        if len(with_value):
            rows += _location_rows(int(loc_id), with_value.iloc[0], perils)
    return rows


def _location_rows(loc_id: int, first: pd.Series, perils: list[str]) -> list[dict]:
    given = first.get("NumberOfBuildings")
    buildings = 1 if pd.isna(given) else max(1, int(given))
    aggregate = first.get("IsAggregate")
    is_aggregate = not pd.isna(aggregate) and int(aggregate) == 1
    return [
        {
            "loc_id": loc_id,
            **{field: str(first[field]) for field in LOCATION_KEY},
            "loc_idx": int(first["loc_idx"]),
            "peril_id": peril,
            "coverage_type_id": coverage,
            "tiv": float(first[field]) / buildings,
            "building_id": building,
            "risk_id": building if is_aggregate else 1,
            "NumberOfRisks": buildings if is_aggregate else 1,
        }
        for peril in perils
        for coverage, field in TIV_FIELDS.items()
        if first[field] > 0
        for building in range(1, buildings + 1)
    ]


def _cyber_rows(portfolio: Portfolio, covered: set[str]) -> list[dict]:
    account = portfolio.account.to_pandas().drop_duplicates("acc_id").sort_values("acc_id")
    return [
        {
            "loc_id": int(row["acc_id"]),
            "PortNumber": str(row["PortNumber"]),
            "AccNumber": str(row["AccNumber"]),
            "peril_id": peril,
            "coverage_type_id": coverage,
            "tiv": float(row["AnnualRevenue"]),
            "building_id": 1,
            "risk_id": 1,
            "NumberOfRisks": 1,
        }
        for _, row in account.iterrows()
        for peril in sorted(perils_of(row["PolPerilsCovered"]) & covered)
        for coverage in CYBER_COVERAGES
    ]


def leaves(items: pa.Table) -> Leaves:
    """The items' coverages and the coverages' values."""
    coverage_id = items["coverage_id"].to_numpy().astype("i4")
    coverage_tiv = np.zeros(coverage_id.max(), "f4")
    coverage_tiv[coverage_id - 1] = items["tiv"].to_numpy()
    return Leaves(coverage_id, coverage_tiv)


def ground_up(items: pa.Table, loss_factor: float) -> Float32:
    """The recipe's loss of each item: its share of the coverage's TIV, times the factor."""
    coverage_id = items["coverage_id"].to_numpy()
    items_of_coverage = np.bincount(coverage_id)[coverage_id]
    share = items["tiv"].to_numpy().astype("f4") / items_of_coverage.astype("u4")
    return (share * loss_factor).astype("f4")


def location_losses(losses: pd.DataFrame) -> pd.DataFrame:
    """Losses summed by location (by account without locations), indexed by the key's columns."""
    key = [field for field in LOCATION_KEY if field in losses.columns]
    return losses.groupby(key)[[name for name in losses.columns if name.startswith("loss_")]].sum()


def expected_losses(case: FinancialCase, loss_factor_index: int = 0) -> pd.DataFrame:
    """The published loss_gul, loss_il (and loss_ri) by location; empty when the case has no expectation.

    loss_gul counts an item's ground-up loss once for every output (layer) of the item.
    """
    summary = case.expected_folder / "loc_summary.csv"
    if summary.exists():
        frame = pd.read_csv(summary, dtype=dict.fromkeys(LOCATION_KEY, str))
        if "loss_factor_idx" in frame:
            frame = frame[frame["loss_factor_idx"] == loss_factor_index].drop(columns="loss_factor_idx")
        return location_losses(_of_unit(case, frame))
    if not case.expected_folder.exists():
        return pd.DataFrame()
    return location_losses(_losses_by_output(case.expected_folder))


def _of_unit(case: FinancialCase, frame: pd.DataFrame) -> pd.DataFrame:
    account = pd.read_csv(case.folder / "account.csv", dtype=str)
    return frame.merge(account[LOCATION_KEY[:2]].drop_duplicates())


def _losses_by_output(folder: Path) -> pd.DataFrame:
    outputs = pd.read_csv(folder / "fm_summary_map.csv", dtype=dict.fromkeys(LOCATION_KEY, str))
    losses = outputs[[field for field in LOCATION_KEY if field in outputs]].copy()
    for name, key in {"gul": "agg_id", "il": "output_id", "ri": "output_id"}.items():
        path = folder / f"{name}s.csv"
        if path.exists():
            table = pd.read_csv(path).set_index("item_id" if name == "gul" else "output_id")["loss"]
            losses[f"loss_{name}"] = outputs[key].map(table).fillna(0.0)
    return losses
