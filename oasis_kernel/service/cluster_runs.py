"""The runs that a dispatcher works on, and whose chunk goes out next: fair over users and runs."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial

from sqlalchemy import select, update
from sqlalchemy.orm import Session, undefer

from oasis_kernel.dispatch.ray_capacity import worthwhile
from oasis_kernel.dispatch.waiting import Patience, WaitingChunks
from oasis_kernel.errors import ChunkFailure
from oasis_kernel.model.estimate import Estimate
from oasis_kernel.model.work import Chunk, Receipt, TaskReference
from oasis_kernel.service import chunks
from oasis_kernel.service.chunks import ChunkState
from oasis_kernel.service.tables import ChunkRow, Run

#: Chunks that are still to be computed, whatever a dispatcher that died had made of them.
OPEN = (ChunkState.WAITING, ChunkState.RUNNING, ChunkState.FAILED)
Change = Callable[[Session], None]


class Notes:
    """Changes that are to be written into the database together, in the order in which they were heard of."""

    def __init__(self) -> None:
        self._heard: list[Change] = []

    def __len__(self) -> int:
        return len(self._heard)

    def hear(self, change: Change) -> None:
        """Remember a change."""
        self._heard.append(change)

    def write(self, session: Session) -> None:
        """Make every change; they are forgotten by ``clear`` once they are kept."""
        for change in self._heard:
            change(session)

    def clear(self) -> None:
        """Forget what was written."""
        self._heard.clear()


@dataclass(frozen=True)
class RunObserver:
    """Hears of one run's chunks. What came too late, because the run was cancelled meanwhile, is not written."""

    run_id: str
    notes: Notes

    def started(self, chunk: Chunk, worker: str) -> None:
        """Note that a worker has begun with a chunk."""
        self._hear(chunk, partial(chunks.started, run_id=self.run_id, chunk=chunk, worker=worker))

    def finished(self, receipt: Receipt) -> None:
        """Note that a chunk is finished: whatever became of the run, its part is there."""
        self.notes.hear(partial(chunks.finished, run_id=self.run_id, receipt=receipt))

    def failed(self, chunk: Chunk, failure: ChunkFailure, will_retry: bool) -> None:
        """Note that an attempt at a chunk failed."""
        self._hear(chunk, partial(chunks.failed, run_id=self.run_id, failure=failure, will_retry=will_retry))

    def copied(self, chunk: Chunk) -> None:
        """Note that a chunk that takes long is sent out a second time."""
        self._hear(chunk, partial(chunks.copied, run_id=self.run_id, chunk=chunk))

    def split(self, chunk: Chunk, into: tuple[Chunk, ...]) -> None:
        """Note that a chunk goes on as its halves."""
        self._hear(chunk, partial(chunks.split, run_id=self.run_id, chunk=chunk, into=into))

    def _hear(self, chunk: Chunk, change: Change) -> None:
        def unless_cancelled(session: Session) -> None:
            key = (self.run_id, chunk.number, chunk.part)
            row = session.get(ChunkRow, key, populate_existing=True, with_for_update=True)
            if row is not None and row.state != ChunkState.CANCELLED:
                change(session)

        self.notes.hear(unless_cancelled)


@dataclass
class ClusterRun:
    """A run at work on the cluster."""

    run_id: str
    owner: str
    priority: int
    attempt: int
    reference: TaskReference
    waiting: WaitingChunks
    served: int = 0  # when it last got a task, as a count of all tasks
    chunk_seconds: float = 0.0  # that a chunk is expected to take on one processor; 0: unknown


def cluster_run(session: Session, run: Run, notes: Notes) -> ClusterRun:
    """A run with the chunks that are still to be computed."""
    query = select(ChunkRow).where(ChunkRow.run_id == run.id, ChunkRow.state.in_(OPEN))
    rows = session.scalars(query.order_by(ChunkRow.number, ChunkRow.part).options(undefer(ChunkRow.event_ids)))
    task = run.task or {}
    reference = TaskReference(task["entry"], task["arguments"], task["model"])
    found = [chunks.chunk_of(row) for row in rows]
    waiting = WaitingChunks(found, Patience(keep_going=True), RunObserver(run.id, notes))
    made = ClusterRun(run.id, run.owner, run.priority, run.attempt, reference, waiting)
    if run.estimate is not None:
        expected = Estimate.of(run.estimate)
        made.chunk_seconds = expected.seconds.likely * expected.workers / max(expected.chunks, 1)
    return made


def processors(runs: Iterable[ClusterRun], in_flight: Callable[[str], int]) -> dict[str, int]:
    """On how many processors the chunks that are left are worth computing at once, by model."""
    worth: Counter[str] = Counter()
    for run in runs:
        left = len(run.waiting) + in_flight(run.run_id)
        worth[run.reference.model] += worthwhile(left, run.chunk_seconds)
    return dict(worth)


def let_wait(session: Session, run_id: str) -> None:
    """Chunks that nobody computes any more wait again."""
    query = update(ChunkRow).where(ChunkRow.run_id == run_id, ChunkRow.state == ChunkState.RUNNING)
    session.execute(query.values(state=ChunkState.WAITING), execution_options={"synchronize_session": False})


def set_all_aside(session: Session, run_id: str, cause: str, remedy: str) -> None:
    """Every chunk that is not done is set aside for one reason, which the run then fails with."""
    for row in chunks.rows(session, run_id, OPEN):
        row.error = cause
        chunks.failed(session, run_id, chunks.failure_of(row, remedy), will_retry=False)


@dataclass
class Turns:
    """Whose turn it is. Highest priority first; of these, the user with the fewest tasks in flight, then the run."""

    _count: int = 0
    _users: dict[str, int] = field(default_factory=dict)  # when each last had a turn

    def next(self, runs: Iterable[ClusterRun], in_flight: Callable[[str], int]) -> ClusterRun | None:
        """The run whose chunks go out next; None when nothing waits. ``in_flight`` counts a run's tasks."""
        ready = [run for run in runs if len(run.waiting)]
        if not ready:
            return None
        highest = max(run.priority for run in ready)
        ready = [run for run in ready if run.priority == highest]
        load: dict[str, int] = {}
        for run in ready:
            load[run.owner] = load.get(run.owner, 0) + in_flight(run.run_id)
        chosen = min(
            ready,
            key=lambda run: (
                load[run.owner],
                self._users.get(run.owner, 0),
                in_flight(run.run_id),
                run.served,
                run.run_id,
            ),
        )
        self._count += 1
        self._users[chosen.owner] = chosen.served = self._count
        return chosen
