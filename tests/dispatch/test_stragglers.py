"""Chunks that take much longer than others: which count as late, and what comes of sending them out a second time."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from local_ray import STARTED_AGAIN, local_ray
from trial_tasks import Heard, Trial, chunks, events_of

from oasis_kernel.dispatch import waiting as waiting_module
from oasis_kernel.dispatch.ray import RayExecutor
from oasis_kernel.dispatch.ray_cluster import Node, RayCluster
from oasis_kernel.dispatch.ray_tasks import News, RayTasks, _Flight, applied
from oasis_kernel.dispatch.waiting import Attempt, Lateness, Patience, Setback, Trouble, WaitingChunks
from oasis_kernel.errors import ChunkFailed
from oasis_kernel.model.work import Receipt

pytestmark = STARTED_AGAIN


class Clock:
    """A clock that stands still until it is told to go on."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    stopped = Clock()
    monkeypatch.setattr(waiting_module, "time", stopped)
    return stopped


def receipt(attempt: Attempt, *, reused: bool = False) -> Receipt:
    return Receipt(attempt.chunk.number, "address", 4, 1, 1.0, reused)


def under_way(clock: Clock, finished: int, seconds: float = 4.0, *, reused: bool = False):
    """A run with one chunk under way, after others that took so many seconds each; and what was heard of it."""
    heard = Heard()
    run = WaitingChunks(chunks(finished + 1), Patience(), heard)
    last, *others = run.take_several(finished + 1)
    run.started(last, "slow:1")
    for attempt in others:
        run.started(attempt, "fast:1")
        clock.now += seconds
        run.finished(attempt, receipt(attempt, reused=reused))
    return run, last, heard


def test_a_chunk_is_late_after_three_times_the_median(clock):
    run, last, _ = under_way(clock, 5)
    assert [begun.attempt for begun in run.late()] == [last]  # after 20 seconds, where others took 4
    assert run.late()[0].worker == "slow:1"
    quick, _, _ = under_way(clock, 5, seconds=7.0)
    clock.now -= 15
    assert quick.late() == []


def test_a_chunk_is_not_late_within_ten_seconds(clock):
    run, _, _ = under_way(clock, 5, seconds=1.0)
    assert run.late() == []
    clock.now += 6
    assert len(run.late()) == 1


def test_nothing_is_late_before_the_pace_is_known(clock):
    assert under_way(clock, 4, seconds=100.0)[0].late() == []
    reused, _, _ = under_way(clock, 8, reused=True)  # which says nothing about how long computing takes
    clock.now += 1000
    assert reused.late() == []


def test_a_chunk_with_more_work_may_take_longer(clock):
    run, last, _ = under_way(clock, 5)
    object.__setattr__(last.chunk, "item_events", 50)  # five times the others
    assert run.late() == []
    clock.now += 45
    assert len(run.late()) == 1


def test_a_chunk_is_copied_once_and_observers_hear_of_it(clock):
    run, last, heard = under_way(clock, 5)
    copy = run.copied(last)
    assert (copy.chunk, copy.number, copy.alone) == (last.chunk, 2, True)
    assert heard.said[-1] == ("copied", 0, "")
    assert run.late() == []


def test_a_chunk_that_has_failed_is_never_copied(clock):
    run, last, _ = under_way(clock, 5)
    run.failed(last, Setback(Trouble.CODE, "KeyError"))
    again = run.take()
    run.started(again, "slow:2")
    clock.now += 1000
    assert run.late() == []


def test_what_fails_beside_another_attempt_is_told_and_costs_no_try(clock):
    run, last, heard = under_way(clock, 5)
    copy = run.copied(last)
    assert applied(run, News("run", copy, "fast:2", setback=Setback(Trouble.CODE, "KeyError"), beside=True)) is None
    assert heard.said[-1] == ("retried", 0, "")
    assert applied(run, News("run", copy, returned=True, beside=True)) is None
    assert applied(run, News("run", copy, "fast:2", refused="another engine", beside=True)) is None
    assert len(run) == 0
    run.failed(last, Setback(Trouble.CODE, "KeyError"))
    assert len(run) == 1
    with pytest.raises(ChunkFailed):
        run.failed(run.take(), Setback(Trouble.CODE, "KeyError"))


def test_the_first_attempt_that_ends_counts_and_the_others_have_lost():
    first, second = (Attempt(chunk) for chunk in chunks(2))
    tasks = RayTasks(RayCluster())
    copy = Attempt(first.chunk, 2, alone=True)
    both = _Flight("run", "", {first.key: first, second.key: second})
    elsewhere = _Flight("other run", "", {first.key: first})
    tasks._flights = {"both": both, "elsewhere": elsewhere}
    assert tasks._raced(News("run", copy, "fast:1")).beside
    assert not tasks._raced(News("run", copy, "fast:1", receipt=receipt(copy))).beside
    assert (both.lost, list(both.open)) == (True, [second.key])  # the task goes on with its other chunk
    assert (elsewhere.lost, list(elsewhere.open)) == (False, [first.key])
    assert tasks.unfinished("run")


def test_a_copy_goes_to_another_machine_where_one_serves_the_model(monkeypatch):
    cluster = RayCluster()
    first, second, other = (
        Node("first", "1" * 8, 4, 1, ("piwind",), by_resource=True),
        Node("second", "2" * 8, 4, 1, ("piwind",), by_resource=True),
        Node("other", "3" * 8, 4, 1, ("acme",), by_resource=True),
    )
    monkeypatch.setattr(cluster, "nodes", lambda: [first, second, other])
    placed = cluster.placement("piwind", 2, "first")
    assert placed["label_selector"] == {"ray.io/node-id": "!in(11111111)"}
    assert placed["resources"] == {"model:piwind": 2}
    monkeypatch.setattr(cluster, "nodes", lambda: [first, other])
    assert "label_selector" not in cluster.placement("piwind", 2, "first")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RayCluster]:
    with local_ray(tmp_path_factory.mktemp("ray"), cpus=4) as opened:
        yield opened


@pytest.mark.slow
@pytest.mark.parametrize("threads", [1, 2])  # 2: the chunk hangs beside others in one process
def test_a_chunk_that_hangs_is_computed_by_its_copy(cluster: RayCluster, tmp_path: Path, threads: int):
    heard = Heard()
    lateness = Lateness(times=2.0, seconds=1.0, finished=3)
    executor = RayExecutor(cluster, observer=heard, lateness=lateness, threads_per_task=threads)
    began = time.monotonic()
    receipts = list(executor.run(Trial(str(tmp_path / "calls"), "hangs once", seconds=0.1), chunks(6)))
    assert time.monotonic() - began < 300  # it would have hung for ten minutes
    assert events_of(receipts) == 24
    # On a busy machine, other chunks may count as late as well, and be computed twice.
    assert heard.said.count(("copied", 1, "")) == 1
    assert sorted(said[1] for said in heard.said if said[0] == "finished") == [0, 1, 2, 3, 4, 5]
    assert len(list((tmp_path / "calls" / "1-").iterdir())) == 2
    assert heard.count("retried") == heard.count("set aside") == 0
    assert [receipt.attempt for receipt in receipts if receipt.chunk == 1] == [2]
