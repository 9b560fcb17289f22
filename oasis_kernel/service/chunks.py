"""Chunks of a run in the database: written once when the run is planned, then told how they fare."""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any

import numpy as np
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session, undefer

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
    session.add_all(_row(run_id, chunk, "") for chunk in plan)
    session.flush()


def _row(run_id: str, chunk: Chunk, part: str) -> ChunkRow:
    ids = chunk.event_id
    return ChunkRow(
        run_id=run_id,
        number=chunk.number,
        part=part,
        events={"first": int(ids[0]), "last": int(ids[-1]), "count": len(ids)},
        event_ids=np.ascontiguousarray(ids, dtype="<i4").tobytes(),
        item_events=chunk.item_events,
        expected_bytes=chunk.peak_bytes,
    )


def read_plan(session: Session, run_id: str) -> list[Chunk]:
    """The chunks that were planned, in order; none before the run was planned."""
    query = select(ChunkRow).where(ChunkRow.run_id == run_id, ChunkRow.part == "").order_by(ChunkRow.number)
    return [chunk_of(row) for row in session.scalars(query.options(undefer(ChunkRow.event_ids)))]


def chunk_of(row: ChunkRow) -> Chunk:
    """The engine's chunk of a row."""
    ids = np.frombuffer(row.event_ids, dtype="<i4").astype(np.int32)
    return Chunk(row.number, ids, row.item_events, row.expected_bytes)


def rows(session: Session, run_id: str, states: Sequence[str] = ()) -> list[ChunkRow]:
    """A run's chunks in order, all of them or those in some states; without their event ids."""
    query = select(ChunkRow).where(ChunkRow.run_id == run_id).order_by(ChunkRow.number, ChunkRow.part)
    return list(session.scalars(query.where(ChunkRow.state.in_(states)) if states else query))


def counts(session: Session, run_id: str) -> dict[str, int]:
    """How many chunks of a run are in each state."""
    query = select(ChunkRow.state, func.count()).where(ChunkRow.run_id == run_id).group_by(ChunkRow.state)
    return dict(session.execute(query).tuples().all())


def started(session: Session, run_id: str, number: int, worker: str, part: str = "") -> None:
    """Note that a worker has begun a chunk."""
    changed = {"state": ChunkState.RUNNING, "worker": worker, "started": now(), "finished": None, "error": None}
    _change(session, run_id, number, part, {**changed, "attempt": ChunkRow.attempt + 1})


def finished(session: Session, run_id: str, receipt: Receipt, part: str = "") -> None:
    """Note that a chunk's part is there."""
    values: dict[str, Any] = {
        "state": ChunkState.DONE,
        "finished": now(),
        "seconds": receipt.seconds,
        "rows": receipt.rows,
        "address": receipt.address,
        "reused": receipt.reused,
        "ground_up": receipt.ground_up,
        "ground_up_reused": receipt.ground_up_reused,
        "error": None,
    }
    _change(session, run_id, receipt.chunk, part, values)


def failed(
    session: Session, run_id: str, number: int, error: str, *, part: str = "", again: bool = True, log_tail: str = ""
) -> None:
    """Note that a chunk has failed: it is tried ``again``, or set aside."""
    state = ChunkState.FAILED if again else ChunkState.QUARANTINED
    values = {"state": state, "finished": now(), "error": error, "log_tail": log_tail or None}
    _change(session, run_id, number, part, values)
    note(session, run_id, "chunk", {"chunk": number, "part": part, "state": state, "error": error})


def split(session: Session, run_id: str, number: int, into: Sequence[Chunk], part: str = "") -> list[str]:
    """Note that a chunk was cut in pieces, each a row of its own; returns their parts: ``0``, ``1``, ``01`` ..."""
    _change(session, run_id, number, part, {"state": ChunkState.SPLIT, "finished": now()})
    parts = [part + str(position) for position in range(len(into))]
    session.add_all(_row(run_id, chunk, name) for chunk, name in zip(into, parts, strict=True))
    session.flush()
    note(session, run_id, "chunk", {"chunk": number, "part": part, "state": ChunkState.SPLIT, "into": parts})
    return parts


def rest(session: Session, run_id: str, state: ChunkState = ChunkState.WAITING) -> None:
    """Put every chunk that is not done into a state: waiting when a run starts (again), cancelled when it stops."""
    query = update(ChunkRow).where(
        ChunkRow.run_id == run_id, ChunkRow.state.not_in([ChunkState.DONE, ChunkState.SPLIT])
    )
    session.execute(query.values(state=state), execution_options={"synchronize_session": False})


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
    )


def _change(session: Session, run_id: str, number: int, part: str, values: dict[str, Any]) -> None:
    query = update(ChunkRow).where(ChunkRow.run_id == run_id, ChunkRow.number == number, ChunkRow.part == part)
    session.execute(query.values(**values), execution_options={"synchronize_session": False})
