"""What a run's process writes down while it computes: gathered, and written a few times a second at most."""

import logging
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.orm import Session

from oasis_kernel.engine.progress import Progress
from oasis_kernel.errors import ChunkFailure
from oasis_kernel.model.work import Chunk, Receipt
from oasis_kernel.service import chunks, runs
from oasis_kernel.service.at_work import AtWork
from oasis_kernel.service.database import Database

#: Seconds between two writes: chunks may take milliseconds, and all runs share the database.
WRITE_SECONDS = 0.2
PROGRESS_SECONDS = 0.5

log = logging.getLogger(__name__)
Change = Callable[[Session], None]


class RunNotes:
    """Hears from the engine and the executor, and writes what it hears into the database from a thread of its own.

    ``lost`` is called when the run turns out to belong to a later attempt. Chunks that follow one another quickly are
    written down together; which of them are at work is in the file ``at_work`` at any moment.
    """

    def __init__(self, database: Database, run_id: str, attempt: int, lost: Callable[[], None], at_work: Path):
        self._database = database
        self._run_id = run_id
        self._attempt = attempt
        self._lost = lost
        self._at_work = AtWork(at_work)
        self._heard: list[Change] = []
        self._progress: Progress | None = None
        self._stage, self._progressed = "", 0.0
        self._lock, self._writing = threading.Lock(), threading.Lock()
        self._wake, self._closing = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._write_on, name="notes", daemon=True)
        self._thread.start()

    def report(self, progress: Progress) -> None:
        """Note where the run stands."""
        with self._lock:
            self._progress = progress
        self._wake.set()

    def started(self, chunk: Chunk, worker: str) -> None:
        """Note that a worker has begun with a chunk: before it does, for it may end this process."""
        self._at_work.begun(chunk)
        self._hear(partial(chunks.started, run_id=self._run_id, chunk=chunk, worker=worker))

    def finished(self, receipt: Receipt) -> None:
        """Note that a chunk is finished."""
        self._at_work.ended(receipt.chunk, receipt.part)
        self._hear(partial(chunks.finished, run_id=self._run_id, receipt=receipt))

    def failed(self, chunk: Chunk, failure: ChunkFailure, will_retry: bool) -> None:
        """Note that an attempt at a chunk failed."""
        self._at_work.ended(chunk.number, chunk.part)
        log.warning("%s%s", failure, "; it is tried again" if will_retry else "; it is set aside")
        self._hear(partial(chunks.failed, run_id=self._run_id, failure=failure, will_retry=will_retry))

    def copied(self, chunk: Chunk) -> None:
        """Note that a chunk that takes long is sent out a second time."""
        self._hear(partial(chunks.copied, run_id=self._run_id, chunk=chunk))

    def split(self, chunk: Chunk, into: tuple[Chunk, ...]) -> None:
        """Note that a chunk goes on as its halves."""
        self._at_work.ended(chunk.number, chunk.part)
        self._hear(partial(chunks.split, run_id=self._run_id, chunk=chunk, into=into))

    def flush(self) -> None:
        """Write down everything that was heard so far; LostRun when the run belongs to a later attempt."""
        with self._writing:
            with self._lock:
                heard, self._heard = self._heard, []
                progress = self._due_progress()
            if not heard and progress is None:
                return
            try:
                with self._database.write() as session:
                    for change in heard:
                        change(session)
                    if progress is not None:
                        stand = (progress.stage, progress.done, progress.total)
                        runs.progress(session, self._run_id, self._attempt, *stand)
            except (OperationalError, InterfaceError):
                with self._lock:
                    self._heard = heard + self._heard
                    self._progress = self._progress or progress
                raise

    def silence(self) -> None:
        """Write down everything that was heard so far, and nothing after it."""
        self.flush()
        self._writing.acquire()

    def close(self) -> None:
        """Write down what is left."""
        self._closing.set()
        self._wake.set()
        self._thread.join()
        self._progressed = 0.0
        self._database.write_patiently(lambda session: None)  # waits for a database that is away
        self.flush()
        self._at_work.close()

    def _due_progress(self) -> Progress | None:
        """The progress to be written now: each new stage and each end of one at once, others now and then."""
        progress = self._progress
        if progress is None:
            return None
        settled = progress.stage == self._stage and progress.done < progress.total
        if settled and time.monotonic() - self._progressed < PROGRESS_SECONDS:
            return None
        self._stage, self._progressed, self._progress = progress.stage, time.monotonic(), None
        return progress

    def _hear(self, change: Change) -> None:
        with self._lock:
            self._heard.append(change)
        self._wake.set()

    def _write_on(self) -> None:
        while not self._closing.is_set():
            self._wake.wait()
            self._wake.clear()
            try:
                self.flush()
            except runs.LostRun:
                self._lost()
            except (OperationalError, InterfaceError) as error:
                log.warning("the database does not answer: %s", error)
                self._wake.set()
            self._closing.wait(WRITE_SECONDS)
            if self._progress is not None:
                self._wake.set()
