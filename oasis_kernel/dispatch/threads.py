"""Threads in one process: the executor where there is no cluster. Kernels release the GIL."""

import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from oasis_kernel.dispatch import Observer
from oasis_kernel.dispatch.attempts import attempt, this_worker
from oasis_kernel.dispatch.waiting import Attempt, Patience, Setback, WaitingChunks
from oasis_kernel.errors import Cancelled
from oasis_kernel.model.work import Chunk, Receipt, Task

CANCELLED = "the run was cancelled; finished chunks are kept and a resumed run uses them"
#: Seconds between two looks at whether to stop.
POLL = 0.2
Running = dict[Future[Receipt | Setback], Attempt]


class ThreadExecutor:
    """Runs chunks on ``workers`` threads, never more than that many in memory at once.

    A chunk whose code fails is tried once more, one that runs out of memory is halved. With ``keep_going`` a chunk
    that fails for good is set aside; otherwise it ends the run.
    """

    def __init__(self, workers: int, *, keep_going: bool = False, observer: Observer | None = None):
        self.workers = workers
        self._patience = Patience(memory=0, keep_going=keep_going)
        self._observer = observer
        self._cancelled = threading.Event()

    def run(self, task: Task, chunks: Iterable[Chunk]) -> Iterator[Receipt]:
        """Receipts as chunks finish."""
        waiting = WaitingChunks(chunks, self._patience, self._observer)
        leaving = threading.Event()

        def stopped() -> bool:
            return leaving.is_set() or self._cancelled.is_set()

        with ThreadPoolExecutor(self.workers, thread_name_prefix="chunk") as pool:
            running: Running = {}
            try:
                while not self._cancelled.is_set():
                    while len(running) < self.workers and (taken := waiting.take()) is not None:
                        waiting.started(taken, this_worker())
                        running[pool.submit(attempt, task, taken.chunk, stopped)] = taken
                    if not running:
                        break
                    yield from self._finished(waiting, running)
            finally:
                leaving.set()
        if self._cancelled.is_set():
            raise Cancelled(CANCELLED)
        waiting.close()

    def cancel(self) -> None:
        """Start no more chunks; those under way stop within half a second."""
        self._cancelled.set()

    def _finished(self, waiting: WaitingChunks, running: Running) -> Iterator[Receipt]:
        done, _ = wait(running, return_when=FIRST_COMPLETED, timeout=POLL)
        for future in done:
            taken = running.pop(future)
            try:
                outcome = future.result()
            except Cancelled:
                return  # the loop sees it too
            if isinstance(outcome, Setback):
                waiting.failed(taken, outcome)
            else:
                yield waiting.finished(taken, outcome)
