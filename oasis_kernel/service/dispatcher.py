"""The dispatcher: the one process that speaks to the Ray cluster, for every user's runs.

``python -m oasis_kernel.service.dispatcher``. What it knows lies in the database, so that it can be killed at any
time: the next one lets the chunks wait again that this one had sent out, and finds the parts of those that finished.
When the cluster's head is gone, or the network to it, this process ends, and whoever started it starts it again.
"""

import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from sqlalchemy.exc import InterfaceError, OperationalError

from oasis_kernel.dispatch.ray_capacity import Capacity
from oasis_kernel.dispatch.ray_cluster import RayCluster
from oasis_kernel.dispatch.ray_tasks import News, RayTasks, WorkerRefused, applied
from oasis_kernel.engine.versions import base_versions, unlike_base
from oasis_kernel.errors import ClusterUnusable, OasisError
from oasis_kernel.leaving import leave_at_once
from oasis_kernel.service import cluster_reports, cluster_runs, runs
from oasis_kernel.service.cluster_runs import ClusterRun, Notes, Turns, cluster_run
from oasis_kernel.service.database import Database
from oasis_kernel.service.migrations import require_current
from oasis_kernel.service.settings import ServiceSettings
from oasis_kernel.service.staying import leave_when_told, only_one

LOOK_SECONDS = 0.25
REPORT_SECONDS = 2.0
VERSIONS = "oasis_kernel.engine.versions:worker_versions"
REMEDY = "Put this right, and resume the run: finished chunks are kept"

log = logging.getLogger(__name__)


class Dispatcher:
    """Takes chunks of all runs from the database, sends them to the cluster, and writes down how they fare."""

    def __init__(self, database: Database, cluster: RayCluster, threads: int, most: Mapping[str, int] | None = None):
        self._database = database
        self._cluster = cluster
        self._threads = threads
        self._tasks = RayTasks(cluster, threads)
        self._capacity = Capacity(cluster, threads, most or {})
        self._runs: dict[str, ClusterRun] = {}
        self._turns = Turns()
        self._notes = Notes()
        self._base = base_versions()
        self._versions: dict[str, Any] = {}
        self._looked = self._reported = 0.0

    def work(self, leave: threading.Event) -> None:
        """Dispatch until told to leave."""
        while not leave.is_set():
            self._look()
            self._fill()
            self._capacity.want(cluster_runs.processors(self._runs.values(), self._tasks.of))
            began = time.monotonic()
            for news in self._tasks.news(LOOK_SECONDS):
                self._hear(news)
            for run in self._runs.values():
                self._tasks.end_overdue(run.run_id, run.waiting)
            self._tasks.force_late()
            self._write()
            if not len(self._tasks):
                leave.wait(max(0.0, LOOK_SECONDS - (time.monotonic() - began)))

    def close(self) -> None:
        """Stop what is in flight; its chunks wait for the next dispatcher."""
        self._capacity.withdraw()
        for run_id in list(self._runs):
            self._tasks.stop(run_id)
            self._notes.hear(lambda session, run_id=run_id: cluster_runs.let_wait(session, run_id))  # type: ignore[misc]
        self._write()

    def _look(self) -> None:
        """Take up new runs, let go of those that ended or are to be cancelled, and say how the cluster is."""
        if time.monotonic() - self._looked < LOOK_SECONDS:
            return
        self._looked = time.monotonic()
        try:
            self._compare()
        except (OperationalError, InterfaceError) as error:
            log.warning("the database does not answer: %s", error)
        self._report()

    def _compare(self) -> None:
        with self._database.read() as session:
            wanted = {run.id: run for run in runs.for_dispatcher(session)}
            for run_id, run in wanted.items():
                known = self._runs.get(run_id)
                if known is not None and known.attempt != run.attempt:
                    self._let_go(run_id)
                elif known is None and not self._tasks.of(run_id):
                    # What an earlier dispatcher, or an earlier attempt, had sent out is computed again.
                    self._runs[run_id] = cluster_run(session, run, self._notes)
                    log.info("run %s of %s: %d chunks", run_id, run.owner, len(self._runs[run_id].waiting))
                elif known is not None:
                    known.priority = run.priority
        for run_id in self._runs.keys() - wanted.keys():
            self._let_go(run_id)

    def _let_go(self, run_id: str) -> None:
        """Stop a run's tasks: they are given half a second, then some more, then lose their workers."""
        del self._runs[run_id]
        if self._tasks.of(run_id):
            log.info("run %s: %d tasks are stopped", run_id, self._tasks.of(run_id))
            self._tasks.cancel(run_id)

    def _fill(self) -> None:
        """Send out chunks while there is room for them, in turns."""
        while (run := self._turns.next(self._with_room(), self._tasks.of)) is not None:
            attempts = run.waiting.take_several(self._tasks.batch(len(run.waiting)))
            self._tasks.submit(run.run_id, run.reference, attempts)
        if not any(len(run.waiting) for run in self._runs.values()):
            for run in self._runs.values():
                self._tasks.copy_late(run.run_id, run.reference, run.waiting)

    def _with_room(self) -> list[ClusterRun]:
        """The runs that may send out a task now; those whose model no worker is for are given up."""
        found = []
        for run in list(self._runs.values()):
            try:
                if self._tasks.room(run.reference.model) > 0:
                    found.append(run)
            except ClusterUnusable as error:
                self._give_up(run.run_id, str(error))
        return found

    def _hear(self, news: News) -> None:
        run = self._runs.get(str(news.owner))
        if run is None:
            if news.receipt is not None:  # of a run that was let go: its part is there all the same
                cluster_runs.RunObserver(str(news.owner), self._notes).finished(news.receipt)
            return
        try:
            applied(run.waiting, news)
        except WorkerRefused as error:
            self._give_up(run.run_id, str(error))

    def _give_up(self, run_id: str, cause: str) -> None:
        """Nothing more of a run can be computed, and why."""
        log.error("run %s: %s", run_id, cause)
        self._let_go(run_id)
        self._write()
        self._database.write_patiently(lambda session: cluster_runs.set_all_aside(session, run_id, cause, REMEDY))

    def _write(self) -> None:
        if len(self._notes):
            self._database.write_patiently(self._notes.write)
            self._notes.clear()

    def _report(self) -> None:
        """Write down how the cluster is, every now and then."""
        if time.monotonic() - self._reported < REPORT_SECONDS:
            return
        self._reported = time.monotonic()
        nodes = self._cluster.nodes()
        unknown = {node.id for node in nodes} - self._versions.keys()
        if unknown:
            self._versions |= {node: {} for node in unknown}
            threading.Thread(target=self._ask_versions, name="versions", daemon=True).start()
        workers = [asdict(node) | {"versions": self._versions.get(node.id, {})} for node in nodes]
        self._database.write_patiently(
            lambda session: cluster_reports.write(
                session,
                {
                    "state": "ready",
                    "address": self._cluster.address,
                    "workers": workers,
                    "slots": sum(node.cpus for node in nodes if not node.refused) // self._threads,
                    "threads_per_task": self._threads,
                    "in_flight": len(self._tasks),
                    "runs": len(self._runs),
                },
            )
        )

    def _ask_versions(self) -> None:
        for node_id, versions in self._cluster.ask(VERSIONS).items():
            self._versions[node_id] = versions
            if unlike := unlike_base(versions, self._base):
                log.error("worker %s is refused: %s", node_id, unlike)
                self._cluster.refuse(node_id, unlike)


def dispatch(database: Database, settings: ServiceSettings, leave: threading.Event) -> None:
    """Open the cluster and dispatch until told to leave. ClusterUnusable, also written down, when it cannot be used."""
    about = {"address": settings.ray, "workers": [], "slots": 0, "in_flight": 0, "runs": 0}
    database.write_patiently(lambda session: cluster_reports.write(session, {**about, "state": "starting"}))
    offers = tuple({*settings.ray_models, *settings.ray_slots})
    cluster = RayCluster(settings.ray, token_file=settings.ray_token_file, offers=offers)
    try:
        cluster.open()
    except ClusterUnusable as error:
        said = {**about, "state": "unusable", "error": str(error)}
        database.write_patiently(lambda session: cluster_reports.write(session, said))
        raise
    leave_when_told(leave)  # Ray has put its own handlers there
    dispatcher = Dispatcher(database, cluster, settings.ray_threads, settings.ray_slots)
    try:
        log.info("cluster %s: %d processors", settings.ray, cluster.cpus())
        dispatcher.work(leave)
        dispatcher.close()
    finally:
        cluster.close()


def main() -> int:
    """Dispatch until told to stop; the exit code."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s dispatcher: %(message)s")
    logging.getLogger("alembic").setLevel(logging.WARNING)
    settings = ServiceSettings.load()
    leave = threading.Event()
    database = Database(settings.database_url)
    try:
        require_current(database)
        with only_one(settings, "dispatcher"):
            dispatch(database, settings, leave)
    except OasisError as error:
        log.error("%s", error)
        return 1
    except (OperationalError, InterfaceError):
        log.exception("the database does not answer")
        return 1
    finally:
        database.close()
    return 0


if __name__ == "__main__":
    leave_at_once(main())  # Ray's own end would wait for a cluster that is lost
