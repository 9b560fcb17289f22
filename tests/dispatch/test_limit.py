"""Chunks that hang: ended at their limit and tried again elsewhere, also where no processor is free."""

import time
from dataclasses import replace
from pathlib import Path

import pytest
from local_ray import STARTED_AGAIN, local_ray
from test_stragglers import Clock, clock, under_way  # noqa: F401  the clock is a fixture
from trial_tasks import Heard, Trial, chunks, events_of

from oasis_kernel.dispatch import ray_tasks
from oasis_kernel.dispatch.ray import RayExecutor
from oasis_kernel.dispatch.ray_cluster import RayCluster
from oasis_kernel.dispatch.ray_tasks import News, RayTasks, _ended, _Flight
from oasis_kernel.dispatch.waiting import Attempt, Limit, Patience, Setback, Trouble, WaitingChunks
from oasis_kernel.errors import ChunkFailed

pytestmark = STARTED_AGAIN
QUICK = Limit(times=5.0, seconds=2.0, first=3.0)


def test_a_chunk_is_overdue_after_thirty_times_the_median_and_ten_minutes(clock):  # noqa: F811
    run, last, _ = under_way(clock, 5, seconds=40.0)
    clock.now += 30 * 40 - 5 * 40
    assert run.overdue() == []
    clock.now += 1
    assert [begun.attempt for begun in run.overdue()] == [last]
    quick, _, _ = under_way(clock, 5, seconds=0.1)
    clock.now += 590
    assert quick.overdue() == []
    clock.now += 10
    assert len(quick.overdue()) == 1


def test_before_any_chunk_is_computed_the_limit_is_six_hours(clock):  # noqa: F811
    run = WaitingChunks(chunks(2), Patience())
    run.started(run.take(), "here:1")
    clock.now += 6 * 3600 - 1
    assert run.overdue() == []
    clock.now += 2
    assert len(run.overdue()) == 1


def test_seconds_in_which_this_process_stood_still_count_for_no_chunk(clock):  # noqa: F811
    run, last, _ = under_way(clock, 5)
    assert run.overdue() == []
    clock.now += 3600  # Ctrl-Z, and a long lunch
    assert run.overdue() == []
    for _ in range(30):
        clock.now += 20
        found = run.overdue()
    assert [begun.attempt for begun in found] == [last]


def test_a_chunk_that_hung_is_tried_once_more_alone_and_elsewhere(clock):  # noqa: F811
    run, last, heard = under_way(clock, 5)
    hung = Setback(Trouble.TIME, "it took 10 minutes", "slow:17")
    run.failed(last, hung)
    again = run.take()
    assert again == Attempt(last.chunk, 2, alone=True, avoid="slow")
    assert heard.said[-1] == ("retried", 0, "")
    with pytest.raises(ChunkFailed, match=r"it took 10 minutes.*Look for what hangs there"):
        run.failed(again, hung)


def test_other_chunks_of_an_ended_task_wait_again_without_blame():
    first, second = (Attempt(chunk) for chunk in chunks(2))
    flight = _Flight("run", "", {first.key: first, second.key: second}, {first.key: "slow:1", second.key: "slow:1"})
    flight.overdue = {first.key: 660.0}
    hung, other = _ended(flight)
    assert (hung.setback.trouble, hung.worker, hung.returned) == (Trouble.TIME, "slow:1", False)
    assert hung.setback.cause.startswith("it took 11 minutes, ")
    assert other == News("run", second, returned=True)


def test_a_task_whose_worker_cannot_be_ended_is_given_up(monkeypatch):
    [attempt] = (Attempt(chunk) for chunk in chunks(1))
    tasks, now = RayTasks(RayCluster()), time.monotonic()
    flight = _Flight("run", "", {attempt.key: attempt}, {attempt.key: "slow:1"}, cancelled=now)
    tasks._flights = {"stream": replace(flight, overdue={attempt.key: 600.0}), "asked to stop": flight}
    assert list(tasks._given_up()) == []
    monkeypatch.setattr(ray_tasks, "GIVE_UP_SECONDS", -1.0)
    [news] = tasks._given_up()
    assert news.setback.trouble == Trouble.TIME
    assert list(tasks._flights) == ["asked to stop"]


@pytest.fixture(scope="module")
def only_processor(tmp_path_factory: pytest.TempPathFactory):
    with local_ray(tmp_path_factory.mktemp("ray"), cpus=1) as opened:
        yield opened


@pytest.mark.slow
@pytest.mark.parametrize("number", [0, 2])  # 0: before any pace is known
@pytest.mark.parametrize("how", ["hangs once", "stands still once"])
def test_a_chunk_that_hangs_on_the_only_processor_is_ended_and_tried_again(
    only_processor: RayCluster, tmp_path: Path, how: str, number: int
):
    heard = Heard()
    executor = RayExecutor(only_processor, observer=heard, limit=QUICK)
    began = time.monotonic()
    receipts = list(executor.run(Trial(str(tmp_path / "calls"), how, number=number, seconds=0.1), chunks(4)))
    assert time.monotonic() - began < 300  # it would have hung for ten minutes, or for ever
    assert events_of(receipts) == 16
    assert {receipt.chunk: receipt.attempt for receipt in receipts}[number] == 2
    assert [failure.cause.startswith("it took 0 minutes, ") for failure in heard.failures] == [True]
