"""Chunks of a run in the database: written once when the run is planned, then told how they fare."""

from collections.abc import Collection, Iterable, Sequence
from enum import StrEnum
from typing import Any

import numpy as np
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session, undefer

from oasis_kernel.errors import ChunkFailure
from oasis_kernel.model.work import Chunk, Receipt
from oasis_kernel.service.events_log import note
from oasis_kernel.service.tables import ChunkRow, now


class ChunkState(StrEnum):
    """How a chunk fares."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"  # and tried again
    QUARANTINED = "quarantined"  # set aside: it fails whenever it is tried
    SPLIT = "split"  # its halves are rows of their own
    CANCELLED = "cancelled"


#: Nothing more happens to it in this go.
SETTLED = (ChunkState.DONE, ChunkState.QUARANTINED, ChunkState.SPLIT, ChunkState.CANCELLED)


def write_plan(session: Session, run_id: str, plan: Iterable[Chunk]) -> None:
    """Write a row for each chunk of a new plan."""
    session.add_all(_row(run_id, chunk) for chunk in plan)
    session.flush()


def _row(run_id: str, chunk: Chunk, deaths: int = 0) -> ChunkRow:
    ids = chunk.event_id
    return ChunkRow(
        run_id=run_id,
        number=chunk.number,
        part=chunk.part,
        events={"first": int(ids[0]), "last": int(ids[-1]), "count": len(ids)},
        event_ids=np.ascontiguousarray(ids, dtype="<i4").tobytes(),
        item_events=chunk.item_events,
        expected_bytes=chunk.peak_bytes,
        samples_at_once=chunk.samples_at_once,
        deaths=deaths,
    )


def read_plan(session: Session, run_id: str) -> list[Chunk]:
    """The chunks that were planned, halves in place of those that were split, in order; none before the planning."""
    query = select(ChunkRow).where(ChunkRow.run_id == run_id, ChunkRow.state != ChunkState.SPLIT)
    ordered = query.order_by(ChunkRow.number, ChunkRow.part).options(undefer(ChunkRow.event_ids))
    return [chunk_of(row) for row in session.scalars(ordered)]


def chunk_of(row: ChunkRow) -> Chunk:
    """The engine's chunk of a row."""
    ids = np.frombuffer(row.event_ids, dtype="<i4").astype(np.int32)
    return Chunk(row.number, ids, row.item_events, row.expected_bytes, row.part, row.samples_at_once)


def rows(session: Session, run_id: str, states: Sequence[str] = ()) -> list[ChunkRow]:
    """A run's chunks in order, all of them or those in some states; without their event ids."""
    query = select(ChunkRow).where(ChunkRow.run_id == run_id).order_by(ChunkRow.number, ChunkRow.part)
    return list(session.scalars(query.where(ChunkRow.state.in_(states)) if states else query))


def counts(session: Session, run_id: str) -> dict[str, int]:
    """How many chunks of a run are in each state."""
    query = select(ChunkRow.state, func.count()).where(ChunkRow.run_id == run_id).group_by(ChunkRow.state)
    return {row[0]: row[1] for row in session.execute(query)}


def started(session: Session, run_id: str, chunk: Chunk, worker: str) -> None:
    """Note that a worker has begun a chunk."""
    values = {"state": ChunkState.RUNNING, "worker": worker, "started": now(), "finished": None, "error": None}
    _change(session, run_id, chunk.number, chunk.part, {**values, "attempt": ChunkRow.attempt + 1})


def finished(session: Session, run_id: str, receipt: Receipt) -> None:
    """Note that a chunk's part is there."""
    values: dict[str, Any] = {
        "state": ChunkState.DONE,
        "finished": now(),
        "error": None,
        "worker": receipt.worker or ChunkRow.worker,
        "seconds": receipt.seconds,
        "cpu_seconds": receipt.cpu_seconds,
        "peak_bytes": receipt.peak_bytes,
        "rows": receipt.rows,
        "address": receipt.address,
        "reused": receipt.reused,
        "ground_up": receipt.ground_up,
        "ground_up_reused": receipt.ground_up_reused,
        "events_reused": receipt.events_reused,
        "log_tail": receipt.log_tail or None,
    }
    _change(session, run_id, receipt.chunk, receipt.part, values)


def failed(session: Session, run_id: str, failure: ChunkFailure, *, will_retry: bool) -> None:
    """Note that an attempt at a chunk failed: it is tried again, or was set aside."""
    state = ChunkState.FAILED if will_retry else ChunkState.QUARANTINED
    values = {"state": state, "finished": now(), "error": failure.cause, "log_tail": failure.log_tail or None}
    _change(session, run_id, failure.chunk, failure.part, values)
    note(session, run_id, "chunk", {**failure.as_dict(), "state": state})


def copied(session: Session, run_id: str, chunk: Chunk) -> None:
    """Note that a chunk that takes long is sent out a second time, beside the first."""
    note(session, run_id, "log", {"chunk": chunk.number, "part": chunk.part, "copied": True})


def split(session: Session, run_id: str, chunk: Chunk, into: Sequence[Chunk], deaths: int = 0) -> None:
    """Note that a chunk goes on as its halves, each a row of its own, with so many deaths to begin with."""
    _change(session, run_id, chunk.number, chunk.part, {"state": ChunkState.SPLIT, "finished": now()})
    session.add_all(_row(run_id, half, deaths) for half in into)
    session.flush()
    data = {"chunk": chunk.number, "part": chunk.part, "state": ChunkState.SPLIT, "into": [half.part for half in into]}
    note(session, run_id, "chunk", data)


def died(
    session: Session, run_id: str, error: str, *, memory: bool, at_work: Collection[tuple[int, str]] | None = None
) -> list[ChunkRow]:
    """The chunks that were at work when their process died, failed for that reason.

    They are tried again one at a time; those of a process that died for lack of ``memory`` as halves. ``at_work``
    tells their numbers and parts; without it they are those that were written down as running.
    """
    known = rows(session, run_id, (ChunkState.WAITING, ChunkState.RUNNING, ChunkState.FAILED))
    running = [row for row in known if row.state == ChunkState.RUNNING]
    found = running if at_work is None else [row for row in known if (row.number, row.part) in at_work]
    for row in running:
        row.state = ChunkState.WAITING
    for row in found:
        row.state, row.error, row.finished = ChunkState.FAILED, error, now()
        row.deaths += 1
        note(session, run_id, "chunk", {"chunk": row.number, "part": row.part, "state": row.state, "error": error})
        whole = chunk_of(row)
        if memory and whole.is_divisible:
            split(session, run_id, whole, whole.halves(), deaths=1)
    return found


def failure_of(row: ChunkRow, remedy: str) -> ChunkFailure:
    """What went wrong with a chunk that was set aside."""
    return ChunkFailure(
        chunk=row.number,
        part=row.part,
        first_event=row.events["first"],
        last_event=row.events["last"],
        cause=row.error or "no cause is known",
        remedy=remedy,
        attempt=row.attempt,
        worker=row.worker or "",
        log_tail=row.log_tail or "",
    )


def rest(session: Session, run_id: str, state: ChunkState = ChunkState.WAITING) -> None:
    """Put every chunk that is not done into a state: waiting when a run starts (again), cancelled when it stops."""
    kept = (ChunkState.DONE, ChunkState.SPLIT)
    query = update(ChunkRow).where(ChunkRow.run_id == run_id, ChunkRow.state.not_in(kept))
    session.execute(query.values(state=state), execution_options={"synchronize_session": False})


def forgive(session: Session, run_id: str) -> None:
    """Let every chunk be tried again as if nothing had happened: what resuming a run means."""
    rest(session, run_id)
    query = update(ChunkRow).where(ChunkRow.run_id == run_id).values(deaths=0)
    session.execute(query, execution_options={"synchronize_session": False})


def receipt_of(row: ChunkRow) -> Receipt:
    """The receipt of a chunk that is done."""
    return Receipt(
        chunk=row.number,
        address=row.address or "",
        events=row.events["count"],
        rows=row.rows or 0,
        seconds=row.seconds or 0.0,
        reused=row.reused,
        ground_up=row.ground_up,
        ground_up_reused=row.ground_up_reused,
        events_reused=row.events_reused,
        part=row.part,
        worker=row.worker or "",
        attempt=row.attempt,
        started=row.started.timestamp() if row.started else 0.0,
        cpu_seconds=row.cpu_seconds or 0.0,
        peak_bytes=row.peak_bytes or 0,
        log_tail=row.log_tail or "",
    )


def _change(session: Session, run_id: str, number: int, part: str, values: dict[str, Any]) -> None:
    query = update(ChunkRow).where(ChunkRow.run_id == run_id, ChunkRow.number == number, ChunkRow.part == part)
    session.execute(query.values(**values), execution_options={"synchronize_session": False})
