"""Every table of PiWind's ten locations, row by row against what the reference wrote."""

from pathlib import Path

import pytest

from tests.parity.piwind_cases import Difference, differences, run_piwind, settings_of

pytestmark = pytest.mark.parity

#: Where sums of items in float32, as the reference makes them, differ from ours in float64 by more than one part in a
#: million or by a last printed digit: perspective, event, column, then our number and the reference's. A deviation of
#: samples that are all but equal is nothing but such rounding (event 3: ten equal sums, deviation 0, theirs 0.12).
FLOAT32_SUMS = {
    ("gul", "164", "Loss"): (7252.71, 7252.7),
    ("gul", "3", "SDLoss"): (0.0, 0.117851),
    ("gul", "664", "SDLoss"): (75482.984375, 75482.90625),
    ("gul", "714", "SDLoss"): (34969.585938, 34969.5),
    ("gul", "1271", "SDLoss"): (10752.380859, 10752.392578),
    ("il", "708", "Loss"): (5825.19, 5825.18),
    ("il", "988", "Loss"): (3539.18, 3539.17),
    ("il", "360", "MeanLoss"): (6981.6, 6981.61),
    ("il", "3", "SDLoss"): (0.03019, 0.060381),
    ("il", "43", "SDLoss"): (0.026352, 0.068782),
    ("il", "233", "SDLoss"): (0.019764, 0.072469),
    ("il", "566", "SDLoss"): (28320.269531, 28320.236328),
    ("il", "642", "SDLoss"): (0.032275, 0.072469),
    ("il", "714", "SDLoss"): (10490.899414, 10490.868164),
    ("il", "1271", "SDLoss"): (3225.731201, 3225.703857),
    ("il", "1361", "SDLoss"): (735.776367, 735.741211),
    ("ri", "584", "Loss"): (6106.28, 6106.29),
    ("ri", "3", "SDLoss"): (0.032275, 0.046117),
    ("ri", "43", "SDLoss"): (0.026352, 0.051455),
    ("ri", "233", "SDLoss"): (0.032275, 0.083593),
    ("ri", "642", "SDLoss"): (0.03294, 0.0437),
    ("ri", "664", "SDLoss"): (22529.962891, 22529.990234),
    ("ri", "1271", "SDLoss"): (2693.737793, 2693.729004),
    ("ri", "1361", "SDLoss"): (732.229797, 732.199036),
    ("rl", "92", "Loss"): (4435.1, 4435.09),
    ("rl", "115", "Loss"): (5684.15, 5684.14),
    ("rl", "445", "Loss"): (8656.46, 8656.47),
    ("rl", "942", "Loss"): (3286.0, 3286.01),
    ("rl", "1082", "Loss"): (6454.64, 6454.65),
    ("rl", "1323", "Loss"): (7295.37, 7295.36),
    ("rl", "92", "MeanLoss"): (4435.1, 4435.09),
    ("rl", "115", "MeanLoss"): (5684.15, 5684.14),
    ("rl", "445", "MeanLoss"): (8656.46, 8656.47),
    ("rl", "942", "MeanLoss"): (3286.0, 3286.01),
    ("rl", "1082", "MeanLoss"): (6454.64, 6454.65),
    ("rl", "1323", "MeanLoss"): (7295.37, 7295.36),
}
CASES = {
    "all_outputs": ("ALL_output", {}),
    "case_0": ("GUL", {}),
    "case_1": ("FM", {}),
    "case_3": ("FM", {"location": "SourceLocOEDPiWind10Type2Ded.csv", "account": "SourceAccOEDPiWindType2Ded.csv"}),
    "case_5": ("ORD_csv", {}),
}
ALL = ("gul", "il", "ri", "rl")


@pytest.mark.parametrize("case", CASES)
def test_tables_equal_the_references(piwind: Path, tmp_path: Path, case: str):
    name, files = CASES[case]
    inputs = {part: str(piwind / "inputs" / file) for part, file in files.items()}
    expected = sorted((piwind / "expected" / case / "output").glob("*_S*_*.csv"))
    run = run_piwind(piwind, settings_of(piwind, name, tmp_path, ALL), tmp_path, **inputs)
    assert {path.name for path in expected} - set(run.tables) == set()
    for path in expected:
        for found in differences(run.folder / path.name, path):
            assert_stated(found)


def assert_stated(found: Difference) -> None:
    """A difference must be one that is stated above, and small."""
    key = (found.table.partition("_")[0], dict(found.row)["EventId"], found.column)
    assert key in FLOAT32_SUMS, found
    ours, theirs = FLOAT32_SUMS[key]
    assert abs(found.ours - found.theirs) < 0.5
    assert (found.ours, found.theirs) == pytest.approx((ours, theirs), abs=0.0051) or found.column == "Loss"


def test_parquet_tables_hold_the_same_numbers(piwind: Path, tmp_path: Path):
    import pyarrow.parquet as parquet

    expected = sorted((piwind / "expected" / "case_6" / "output").glob("*.parquet"))
    parts = {"location": "Loc", "account": "Acc", "ri_info": "ReinsInfo", "ri_scope": "ReinsScope"}
    inputs = {
        part: str(piwind / "inputs" / f"Source{stem}OEDPiWind{'10' if stem == 'Loc' else ''}.parquet")
        for part, stem in parts.items()
    }
    run = run_piwind(piwind, settings_of(piwind, "ORD_parquet", tmp_path, ALL), tmp_path, **inputs)
    assert {path.name for path in expected} - set(run.tables) == set()
    for path in expected:
        if "summary-info" in path.name:
            continue
        ours, theirs = parquet.read_table(run.folder / path.name), parquet.read_table(path)
        assert ours.schema.remove_metadata() == theirs.schema.remove_metadata()
        assert ours.num_rows == theirs.num_rows
        for name in ours.column_names:
            left, right = ours[name].to_numpy(), theirs[name].to_numpy()
            assert left == pytest.approx(right, rel=2e-6, abs=0.12, nan_ok=True), (path.name, name)
