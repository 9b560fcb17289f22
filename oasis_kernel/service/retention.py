"""What is no longer kept: the artefacts of deleted runs, and of runs older than the operator keeps them."""

import logging
import shutil
from datetime import timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from oasis_kernel.service import runs
from oasis_kernel.service.database import Database
from oasis_kernel.service.settings import ServiceSettings
from oasis_kernel.service.tables import ChunkRow, Run, RunEvent, now
from oasis_kernel.store.places import Place

#: So long can the steps of a run's progress be followed after its end.
PROGRESS_DAYS = 1.0

log = logging.getLogger(__name__)


def results_name(run_id: str) -> str:
    """The name of a run's results in the storage of artefacts."""
    return f"results/{run_id}"


def purge(database: Database, settings: ServiceSettings) -> int:
    """Remove the artefacts of every run that is due; returns how many runs that were.

    Parts of chunks stay: other runs may use them, and their store has a limit of its own.
    """
    deleted_before = now() - timedelta(days=settings.keep_deleted_days)
    finished_before = now() - timedelta(days=settings.keep_days) if settings.keep_days is not None else None
    with database.read() as session:
        due = runs.to_purge(session, deleted_before, finished_before)
    for run in due:
        Place(settings.storage_url).delete(results_name(run.id))
        shutil.rmtree(settings.run_folder(run.id), ignore_errors=True)
        database.write_patiently(lambda session, run_id=run.id: _forget(session, run_id))  # type: ignore[misc]
        log.info("run %s: its artefacts were removed", run.id)
    return len(due)


def trim(database: Database) -> None:
    """Remove the steps of progress of runs that ended a while ago: their states, chunks and findings stay."""
    before = now() - timedelta(days=PROGRESS_DAYS)
    ended = select(Run.id).where(Run.state.in_(runs.ENDED), Run.finished < before)
    with database.write() as session:
        query = delete(RunEvent).where(RunEvent.kind == "progress", RunEvent.at < before, RunEvent.run_id.in_(ended))
        session.execute(query, execution_options={"synchronize_session": False})


def _forget(session: Session, run_id: str) -> None:
    """Keep of a run its row, and of one that was not deleted how its chunks fared."""
    run = session.get_one(Run, run_id)
    run.purged = now()
    if run.deleted is not None:
        session.execute(delete(ChunkRow).where(ChunkRow.run_id == run_id))
        session.execute(delete(RunEvent).where(RunEvent.run_id == run_id))
