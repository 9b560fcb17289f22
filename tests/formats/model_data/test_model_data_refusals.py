"""Footprints and vulnerabilities that cannot be right are refused, with file, row, field and value."""

import re
import zlib

import numpy as np
import pytest

from oasis_kernel.errors import InvalidInput, Severity
from oasis_kernel.formats.model_data import StandardModelData, check, footprint_binary, tables, write, write_tables
from oasis_kernel.model.vendor import ModelChoice

EVERYWHERE = np.arange(0, 500, dtype=np.uint64)
FORMS = ["bin", "z sized", "csv", "event parquet", "chunked parquet"]

BAD_FOOTPRINTS = {
    "bin 0": ([(3, [(0, 1.0)])], "intensity_bin_id must be in 1..6 in event 7, area peril 3, got 0"),
    "bin above": ([(3, [(9, 1.0)])], "intensity_bin_id must be in 1..6 in event 7, area peril 3, got 9"),
    "sum 1.3": ([(3, [(1, 0.6), (2, 0.7)])], "probability must sum to 1 .* in event 7, area peril 3, got 1.3"),
    "sum 0.5": ([(3, [(1, 0.5)])], "probability must sum to 1 .* in event 7, area peril 3, got 0.5"),
    "negative": ([(3, [(1, -0.5), (2, 1.5)])], r"probability must be in \[0, 1\] in event 7, area peril 3 .*got -0.5"),
    "not a number": ([(3, [(1, float("nan"))])], r"probability must be in \[0, 1\] in event 7.*got nan"),
    "bin twice": ([(3, [(2, 0.5), (2, 0.5)])], "intensity_bin_id must be listed once .* area peril 3, got 2"),
    "bin twice, apart": ([(3, [(2, 0.5), (1, 0.25), (2, 0.25)])], "intensity_bin_id must be listed once .*, got 2"),
    "run twice": (
        [(3, [(1, 1.0)]), (4, [(1, 1.0)]), (3, [(1, 1.0)])],
        "areaperil_id must have its rows together in event 7, area peril 3, got 3",
    ),
    "too many rows": (
        [(3, [(1, 0.125)] * 8)],
        r"areaperil_id must have at most 6 rows \(one for each intensity bin\) in event 7, area peril 3, got 8",
    ),
    "area peril 0": ([(0, [(1, 1.0)])], "areaperil_id must not be 0, which is reserved, in event 7, area peril 0"),
}


def bad_footprint(footprint_of, rows):
    return footprint_of({2: [(1, [(1, 1.0)]), (2, [(6, 1.0)])], 7: [(1, [(2, 1.0)]), *rows], 9: [(5, [(1, 1.0)])]})


@pytest.mark.parametrize(
    ("form", "case"),
    [
        (form, case)
        for form in FORMS
        for case in BAD_FOOTPRINTS
        if form != "csv" or case not in {"bin above", "not a number"}  # a csv's largest bin is its number of bins
    ],
)
def test_impossible_rows_are_refused_when_read_and_when_checked(
    form, case, tmp_path, write_base, write_footprint, footprint_of
):
    rows, message = BAD_FOOTPRINTS[case]
    write_footprint(form, write_base(tmp_path), bad_footprint(footprint_of, rows))
    hazard = StandardModelData(tmp_path, ModelChoice()).hazard
    events = np.array([2, 7, 9], dtype=np.int32)
    with pytest.raises(InvalidInput, match=message) as caught:
        hazard.footprint(events, EVERYWHERE)
    assert all(finding.remedy for finding in caught.value.findings)
    hazard.footprint(events, np.array([1, 2, 5], dtype=np.uint64))  # the other rows are usable
    assert any(re.search(message, str(finding)) for finding in check(tmp_path, ModelChoice()))


@pytest.mark.parametrize(("form", "row"), [("bin", 5), ("csv", 5), ("z", None)])
def test_the_row_of_the_file_is_said_where_it_has_rows(form, row, tmp_path, write_base, write_footprint, footprint_of):
    write_footprint(form, write_base(tmp_path), bad_footprint(footprint_of, [(3, [(1, 0.5)])]))
    with pytest.raises(InvalidInput) as caught:
        StandardModelData(tmp_path, ModelChoice()).hazard.footprint(
            np.array([5, 7], dtype=np.int32), np.array([3], dtype=np.uint64)
        )
    assert caught.value.findings[0].row == row


def test_small_errors_of_sums_are_a_warning(tmp_path, write_base, footprint_of):
    footprint = bad_footprint(footprint_of, [(3, [(1, 0.499), (2, 0.5)])])
    write.write_footprint(write_base(tmp_path), footprint, 6)
    hazard = StandardModelData(tmp_path, ModelChoice()).hazard
    assert len(hazard.footprint(footprint.event_id, EVERYWHERE).probability) == 6
    warnings = [f for f in check(tmp_path, ModelChoice()) if f.severity is Severity.WARNING]
    assert [f.field for f in warnings] == ["probability"]


@pytest.mark.parametrize("cut", [1, 12, 60])
def test_a_truncated_footprint_is_refused(cut, directory):
    path = directory / "footprint.bin"
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(InvalidInput, match=r"footprint\.idx row 26: offset points past the end of footprint\.bin"):
        StandardModelData(directory, ModelChoice())


def test_bytes_left_over_are_refused(directory):
    path = directory / "footprint.bin"
    path.write_bytes(path.read_bytes() + b"1234567")
    with pytest.raises(InvalidInput, match=r"footprint\.bin: size must hold whole rows of 12 bytes"):
        StandardModelData(directory, ModelChoice())


@pytest.mark.parametrize(
    ("field", "row", "value", "message"),
    [
        ("event_id", 3, 1, "row 5: event_id must ascend, each event once, event 1, got 1"),
        ("offset", 2, 10**12, r"row 4: offset points past the end of footprint\.bin"),
        ("offset", 2, 4, r"row 4: offset must not be before the end of footprint\.bin's header"),
        ("offset", 2, 9, "row 4: size must be whole rows"),
        ("size", 2, -12, "row 4: offset points past the end"),
        ("size", 2, 2**63 - 1, "row 4: offset points past the end"),
        ("size", 2, 25, "row 4: size must be whole rows of 12 bytes"),
    ],
)
def test_an_impossible_index_is_refused(field, row, value, message, directory, overwrite):
    overwrite(directory / "footprint.idx", tables.FOOTPRINT_INDEX, 0, row, field, value)
    with pytest.raises(InvalidInput, match=message):
        StandardModelData(directory, ModelChoice())


def test_an_index_that_is_cut_is_refused(directory):
    path = directory / "footprint.idx"
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(InvalidInput, match=r"footprint\.idx: size must hold whole records of 20 bytes"):
        StandardModelData(directory, ModelChoice())


def test_a_header_without_bins_is_refused(directory):
    content = bytearray((directory / "footprint.bin").read_bytes())
    content[:4] = bytes(4)
    (directory / "footprint.bin").write_bytes(bytes(content))
    with pytest.raises(InvalidInput, match="num_intensity_bins must be at least 1 in the header, got 0"):
        StandardModelData(directory, ModelChoice())
    (directory / "footprint.bin").write_bytes(b"123")
    with pytest.raises(InvalidInput, match="size must have a header of 8 bytes: it is truncated, got 3"):
        StandardModelData(directory, ModelChoice())


class TestZipped:
    @pytest.fixture
    def zipped(self, tmp_path, model, write_base):
        write.write_zipped_footprint(write_base(tmp_path), model.footprint, 6)
        return tmp_path

    def refused(self, directory, message):
        hazard = StandardModelData(directory, ModelChoice()).hazard
        with pytest.raises(InvalidInput, match=message):
            hazard.footprint(hazard.event_ids(), EVERYWHERE)

    @pytest.mark.parametrize(
        ("change", "message"), [(-12, "must inflate to at most"), (12, r"must inflate to \d+ bytes, got")]
    )
    def test_streams_of_another_size_than_declared(self, change, message, zipped, overwrite):
        index = np.frombuffer((zipped / "footprint.idx.z").read_bytes(), dtype=tables.FOOTPRINT_INDEX_SIZED)
        value = int(index["inflated_size"][1]) + change
        overwrite(zipped / "footprint.idx.z", tables.FOOTPRINT_INDEX_SIZED, 0, 1, "inflated_size", value)
        self.refused(zipped, message)

    def test_a_bomb_without_declared_size_is_stopped(self, tmp_path, model, write_base, monkeypatch):
        write.write_zipped_footprint(write_base(tmp_path), model.footprint, 6, inflated_sizes=False)
        stream = zlib.compress(bytes(50_000_000))
        assert len(stream) < 60_000
        header = np.array([(6, 0)], dtype=tables.FOOTPRINT_HEADER).tobytes()
        (tmp_path / "footprint.bin.z").write_bytes(header + stream)
        index = np.array([(1, 8, len(stream))], dtype=tables.FOOTPRINT_INDEX)
        (tmp_path / "footprint.idx.z").write_bytes(index.tobytes())
        monkeypatch.setattr(footprint_binary, "UNDECLARED_LIMIT", 1_000_000)
        with pytest.raises(InvalidInput, match="event 1 must inflate to at most 1000000 bytes, and goes on"):
            StandardModelData(tmp_path, ModelChoice())

    def test_damaged_streams(self, zipped):
        content = bytearray((zipped / "footprint.bin.z").read_bytes())
        content[12:20] = b"damaged!"
        (zipped / "footprint.bin.z").write_bytes(bytes(content))
        self.refused(zipped, r"footprint\.bin\.z: event \d+ cannot be inflated")

    def test_streams_cut_short(self, zipped, overwrite):
        index = np.frombuffer((zipped / "footprint.idx.z").read_bytes(), dtype=tables.FOOTPRINT_INDEX_SIZED)
        size = int(index["size"][1]) - 3
        overwrite(zipped / "footprint.idx.z", tables.FOOTPRINT_INDEX_SIZED, 0, 1, "size", size)
        self.refused(zipped, "ends before its zlib stream does")


class TestMissing:
    def test_files_are_named_with_what_was_looked_for(self, tmp_path, model, write_base):
        with pytest.raises(
            InvalidInput, match=r"damage_bin_dict\.bin: is missing: .* damage_bin_dict\.bin, damage_bin_d"
        ):
            StandardModelData(tmp_path, ModelChoice())
        write_base(tmp_path)
        with pytest.raises(
            InvalidInput, match=r"footprint was looked for as footprint\.csv, footprint\.bin with footpri"
        ):
            StandardModelData(tmp_path, ModelChoice())
        write.write_footprint(tmp_path, model.footprint, 6)
        data = StandardModelData(tmp_path, ModelChoice())
        with pytest.raises(
            InvalidInput, match=r"vulnerability\.bin, vulnerability_dataset\.parquet, vulnerability\.csv"
        ):
            data.vulnerability(np.array([1], dtype=np.int32))
        (tmp_path / "footprint.idx").unlink()
        with pytest.raises(InvalidInput, match=r"footprint\.idx: is missing: the other part of footprint\.bin"):
            StandardModelData(tmp_path, ModelChoice())

    def test_empty_files_are_refused(self, directory):
        (directory / "damage_bin_dict.bin").write_bytes(b"")
        with pytest.raises(InvalidInput, match=r"damage_bin_dict\.bin: is empty"):
            StandardModelData(directory, ModelChoice())

    def test_ids_are_listed(self, directory):
        data = StandardModelData(directory, ModelChoice())
        with pytest.raises(InvalidInput, match=r"vulnerability\.bin: vulnerability_id .* missing: 1, 4. Add"):
            data.vulnerability(np.array([1, 2, 4], dtype=np.int32))


VULNERABILITY_CHANGES = [
    ("intensity_bin_id", 0, "row 5: intensity_bin_id must be at least 1 in vulnerability 2, .*got 0"),
    ("damage_bin_id", 0, r"row 5: damage_bin_id must be in 1..5 \(damage_bin_dict\) in vulnerability 2, .*got 0"),
    ("damage_bin_id", 6, "row 5: damage_bin_id must be in 1..5"),
    ("probability", 0.99, "probability must sum to 1 .* in vulnerability 2, intensity bin"),
    ("probability", -0.1, r"row 5: probability must be in \[0, 1\]"),
    ("probability", float("nan"), r"row 5: probability must be in \[0, 1\]"),
]


@pytest.mark.parametrize(
    ("form", "field", "value", "message"),
    [
        (form, *change)
        for form in ("bin", "idx", "csv")
        for change in VULNERABILITY_CHANGES
        if form != "csv" or not np.isnan(change[1])  # a csv cell that says nan is no number
    ],
)
def test_impossible_vulnerabilities_are_refused(
    form, field, value, message, directory, model, write_vulnerability, overwrite
):
    (directory / "vulnerability.bin").unlink()
    if form == "csv":
        rows = write.vulnerability_rows(model.vulnerability)
        rows[field][3] = value
        write_tables.write_csv(directory / "vulnerability.csv", rows)
    else:
        write_vulnerability(form, directory, model.vulnerability)
        dtype = tables.VULNERABILITY if form == "bin" else tables.VULNERABILITY_INDEXED
        overwrite(directory / "vulnerability.bin", dtype, 4, 3, field, value)
    data = StandardModelData(directory, ModelChoice())
    with pytest.raises(InvalidInput, match=message):
        data.vulnerability(model.vulnerability.vulnerability_id)
    assert any(re.search(message, str(finding)) for finding in check(directory, ModelChoice()))


def test_a_damage_bin_above_the_header_is_refused(directory):
    content = bytearray((directory / "vulnerability.bin").read_bytes())
    content[:4] = np.array([3], dtype="<i4").tobytes()
    (directory / "vulnerability.bin").write_bytes(bytes(content))
    with pytest.raises(InvalidInput, match=r"damage_bin_id must be in 1..3 \(the file's header\)"):
        StandardModelData(directory, ModelChoice()).vulnerability(np.array([2], dtype=np.int32))


def test_a_cell_listed_twice_is_refused(directory, model):
    rows = write.vulnerability_rows(model.vulnerability)
    rows = np.insert(rows, 7, rows[4])
    rows["probability"][[4, 7]] /= 2
    (directory / "vulnerability.bin").unlink()
    write_tables.write_csv(directory / "vulnerability.csv", rows)
    with pytest.raises(InvalidInput, match="row 9: damage_bin_id must be listed once for each intensity bin"):
        StandardModelData(directory, ModelChoice()).vulnerability(np.array([2], dtype=np.int32))


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("vulnerability_id", 2, "row 4: vulnerability_id must be listed once"),
        ("offset", 10**9, r"row 4: offset points outside vulnerability\.bin"),
        ("size", 13, "row 4: size must be whole rows of 12 bytes"),
    ],
)
def test_an_impossible_vulnerability_index_is_refused(field, value, message, directory, model, overwrite):
    write.write_vulnerability(directory / "vulnerability.bin", model.vulnerability, indexed=True)
    overwrite(directory / "vulnerability.idx", tables.VULNERABILITY_INDEX, 0, 2, field, value)
    with pytest.raises(InvalidInput, match=message):
        StandardModelData(directory, ModelChoice()).vulnerability(np.array([2], dtype=np.int32))


def test_a_dataset_for_another_number_of_intensity_bins_is_refused(directory, model):
    (directory / "vulnerability.bin").unlink()
    write_tables.write_vulnerability_parquet(directory, model.vulnerability)
    write.write_footprint(directory, model.footprint, 8)
    with pytest.raises(
        InvalidInput, match="num_intensity_bins must be the footprint's number of intensity bins, 8, got 6"
    ):
        StandardModelData(directory, ModelChoice()).vulnerability(np.array([2], dtype=np.int32))


@pytest.mark.parametrize(
    ("field", "row", "value", "message"),
    [
        ("bin_index", 2, 4, "row 4: bin_index must count 1, 2, 3, ... without gaps, got 4"),
        ("bin_index", 0, 0, "row 2: bin_index must count"),
        ("interpolation", 1, 0.3, r"row 3: interpolation must be in \[bin_from, bin_to\], got 0.3"),
        ("bin_to", 1, -1, "row 3: bin_to must not be below bin_from"),
        ("bin_from", 1, float("nan"), "row 3: bin_from must be a finite number"),
        ("damage_type", 3, 4, "row 5: damage_type must be 0"),
    ],
)
def test_impossible_damage_bins_are_refused(field, row, value, message, directory, overwrite):
    overwrite(directory / "damage_bin_dict.bin", tables.DAMAGE_BIN, 0, row, field, value)
    with pytest.raises(InvalidInput, match=message):
        StandardModelData(directory, ModelChoice())
    assert re.search(message, str(check(directory, ModelChoice())[0]))


@pytest.mark.parametrize(
    "adjustments",
    [
        {"replace_data": [1]},
        {"replace_data": {"3": [[1, 2]]}},
        {"replace_data": {"3": [[1, 9, 1.0]]}},
        {"replace_data": {"3": [[1, 1, 0.5]]}},
        {"replace_data": {"x": [[1, 1, 0.5]]}},
        {"replace_file": "not/there.csv"},
    ],
)
def test_impossible_replacements_are_refused(adjustments, directory, model):
    data = StandardModelData(directory, ModelChoice(vulnerability_adjustments=adjustments))
    with pytest.raises(InvalidInput, match="replace_"):
        data.vulnerability(model.vulnerability.vulnerability_id)
