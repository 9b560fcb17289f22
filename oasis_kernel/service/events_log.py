"""What happens to a run, in order: rows that followers read by id, and the log file of its processes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from oasis_kernel.service.tables import Run, RunEvent

Kind = Literal["state", "progress", "chunk", "finding", "log"]

TAIL_BYTES = 65_536


def note(session: Session, run_id: str, kind: Kind, data: Mapping[str, Any]) -> RunEvent:
    """A new event of a run.

    The run's row is locked first: who follows by id must never see a later event before an earlier one.
    """
    session.execute(select(Run.id).where(Run.id == run_id).with_for_update())
    happened = RunEvent(run_id=run_id, kind=kind, data=dict(data))
    session.add(happened)
    session.flush()
    return happened


def events_after(session: Session, run_id: str, after: int = 0, limit: int = 500) -> list[RunEvent]:
    """The events of a run with a higher id, oldest first: what a follower that has seen ``after`` has missed."""
    query = select(RunEvent).where(RunEvent.run_id == run_id, RunEvent.id > after).order_by(RunEvent.id).limit(limit)
    return list(session.scalars(query))


def tail(log: Path, lines: int = 200) -> list[str]:
    """The last lines of a log file; none when it is not there."""
    try:
        with log.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - TAIL_BYTES))
            text = file.read().decode(errors="replace")
    except FileNotFoundError:
        return []
    found = text.splitlines()
    return found[1 if size > TAIL_BYTES else 0 :][-lines:]
