"""``oasis exposure`` against the published numbers of the financial validation suites, and as a person meets it."""

import csv
import json
import os
import subprocess
from pathlib import Path

import pyarrow.parquet as parquet
import pytest
from typer.testing import CliRunner, Result

from oasis_kernel.cli import app
from oasis_kernel.cli.exposure import Level
from oasis_kernel.errors import InvalidInput, OasisError
from oasis_kernel.questions.exposure_losses import LEVELS

FILES = {"location": "--location", "account": "--account", "ri_info": "--ri-info", "ri_scope": "--ri-scope"}
KEY = ("PortNumber", "AccNumber", "LocNumber")
#: Units of the published validation: suite, unit, perils, folder of the expectation.
PUBLISHED = [
    ("insurance_and_step/units/Q1_12", "WTC", "expected"),
    ("insurance_and_step/units/fm57", "WW2", "expected_subperils"),
    ("insurance_account/units/acc62", "WTC", "expected"),
    ("insurance_bi/units/BI_2", "WTC", "expected"),
    ("insurance_conditions/units/sc20", "WTC", "expected"),
    ("reinsurance1/units/SS03_7", "WTC", "expected"),
    ("reinsurance2/units/xx45_L", "WW2", "expected_subperils"),
    ("cyber", "CSB", "expected"),
    ("cyber", "CC1", "expected_subperils"),
]
LOCATIONS = """PortNumber,AccNumber,LocNumber,CountryCode,LocPerilsCovered,BuildingTIV,OtherTIV,ContentsTIV,BITIV,\
LocCurrency,LocPeril,LocDed6All
P,A,1,GB,WTC;WSS,1000000,0,200000,0,GBP,WTC;WSS,10000
P,A,2,GB,WTC,500000,0,0,0,GBP,WTC,10000
"""
ACCOUNTS = """PortNumber,AccNumber,AccCurrency,PolNumber,PolPerilsCovered,LayerNumber,LayerParticipation,LayerLimit,\
LayerAttachment
P,A,GBP,one,WTC;WSS,1,0.5,100000,0
P,A,GBP,one,WTC;WSS,2,1,1000000,100000
"""


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["exposure", *map(str, arguments)])


def inputs(folder: Path) -> list[str]:
    present = [(option, folder / f"{name}.csv") for name, option in FILES.items()]
    return [part for option, path in present if path.exists() for part in (option, str(path))]


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def by_key(table: list[dict[str, str]]) -> dict[tuple[str, ...], dict[str, float]]:
    return {
        tuple(row[name] for name in KEY if name in row): {
            name: float(value or 0) for name, value in row.items() if name.startswith("loss_") and "factor" not in name
        }
        for row in table
    }


@pytest.fixture
def portfolio(tmp_path: Path) -> Path:
    (tmp_path / "location.csv").write_text(LOCATIONS)
    (tmp_path / "account.csv").write_text(ACCOUNTS)
    return tmp_path


@pytest.mark.parity
@pytest.mark.parametrize(
    ("unit", "perils", "expected"), PUBLISHED, ids=[f"{unit}-{peril}" for unit, peril, _ in PUBLISHED]
)
def test_published_losses_by_location(shared: Path, tmp_path: Path, unit: str, perils: str, expected: str) -> None:
    folder = shared / "data" / "fm_validation" / unit
    suite = folder.parent.parent if folder.parent.name == "units" else folder
    listed = suite / "loss_factors.csv"
    factors = [row["loss_factor"] for row in rows(listed)] if listed.exists() else ["1"]
    out = tmp_path / "losses.csv"
    options = [part for factor in factors for part in ("-f", factor)]
    done = invoke(*inputs(folder), *options, "--perils", perils, "--compatible", "--out", out)
    assert done.exit_code == 0, done.output
    accounts = {(row["PortNumber"], row["AccNumber"]) for row in rows(folder / "account.csv")}
    published = [
        row for row in rows(suite / expected / "loc_summary.csv") if (row["PortNumber"], row["AccNumber"]) in accounts
    ]
    for number, factor in enumerate(factors):
        ours = by_key([row for row in rows(out) if float(row["loss_factor"]) == float(factor)])
        theirs = by_key([row for row in published if int(row.get("loss_factor_idx", 0)) == number])
        assert theirs
        assert ours.keys() == theirs.keys()
        for key, losses in theirs.items():
            for name in losses.keys() & ours[key].keys():
                assert ours[key][name] == pytest.approx(losses[name], rel=1e-5, abs=0.01), (factor, key, name)


@pytest.mark.differential
@pytest.mark.slow
@pytest.mark.parametrize(
    ("unit", "perils"),
    [("insurance_policy_coverage/units/Q5_1", "WTC"), ("reinsurance1/units/PR13_44", "WW2"), ("cyber", "CC1")],
)
def test_the_references_own_exposure_run(shared: Path, tmp_path: Path, unit: str, perils: str) -> None:
    python = os.environ.get("OASISLMF_PYTHON")
    if not python:
        pytest.skip("needs OASISLMF_PYTHON: the Python of an installed oasislmf")
    folder, factors = shared / "data" / "fm_validation" / unit, ["0.02", "0.37"]
    reference = [
        Path(python).with_name("oasislmf"),
        "exposure",
        "run",
        "-s",
        folder,
        "-r",
        tmp_path / "run",
        "-o",
        "loc",
    ]
    reference += ["-f", tmp_path / "theirs.csv", "--model-perils-covered", perils, "-l", *factors]
    subprocess.run(reference, check=True, cwd=tmp_path, timeout=300, capture_output=True)
    done = invoke(
        *inputs(folder), "-f", 0.02, "-f", 0.37, "--perils", perils, "--compatible", "--out", tmp_path / "ours.csv"
    )
    assert done.exit_code == 0, done.output
    for number, factor in enumerate(factors):
        ours = by_key([row for row in rows(tmp_path / "ours.csv") if float(row["loss_factor"]) == float(factor)])
        theirs = by_key([row for row in rows(tmp_path / "theirs.csv") if int(row["loss_factor_idx"]) == number])
        assert ours.keys() >= theirs.keys()
        for key, losses in theirs.items():
            for name, loss in losses.items():
                assert ours[key][name] == pytest.approx(loss, rel=1e-5, abs=0.01), (factor, key, name)


def test_tables_by_location_and_layer_with_totals(portfolio: Path) -> None:
    done = invoke(*inputs(portfolio), "-f", 0.1)
    assert done.exit_code == 0
    lines = [[cell.strip() for cell in line.split("│")[1:-1]] for line in done.output.splitlines() if "│" in line]
    assert ["P", "A", "1", "1,200,000", "120,000", "73,333"] in lines
    assert ["total", "", "", "1,700,000", "170,000", "100,000"] in lines
    assert ["P", "A", "one", "1", "1,700,000", "170,000", "50,000"] in lines
    assert ["P", "A", "one", "2", "1,700,000", "170,000", "50,000"] in lines


def test_explain_tells_the_programme_and_what_each_term_took(portfolio: Path) -> None:
    done = invoke(*inputs(portfolio), "-f", 0.1, "--explain")
    assert "Level 1: location all" in done.output
    assert "1,000,000 excess of 100,000" in done.output
    took = [line for line in done.output.splitlines() if " -> " in line]
    assert [line.partition(": ")[2] for line in took] == [
        "120,000 -> 110,000: deductible takes 10,000",
        "50,000 -> 40,000: deductible takes 10,000",
        "150,000 -> 50,000: limit of 100,000 reached; share of 50 %",
        "150,000 -> 50,000: attachment takes 100,000; below the limit of 1,000,000",
    ]
    assert took[3].startswith("  policy layer, ")
    assert "policy one, layer 2" in took[3]


def test_json_holds_what_the_terminal_shows(portfolio: Path) -> None:
    done = invoke(*inputs(portfolio), "-f", 0.1, "-f", 1, "--level", "layer", "--explain", "--json")
    answer = json.loads(done.stdout)
    assert answer["loss_factors"] == [0.1, 1.0]
    assert answer["perils"] == ["WSS", "WTC"]
    assert [row["loss_il"] for row in answer["totals"]] == pytest.approx([100_000, 1_050_000])
    assert {row["LayerNumber"] for row in answer["losses"]} == {1, 2}
    assert "Level 2: policy layer" in answer["programme"]
    assert {"before", "after", "effect"} <= answer["terms"][0].keys()


def test_without_an_account_file_ground_up_is_all_there_is_and_it_says_so(portfolio: Path) -> None:
    done = invoke("--location", portfolio / "location.csv", "--explain")
    assert done.exit_code == 0
    assert "insured" not in done.stdout
    assert "note portfolio: has ground-up losses only: without an account file there is nothing insured" in done.stderr


def test_a_parquet_file_holds_every_factor(portfolio: Path) -> None:
    done = invoke(*inputs(portfolio), "-f", 0.1, "-f", 1, "--level", "account", "--out", portfolio / "out.parquet")
    assert done.exit_code == 0
    table = parquet.read_table(portfolio / "out.parquet")
    assert table.column_names == ["loss_factor", "PortNumber", "AccNumber", "tiv", "loss_gul", "loss_il"]
    assert table["loss_factor"].to_pylist() == [0.1, 1.0]


def test_long_tables_are_cut_and_say_so(portfolio: Path) -> None:
    assert "1 more rows; --rows N shows more" in invoke(*inputs(portfolio), "--rows", 1).output


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["-f", "-0.1"], "loss factor: must be a number of at least 0"),
        (["--perils", "ABC"], "perils: must be OED perils or peril groups, got 'ABC'"),
        (["--perils", "QEQ"], "location.csv: LocPerilsCovered must cover QEQ somewhere, and lists WTC, WTC;WSS"),
        (["--out", "losses.xlsx"], "losses.xlsx must end in .csv or .parquet, got '.xlsx'"),
    ],
)
def test_what_cannot_be_is_said_in_one_sentence(portfolio: Path, options: list[str], message: str) -> None:
    done = invoke(*inputs(portfolio), *options)
    assert isinstance(done.exception, OasisError)
    assert message in str(done.exception)
    answer = json.loads(invoke(*inputs(portfolio), *options, "--json").stdout)
    assert answer["passed"] is False
    assert message in answer["error"]


def test_no_files_at_all(portfolio: Path) -> None:
    assert "Give --location FILE" in str(invoke().exception)
    assert isinstance(invoke().exception, InvalidInput)


def test_layers_without_an_account_file(portfolio: Path) -> None:
    done = invoke("--location", portfolio / "location.csv", "--level", "layer")
    assert "level must be one of portfolio, account, location, coverage, item, got 'layer'" in str(done.exception)


def test_the_levels_offered_are_the_levels_there_are() -> None:
    assert [str(level) for level in Level] == list(LEVELS)


def test_a_folder_that_cannot_be(portfolio: Path) -> None:
    done = invoke(*inputs(portfolio), "--out", portfolio / "location.csv" / "losses.csv")
    assert "losses.csv cannot be written" in str(done.exception)
