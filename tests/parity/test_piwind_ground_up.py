"""Every ground-up table of PiWind's ten locations, row by row against what the reference wrote."""

from pathlib import Path

import pytest

from tests.parity.piwind_cases import differences, run_piwind, settings_of

pytestmark = pytest.mark.parity

#: Where the reference's float32 sums differ from sums in float64 by more than one part in a million, or by a last
#: printed digit: the event, the column, our number and the reference's. A deviation of samples that are all equal
#: is exactly 0; the reference's 0.12 (event 3) and the other deviations come from summing ten items in float32.
FLOAT32_SUMS = {
    ("164", "Loss"): (7252.71, 7252.70),
    ("3", "SDLoss"): (0.0, 0.117851),
    ("664", "SDLoss"): (75482.984375, 75482.90625),
    ("714", "SDLoss"): (34969.585938, 34969.5),
    ("1271", "SDLoss"): (10752.380859, 10752.392578),
}
CASES = {"all_outputs": "ALL_output", "case_0": "GUL", "case_1": "FM", "case_5": "ORD_csv"}


@pytest.mark.parametrize("case", CASES)
def test_ground_up_tables_equal_the_references(piwind: Path, tmp_path: Path, case: str):
    expected = sorted((piwind / "expected" / case / "output").glob("gul_*.csv"))
    run = run_piwind(piwind, settings_of(piwind, CASES[case], tmp_path, ("gul",)), tmp_path)
    assert set(run.tables) == {path.name for path in expected}
    for path in expected:
        for found in differences(run.folder / path.name, path):
            stated = FLOAT32_SUMS[dict(found.row)["EventId"], found.column]
            assert (found.ours, found.theirs) == pytest.approx(stated, abs=0.005)
            assert abs(found.ours - found.theirs) < 0.5


def test_parquet_tables_hold_the_same_numbers(piwind: Path, tmp_path: Path):
    import pyarrow.parquet as parquet

    expected = sorted((piwind / "expected" / "case_6" / "output").glob("gul_*.parquet"))
    run = run_piwind(piwind, settings_of(piwind, "ORD_parquet", tmp_path, ("gul",)), tmp_path)
    assert set(run.tables) == {path.name for path in expected}
    for path in expected:
        ours, theirs = parquet.read_table(run.folder / path.name), parquet.read_table(path)
        assert ours.column_names == theirs.column_names
        assert ours.num_rows == theirs.num_rows
        for name in ours.column_names:
            if "summary-info" not in path.name:
                assert ours[name].type == theirs[name].type, (path.name, name)
                left, right = ours[name].to_numpy(), theirs[name].to_numpy()
                assert left == pytest.approx(right, rel=2e-6, abs=0.12, nan_ok=True), (path.name, name)
