"""Items, coverages and groups against the reference engine, on random portfolios, keys and model settings."""

import json
import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from oasis_kernel.formats.oed import read_portfolio
from oasis_kernel.model.exposure import PreparedExposure
from oasis_kernel.model.prepare_options import PrepareOptions
from oasis_kernel.prepare.items import prepare_exposure
from oasis_kernel.prepare.keys import check_keys

pytestmark = [pytest.mark.differential, pytest.mark.slow]

# One process for all cases: most of the reference's time is its start.
DRIVER = """
import json, sys
from pathlib import Path
from oasislmf.manager import OasisManager
for case in sorted(Path(sys.argv[1]).iterdir()):
    options = json.loads((case / "options.json").read_text())
    try:
        OasisManager().generate_oasis_files(
            oasis_files_dir=str(case / "out"), oed_location_csv=str(case / "location.csv"),
            keys_data_path=str(case / "keys.csv"), keys_errors_path=str(case / "keys-errors.csv"),
            model_settings_json=str(case / "model_settings.json"), intermediary_csv=True,
            disable_summarise_exposure=True, **options)
    except Exception as error:
        (case / "failed.txt").write_text(f"{type(error).__name__}: {error}")
"""

PERILS = [
    {"id": "WSS", "desc": "surge", "peril_correlation_group": 1},
    {"id": "WTC", "desc": "wind", "peril_correlation_group": 2},
    {"id": "QEQ", "desc": "shake"},
]
CORRELATIONS = [
    {"peril_correlation_group": 1, "damage_correlation_value": "0.7", "hazard_correlation_value": "0.2"},
    {"peril_correlation_group": 2, "damage_correlation_value": "0.5", "hazard_correlation_value": "0"},
]


@dataclass(frozen=True)
class Case:
    name: str
    settings: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)  # the reference's
    ours: PrepareOptions = field(default_factory=PrepareOptions)


def _groups(*fields: str) -> dict[str, Any]:
    return {"data_settings": {"damage_group_fields": list(fields), "hazard_group_fields": list(fields[:1])}}


def _correlated(settings: list[dict[str, Any]], perils: list[dict[str, Any]]) -> dict[str, Any]:
    return {"lookup_settings": {"supported_perils": perils}, "correlation_settings": settings}


DEPENDENT = [
    {"source_coverage_type": 1, "dependent_coverage_type": 3},
    {"source_coverage_type": 3, "dependent_coverage_type": 4},
]
CASES = [
    Case("plain"),
    Case("correlated", _correlated(CORRELATIONS, PERILS)),
    Case("correlated_all", _correlated(CORRELATIONS, [{**PERILS[0]}, {**PERILS[1]}, {**PERILS[0], "id": "QEQ"}])),
    Case("repeated_settings", _correlated([*CORRELATIONS, *CORRELATIONS[::-1]], [*PERILS, {**PERILS[1], "id": "WSS"}])),
    Case(
        "model_over_legacy",
        {**_correlated(CORRELATIONS, PERILS), "model_settings": {"correlation_settings": CORRELATIONS[:1]}},
    ),
    Case("whole_locations", options={"do_disaggregation": False}, ours=PrepareOptions(do_disaggregation=False)),
    Case("group_postcode", _groups("PostalCode", "OccupancyCode")),
    Case("group_numbers", _groups("Latitude", "CorrelationGroup", "YearBuilt", "ConstructionCode")),
    Case("group_correlation_field", _groups("CorrelationGroup")),
    Case("group_internal", _groups("loc_id", "peril_id", "coverage_type_id", "building_id")),
    Case("group_risks", _groups("risk_id", "item_id", "coverage_id", "LocNumber")),
    Case("group_foreign", _groups("FlexiLocTeam", "MyOwn")),
    Case("group_unknown", _groups("NoSuchField", "AccNumber")),
    Case(
        "group_option",
        options={"damage_group_id_cols": ["AccNumber"], "hazard_group_id_cols": ["PortNumber"]},
        ours=PrepareOptions(damage_group_fields=("AccNumber",), hazard_group_fields=("PortNumber",)),
    ),
    Case("dependent", {"model_settings": {"coverage_dependency_settings": DEPENDENT}}),
    Case(
        "dependent_correlated",
        {**_correlated(CORRELATIONS, PERILS), "model_settings": {"coverage_dependency_settings": DEPENDENT}},
    ),
]


def _location(rng: np.random.Generator, count: int) -> pd.DataFrame:
    """A portfolio with awkward ids, blanks, several buildings and a few repeated locations."""
    frame = pd.DataFrame(
        {
            "PortNumber": rng.choice(["1", "01", "P2"], count),
            "AccNumber": rng.choice(["A1", "a1", "10", "9", "Zürich"], count),
            "LocNumber": [str(number) if number % 3 else f"L{number:04}" for number in rng.permutation(count)],
            "CountryCode": "GB",
            "LocPerilsCovered": "WW1",
            "LocCurrency": "GBP",
            "PostalCode": rng.choice(["LE13 0HL", "", "LE13 0HM", "a very long postal code 12345"], count),
            "OccupancyCode": rng.choice(["1050", "", "1000"], count),
            "ConstructionCode": rng.choice(["5000", "5050", ""], count),
            "CorrelationGroup": rng.choice(["1", "2", ""], count),
            "YearBuilt": rng.choice(["1990", "0", ""], count),
            "Latitude": rng.choice(["52.1", "52.76698052", ""], count),
            "FlexiLocTeam": rng.choice(["x", ""], count),
            "MyOwn": rng.choice(["y", ""], count),
            "NumberOfBuildings": rng.choice(["", "0", "1", "2", "3"], count),
            "IsAggregate": rng.choice(["", "0", "1"], count),
            "BuildingTIV": rng.choice(["", "0", "100", "33.3"], count),
            "OtherTIV": rng.choice(["", "0", "1e3"], count),
            "ContentsTIV": rng.choice(["", "0", "7"], count),
            "BITIV": rng.choice(["", "0", "365"], count),
            "LocPeril": "WSS",
        }
    )
    again = frame.sample(3, random_state=1).assign(LocPeril="WTC", BuildingTIV="5")
    return pd.concat([frame, again]).sample(frac=1, random_state=2)


def _keys(rng: np.random.Generator, loc_ids: np.ndarray) -> pd.DataFrame:
    """Keys in no order, some twice, some missing; area perils that differ now and then between coverages."""
    rows = [(loc, peril, kind) for loc in loc_ids for peril in ("WSS", "WTC", "QEQ") for kind in (1, 2, 3, 4)]
    keys = pd.DataFrame(rows, columns=["LocID", "PerilID", "CoverageTypeID"])
    keys = keys.sample(frac=0.8, random_state=3)
    keys["AreaPerilID"] = keys["LocID"] + 10 * (rng.random(len(keys)) < 0.2)
    keys["VulnerabilityID"] = rng.integers(1, 9, len(keys))
    return pd.concat([keys, keys.sample(frac=0.05, random_state=4).assign(VulnerabilityID=99)], ignore_index=True)


def _write(case: Case, folder: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    folder.mkdir()
    location = _location(rng, 25)
    if case.name == "group_correlation_field":  # the reference stops at blanks there
        location["CorrelationGroup"] = location["CorrelationGroup"].replace("", "3")
    location.to_csv(folder / "location.csv", index=False)
    portfolio = read_portfolio(folder / "location.csv")
    loc_ids = np.unique(portfolio.location["loc_id"].to_numpy())
    _keys(rng, loc_ids).to_csv(folder / "keys.csv", index=False)
    errors = pd.DataFrame({"LocID": loc_ids, "PerilID": "BFR", "CoverageTypeID": 1, "Status": "fail", "Message": "no"})
    errors.to_csv(folder / "keys-errors.csv", index=False)
    required = {"version": "3", "model_settings": {}, "lookup_settings": {"supported_perils": PERILS}}
    (folder / "model_settings.json").write_text(json.dumps({**required, **case.settings}))
    (folder / "options.json").write_text(json.dumps({"check_oed": False, **case.options}))


def _prepared(case: Case, folder: Path) -> PreparedExposure:
    portfolio = read_portfolio(folder / "location.csv")
    written = pd.read_csv(folder / "keys.csv")
    keys = pa.table(
        {
            "loc_id": written["LocID"],
            "peril_id": written["PerilID"],
            "coverage_type": written["CoverageTypeID"],
            "area_peril_id": written["AreaPerilID"],
            "vulnerability_id": written["VulnerabilityID"],
            "status": ["success"] * len(written),
            "message": pa.nulls(len(written), pa.string()),
        }
    )
    keys, _ = check_keys(portfolio, keys)
    settings = json.loads((folder / "model_settings.json").read_text())
    return prepare_exposure(portfolio, keys, settings, case.ours)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder per case, with the reference's input files."""
    python = os.environ.get("OASISLMF_PYTHON")
    if not python:
        pytest.skip("set OASISLMF_PYTHON to a Python that has oasislmf installed")
    folder = tmp_path_factory.mktemp("reference")
    for seed, case in enumerate(CASES):
        _write(case, folder / case.name, seed)
    subprocess.run([python, "-c", DRIVER, str(folder)], check=True, capture_output=True, timeout=550)
    return folder


def _dense(ids: pd.Series) -> np.ndarray:
    """Ids without gaps: the reference leaves gaps where it drops perils."""
    return np.unique(ids, return_inverse=True)[1] + 1


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_items_are_the_references(case: Case, runs: Path) -> None:
    folder = runs / case.name
    failure = folder / "failed.txt"
    assert not failure.exists(), failure.read_text()
    ours = _prepared(case, folder)
    theirs = pd.read_csv(folder / "out" / "items.csv")
    correlations = np.fromfile(
        folder / "out" / "correlations.bin",
        dtype=[
            ("item", "i4"),
            ("group", "i4"),
            ("damage", "f4"),
            ("hazard_group", "i4"),
            ("hazard", "f4"),
            ("source", "i4"),
        ],
    )
    item_ids = theirs["item_id"].to_numpy()
    np.testing.assert_array_equal(ours.items.areaperil_id, theirs["areaperil_id"])
    np.testing.assert_array_equal(ours.items.vulnerability_id, theirs["vulnerability_id"])
    np.testing.assert_array_equal(ours.items.coverage_id, _dense(theirs["coverage_id"]))
    np.testing.assert_array_equal(ours.items.group_id, theirs["group_id"])
    np.testing.assert_array_equal(ours.items.hazard_group_id, correlations["hazard_group"])
    np.testing.assert_array_equal(ours.items.peril_correlation_group, correlations["group"])
    np.testing.assert_array_equal(ours.items.damage_correlation, correlations["damage"])
    np.testing.assert_array_equal(ours.items.hazard_correlation, correlations["hazard"])
    source = np.searchsorted(item_ids, correlations["source"]) + 1
    np.testing.assert_array_equal(ours.items.source_item_id, np.where(correlations["source"] > 0, source, 0))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_coverages_and_map_are_the_references(case: Case, runs: Path) -> None:
    ours = _prepared(case, runs / case.name)
    # By id: where perils are dropped the reference writes coverages in the items' order, not in their own.
    coverages = pd.read_csv(runs / case.name / "out" / "coverages.csv").sort_values("coverage_id")
    np.testing.assert_array_equal(ours.coverages.tiv, coverages["tiv"].astype("float32"))
    text = dict.fromkeys(("PortNumber", "AccNumber", "LocNumber", "peril_id"), str)
    theirs = pd.read_csv(runs / case.name / "out" / "gul_summary_map.csv", dtype=text, keep_default_na=False)
    frame = ours.item_map.to_pandas()
    for name in ("loc_id", *text, "loc_idx", "coverage_type_id", "building_id"):
        np.testing.assert_array_equal(frame[name].to_numpy(), theirs[name].to_numpy(), err_msg=name)
    np.testing.assert_allclose(frame["tiv"], theirs["tiv"], rtol=1e-15)
