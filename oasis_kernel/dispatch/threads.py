"""Threads in one process: the executor where there is no cluster. Kernels release the GIL."""

import threading
from collections.abc import Iterable, Iterator

from oasis_kernel.dispatch import Observer
from oasis_kernel.dispatch.attempts import this_worker
from oasis_kernel.dispatch.chunk_threads import ChunkThreads
from oasis_kernel.dispatch.waiting import Limit, Patience, WaitingChunks
from oasis_kernel.errors import Cancelled, ChunkFailed
from oasis_kernel.model.work import Chunk, Receipt, Task

CANCELLED = "the run was cancelled; finished chunks are kept and a resumed run uses them"


class ThreadExecutor:
    """Runs chunks on ``workers`` threads, never more than that many in memory at once, but for such as hang.

    A chunk whose code fails is tried once more, one that runs out of memory is halved. One that reaches its ``limit``
    is asked to stop, and has failed; where it does not stop, its thread is left behind. It is not tried again as on
    a cluster: a thread cannot be ended, so that it keeps its memory, and another one would meet the same storage and
    the same locks. What it may still publish are the bytes that any attempt would.

    With ``keep_going`` a chunk that fails for good is set aside, and a new thread takes the place of one that hangs;
    otherwise it ends the run. Once more threads than ``workers`` are left behind, ChunkFailed ends it anyway: then it
    is not a chunk that hangs, but what all of them need, and each would take memory along.
    """

    def __init__(
        self, workers: int, *, keep_going: bool = False, observer: Observer | None = None, limit: Limit | None = None
    ):
        self.workers = workers
        self._patience = Patience(memory=0, time=0, keep_going=keep_going)
        self._observer = observer
        self._limit = limit
        self._cancelled = threading.Event()

    def run(self, task: Task, chunks: Iterable[Chunk]) -> Iterator[Receipt]:
        """Receipts as chunks finish."""
        waiting = WaitingChunks(chunks, self._patience, self._observer, limit=self._limit)
        threads = ChunkThreads(task, self._cancelled.is_set)
        try:
            while not self._cancelled.is_set():
                while len(threads) < self.workers and (taken := waiting.take()) is not None:
                    waiting.started(taken, this_worker())
                    threads.begin(taken)
                if not len(threads):
                    break
                for attempt, outcome in threads.news():
                    if isinstance(outcome, Receipt):
                        yield waiting.finished(attempt, outcome)
                    else:
                        waiting.failed(attempt, outcome)
                if threads.left_behind > self.workers:
                    raise ChunkFailed(waiting.set_aside[-1])
                threads.stop(waiting.overdue())
        finally:
            threads.leave()
        if self._cancelled.is_set():
            raise Cancelled(CANCELLED)
        waiting.close()

    def cancel(self) -> None:
        """Start no more chunks; those under way stop within half a second, or are left behind after a few."""
        self._cancelled.set()
