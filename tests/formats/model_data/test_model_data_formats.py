"""Every format of one model gives the same arrays."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields

import fsspec
import numpy as np
import pytest

from oasis_kernel.formats.model_data import StandardModelData, check, write, write_tables
from oasis_kernel.formats.model_data import folder as folder_module
from oasis_kernel.formats.model_data.footprint_rows import Selection
from oasis_kernel.model.hazard import Footprint
from oasis_kernel.model.vendor import ModelChoice, ModelData

FOOTPRINTS = ["bin", "wide", "z", "z sized", "z wide", "csv", "event parquet", "chunked parquet"]
VULNERABILITIES = ["bin", "idx", "csv", "parquet"]


def assert_same(one, other):
    assert type(one) is type(other)
    for field in fields(one):
        np.testing.assert_array_equal(getattr(one, field.name), getattr(other, field.name), err_msg=field.name)
        assert getattr(one, field.name).dtype == getattr(other, field.name).dtype


def naive_footprint(source: Footprint, events, areaperils) -> Footprint:
    rows, counts = [], []
    for event in events:
        kept = []
        for e in np.flatnonzero(source.event_id == event):
            kept = [
                r for r in range(source.offsets[e], source.offsets[e + 1]) if source.areaperil_id[r] in set(areaperils)
            ]
        rows += kept
        counts.append(len(kept))
    return Footprint(
        event_id=np.asarray(events, dtype=np.int32),
        offsets=np.concatenate(([0], np.cumsum(counts))).astype(np.int64),
        areaperil_id=source.areaperil_id[rows],
        intensity_bin=source.intensity_bin[rows],
        probability=source.probability[rows],
        intensity=source.intensity,
        return_period=source.return_period,
    )


@pytest.mark.parametrize("form", FOOTPRINTS)
def test_every_footprint_format_gives_the_rows_that_were_written(form, tmp_path, model, write_base, write_footprint):
    write_footprint(form, write_base(tmp_path), model.footprint)
    hazard = StandardModelData(tmp_path, ModelChoice()).hazard
    assert hazard.num_intensity_bins == 6
    assert not hazard.is_dynamic
    everywhere = np.arange(1, 100, dtype=np.uint64)
    assert_same(hazard.footprint(model.footprint.event_id, everywhere), model.footprint)
    np.testing.assert_array_equal(hazard.event_ids(), model.footprint.event_id)


@pytest.mark.parametrize("form", FOOTPRINTS)
def test_a_footprint_is_confined_to_events_and_area_perils(form, tmp_path, model, write_base, write_footprint, random):
    write_footprint(form, write_base(tmp_path), model.footprint)
    hazard = StandardModelData(tmp_path, ModelChoice()).hazard
    for _ in range(8):
        events = np.sort(random.choice(np.arange(1, 220), 30, replace=False)).astype(np.int32)
        places = np.sort(random.choice(np.arange(1, 60), random.integers(0, 20), replace=False)).astype(np.uint64)
        assert_same(hazard.footprint(events, places), naive_footprint(model.footprint, events, places))


@pytest.mark.parametrize("form", FOOTPRINTS)
def test_rows_per_event_bound_the_rows(form, tmp_path, model, write_base, write_footprint):
    write_footprint(form, write_base(tmp_path), model.footprint)
    hazard = StandardModelData(tmp_path, ModelChoice()).hazard
    events = np.arange(1, 200, dtype=np.int32)
    wanted = np.zeros(len(events), dtype=np.int64)
    wanted[np.searchsorted(events, model.footprint.event_id)] = np.diff(model.footprint.offsets)
    counted = hazard.rows_per_event(events)
    if form == "z":  # an estimate: the index does not tell
        assert ((counted > 0) == (wanted > 0)).all()
        assert counted.sum() >= wanted.sum()
    else:
        np.testing.assert_array_equal(counted, wanted)


@pytest.mark.parametrize("form", ["wide", "z wide", "csv", "event parquet", "chunked parquet"])
def test_area_perils_of_64_bits(form, tmp_path, write_base, write_footprint, footprint_of):
    large = 2**63 + 5
    footprint = footprint_of(
        {1: [(large, [(1, 1.0)])], 2: [(7, [(1, 0.5), (6, 0.5)]), (large, [(2, 1.0)]), (large + 1, [(3, 1.0)])]}
    )
    write_footprint(form, write_base(tmp_path), footprint)
    hazard = StandardModelData(tmp_path, ModelChoice()).hazard
    assert_same(
        hazard.footprint(np.array([1, 2], dtype=np.int32), np.array([7, large, large + 1], dtype=np.uint64)), footprint
    )
    found = hazard.footprint(np.array([2], dtype=np.int32), np.array([large], dtype=np.uint64))
    assert found.areaperil_id.tolist() == [large]


def test_the_width_of_area_perils_can_be_stated(tmp_path, model, write_base):
    write.write_footprint(write_base(tmp_path), model.footprint, 6, wide=True)
    hazard = StandardModelData(tmp_path, ModelChoice(), wide_areaperil=True).hazard
    assert_same(hazard.footprint(model.footprint.event_id, np.arange(1, 99, dtype=np.uint64)), model.footprint)


def test_widths_that_sizes_cannot_tell_are_told_by_the_first_event(tmp_path, write_base, footprint_of):
    twelve = [(a, [(1, 0.5), (2, 0.5)]) for a in range(3, 15)]  # 24 rows: 288 or 384 bytes, both whole at either width
    footprint = footprint_of({1: twelve, 5: twelve})
    for wide in (False, True):
        write.write_footprint(write_base(tmp_path), footprint, 2, wide=wide)
        hazard = StandardModelData(tmp_path, ModelChoice()).hazard
        assert_same(hazard.footprint(footprint.event_id, np.arange(1, 99, dtype=np.uint64)), footprint)


@pytest.mark.parametrize("form", VULNERABILITIES)
def test_every_vulnerability_format_gives_the_functions_that_were_written(form, directory, model, write_vulnerability):
    (directory / "vulnerability.bin").unlink()
    write_vulnerability(form, directory, model.vulnerability)
    data = StandardModelData(directory, ModelChoice())
    assert_same(data.vulnerability(model.vulnerability.vulnerability_id), model.vulnerability)
    some = data.vulnerability(np.array([3, 11], dtype=np.int32))
    assert some.vulnerability_id.tolist() == [3, 11]
    np.testing.assert_array_equal(some.probability, model.vulnerability.probability[[1, 3]])
    assert data.vulnerability(np.empty(0, dtype=np.int32)).probability.shape == (0, 6, 5)


@pytest.mark.parametrize("form", VULNERABILITIES)
@pytest.mark.parametrize("source", ["replace_data", "replace_file"])
def test_replacements_replace_a_function_whole_in_every_format(
    form, source, directory, model, write_vulnerability, tmp_path_factory
):
    (directory / "vulnerability.bin").unlink()
    write_vulnerability(form, directory, model.vulnerability)
    rows = {"3": [[1, 2, 0.25], [1, 4, 0.75]], "99": [[1, 1, 1.0]]}
    if source == "replace_file":
        file = tmp_path_factory.mktemp("replacement") / "new.csv"
        listed = "".join(f"{v},{i},{d},{p}\n" for v, cells in rows.items() for i, d, p in cells)
        file.write_text("vulnerability_id,intensity_bin_id,damage_bin_id,probability\n" + listed)
        adjustments = {"replace_file": str(file)}
    else:
        adjustments = {"replace_data": rows, "replace_file": "is not looked at"}
    data = StandardModelData(directory, ModelChoice(vulnerability_adjustments=adjustments))
    found = data.vulnerability(model.vulnerability.vulnerability_id).probability
    wanted = model.vulnerability.probability.copy()
    wanted[1] = 0
    wanted[1, 0, [1, 3]] = [0.25, 0.75]
    np.testing.assert_array_equal(found, wanted)


def test_intensity_bins_above_the_footprint_are_left_out(directory, model):
    write.write_footprint(directory, model.footprint, 7)
    assert StandardModelData(directory, ModelChoice()).vulnerability(
        model.vulnerability.vulnerability_id
    ).probability.shape == (4, 7, 5)
    only_first = np.flatnonzero(model.footprint.intensity_bin == 1)
    assert len(only_first)
    footprint = Footprint(
        model.footprint.event_id[:1],
        np.array([0, 1]),
        np.array([1], dtype=np.uint64),
        np.array([1], dtype=np.int32),
        np.array([1], dtype=np.float32),
        np.empty(0, dtype=np.int32),
        np.empty(0, dtype=np.int32),
    )
    write.write_footprint(directory, footprint, 2)
    found = StandardModelData(directory, ModelChoice()).vulnerability(model.vulnerability.vulnerability_id)
    np.testing.assert_array_equal(found.probability, model.vulnerability.probability[:, :2])


def test_formats_are_taken_in_the_standards_order(tmp_path, model, write_base, write_footprint):
    write_base(tmp_path)
    for form in ("csv", "bin", "z sized", "event parquet", "chunked parquet"):
        write_footprint(form, tmp_path, model.footprint)

    def kind(*ignored: str) -> str:
        return type(StandardModelData(tmp_path, ModelChoice(ignore_file_type=frozenset(ignored))).hazard).__name__

    # damage_bin_dict.csv lets the binary be ignored
    bins = np.array([(1, 0, 0, 0, 0), (2, 0, 1, 0.5, 0)], dtype=write.tables.DAMAGE_BIN)
    write_tables.write_csv(tmp_path / "damage_bin_dict.csv", bins)
    assert kind() == "ChunkedParquetHazard"
    assert kind("parquet") == "ZippedHazard"
    assert kind("json") == "ZippedHazard"
    assert kind("parquet", "z") == "BinaryHazard"
    assert kind("parquet", "z", "idx") == "CsvHazard"
    assert kind("parquet", "z", "bin") == "CsvHazard"
    (tmp_path / "footprint_lookup.parquet").unlink()
    assert kind() == "EventParquetHazard"


def test_variants_are_found_as_written_then_in_lower_case(tmp_path, model, write_base):
    write_base(tmp_path)
    write.write_footprint(tmp_path, model.footprint, 6, footprint_set="north sea")
    (tmp_path / "footprint_north sea.bin").rename(tmp_path / "footprint_north_sea.bin")
    (tmp_path / "footprint_north sea.idx").rename(tmp_path / "footprint_north_sea.idx")
    write.write_vulnerability(tmp_path / "vulnerability_New.bin", model.vulnerability)
    write.write_vulnerability(tmp_path / "vulnerability_new.bin", model.vulnerability, indexed=True)
    write.write_events(tmp_path / "events_rare.bin", [5, 1])
    choice = ModelChoice(footprint_set="North Sea", vulnerability_set="New", event_set="Rare")
    data: ModelData = StandardModelData(tmp_path, choice)
    assert len(data.hazard.footprint(model.footprint.event_id, np.arange(99, dtype=np.uint64)).areaperil_id)
    assert_same(data.vulnerability(model.vulnerability.vulnerability_id), model.vulnerability)
    assert data.events().tolist() == [1, 5]


def test_remote_folders_give_the_same(directory, model):
    memory = fsspec.filesystem("memory")
    memory.put(f"{directory}/", "/remote-model/", recursive=True)
    try:
        data = StandardModelData("memory://remote-model", ModelChoice())
        assert not data.folder.is_local
        places = np.arange(1, 99, dtype=np.uint64)
        assert_same(data.hazard.footprint(model.footprint.event_id, places), model.footprint)
        assert_same(data.vulnerability(model.vulnerability.vulnerability_id), model.vulnerability)
        assert not check("memory://remote-model", ModelChoice())
    finally:
        memory.rm("/remote-model", recursive=True)


@pytest.mark.parametrize("form", ["bin", "z sized", "chunked parquet"])
def test_threads_share_one_hazard(form, tmp_path, model, write_base, write_footprint):
    write_footprint(form, write_base(tmp_path), model.footprint)
    hazard = StandardModelData(tmp_path, ModelChoice()).hazard
    portfolios = [np.arange(1, 99, step, dtype=np.uint64) for step in (1, 2, 3)]
    wanted = [naive_footprint(model.footprint, model.footprint.event_id, places) for places in portfolios]
    barrier = threading.Barrier(6)

    def reads(k: int) -> None:
        barrier.wait()
        for _ in range(10):
            assert_same(hazard.footprint(model.footprint.event_id, portfolios[k % 3]), wanted[k % 3])

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(reads, range(6)))


def test_a_selection_finds_members_by_table_or_by_search(random, monkeypatch):
    areaperil = random.integers(1, 500, 1000).astype(np.uint32)
    chosen = np.unique(random.integers(1, 600, 60)).astype(np.uint64)
    wanted = np.flatnonzero(np.isin(areaperil, chosen))
    np.testing.assert_array_equal(Selection(chosen).rows(areaperil), wanted)
    far = np.append(chosen, np.uint64(2**40))
    np.testing.assert_array_equal(Selection(far).rows(areaperil), wanted)
    np.testing.assert_array_equal(Selection(far).rows(areaperil.astype(np.uint64)), wanted)
    assert len(Selection(np.array([2**40], dtype=np.uint64)).rows(areaperil)) == 0


def test_a_pickled_lookup_is_never_opened(directory, model):
    (directory / "footprint_lookup.bin").write_bytes(b"cos\nsystem\n(S'false'\ntR.")
    hazard = StandardModelData(directory, ModelChoice()).hazard
    assert_same(hazard.footprint(model.footprint.event_id, np.arange(1, 99, dtype=np.uint64)), model.footprint)


def test_a_missing_folder_is_said(tmp_path):
    with pytest.raises(folder_module.InvalidInput, match="nowhere: is not a folder"):
        StandardModelData(tmp_path / "nowhere", ModelChoice())
