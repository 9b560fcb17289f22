"""Chunks that a dispatcher computes on a cluster: this process waits for them, and reads how they fare."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict

from oasis_kernel.errors import Cancelled, ChunksFailed
from oasis_kernel.model.work import Chunk, Receipt, Task
from oasis_kernel.service import chunks
from oasis_kernel.service.chunks import ChunkState
from oasis_kernel.service.database import Database
from oasis_kernel.service.tables import ChunkRow, Run

LOOK_SECONDS = 0.5


class DispatchedExecutor:
    """Leaves a run's chunks to the dispatcher: it tells which task to make, and hears through the database."""

    def __init__(self, database: Database, run_id: str):
        self._database = database
        self._run_id = run_id
        self._cancelled = False

    def run(self, task: Task, planned: Iterable[Chunk]) -> Iterator[Receipt]:
        """Receipts as chunks finish; ChunksFailed when all others are and some were set aside."""
        reference = task.reference()
        with self._database.write() as session:
            run = session.get_one(Run, self._run_id)
            run.order_url = str(reference.arguments.get("order", "")) or None
            run.task = {**asdict(reference), "arguments": dict(reference.arguments)}
        seen: set[tuple[int, str]] = set()
        while not self._cancelled:
            with self._database.read() as session:
                rows = chunks.rows(session, self._run_id)
            done = [row for row in rows if row.state == ChunkState.DONE and (row.number, row.part) not in seen]
            seen.update((row.number, row.part) for row in done)
            yield from map(chunks.receipt_of, done)
            if all(row.state in chunks.SETTLED for row in rows):
                return self._close(rows)
            time.sleep(LOOK_SECONDS)
        raise Cancelled("the run was cancelled; finished chunks are kept and a resumed run uses them")

    def cancel(self) -> None:
        """Wait no longer; the dispatcher reads the request to cancel itself."""
        self._cancelled = True

    def _close(self, rows: list[ChunkRow]) -> None:
        failed = [row for row in rows if row.state == ChunkState.QUARANTINED]
        if any(row.state == ChunkState.CANCELLED for row in rows):
            raise Cancelled("the run was cancelled; finished chunks are kept and a resumed run uses them")
        if failed:
            remedy = "Look into the chunk's log; resuming the run tries it again, and finished chunks are kept"
            raise ChunksFailed(chunks.failure_of(row, remedy) for row in failed)
