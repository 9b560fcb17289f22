"""What a run is expected to take, told from its plan, beside what it takes."""

from dataclasses import replace

import pytest

import oasis_kernel as ok
from oasis_kernel.engine.analysis import Resources
from oasis_kernel.engine.forecast import LOSSES, Line, at_least
from oasis_kernel.model.estimate import Band, Estimate
from oasis_kernel.plugins import load_plugins
from oasis_kernel.store.pace import REMEMBERED, Pace, Paces


@pytest.fixture(scope="module")
def demonstration():
    files = load_plugins().demonstration("toy-wind")
    parts = {name: getattr(files, name) for name in ("location", "account", "ri_info", "ri_scope")}
    return ok.read_portfolio(**parts), files.settings


@pytest.fixture(scope="module")
def two_runs(demonstration, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    resources = replace(Resources.of_this_machine(workers=2, store=folder / "store"), reuse=False)
    portfolio, settings = demonstration
    return [
        ok.run("toy-wind", portfolio, settings=settings, samples=7, resources=resources, out=folder / name)
        for name in ("first", "second")
    ]


def test_every_run_records_what_was_expected_of_it(two_runs):
    expected = [Estimate.of(run.record.expected) for run in two_runs]
    assert [one.runs for one in expected] == [0, 1]
    for one, run in zip(expected, two_runs, strict=True):
        record = run.record
        assert record.output_bytes == sum(path.stat().st_size for path in run.folder.iterdir()) - _record_bytes(run)
        assert one.output_bytes.low <= record.output_bytes <= one.output_bytes.high
        assert one.peak_bytes.low / 2 <= record.peak_bytes
        assert (one.events, one.chunks) == (record.events, record.chunks)


def _record_bytes(run) -> int:
    return (run.folder / "run.json").stat().st_size


def test_a_run_that_reuses_chunks_teaches_nothing(demonstration, tmp_path):
    resources = Resources.of_this_machine(workers=2, store=tmp_path / "store")
    portfolio, settings = demonstration
    for name in ("first", "again"):
        ok.run("toy-wind", portfolio, settings=settings, samples=3, resources=resources, out=tmp_path / name)
    [file] = (tmp_path / "store" / "paces").iterdir()
    assert len(Paces(file.parent).of(file.stem)) == 1


def test_a_line_moves_from_what_is_usual_to_what_was_seen():
    slow = 4 * LOSSES.rate
    assert LOSSES.fitted([]) == LOSSES
    small = LOSSES.fitted([(1e5, 0.31)])
    assert small.rate == pytest.approx(LOSSES.rate, rel=0.03)
    assert small.spread == LOSSES.spread, "a second of work says little"
    large = LOSSES.fitted([(1e10, LOSSES.fixed + slow * 1e10)])
    assert large.rate == pytest.approx(slow, rel=0.01)
    band = large.band(1e9, threads=2)
    assert band.likely == pytest.approx((LOSSES.fixed + large.rate * 1e9) / 2)
    assert band.low < band.likely < band.high
    apart = Line(0.0, 1.0, 1.0).fitted([(100, 50), (100, 200)])
    assert apart.band(100).low < 50 < 200 < apart.band(100).high


def test_paces_keep_the_latest_and_survive_damage(tmp_path):
    paces = Paces(tmp_path)
    for number in range(REMEMBERED + 3):
        paces.add("a model/gul", Pace(number, 1, 1, 1, 1, 1, 1))
    assert [pace.units for pace in paces.of("a model/gul")] == list(range(3, REMEMBERED + 3))
    [file] = tmp_path.iterdir()
    file.write_text("[{")
    assert paces.of("a model/gul") == []


def test_no_less_is_expected_than_was_reached_already():
    assert at_least(5, Band(1, 4, 9)) == Band(5, 5, 9)
