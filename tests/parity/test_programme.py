"""Programmes of published portfolios: the reference's, up to renumbering, and its losses."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from fm_cases import (
    LOCATION_KEY,
    expected_losses,
    financial_cases,
    ground_up,
    item_map,
    leaves,
    location_losses,
    read_case,
)
from prepare.terms.naive_execution import execute
from programme_shape import read_programme_csv, shape

from oasis_kernel.formats.oed import read_portfolio
from oasis_kernel.prepare.terms import compile_programme

pytestmark = pytest.mark.parity

SUITES = (
    "cyber",
    "insurance_account",
    "insurance_and_step",
    "insurance_bi",
    "insurance_conditions",
    "insurance_policy_coverage",
    "issue_1816",
    "issues",
    "reinsurance1",
    "reinsurance2",
    "reinsurance4",
)
#: The published losses are single precision, and printed with two decimals.
RELATIVE, ABSOLUTE = 1e-5, 0.01
MAP_COLUMNS = ["agg_id", "layer_id", "output_id", "PolNumber", "coverage_type_id", "peril_id", "building_id", "risk_id"]


@pytest.mark.slow
@pytest.mark.parametrize("suite", SUITES)
def test_compiled_terms_pay_the_published_losses(shared: Path, suite: str) -> None:
    wrong, compared = [], 0
    for case in financial_cases(shared, [suite]):
        if not case.expected_folder.exists():
            continue
        portfolio = read_case(case)
        items = item_map(portfolio, case.perils)
        compiled = compile_programme(portfolio, items)
        for index, factor in enumerate(case.loss_factors):
            outputs = compiled.output_map.to_pandas()
            losses = execute(compiled.programme, leaves(items), ground_up(items, factor))
            outputs["loss_il"] = outputs["output_id"].map(losses)
            expected = expected_losses(case, index)[["loss_il"]]
            ours = location_losses(outputs).rename(columns={"loss_il": "loss_il_ours"})
            both = expected.join(ours, how="outer").fillna(0.0)
            compared += len(both)
            if not np.allclose(both["loss_il_ours"], both["loss_il"], rtol=RELATIVE, atol=ABSOLUTE):
                wrong.append(f"{case.name} at {factor}:\n{both}")
    assert compared > 0
    assert not wrong, "\n".join(wrong[:10])


@pytest.mark.parametrize("suite", ["cyber", "issue_1816", "reinsurance4"])
def test_a_published_programme_is_compiled_to_the_same_nodes(shared: Path, suite: str) -> None:
    compared = 0
    for case in financial_cases(shared, [suite]):
        if not (case.expected_folder / "fm_programme.csv").exists():
            continue
        portfolio = read_case(case)
        compiled = compile_programme(portfolio, item_map(portfolio, case.perils))
        assert shape(compiled.programme) == shape(read_programme_csv(case.expected_folder)), case.name
        assert_map(compiled.output_map, case.expected_folder)
        compared += 1
    assert compared > 0


@pytest.mark.parametrize(
    ("case", "location", "account"),
    [
        ("case_1", "SourceLocOEDPiWind10.csv", "SourceAccOEDPiWind.csv"),
        ("case_3", "SourceLocOEDPiWind10Type2Ded.csv", "SourceAccOEDPiWindType2Ded.csv"),
        ("case_5", "SourceLocOEDPiWind10.csv", "SourceAccOEDPiWind.csv"),
        ("case_6", "SourceLocOEDPiWind10.parquet", "SourceAccOEDPiWind.parquet"),
        ("all_outputs", "SourceLocOEDPiWind10.csv", "SourceAccOEDPiWind.csv"),
    ],
)
def test_piwinds_terms_are_compiled_to_the_same_nodes(piwind: Path, case: str, location: str, account: str) -> None:
    published = piwind / "expected" / case / "input"
    portfolio = read_portfolio(piwind / "inputs" / location, piwind / "inputs" / account)
    compiled = compile_programme(portfolio, _published_items(published))
    assert shape(compiled.programme) == shape(read_programme_csv(published))
    assert_map(compiled.output_map, published)


def _published_items(folder: Path) -> pa.Table:
    items = pd.read_csv(folder / "gul_summary_map.csv", dtype=dict.fromkeys(LOCATION_KEY, str))
    return pa.Table.from_pandas(items.assign(risk_id=1, NumberOfRisks=1), preserve_index=False)


def assert_map(ours: pa.Table, folder: Path) -> None:
    """The outputs are the published ones: item, layer, policy, account record."""
    theirs = pd.read_csv(folder / "fm_summary_map.csv", dtype={"PolNumber": str, **dict.fromkeys(LOCATION_KEY, str)})
    names = [*MAP_COLUMNS, *(name for name in LOCATION_KEY if name in theirs), "acc_idx"]
    mine = ours.to_pandas()
    pd.testing.assert_frame_equal(mine[names], theirs[names], check_dtype=False)
    np.testing.assert_allclose(mine["tiv"], theirs["tiv"])
