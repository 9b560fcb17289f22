"""The process of one run: check, prepare, plan, compute, write; started and watched by the supervisor.

``python -m oasis_kernel.service.run_process RUN ATTEMPT``. All it knows lies in the database and in storage, so that
another one goes on where it was killed.
"""

import faulthandler
import logging
import os
import select
import shutil
import signal
import socket
import sys
import threading
import time
from dataclasses import replace

import psutil
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.orm import Session

from oasis_kernel.dispatch import Executor
from oasis_kernel.engine.analysis import Analysis, Resources
from oasis_kernel.engine.earlier import earlier_for
from oasis_kernel.engine.execute import Begun, Planned, begin, finish, kept_ground_up, plan_run
from oasis_kernel.engine.kept import KeptGroundUp
from oasis_kernel.engine.progress import Clock, peak_memory
from oasis_kernel.engine.without_account import begin_without_account
from oasis_kernel.errors import (
    ChunkFailed,
    ChunksFailed,
    DamagedPart,
    Finding,
    InvalidInput,
    OasisError,
    StorageFailed,
    StorageFull,
)
from oasis_kernel.model.work import Plan
from oasis_kernel.plugins import load_plugins
from oasis_kernel.questions.result import Run as Results
from oasis_kernel.service import chunks, runs
from oasis_kernel.service.artefacts import Artefacts
from oasis_kernel.service.cautious import CautiousExecutor
from oasis_kernel.service.database import Database
from oasis_kernel.service.dispatched import DispatchedExecutor
from oasis_kernel.service.links import fetched
from oasis_kernel.service.processes import OUT_OF_MEMORY, STOPPED
from oasis_kernel.service.redaction import install_redaction
from oasis_kernel.service.requests import analysis_of, portfolio_of
from oasis_kernel.service.retention import results_name
from oasis_kernel.service.run_limits import RunLimits
from oasis_kernel.service.run_notes import RunNotes
from oasis_kernel.service.settings import ServiceSettings
from oasis_kernel.service.tables import PortfolioVersion

HEARTBEAT_SECONDS = 2.0
LOST, TROUBLE = 70, 75  # exit codes: the run is another attempt's; something outside the run failed

log = logging.getLogger(__name__)


class RunAtWork:
    """One attempt at a run."""

    def __init__(self, database: Database, settings: ServiceSettings, run_id: str, attempt: int, told: socket.socket):
        self._told = told
        self._database = database
        self._settings = settings
        self._run_id = run_id
        self._attempt = attempt
        with database.write() as session:
            runs.set_process(session, run_id, attempt, os.getpid(), psutil.Process().create_time())
            self._run = runs.find(session, run_id)
            if self._run.executor == "threads":
                chunks.rest(session, run_id)  # a cluster may still be at work on its own
            version_id = self._run.version_id
            self._version = session.get(PortfolioVersion, version_id) if version_id else None
        self._notes = RunNotes(
            database, run_id, attempt, lost=_leave_lost, at_work=settings.run_at_work(run_id, attempt)
        )
        self._working = settings.run_folder(run_id) / f"results-{attempt}"
        threading.Thread(target=self._live, name="heart", daemon=True).start()

    def compute(self) -> int:
        """Bring the run to its end, whichever it is; the exit code."""
        try:
            self._complete()
        except runs.LostRun:
            return LOST
        except InvalidInput as error:
            self._fail(_of_findings(error), [finding.as_dict() for finding in error.findings])
        except OasisError as error:
            if _passes(error):
                log.exception("storage failed, or a finished chunk is damaged")
                return TROUBLE
            self._fail(_of_error(error))
        except MemoryError:
            log.exception("out of memory")
            return OUT_OF_MEMORY
        except OSError:  # disks and networks recover: the supervisor tries again
            log.exception("something outside the run failed")
            return TROUBLE
        except (OperationalError, InterfaceError):
            log.exception("the database does not answer")
            return TROUBLE
        except Exception as error:  # the job boundary: whatever it is, the run says so
            log.exception("the run failed")
            cause = f"{type(error).__name__}: {error}"
            self._fail(runs.RunError("the run failed in a way nobody foresaw", cause, "Read the log, and tell us"))
        finally:
            shutil.rmtree(self._working, ignore_errors=True)
        self._settings.run_at_work(self._run_id, self._attempt).unlink(missing_ok=True)
        return 0

    def _complete(self) -> None:
        analysis, noticed = self._analysis()
        resources = self._resources()
        begun = begin(analysis, Clock(self._notes.report), noticed)
        kept = kept_ground_up(resources, begun.prepared) if resources.keep_ground_up else None
        account = self._run.request.get("without_account")
        if account is not None and kept is not None:
            begun, kept = begin_without_account(begun, kept, account)
        planned = self._plan(begun, kept, resources)
        # Only this process knows which kept losses go on without an account: such chunks cannot be sent elsewhere.
        on_cluster = self._run.executor == "ray" and (kept is None or kept.rows is None)
        executor = self._executor(resources, on_cluster=on_cluster)
        record = finish(begun, self._working, resources, kept, executor, planned)
        place = Artefacts(self._settings.storage_url)
        place.delete(results_name(self._run_id))
        place.put_folder(self._working, results_name(self._run_id))
        values = {
            "results_url": place.url_of(results_name(self._run_id)),
            "headline": Results(self._working).as_dict() | {"folder": ""},
            "findings": record.findings,
        }
        self._notes.close()
        self._database.write_patiently(lambda session: runs.complete(session, self._run_id, self._attempt, values))
        log.info("completed in %.1f s", record.seconds)

    def _analysis(self) -> tuple[Analysis, list[Finding]]:
        """The engine's analysis of what was asked for, its files brought to this machine."""
        version = self._version
        if version is None:
            raise OasisError(f"run {self._run_id} has no portfolio; make a new run")
        artefacts = Artefacts(self._settings.storage_url)
        found = fetched(version.files, artefacts, self._settings.storage_links)
        files = {kind: str(path) for kind, path in found.items()}
        rates = str(artefacts.local_url(version.rates_url)) if version.rates_url else None
        portfolio = portfolio_of(files, version.reporting_currency, rates)
        return analysis_of(load_plugins(), self._run.model, self._run.request, portfolio)

    def _resources(self) -> Resources:
        limits = RunLimits.of(self._run, self._settings)
        log.info("%d threads, %.0f MiB", limits.workers, limits.memory_bytes / 2**20)
        resources = Resources.of_this_machine(
            limits.workers, limits.chunk_bytes, self._settings.parts_folder, self._run.request.get("chunks")
        )
        shared = "" if self._settings.storage_url.startswith("file:") else f"{self._settings.storage_url}/parts"
        return replace(resources, keep_ground_up=bool(self._run.request.get("keep_ground_up")), parts_url=shared)

    def _plan(self, begun: Begun, kept: KeptGroundUp | None, resources: Resources) -> Planned:
        """The plan that an earlier attempt wrote down, or a new one: a run is never cut in two ways."""
        with self._database.read() as session:
            planned = chunks.read_plan(session, self._run_id)
        if planned:
            plan = Plan(tuple(planned), resources.workers, sum(chunk.peak_bytes for chunk in planned))
            return Planned(plan, earlier=earlier_for(begun.prepared, resources) if kept is None else None)
        made = plan_run(begun, resources, kept)
        self._database.write_patiently(lambda session: self._write_plan(session, made))
        log.info("%d events in %d chunks", made.plan.events, len(made.plan.chunks))
        return made

    def _write_plan(self, session: Session, made: Planned) -> None:
        chunks.write_plan(session, self._run_id, made.plan.chunks)
        if made.forecast is not None:
            runs.set_estimate(session, self._run_id, self._attempt, made.forecast.expected.as_dict())

    def _executor(self, resources: Resources, *, on_cluster: bool) -> Executor:
        if on_cluster:
            return DispatchedExecutor(self._database, self._run_id)
        with self._database.read() as session:
            rows = chunks.rows(session, self._run_id)
        deaths = {(row.number, row.part): row.deaths for row in rows}
        causes = {(row.number, row.part): row.error or "" for row in rows}
        return CautiousExecutor(resources.workers, deaths, causes, self._notes)

    def _fail(self, error: runs.RunError, findings: list[dict[str, object]] | None = None) -> None:
        log.error("%s: %s. %s", error.what, error.cause, error.remedy)
        self._notes.close()
        self._database.write_patiently(lambda session: runs.fail(session, self._run_id, self._attempt, error, findings))

    def _live(self) -> None:
        """Say every few seconds that this process is alive; leave when told to, which must not wait for a kernel."""
        while not select.select([self._told], [], [], HEARTBEAT_SECONDS)[0]:
            try:
                with self._database.write() as session:
                    pulse = runs.heartbeat(session, self._run_id, self._attempt, peak_memory())
            except runs.LostRun:
                _leave_lost()
            except (OperationalError, InterfaceError) as error:
                log.warning("no heartbeat: %s", error)
            else:
                if pulse.cancel_requested:
                    break
        self._leave()

    def _leave(self) -> None:
        """End this process at once: chunks are published whole or not at all, so nothing has to be tidied."""
        log.info("told to stop")
        try:
            self._notes.silence()
            with self._database.write() as session:
                run = runs.find(session, self._run_id, deleted=True)
                if run.cancel_requested is not None and run.attempt == self._attempt:
                    runs.cancelled(session, self._run_id, self._attempt)
                    chunks.rest(session, self._run_id, chunks.ChunkState.CANCELLED)
        except (OperationalError, InterfaceError, runs.LostRun) as error:
            log.warning("how it stopped could not be written down: %s", error)
        shutil.rmtree(self._working, ignore_errors=True)
        os._exit(STOPPED)


def _leave_lost() -> None:
    log.error("the run belongs to a later attempt; this process ends")
    os._exit(LOST)


def _of_findings(error: InvalidInput) -> runs.RunError:
    first = error.findings[0] if error.findings else None
    more = f", and {len(error.findings) - 1} more findings" if len(error.findings) > 1 else ""
    return runs.RunError(
        what="the inputs cannot be used",
        cause=f"{first}{more}",
        remedy=(first.remedy if first is not None else "") or "Put the inputs right, and run again",
        row=f"{first.file} row {first.row}" if first is not None and first.row is not None else None,
    )


def _passes(error: OasisError) -> bool:
    """Whether another attempt may go well: storage comes back, a damaged part is computed again. A full disk stays."""
    return isinstance(error, StorageFailed | DamagedPart) and not isinstance(error, StorageFull)


def _of_error(error: OasisError) -> runs.RunError:
    """Why a run ended, with its first failed chunk where it failed in chunks."""
    remedy = "Put this right, and resume the run: finished chunks are kept"
    failures = error.failures if isinstance(error, ChunksFailed) else ()
    if isinstance(error, ChunkFailed):
        failures = (error.failure,)
    if not failures:
        return runs.RunError("the run cannot go on", str(error), remedy)
    first = failures[0]
    several = f"{len(failures)} chunks were set aside" if len(failures) > 1 else "a chunk was set aside"
    ended = isinstance(error, ChunkFailed)  # as too many hang
    return runs.RunError(
        what="a chunk failed, and the run was ended" if ended else f"{several}, and all others are finished",
        cause=first.cause,
        remedy=first.remedy or remedy,
        chunk=first.chunk,
        first_event=first.first_event,
        last_event=first.last_event,
    )


def _told_to_stop() -> socket.socket:
    """What can be read from once this process gets SIGTERM, even while its main thread is in a long kernel."""
    told, telling = socket.socketpair()
    telling.setblocking(False)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda number, frame: None)
    signal.set_wakeup_fd(telling.detach(), warn_on_full_buffer=False)
    return told


def main(arguments: list[str]) -> int:
    """Work on the run and attempt named; the exit code."""
    faulthandler.enable()
    faulthandler.register(signal.SIGUSR1, all_threads=True)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.Formatter.converter = time.gmtime
    install_redaction()
    run_id, attempt = arguments[0], int(arguments[1])
    log.info("run %s, attempt %d, process %d", run_id, attempt, os.getpid())
    settings = ServiceSettings.load()
    database = Database(settings.database_url)
    try:
        return RunAtWork(database, settings, run_id, attempt, told=_told_to_stop()).compute()
    except (runs.LostRun, runs.NoSuchRun) as error:
        log.error("%s", error)
        return LOST


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
