"""Files appear whole or not at all; csv keeps every digit; a model is checked in batches."""

import numpy as np
import pytest

from oasis_kernel.errors import InvalidInput, Severity
from oasis_kernel.formats.model_data import StandardModelData, check, write, write_tables
from oasis_kernel.formats.model_data import check as check_module
from oasis_kernel.formats.model_data.publish import published
from oasis_kernel.model.hazard import Vulnerability
from oasis_kernel.model.vendor import ModelChoice


def write_half(path):
    with published(path) as temporary:
        temporary.write_bytes(b"half")
        raise RuntimeError("disk")


def test_a_file_that_fails_leaves_the_old_one(tmp_path):
    path = tmp_path / "deep" / "events.bin"
    write.write_events(path, [1, 2])
    with pytest.raises(RuntimeError, match="disk"):
        write_half(path)
    assert [name.name for name in path.parent.iterdir()] == ["events.bin"]
    assert np.fromfile(path, dtype="<i4").tolist() == [1, 2]


def test_folders_are_replaced_whole(tmp_path, model, random, footprint_of):
    write_tables.write_event_parquet(tmp_path, model.footprint, 6)
    other = footprint_of({500: [(1, [(1, 1.0)])]})
    write_tables.write_event_parquet(tmp_path, other, 6)
    assert [folder.name for folder in (tmp_path / "footprint.parquet").iterdir()] == ["event_id=500"]
    assert sorted(name.name for name in tmp_path.iterdir()) == ["footprint.parquet", "footprint_parquet_meta.json"]


def test_a_footprint_without_rows_is_refused(directory, footprint_of):
    write.write_footprint(directory, footprint_of({3: []}), 6)
    with pytest.raises(InvalidInput, match=r"footprint\.idx: is empty"):
        StandardModelData(directory, ModelChoice())


def test_a_sound_model_has_no_finding(directory):
    assert check(directory, ModelChoice()) == []


@pytest.mark.parametrize("form", ["bin", "z", "chunked parquet"])
def test_batches_find_the_same(form, tmp_path, model, write_base, write_footprint, monkeypatch):
    write_footprint(form, write_base(tmp_path), model.footprint)
    probability = model.vulnerability.probability.copy()
    probability[2, 3] *= 0.999
    probability[3, 1] *= 0.9
    vulnerability = Vulnerability(model.vulnerability.vulnerability_id, probability)
    write.write_vulnerability(tmp_path / "vulnerability.bin", vulnerability)
    whole = check(tmp_path, ModelChoice())
    assert [f.severity for f in whole] == [Severity.ERROR]
    monkeypatch.setitem(check_module.__globals__, "_ROWS_AT_ONCE", 20)
    monkeypatch.setitem(check_module.__globals__, "_CELLS_AT_ONCE", 30)
    batched = check(tmp_path, ModelChoice())
    assert [f.severity for f in batched] == [Severity.ERROR, Severity.WARNING]
    assert batched[0] == whole[0]


def test_notes_and_warnings_of_unusual_data(directory, model, overwrite):
    bins = np.fromfile(directory / "damage_bin_dict.bin", dtype=write.tables.DAMAGE_BIN)
    bins["bin_from"][0] = bins["bin_to"][0] = bins["interpolation"][0] = 0.1
    bins["bin_to"][4] = 1.5
    bins.tofile(directory / "damage_bin_dict.bin")
    write.write_events(directory / "events.bin", model.footprint.event_id[1:])
    found = {(f.field, f.severity) for f in check(directory, ModelChoice())}
    assert found == {
        ("bin_from", Severity.WARNING),
        ("bin_to", Severity.WARNING),
        ("event_id", Severity.NOTE),
    }


def test_csv_keeps_every_digit(tmp_path, directory, random):
    quantiles = np.unique(random.random(50).astype(np.float32))
    write_tables.write_csv(directory / "quantile.csv", quantiles.astype([("quantile", "<f4")]))
    np.testing.assert_array_equal(StandardModelData(directory, ModelChoice()).quantiles(), quantiles)
