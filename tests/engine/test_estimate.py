"""What a run is expected to take, beside what it takes."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

import oasis_kernel as ok
from oasis_kernel.engine.analysis import Resources
from oasis_kernel.engine.estimate import spread_events
from oasis_kernel.errors import InvalidInput, PlanRefused
from oasis_kernel.model.estimate import Estimate
from oasis_kernel.plugins import load_plugins

SAMPLES = 5


@pytest.fixture(scope="module")
def demonstration():
    files = load_plugins().demonstration("toy-wind")
    parts = {name: getattr(files, name) for name in ("location", "account", "ri_info", "ri_scope")}
    return ok.read_portfolio(**parts), files.settings


@pytest.fixture
def resources(tmp_path):
    return Resources.of_this_machine(workers=2, store=tmp_path / "store")


def test_a_run_lies_within_its_bands(demonstration, resources, tmp_path):
    portfolio, settings = demonstration
    ok.run("toy-wind", portfolio, settings=settings, samples=SAMPLES, resources=resources, out=tmp_path / "warm")
    afresh = replace(resources, reuse=False)
    expected = ok.estimate("toy-wind", portfolio, settings=settings, samples=SAMPLES, resources=afresh)
    run = ok.run("toy-wind", portfolio, settings=settings, samples=SAMPLES, resources=afresh, out=tmp_path / "out")
    written = sum(path.stat().st_size for path in run.folder.iterdir())
    assert expected.output_bytes.low <= written <= expected.output_bytes.high * 1.2
    assert expected.seconds.low / 3 <= run.record.seconds <= expected.seconds.high * 3  # a test machine is shared
    assert (expected.events, expected.chunks) == (run.record.events, run.record.chunks)
    assert expected.trial_seconds < 5


def test_what_an_earlier_run_has_takes_no_time(demonstration, resources, tmp_path):
    portfolio, settings = demonstration
    ok.run("toy-wind", portfolio, settings=settings, samples=SAMPLES, resources=resources, out=tmp_path / "out")
    asked = {"settings": settings, "samples": SAMPLES}
    again = ok.estimate("toy-wind", portfolio, **asked, resources=resources)
    afresh = ok.estimate("toy-wind", portfolio, **asked, resources=replace(resources, reuse=False))
    assert (again.reused_events, afresh.reused_events) == (again.events, 0)
    assert again.output_bytes.likely == afresh.output_bytes.likely


def test_an_estimate_leaves_nothing_behind(demonstration, resources):
    portfolio, settings = demonstration
    ok.estimate("toy-wind", portfolio, settings=settings, samples=SAMPLES, resources=resources)
    assert not resources.store.exists()


def test_an_estimate_survives_json(demonstration, resources):
    portfolio, settings = demonstration
    expected = ok.estimate("toy-wind", portfolio, settings=settings, samples=SAMPLES, resources=resources)
    assert Estimate.of(expected.as_dict()) == expected


def test_what_a_run_refuses_an_estimate_refuses(demonstration, resources):
    portfolio, settings = demonstration
    with pytest.raises(InvalidInput, match="must be in the model's event set"):
        ok.estimate("toy-wind", portfolio, settings={**_settings(settings), "event_ids": [10**8]}, resources=resources)
    small = replace(resources, memory_bytes=2**20)
    with pytest.raises(PlanRefused, match=r"needs .* MiB, and each of 2 workers has"):
        ok.estimate("toy-wind", portfolio, settings=settings, samples=SAMPLES, resources=small)


def _settings(path):
    return json.loads(path.read_text())


@given(some.lists(some.integers(1, 10**6), max_size=200), some.integers(1, 10**7))
def test_trial_events_are_distinct_ascending_and_cover_a_cheap_set_whole(costs, budget):
    cost = np.array(costs, np.int64)
    rows = spread_events(cost, budget)
    assert (np.diff(rows) > 0).all()
    assert rows.size == 0 if not costs else (rows[0] >= 0 and rows[-1] < len(costs) and len(rows) >= 1)
    if cost.sum() <= budget:
        assert rows.tolist() == list(range(len(costs)))
