"""Runs in the database: made, claimed, followed, ended, started again. Every function works in the session given."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from oasis_kernel.errors import OasisError
from oasis_kernel.service import chunks
from oasis_kernel.service.events_log import note
from oasis_kernel.service.tables import Run, now


class State(StrEnum):
    """Where a run stands."""

    QUEUED = "queued"
    CHECKING = "checking"
    PREPARING = "preparing"
    PLANNING = "planning"
    RUNNING = "running"
    WRITING = "writing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"  # its process died; it will be tried again


#: A process works on it, or has been asked to.
ACTIVE = (State.CHECKING, State.PREPARING, State.PLANNING, State.RUNNING, State.WRITING)
#: It waits for a process.
WAITING = (State.QUEUED, State.INTERRUPTED)
#: Nothing more happens unless somebody asks.
ENDED = (State.COMPLETED, State.FAILED, State.CANCELLED)

#: The state while the engine is in a stage.
STATE_OF_STAGE = {
    "check": State.CHECKING,
    "prepare": State.PREPARING,
    "plan": State.PLANNING,
    "losses": State.RUNNING,
    "results": State.WRITING,
}


class NoSuchRun(OasisError):
    """There is no run of this id."""


class WrongState(OasisError):
    """A run is not in a state in which this can be done."""


class LostRun(OasisError):
    """A run that this process worked on belongs to a later attempt, or to nobody."""


@dataclass(frozen=True)
class RunError:
    """Why a run ended without results, and what to do."""

    what: str
    cause: str
    remedy: str
    chunk: int | None = None
    first_event: int | None = None
    last_event: int | None = None
    row: str | None = None  # such as ``account.csv row 12``

    def as_dict(self) -> dict[str, Any]:
        """The error as plain values, for the database and for JSON."""
        return dict(vars(self))


def create(session: Session, **values: Any) -> Run:
    """A new run of these column values; ``state`` may be ``cancelled`` for one that is not to start yet."""
    run = Run(**values)
    session.add(run)
    session.flush()
    note(session, run.id, "state", {"state": run.state})
    return run


def find(session: Session, run_id: str, *, deleted: bool = False) -> Run:
    """The run of an id; NoSuchRun when there is none, or (unless asked for) when it was deleted."""
    run = session.get(Run, run_id)
    if run is None or (run.deleted is not None and not deleted):
        raise NoSuchRun(f"there is no run {run_id}")
    return run


def claim(session: Session, host: str, executors: Sequence[str] = ("threads", "ray")) -> Run | None:
    """The run that is due, now this host's to start; None when nothing waits.

    Highest priority first; of these, one of the user with the fewest runs at work; of these, the oldest.
    """
    while (run_id := _due(session, executors)) is not None:
        mine = session.execute(
            update(Run)
            .where(Run.id == run_id, Run.state.in_(WAITING))
            .values(
                state=State.CHECKING,
                stage="",
                done=0,
                total=0,
                host=host,
                pid=None,
                process_started=None,
                heartbeat=now(),
                started=func.coalesce(Run.started, now()),
                finished=None,
                attempt=Run.attempt + 1,
            )
        )
        if mine.rowcount:  # type: ignore[attr-defined]
            run = session.get_one(Run, run_id, populate_existing=True)
            note(session, run_id, "state", {"state": run.state, "attempt": run.attempt})
            return run
    return None


def _due(session: Session, executors: Sequence[str]) -> str | None:
    at_work = select(Run.owner, func.count().label("runs")).where(Run.state.in_(ACTIVE)).group_by(Run.owner).subquery()
    query = (
        select(Run.id)
        .outerjoin(at_work, at_work.c.owner == Run.owner)
        .where(Run.state.in_(WAITING), Run.deleted.is_(None), Run.executor.in_(executors))
        .order_by(Run.priority.desc(), func.coalesce(at_work.c.runs, 0), Run.created, Run.id)
        .limit(1)
        .with_for_update(of=Run, skip_locked=True)
    )
    return session.scalar(query)


def set_process(session: Session, run_id: str, attempt: int, pid: int, process_started: float) -> None:
    """Note which process works on a run; LostRun when the run is no longer this attempt's."""
    _mine(session, run_id, attempt, {"pid": pid, "process_started": process_started, "heartbeat": now()})


def set_estimate(session: Session, run_id: str, attempt: int, estimate: Mapping[str, Any]) -> None:
    """Note what a run is expected to take; LostRun when the run is no longer this attempt's."""
    _mine(session, run_id, attempt, {"estimate": dict(estimate)})


@dataclass(frozen=True)
class Pulse:
    """What a run's process learns when it says that it is alive."""

    cancel_requested: bool


def heartbeat(session: Session, run_id: str, attempt: int, peak_bytes: int = 0) -> Pulse:
    """Say that the run's process is alive; LostRun when the run is no longer this attempt's."""
    peak = func.greatest if session.get_bind().dialect.name == "postgresql" else func.max
    _mine(session, run_id, attempt, {"heartbeat": now(), "peak_bytes": peak(Run.peak_bytes, peak_bytes)})
    requested = session.scalar(select(Run.cancel_requested).where(Run.id == run_id))
    return Pulse(requested is not None)


def progress(session: Session, run_id: str, attempt: int, stage: str, done: int, total: int) -> None:
    """Note how far a run is; its state follows from the engine's stage. LostRun as for ``heartbeat``."""
    state = STATE_OF_STAGE[stage]
    before = session.scalar(select(Run.state).where(Run.id == run_id))
    _mine(session, run_id, attempt, {"state": state, "stage": stage, "done": done, "total": total, "heartbeat": now()})
    if before != state:
        note(session, run_id, "state", {"state": state, "stage": stage})
    note(session, run_id, "progress", {"stage": stage, "done": done, "total": total})


def complete(session: Session, run_id: str, attempt: int, values: Mapping[str, Any]) -> None:
    """Note that a run has its results: ``values`` are its results_url, headline and findings."""
    _mine(session, run_id, attempt, {"state": State.COMPLETED, "finished": now(), "error": None, **values})
    note(session, run_id, "state", {"state": State.COMPLETED})


def fail(session: Session, run_id: str, attempt: int, error: RunError, findings: Sequence[Any] | None = None) -> None:
    """Note that a run cannot go on, why, and what to do."""
    values: dict[str, Any] = {"state": State.FAILED, "finished": now(), "error": error.as_dict()}
    if findings is not None:
        values["findings"] = list(findings)
    _mine(session, run_id, attempt, values)
    note(session, run_id, "state", {"state": State.FAILED, "error": error.as_dict()})


def interrupt(session: Session, run_id: str, attempt: int, error: RunError, *, tries: int, memory: bool = False) -> str:
    """Note that a run's process died: it will be tried again, or has failed when it was tried ``tries`` times.

    Returns the state. ``memory`` says that it died for lack of it; the next try then uses fewer threads.
    """
    run = find(session, run_id, deleted=True)
    if run.attempt != attempt or run.state not in ACTIVE:
        return run.state
    run.tries += 1
    run.memory_kills += memory
    run.state = State.INTERRUPTED if run.tries < tries else State.FAILED
    run.error = error.as_dict()
    run.finished = now() if run.state == State.FAILED else None
    run.pid = run.process_started = None
    note(session, run_id, "state", {"state": run.state, "tries": run.tries, "error": run.error})
    return run.state


def put_back(session: Session, run_id: str, attempt: int, reason: str) -> None:
    """Let a run wait again that was stopped for no fault of its own, such as a stop of the service."""
    values = {"state": State.INTERRUPTED, "pid": None, "process_started": None}
    _mine(session, run_id, attempt, values)
    note(session, run_id, "state", {"state": State.INTERRUPTED, "reason": reason})


def request_cancel(session: Session, run_id: str) -> Run:
    """The run, cancelled if nothing works on it yet, else with the request noted; WrongState when it has ended."""
    run = _locked(session, run_id)
    if run.state in ENDED:
        raise WrongState(f"run {run_id} is {run.state} already: there is nothing to cancel")
    run.cancel_requested = run.cancel_requested or now()
    if run.state in WAITING:
        _cancelled(session, run)
    else:
        note(session, run_id, "state", {"state": run.state, "cancel_requested": True})
    return run


def cancelled(session: Session, run_id: str, attempt: int) -> None:
    """Note that a run's process has stopped because somebody asked."""
    run = _locked(session, run_id)
    if run.attempt == attempt and run.state in ACTIVE:
        _cancelled(session, run)


def _cancelled(session: Session, run: Run) -> None:
    run.state, run.finished = State.CANCELLED, now()
    run.pid = run.process_started = None
    note(session, run.id, "state", {"state": State.CANCELLED})


def resume(session: Session, run_id: str) -> Run:
    """The run, queued again; finished chunks serve. WrongState unless it failed or was cancelled."""
    run = _locked(session, run_id)
    if run.state not in (State.FAILED, State.CANCELLED):
        raise WrongState(f"run {run_id} is {run.state}: only a failed or cancelled run can be resumed")
    run.state, run.stage = State.QUEUED, ""
    run.tries = run.memory_kills = 0
    run.error = run.cancel_requested = run.started = run.finished = run.notified = None
    chunks.forgive(session, run_id)
    note(session, run_id, "state", {"state": State.QUEUED})
    return run


def delete(session: Session, run_id: str) -> Run:
    """The run, marked as deleted; its artefacts go when the supervisor comes by. WrongState while it is at work."""
    run = _locked(session, run_id)
    if run.state in ACTIVE:
        raise WrongState(f"run {run_id} is {run.state}: cancel it first")
    run.deleted = now()
    if run.state in WAITING:
        _cancelled(session, run)
    return run


def anything_waits(session: Session, executors: Sequence[str]) -> bool:
    """Whether a run of these executors waits for a process."""
    query = select(Run.id).where(Run.state.in_(WAITING), Run.deleted.is_(None), Run.executor.in_(executors))
    return session.scalar(query.limit(1)) is not None


@dataclass(frozen=True)
class Watched:
    """What a supervisor needs to know of a run that is at work."""

    id: str
    attempt: int
    cancel_requested: bool
    heartbeat: datetime | None


def watched(session: Session, run_ids: Sequence[str]) -> list[Watched]:
    """What a supervisor needs to know of some runs."""
    query = select(Run.id, Run.attempt, Run.cancel_requested, Run.heartbeat).where(Run.id.in_(run_ids))
    return [Watched(row[0], row[1], row[2] is not None, row[3]) for row in session.execute(query)]


def at_work(session: Session, host: str | None = None) -> list[Run]:
    """The runs that a process works on, or should: all of them, or those of a host."""
    query = select(Run).where(Run.state.in_(ACTIVE))
    return list(session.scalars(query.where(Run.host == host) if host else query))


def for_dispatcher(session: Session) -> list[Run]:
    """The runs whose chunks a dispatcher is to compute: ``task`` says how; those asked to cancel are not among them."""
    query = select(Run).where(Run.executor == "ray", Run.state == State.RUNNING, Run.cancel_requested.is_(None))
    return list(session.scalars(query.where(Run.task.is_not(None)).order_by(Run.priority.desc(), Run.id)))


def silent(session: Session, host: str, seconds: float) -> list[Run]:
    """Runs that processes of other hosts work on, and that nobody has heard of for so long."""
    since = now() - timedelta(seconds=seconds)
    query = select(Run).where(
        Run.state.in_(ACTIVE), Run.host != host, or_(Run.heartbeat.is_(None), Run.heartbeat < since)
    )
    return list(session.scalars(query))


def to_notify(session: Session) -> list[Run]:
    """Runs that have ended, and whose callback was not told."""
    query = select(Run).where(Run.notified.is_(None), Run.callback_url.is_not(None), Run.state.in_(ENDED))
    return list(session.scalars(query.where(Run.finished.is_not(None)).order_by(Run.finished).limit(100)))


def to_purge(session: Session, deleted_before: datetime, finished_before: datetime | None) -> list[Run]:
    """Runs whose artefacts have to go: long enough deleted, or finished before what is kept."""
    due = Run.deleted < deleted_before
    if finished_before is not None:
        due = or_(due, Run.state.in_(ENDED) & (Run.finished < finished_before))
    return list(session.scalars(select(Run).where(Run.purged.is_(None), due)))


def _mine(session: Session, run_id: str, attempt: int, values: Mapping[str, Any]) -> None:
    """Change a run that this attempt works on; LostRun when it is not, any more."""
    query = update(Run).where(Run.id == run_id, Run.attempt == attempt, Run.state.in_(ACTIVE)).values(**values)
    if not session.execute(query, execution_options={"synchronize_session": False}).rowcount:  # type: ignore[attr-defined]
        raise LostRun(f"run {run_id} is not attempt {attempt}'s any more")


def _locked(session: Session, run_id: str) -> Run:
    query = select(Run).where(Run.id == run_id, Run.deleted.is_(None)).with_for_update()
    run = session.scalar(query.execution_options(populate_existing=True))
    if run is None:
        raise NoSuchRun(f"there is no run {run_id}")
    return run
