"""The supervisor: claims queued runs, keeps each in a process of its own, and sees to it that every run has an end.

It can be killed at any time: processes go on, and the next supervisor of this machine finds them again.
"""

import logging
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.orm import Session

from oasis_kernel.errors import OasisError
from oasis_kernel.service import chunks, events_log, processes, retention, runs
from oasis_kernel.service.at_work import Key, left_at_work
from oasis_kernel.service.callbacks import Callbacks
from oasis_kernel.service.database import Database
from oasis_kernel.service.housekeeping import Housekeeper
from oasis_kernel.service.migrations import require_current
from oasis_kernel.service.processes import RunProcess, Stop
from oasis_kernel.service.settings import ServiceSettings
from oasis_kernel.service.staying import leave_when_told, only_one
from oasis_kernel.service.tables import Run

LOOK_SECONDS = 0.25
KEEP_HOUSE_SECONDS = 2.0
TRIM_SECONDS = 3600.0

REMEDIES = {
    "again": "Nothing to do: it is tried again, and finished chunks are kept",
    "resume": "Read the log, and resume the run: finished chunks are kept",
    "memory": "Resume it with more memory or fewer workers, or ask for fewer samples or coarser summaries",
    "deadline": "Resume it with a longer deadline: finished chunks are kept",
}

log = logging.getLogger(__name__)


class Supervisor:
    """Watches the runs of one machine."""

    def __init__(self, database: Database, settings: ServiceSettings, host: str | None = None):
        self.host = host or socket.gethostname()
        self._database = database
        self._settings = settings
        self._watched: dict[str, RunProcess] = {}
        self._callbacks = Callbacks(database, settings)
        self._memory_kills = processes.memory_kills_of_system()
        self._database_since = time.time()
        self._kept_house = 0.0

    def adopt(self) -> None:
        """Find the processes that an earlier supervisor of this machine left at work, and miss those that are gone."""
        with self._database.read() as session:
            found = runs.at_work(session, self.host)
        for run in found:
            process = processes.find(run, self._settings, self._free_slot())
            if process is not None:
                log.info("run %s goes on in process %d", run.id, process.process.pid)
                self._watched[run.id] = process
            elif run.pid is None:
                self._put_back(run, "it had not begun")
            else:
                why = "the run's process died", "it ended while no supervisor watched, so the cause is not known"
                self._interrupt(run.id, run.attempt, processes.Ending(*why))

    def look(self) -> None:
        """Look once at everything: processes that ended or exceed a limit, requests to cancel, runs that are due."""
        for process in list(self._watched.values()):
            if process.ended():
                self._end(process)  # a database that is away now is told with the next look
                del self._watched[process.run_id]
        self._check_limits()
        while (room := self._room()) and self._start_next(room):
            pass
        if time.monotonic() - self._kept_house > KEEP_HOUSE_SECONDS:
            self._keep_house()
            self._kept_house = time.monotonic()

    def watch(self, leave: threading.Event) -> None:
        """Look again and again until told to leave; a database that is away for a while stops nothing."""
        while not leave.wait(LOOK_SECONDS):
            try:
                self.look()
            except (OperationalError, InterfaceError) as error:
                log.warning("the database does not answer: %s", error)
                self._database_since = time.time()

    def stop(self) -> None:
        """Stop every run, for the service stops: each goes on when it starts again."""
        for process in self._watched.values():
            process.stop(Stop.SERVICE, self._settings.stop_seconds)
        while self._watched:
            for process in list(self._watched.values()):
                process.press()
                if process.ended():
                    self._end(process)
                    del self._watched[process.run_id]
            time.sleep(0.05)
        self.close()

    def close(self) -> None:
        """Leave; processes that are at work go on."""
        self._callbacks.close()

    def _room(self) -> list[str]:
        """The executors for which another run may start: those on a cluster only wait here for their chunks."""
        at_work = Counter(process.executor for process in self._watched.values())
        most = {"threads": self._settings.workers, "ray": self._settings.cluster_runs}
        return [executor for executor, limit in most.items() if at_work[executor] < limit]

    def _start_next(self, executors: Sequence[str]) -> bool:
        with self._database.read() as session:
            if not runs.anything_waits(session, executors):
                return False
        with self._database.write() as session:
            run = runs.claim(session, self.host, executors)
        if run is None:
            return False
        process = processes.start(run, self._settings, self._free_slot())
        self._watched[run.id] = process
        log.info("run %s, attempt %d: process %d", run.id, run.attempt, process.process.pid)
        return True

    def _free_slot(self) -> int:
        taken = {process.slot for process in self._watched.values()}
        return next(slot for slot in range(len(taken) + 1) if slot not in taken)

    def _check_limits(self) -> None:
        if not self._watched:
            return
        with self._database.read() as session:
            rows = runs.watched(session, list(self._watched))
        for row in rows:
            process = self._watched[row.id]
            why = self._why_to_stop(process, row)
            if why is not None and process.stopping is None:
                log.info("run %s is stopped: %s", row.id, why)
                process.stop(why, self._settings.stop_seconds)
            process.press()

    def _why_to_stop(self, process: RunProcess, row: runs.Watched) -> Stop | None:
        if process.memory() > process.limits.memory_bytes:
            return Stop.MEMORY
        if row.cancel_requested or row.attempt != process.attempt:
            return Stop.CANCEL
        if process.deadline is not None and time.time() > process.deadline:
            return Stop.DEADLINE
        heard = max(row.heartbeat.timestamp() if row.heartbeat else 0.0, self._database_since, process.started)
        return Stop.SILENT if time.time() - heard > self._settings.heartbeat_seconds else None

    def _end(self, process: RunProcess) -> None:
        """Write down how a run's process ended, where it has not done so itself."""
        with self._database.read() as session:
            run = session.get(Run, process.run_id)
        if run is None or run.attempt != process.attempt or run.state not in runs.ACTIVE:
            return
        if run.cancel_requested is not None:
            self._database.write_patiently(lambda session: _cancel(session, run))
        elif process.stopping == Stop.SERVICE:
            self._put_back(run, "the service was stopped")
        elif process.stopping == Stop.DEADLINE:
            self._database.write_patiently(lambda session: _miss_deadline(session, run, process))
        else:
            killed, self._memory_kills = self._memory_kills, processes.memory_kills_of_system()
            last = events_log.tail(self._settings.run_log(run.id), 1)
            how = processes.ending(
                process, killed_by_system=self._memory_kills > killed, last_line=last[0] if last else ""
            )
            place = self._settings.run_at_work(run.id, run.attempt)
            self._interrupt(run.id, run.attempt, how, left_at_work(place))
            place.unlink(missing_ok=True)

    def _put_back(self, run: Run, reason: str) -> None:
        self._database.write_patiently(lambda session: runs.put_back(session, run.id, run.attempt, reason))

    def _interrupt(
        self, run_id: str, attempt: int, how: processes.Ending, at_work: frozenset[Key] | None = None
    ) -> None:
        """Let a run whose process died, with these chunks at work, be tried again, or fail after enough tries."""
        death = Death(how, self._settings.run_tries, at_work)
        state = self._database.write_patiently(lambda session: _interrupt(session, run_id, attempt, death))
        log.warning("run %s is %s: %s: %s", run_id, state, how.what, how.cause)

    def _keep_house(self) -> None:
        """What has to be done from time to time: machines that are silent, and notifications."""
        with self._database.read() as session:
            lost = runs.silent(session, self.host, self._settings.heartbeat_seconds)
        for run in lost:
            why = f"machine {run.host} has not been heard of for {self._settings.heartbeat_seconds:.0f} s"
            self._interrupt(run.id, run.attempt, processes.Ending("the run's machine is gone", why))
        self._callbacks.send_due()


def tidy_up(database: Database, settings: ServiceSettings, leave: threading.Event) -> None:
    """Remove what is not kept any more, now and then: beside the watch, because storage may be slow or away."""
    housekeeper, trim_at = Housekeeper(database, settings), 0.0
    while not leave.wait(KEEP_HOUSE_SECONDS):
        try:
            retention.purge(database, settings)
            housekeeper.tidy_when_due()
            if time.monotonic() > trim_at:
                retention.trim(database)
                trim_at = time.monotonic() + TRIM_SECONDS
        except (OperationalError, InterfaceError, OasisError, OSError) as error:
            log.warning("not everything could be tidied up: %s", error)


def _cancel(session: Session, run: Run) -> None:
    runs.cancelled(session, run.id, run.attempt)
    chunks.rest(session, run.id, chunks.ChunkState.CANCELLED)


def _miss_deadline(session: Session, run: Run, process: RunProcess) -> None:
    limit = process.limits.deadline_seconds or 0.0
    cause = f"it was at work for more than {limit:,.0f} s, in stage {run.stage or 'start'} ({run.done} of {run.total})"
    at_work = chunks.rows(session, run.id, [chunks.ChunkState.RUNNING])
    chunks.rest(session, run.id)
    runs.fail(session, run.id, run.attempt, _error("the run exceeded its deadline", cause, "deadline", at_work))


@dataclass(frozen=True)
class Death:
    """How a run's process died, how often it may be started, and the chunks at work (None: nobody knows)."""

    how: processes.Ending
    tries: int
    at_work: frozenset[Key] | None


def _interrupt(session: Session, run_id: str, attempt: int, death: Death) -> str:
    how, tries = death.how, death.tries
    run = runs.find(session, run_id, deleted=True)
    if run.attempt != attempt or run.state not in runs.ACTIVE:
        return run.state  # somebody else saw it first
    at_work = []
    if run.executor == "threads":  # those of a cluster are at work elsewhere
        at_work = chunks.died(session, run_id, f"{how.what}: {how.cause}", memory=how.memory, at_work=death.at_work)
    last = run.tries + 1 >= tries
    remedy = "again" if not last else ("memory" if how.memory else "resume")
    cause = f"{how.cause}; it was tried {tries} times" if last else how.cause
    return runs.interrupt(
        session, run_id, attempt, _error(how.what, cause, remedy, at_work), tries=tries, memory=how.memory
    )


def _error(what: str, cause: str, remedy: str, at_work: list[chunks.ChunkRow]) -> runs.RunError:
    """The error of a run, with the chunk that was at work; the first of several."""
    if not at_work:
        return runs.RunError(what, cause, REMEDIES[remedy])
    if len(at_work) > 1:
        cause = f"{cause}; chunks {', '.join(str(row.number) for row in at_work)} were at work"
    first = at_work[0]
    return runs.RunError(what, cause, REMEDIES[remedy], first.number, first.events["first"], first.events["last"])


def main() -> int:
    """Supervise until told to stop; the exit code."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s supervisor: %(message)s")
    logging.getLogger("alembic").setLevel(logging.WARNING)
    settings = ServiceSettings.load()
    leave, stopping = threading.Event(), threading.Event()
    leave_when_told(leave, stopping)
    database = Database(settings.database_url)
    try:
        require_current(database)
        with only_one(settings, "supervisor"):
            supervisor = Supervisor(database, settings)
            supervisor.adopt()
            threading.Thread(target=tidy_up, args=(database, settings, leave), name="tidy", daemon=True).start()
            log.info("at most %d runs at the same time", settings.workers)
            supervisor.watch(leave)
            supervisor.stop() if stopping.is_set() else supervisor.close()
    except OasisError as error:
        log.error("%s", error)
        return 1
    finally:
        database.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
