"""Threads that are careful with chunks beside which a process has died."""

from collections.abc import Iterable, Iterator, Mapping

from oasis_kernel.dispatch import Observer
from oasis_kernel.dispatch.threads import ThreadExecutor
from oasis_kernel.errors import Cancelled, ChunkFailure, ChunksFailed
from oasis_kernel.model.work import Chunk, Receipt, Task

#: A chunk that was at work when so many processes died, the last time alone, is set aside.
FATAL_DEATHS = 2
REMEDY = "Look into the log; resuming the run tries the chunk again, and finished chunks are kept"


class CautiousExecutor:
    """Runs chunks on threads; one that was at work when a process died comes last, and alone.

    So a second death has one culprit: it is set aside with what is known of it, and the others are finished.
    ``deaths`` counts them by number and part, ``causes`` says how the last one happened.
    """

    def __init__(
        self,
        workers: int,
        deaths: Mapping[tuple[int, str], int],
        causes: Mapping[tuple[int, str], str],
        observer: Observer,
    ):
        self._workers = workers
        self._deaths = deaths
        self._causes = causes
        self._observer = observer
        self._cancelled = False
        self._running: ThreadExecutor | None = None

    def run(self, task: Task, chunks: Iterable[Chunk]) -> Iterator[Receipt]:
        """Receipts as chunks finish; ChunksFailed at the end when some had to be set aside."""
        suspects: dict[int, list[Chunk]] = {0: [], 1: []}
        failures: list[ChunkFailure] = []
        for chunk in chunks:
            deaths = self._deaths.get((chunk.number, chunk.part), 0)
            if deaths >= FATAL_DEATHS:
                failures.append(self._set_aside(chunk, deaths))
            else:
                suspects[deaths].append(chunk)
        for deaths, workers in ((0, self._workers), (1, 1)):
            if self._cancelled:
                raise Cancelled("the run was cancelled; finished chunks are kept and a resumed run uses them")
            self._running = ThreadExecutor(workers, keep_going=True, observer=self._observer)
            try:
                yield from self._running.run(task, suspects[deaths])
            except ChunksFailed as failed:
                failures.extend(failed.failures)
        if failures:
            raise ChunksFailed(sorted(failures, key=lambda failure: (failure.chunk, failure.part)))

    def cancel(self) -> None:
        """Start no more chunks and stop those under way."""
        self._cancelled = True
        if self._running is not None:
            self._running.cancel()

    def _set_aside(self, chunk: Chunk, deaths: int) -> ChunkFailure:
        cause = self._causes.get((chunk.number, chunk.part)) or "no cause is known"
        failure = ChunkFailure(
            chunk=chunk.number,
            part=chunk.part,
            first_event=int(chunk.event_id[0]),
            last_event=int(chunk.event_id[-1]),
            cause=f"{deaths} processes died while it was at work; the last one: {cause}",
            remedy=REMEDY,
            attempt=deaths,
        )
        self._observer.failed(chunk, failure, False)
        return failure
