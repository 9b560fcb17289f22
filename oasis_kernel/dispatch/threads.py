"""Threads in one process: the executor where there is no cluster. Kernels release the GIL."""

import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from oasis_kernel.errors import Cancelled, ChunkFailed, OasisError
from oasis_kernel.model.work import Chunk, Receipt, Task


class ThreadExecutor:
    """Runs chunks on ``workers`` threads, never more than that many in memory at once."""

    def __init__(self, workers: int):
        self.workers = workers
        self._stop = threading.Event()

    def run(self, task: Task, chunks: Iterable[Chunk]) -> Iterator[Receipt]:
        """Receipts as chunks finish."""
        waiting = iter(chunks)
        with ThreadPoolExecutor(self.workers, thread_name_prefix="chunk") as pool:
            running: dict[Future[Receipt], Chunk] = {}
            self._fill(pool, task, waiting, running)
            while running:
                done, _ = wait(running, return_when=FIRST_COMPLETED, timeout=0.2)
                if self._stop.is_set():
                    pool.shutdown(cancel_futures=True)
                    raise Cancelled("the run was cancelled; finished chunks are kept and a resumed run uses them")
                for future in done:
                    yield self._receipt(future, running.pop(future))
                self._fill(pool, task, waiting, running)

    def cancel(self) -> None:
        """Start no more chunks."""
        self._stop.set()

    def _fill(
        self, pool: ThreadPoolExecutor, task: Task, waiting: Iterator[Chunk], running: dict[Future[Receipt], Chunk]
    ) -> None:
        while len(running) < self.workers and (chunk := next(waiting, None)) is not None:
            running[pool.submit(task, chunk)] = chunk

    def _receipt(self, future: Future[Receipt], chunk: Chunk) -> Receipt:
        try:
            return future.result()
        except OasisError:
            self._stop.set()
            raise
        except Exception as error:  # the job boundary: name the chunk, whatever went wrong in it
            self._stop.set()
            first, last = chunk.event_id[0], chunk.event_id[-1]
            raise ChunkFailed(
                f"chunk {chunk.number} (events {first} to {last}) failed: {type(error).__name__}: {error}"
            ) from error
