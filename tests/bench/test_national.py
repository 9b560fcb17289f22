"""The synthetic country: the same for a seed, a larger one holds the smaller, and our own checks find it sound."""

from pathlib import Path

import numpy as np
import pytest

from bench.national.country import ROWS
from bench.national.make import Size, make
from bench.national.portfolio import draw_portfolio
from bench.national.storms import draw_storms, footprints
from oasis_kernel.engine.check import check_files
from oasis_kernel.model.inputs import InputFiles

SEED = 7


def test_the_same_seed_gives_the_same_files(tmp_path: Path) -> None:
    size = Size(locations=300, events=20, samples=2, periods=50)
    first, second = (make(tmp_path / name, size, SEED).parent for name in ("one", "two"))
    names = [path.relative_to(first) for path in sorted(first.rglob("*")) if path.is_file()]
    assert len(names) > 15
    for name in names:
        assert (first / name).read_bytes() == (second / name).read_bytes(), name


def test_a_larger_portfolio_begins_with_the_smaller() -> None:
    small, large = (draw_portfolio(count, np.random.SeedSequence(SEED)).location for count in (500, 2_000))
    assert large.slice(0, 500).equals(small)
    assert (small.num_rows, large.num_rows) == (500, 2_000)


def test_more_events_begin_with_the_fewer() -> None:
    few, many = (next(footprints(draw_storms(count, np.random.SeedSequence(SEED)))) for count in (10, 40))
    rows = int(few.offsets[-1])
    assert np.array_equal(many.offsets[:11], few.offsets)
    assert np.array_equal(many.probability[:rows], few.probability)


def test_neighbours_have_like_gusts() -> None:
    """The mean bins of cells side by side on a meridian hardly differ, but at the edge of the narrowest storms."""
    batch = next(footprints(draw_storms(30, np.random.SeedSequence(SEED))))
    differences = []
    for event in range(30):
        rows = slice(batch.offsets[event], batch.offsets[event + 1])
        cell, place = np.unique(batch.areaperil_id[rows], return_inverse=True)
        mean = np.bincount(place, batch.probability[rows] * batch.intensity_bin[rows], len(cell))
        side_by_side = (np.diff(cell) == 1) & (cell[1:] % ROWS != 1)
        differences.append(np.abs(np.diff(mean)[side_by_side]))
    assert np.quantile(np.concatenate(differences), 0.99) < 1


@pytest.mark.slow
def test_our_checks_find_nothing_wrong(tmp_path: Path) -> None:
    report = check_files(InputFiles(mdk=make(tmp_path, Size(locations=400, events=30, samples=2, periods=100), SEED)))
    assert report.passed, report.findings
    assert report.locations is not None
    assert set(report.locations.status["status"].to_pylist()) == {"modelled"}
