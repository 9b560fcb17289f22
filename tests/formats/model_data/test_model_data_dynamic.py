"""Dynamic footprints, against a plain reading of the standard's recipe."""

import math
import re
from collections import defaultdict

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from oasis_kernel.errors import InvalidInput, Severity
from oasis_kernel.formats.model_data import StandardModelData, check, footprint_dynamic
from oasis_kernel.formats.model_data.functions import peril_code
from oasis_kernel.model.vendor import ModelChoice

SECTIONS, RETURN_PERIODS = 5, [0, 10, 50, 100]


@pytest.fixture(params=["files", "folders"])
def layout(request):
    return request.param


@pytest.fixture(params=[False, True], ids=["certain", "uncertain"])
def uncertain(request):
    return request.param


def hazard_rows(random, uncertain):
    rows = []
    for section in range(1, SECTIONS + 1):
        for areaperil in range(10 * section, 10 * section + 12):  # sections share two area perils
            for rp in RETURN_PERIODS:
                for _ in range(random.integers(0, 4) if uncertain else random.integers(0, 2)):
                    rows.append((section, areaperil, rp, int(random.integers(0, 60)), float(1 - random.random())))
    random.shuffle(rows)
    return rows


def definition_rows(random):
    return [
        (event, int(section), *random.choice(RETURN_PERIODS, 2).tolist(), float(random.random()))
        for event in range(1, 30)
        for section in np.sort(random.choice(np.arange(1, SECTIONS + 2), random.integers(1, 4), replace=False))
    ]


def write_table(directory, name, columns, rows, by_section):
    table = pa.table({column: list(values) for column, values in zip(columns, zip(*rows, strict=True), strict=True)})
    if by_section:
        pq.write_to_dataset(table, directory / name, partition_cols=["section_id"])
    else:
        pq.write_table(table, directory / name)


def write_dynamic(directory, hazard, definition, uncertain, by_section):
    columns = ["section_id", "areaperil_id", "return_period", "intensity", "probability"]
    keep = 5 if uncertain else 4
    write_table(directory, "hazard_case.parquet", columns[:keep], [row[:keep] for row in hazard], by_section)
    columns = ["event_id", "section_id", "rp_from", "rp_to", "interpolation"]
    write_table(directory, "event_definition.parquet", columns, definition, by_section)
    (directory / "footprint_parquet_meta.json").write_text(
        '{"num_intensity_bins": 6, "has_intensity_uncertainty": true}'
    )
    (directory / "intensity_bin_dict.csv").write_text(
        "peril_id,intensity,intensity_bin\nORF,0,1\nORF,2,3\nOSF,0,2\nOSF,4,6\n"
    )
    return directory


@pytest.fixture
def parts(random, uncertain):
    return hazard_rows(random, uncertain), definition_rows(random)


@pytest.fixture
def dynamic(parts, uncertain, layout, tmp_path, write_base):
    hazard, definition = parts
    return write_dynamic(write_base(tmp_path), hazard, definition, uncertain, layout == "folders")


def naive_rows(hazard, definition, event, areaperils, uncertain, sections=None):
    """[(area peril, intensity, return period, probability)] of one event."""
    total = defaultdict(float)
    for defined_event, section, rp_from, rp_to, interpolation in sorted(definition):
        if defined_event != event or (sections is not None and section not in sections):
            continue
        for areaperil in areaperils:
            ranked = {
                rp: sorted(
                    ((i, p if uncertain else 1.0) for s, a, r, i, p in hazard if (s, a, r) == (section, areaperil, rp)),
                    key=lambda row: row[0],
                )
                for rp in (rp_from, rp_to)
            }
            for rank in range(max(len(ranked[rp_from]), len(ranked[rp_to]))):
                start = ranked[rp_from][rank] if rank < len(ranked[rp_from]) else None
                stop = ranked[rp_to][rank] if rank < len(ranked[rp_to]) else None
                probability = (start or stop)[1]
                low, high = (start or (0,))[0], (stop or (0,))[0]
                total[areaperil, math.floor(low + (high - low) * interpolation), rp_to] += probability
    whole = defaultdict(float)
    for (areaperil, _, _), probability in total.items():
        whole[areaperil] += probability
    ordered = sorted(total, key=lambda key: (key[0], -key[1], key[2]))
    return [(*key, np.float32(total[key] / whole[key[0]])) for key in ordered]


def rows_of(footprint, event):
    e = int(np.flatnonzero(footprint.event_id == event)[0])
    at = slice(footprint.offsets[e], footprint.offsets[e + 1])
    return list(
        zip(
            footprint.areaperil_id[at].tolist(),
            footprint.intensity[at].tolist(),
            footprint.return_period[at].tolist(),
            footprint.probability[at].tolist(),
            strict=True,
        )
    )


def assert_rows(found, wanted):
    assert [row[:3] for row in found] == [row[:3] for row in wanted]
    np.testing.assert_allclose([row[3] for row in found], [row[3] for row in wanted], rtol=1e-6)


@pytest.mark.parametrize("at_once", [10, 2_000_000])
def test_footprints_follow_the_recipe(at_once, dynamic, parts, uncertain, random, monkeypatch):
    monkeypatch.setattr(footprint_dynamic, "_ROWS_AT_ONCE", at_once)
    hazard = StandardModelData(dynamic, ModelChoice()).hazard
    assert hazard.is_dynamic
    events = np.array([1, 4, 5, 6, 17, 29, 77], dtype=np.int32)
    places = np.sort(random.choice(np.arange(5, 65), 40, replace=False)).astype(np.uint64)
    found = hazard.footprint(events, places)
    for event in events.tolist():
        assert_rows(rows_of(found, event), naive_rows(*parts, event, places.tolist(), uncertain))
    bound = hazard.rows_per_event(events)
    assert (bound >= np.diff(found.offsets)).all()
    assert bound[-1] == 0
    assert (found.intensity_bin == 0).all()
    nowhere = hazard.footprint(events, np.empty(0, dtype=np.uint64))
    assert len(nowhere.areaperil_id) == 0
    assert nowhere.offsets.tolist() == [0] * 8


def test_a_portfolios_sections_confine_the_footprint(dynamic, parts, uncertain):
    hazard = StandardModelData(dynamic, ModelChoice()).hazard
    confined = hazard.for_sections(["2", "3"])
    events = np.arange(1, 30, dtype=np.int32)
    places = np.arange(1, 70, dtype=np.uint64)
    found = confined.footprint(events, places)
    for event in (1, 7, 11, 20):
        assert_rows(rows_of(found, event), naive_rows(*parts, event, places.tolist(), uncertain, sections={2, 3}))
    assert len(hazard.footprint(events, places).areaperil_id) > len(found.areaperil_id)


def test_intensity_bins_fall_back_to_that_of_intensity_zero(dynamic):
    bins = StandardModelData(dynamic, ModelChoice()).intensity_bins()
    assert bins.peril_code.tolist() == sorted([peril_code("ORF"), peril_code("OSF")])
    found = dict(zip(bins.peril_code.tolist(), bins.bin_of.tolist(), strict=True))
    assert found[peril_code("ORF")] == [1, 1, 3, 1, 1]
    assert found[peril_code("OSF")] == [2, 2, 2, 2, 6]


def test_the_model_is_accepted_but_for_its_vulnerability(dynamic):
    errors = [f for f in check(dynamic, ModelChoice()) if f.severity is Severity.ERROR]
    assert [f.file for f in errors] == ["vulnerability.bin"]


def test_a_static_footprint_wins_unless_the_dynamic_one_is_chosen(dynamic, model, write_footprint):
    write_footprint("bin", dynamic, model.footprint)
    assert not StandardModelData(dynamic, ModelChoice()).hazard.is_dynamic
    assert StandardModelData(dynamic, ModelChoice(dynamic_footprint=True)).hazard.is_dynamic
    assert StandardModelData(dynamic, ModelChoice()).intensity_bins() is None


def test_hazard_case_sets_are_found(dynamic):
    source = dynamic / "hazard_case.parquet"
    source.rename(dynamic / "hazard_case_defended_2050.parquet")
    with pytest.raises(InvalidInput, match=r"hazard_case\.parquet: is missing: the other part of event_definition"):
        StandardModelData(dynamic, ModelChoice())
    choice = ModelChoice(hazard_case_set="Defended 2050", dynamic_footprint=True)
    hazard = StandardModelData(dynamic, choice).hazard
    assert len(hazard.footprint(np.arange(1, 30, dtype=np.int32), np.arange(1, 70, dtype=np.uint64)).intensity)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ((1, 10, 10, -1, 0.5), "intensity must be at least 0, got -1"),
        ((1, 0, 10, 1, 0.5), "areaperil_id must be at least 1, got 0"),
        ((1, 10, 10, 1, -0.5), r"probability must be in \[0, 1\], got -0.5"),
        ((1, 10, 10, None, 0.5), "intensity must be whole numbers without nulls"),
    ],
)
def test_impossible_hazard_cases_are_refused(row, message, tmp_path, write_base):
    write_dynamic(write_base(tmp_path), [(1, 11, 10, 5, 0.5), row], [(1, 1, 10, 10, 0.5)], True, False)
    findings = [str(f) for f in check(tmp_path, ModelChoice())]
    assert any(re.search(message, finding) for finding in findings)
    if row[1]:
        with pytest.raises(InvalidInput, match=message):
            StandardModelData(tmp_path, ModelChoice()).hazard.footprint(
                np.array([1], dtype=np.int32), np.array([10], dtype=np.uint64)
            )


def test_an_event_defined_twice_in_a_section_is_refused(tmp_path, write_base):
    definition = [(1, 1, 10, 50, 0.5), (1, 1, 10, 100, 0.5)]
    write_dynamic(write_base(tmp_path), [(1, 11, 10, 5, 0.5)], definition, True, False)
    with pytest.raises(InvalidInput, match="section_id must be listed once in event 1, got 1"):
        StandardModelData(tmp_path, ModelChoice())


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("ORF,1,1", "intensity must list intensity 0 for each peril.*got 'ORF'"),
        ("ORF,0,7", "row 2: intensity_bin must be in 1..6, got 7"),
        ("ORF,-1,1", "row 2: intensity must not be negative, got -1"),
    ],
)
def test_impossible_intensity_bins_are_refused(rows, message, dynamic):
    (dynamic / "intensity_bin_dict.csv").write_text(f"peril_id,intensity,intensity_bin\n{rows}\n")
    with pytest.raises(InvalidInput, match=message):
        StandardModelData(dynamic, ModelChoice()).intensity_bins()
    (dynamic / "intensity_bin_dict.csv").unlink()
    with pytest.raises(InvalidInput, match=r"intensity_bin_dict\.csv: is missing"):
        StandardModelData(dynamic, ModelChoice()).intensity_bins()
