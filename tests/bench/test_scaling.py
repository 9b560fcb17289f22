"""The study of growth, on a country small enough for a test: a run of every point, and the promises put in words."""

from dataclasses import replace
from pathlib import Path

import pytest

from bench.national.make import Size
from bench.scaling import MIB, Point, Study, complaint, complaints, measured, table

ONE = Point("events", Size(1_000, 100, 10), cpu=10.0, memory=900 * MIB, own=500 * MIB, item_events=5_000)
TWICE = replace(ONE, size=Size(1_000, 200, 10), item_events=10_000)


def test_twice_the_seconds_for_twice_the_work_is_as_promised() -> None:
    assert complaint(ONE, replace(TWICE, cpu=20.0)) == ""


def test_more_than_that_is_not() -> None:
    assert complaint(ONE, replace(TWICE, cpu=25.0)) == "seconds grow 2.50 times"


def test_events_that_touch_more_may_take_more() -> None:
    assert complaint(ONE, replace(TWICE, cpu=25.0, item_events=13_000)) == ""


def test_own_memory_is_flat_in_events_but_not_in_locations() -> None:
    larger = replace(TWICE, cpu=20.0, own=700 * MIB)
    assert complaint(ONE, larger) == "own memory grows 1.40 times"
    assert complaint(ONE, replace(TWICE, cpu=20.0, memory=2_000 * MIB)) == "", "mapped files may grow"
    assert complaint(replace(ONE, axis="locations"), replace(larger, axis="locations")) == ""


def test_own_memory_may_not_creep_up_from_one_doubling_to_the_next() -> None:
    creeping = [replace(ONE, own=own * MIB) for own in (500, 540, 580)]
    assert complaints(creeping) == ["", "", "own memory grows 1.16 times"]


@pytest.mark.slow
def test_every_axis_is_run_and_memory_is_flat(tmp_path: Path) -> None:
    points = measured(Study(Size(400, 30, 2, 100), doublings=1, repeat=1), tmp_path)
    assert [point.axis for point in points] == ["locations"] * 2 + ["events"] * 2 + ["samples"] * 2
    assert len(table(points).splitlines()) == 2 + len(points)
    assert not any(complaints(points))
