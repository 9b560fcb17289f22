"""Chunks that hang on threads: given up at their limit, their threads left behind; nothing waits for them."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from trial_tasks import Heard, chunks, events_of

from oasis_kernel.dispatch import chunk_threads
from oasis_kernel.dispatch.threads import ThreadExecutor
from oasis_kernel.dispatch.waiting import Limit
from oasis_kernel.errors import Cancelled, ChunkFailed, ChunksFailed
from oasis_kernel.model.work import Chunk, Receipt, Stopped, never

QUICK = Limit(seconds=1.0, first=1.0)
#: Far less than for ever, far more than any machine needs.
SOON = 60.0
HANGS = r"chunk 1 \(events 5 to 8\) failed: it took 0 minutes, .* its thread was left behind in threading.py, line \d+ "


class Hanging:
    """A task that hangs in some chunks until it is let go, whoever asks it to stop; others are done at once."""

    def __init__(self, *numbers: int):
        self.numbers = numbers
        self.go = threading.Event()
        self.begun = threading.Event()

    def __call__(self, chunk: Chunk, stopped: Stopped = never) -> Receipt:
        if chunk.number in self.numbers:
            self.begun.set()
            self.hang(stopped)
        return Receipt(chunk.number, f"address-{chunk.number}", len(chunk.event_id), 1, 0.1, False)

    def hang(self, stopped: Stopped) -> None:
        self.go.wait()


class Endless(Hanging):
    """A task that takes for ever in some chunks, and stops when asked to."""

    def hang(self, stopped: Stopped) -> None:
        while not stopped():
            time.sleep(0.02)
        raise Cancelled("stopped")


class Late(Hanging):
    """A task that is nearly done in some chunks when it is asked to stop."""

    def hang(self, stopped: Stopped) -> None:
        while not stopped():
            time.sleep(0.02)


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "chunk"]


@pytest.fixture(autouse=True)
def short_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunk_threads, "GRACE_SECONDS", 0.5)


@pytest.fixture
def hanging() -> Iterator[Hanging]:
    """A task that hangs in chunk 1 until the test is over; then its threads end."""
    task = Hanging(1)
    yield task
    task.go.set()
    for thread in threads():
        thread.join(SOON)
    assert threads() == []


def finished_by(executor: ThreadExecutor, task: Hanging, error: type[Exception], match: str, count: int = 4):
    """The receipts before the error, and the error."""
    receipts, began = [], time.monotonic()
    with pytest.raises(error, match=match) as failed:
        receipts.extend(executor.run(task, chunks(count)))
    assert time.monotonic() - began < SOON
    return failed.value


def test_a_chunk_that_hangs_ends_the_run_at_its_limit(hanging: Hanging):
    heard = Heard()
    executor = ThreadExecutor(2, observer=heard, limit=QUICK)
    failed = finished_by(
        executor, hanging, ChunkFailed, HANGS + ".*Look for what hangs there.*finished chunks are kept"
    )
    assert "in hang\n    self.go.wait()" in failed.failure.log_tail
    assert heard.said[-1] == ("set aside", 1, "")
    assert len(threads()) == 1


@pytest.mark.parametrize("workers", [1, 2])
def test_the_others_are_finished_where_it_is_to_keep_going(hanging: Hanging, workers: int):
    heard = Heard()
    executor = ThreadExecutor(workers, keep_going=True, observer=heard, limit=QUICK)
    failed = finished_by(executor, hanging, ChunksFailed, HANGS, count=6)
    assert events_of(heard.finished_) == 20
    assert [(failure.chunk, failure.attempt) for failure in failed.failures] == [(1, 1)]
    assert heard.count("retried") == 0
    assert len(threads()) == 1


def test_where_everything_hangs_the_run_ends_and_few_threads_are_left_behind(hanging: Hanging):
    hanging.numbers = tuple(range(20))
    heard = Heard()
    finished_by(
        ThreadExecutor(2, keep_going=True, observer=heard, limit=QUICK), hanging, ChunkFailed, "left behind", 20
    )
    assert 2 < len(threads()) <= 4
    assert heard.count("started") == heard.count("set aside") == len(threads())


def test_a_chunk_that_takes_for_ever_is_stopped_and_no_thread_is_left():
    failed = finished_by(
        ThreadExecutor(2, limit=QUICK), Endless(1), ChunkFailed, "it took 0 minutes, .*, and was stopped"
    )
    assert failed.failure.chunk == 1
    assert threads() == []


def test_a_chunk_that_is_finished_before_it_is_given_up_is_finished():
    receipts = list(ThreadExecutor(2, limit=QUICK).run(Late(1), chunks(4)))
    assert sorted(receipt.chunk for receipt in receipts) == [0, 1, 2, 3]


def test_cancel_does_not_wait_for_a_chunk_that_hangs(hanging: Hanging):
    executor = ThreadExecutor(2)
    timer = threading.Thread(target=lambda: (hanging.begun.wait(), executor.cancel()))
    timer.start()
    finished_by(executor, hanging, Cancelled, "finished chunks are kept")
    timer.join()


def test_a_chunk_that_stops_although_nobody_asked_is_not_passed_over():
    class Stops(Hanging):
        def hang(self, stopped: Stopped) -> None:
            raise Cancelled("for no reason")

    finished_by(ThreadExecutor(2), Stops(1), Cancelled, "for no reason")


PROGRAM = """
from test_hanging_threads import QUICK, Hanging, ThreadExecutor, chunks
list(ThreadExecutor(2, limit=QUICK).run(Hanging(1), chunks(4)))
"""


def test_a_program_ends_although_a_chunk_hangs():
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=Path(__file__).parent, capture_output=True, text=True, timeout=SOON
    )
    assert ran.returncode == 1
    assert ran.stderr.splitlines()[-1].startswith("oasis_kernel.errors.ChunkFailed: chunk 1 (events 5 to 8) failed: ")
