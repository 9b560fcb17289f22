"""Runs on a cluster as its dispatcher has them: fair, cancelled at once, the same bytes whatever is killed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import psutil
import pytest
from service_runs import CHUNKS, PATIENCE, ServiceRuns

from oasis_kernel.service import cluster_reports, events_log, runs
from oasis_kernel.service.database import Database
from oasis_kernel.service.migrations import upgrade
from oasis_kernel.service.settings import ServiceSettings

pytestmark = pytest.mark.slow


class ClusterRuns(ServiceRuns):
    """Runs, a supervisor, and a dispatcher with a Ray cluster of its own on this machine."""

    dispatcher: "subprocess.Popen[bytes]"
    first_events: list[int]  # of each chunk

    def start_dispatcher(self) -> None:
        """A dispatcher, ready."""
        environment = {**os.environ, **self.settings.environment(), **self.environment}
        command = [sys.executable, "-m", "oasis_kernel.service.dispatcher"]
        with (self._folder / "supervisor.log").open("ab") as log:
            self.dispatcher = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        self.await_report("ready")

    def await_report(self, state: str, **values: object) -> cluster_reports.Reported:
        """The dispatcher's report once it says so, and was written from now on."""
        began, end = time.time(), time.monotonic() + PATIENCE
        while time.monotonic() < end:
            with self.database.read() as session:
                found = cluster_reports.latest(session)
            wanted = {"state": state, **values}
            if found and found.at.timestamp() >= began and wanted.items() <= dict(found.data).items():
                return found
            assert self.dispatcher.poll() is None, self.log()
            time.sleep(0.05)
        raise AssertionError(self.log())

    def ray_processes(self, name: str) -> list[psutil.Process]:
        """Ray's processes of a name."""
        below = psutil.Process(self.dispatcher.pid).children(recursive=True)
        return [process for process in below if process.name() == name]

    def stop_dispatcher(self) -> None:
        self.dispatcher.terminate()
        assert self.dispatcher.wait(60) == 0, self.log()


@contextmanager
def cluster_runs(folder: Path) -> Iterator[ClusterRuns]:
    settings = ServiceSettings(root=folder / "service", port=0, ray="local", ray_token_file=folder / "token")
    database = Database(settings.database_url)
    upgrade(database)
    made = ClusterRuns(database, settings, folder)
    try:
        made.tricks(seconds=0.1)
        made.start()
        made.start_dispatcher()
        yield made
        made.stop_dispatcher()
    finally:
        made.clean_up()
        made.dispatcher.kill()
        made.dispatcher.wait()
        database.close()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterRuns]:
    if find_spec("ray") is None:
        pytest.skip("needs Ray: pip install 'oasis-workbench[ray]'")
    with cluster_runs(tmp_path_factory.mktemp("cluster")) as made:
        yield made


@pytest.fixture(scope="module")
def undisturbed(cluster: ClusterRuns) -> dict[str, bytes]:
    """The tables of a run of the same work on threads."""
    run_id = cluster.run("tricky", executor="threads")
    finished = cluster.await_state(run_id)
    assert finished.state == "completed", finished.error
    cluster.first_events = [chunk.events["first"] for chunk in cluster.chunks(run_id)]
    return cluster.tables(run_id)


@pytest.fixture(autouse=True)
def _afresh(cluster: ClusterRuns) -> None:
    cluster.forget_parts()
    cluster.tricks(seconds=0.1)


def test_a_run_on_the_cluster_has_the_bytes_of_one_on_threads(cluster, undisturbed):
    cluster.forget_parts()
    run_id = cluster.run("tricky", executor="ray")
    run = cluster.await_state(run_id)
    assert (run.state, run.error) == ("completed", None)
    assert cluster.tables(run_id) == undisturbed
    computed = cluster.chunks(run_id)
    assert {chunk.state for chunk in computed} == {"done"}
    assert {chunk.attempt for chunk in computed} == {1}
    assert all(chunk.worker and chunk.started and chunk.cpu_seconds and not chunk.reused for chunk in computed)


def test_the_cluster_s_workers_are_reported_with_their_versions(cluster):
    deadline = time.monotonic() + 30
    while not (report := cluster.await_report("ready")).data["workers"][0]["versions"]:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    [worker] = report.data["workers"]
    assert report.fresh
    assert worker["versions"]["models"]["toy-wind"]
    assert (report.data["slots"], worker["cpus"]) == (os.cpu_count(), os.cpu_count())


def test_a_small_run_does_not_wait_for_another_user_s_large_one(cluster):
    cluster.tricks(seconds=0.5)
    large = cluster.run("tricky", owner="ann", executor="ray", chunks=200)
    cluster.await_chunks(large, 2)
    small = cluster.run("tricky", owner="bob", executor="ray", samples=4, chunks=10)
    assert cluster.await_state(small).state == "completed"
    left = [chunk for chunk in cluster.chunks(large) if chunk.state != "done"]
    assert len(left) > 50
    cluster.tricks(seconds=0.0)
    assert cluster.await_state(large).state == "completed"


def test_of_one_user_s_runs_the_one_with_priority_comes_first(cluster):
    cluster.tricks(seconds=0.2)
    first = cluster.run("tricky", executor="ray", chunks=100)
    cluster.await_chunks(first, 1)
    urgent = cluster.run("tricky", executor="ray", samples=4, chunks=6, priority=5)
    assert cluster.await_state(urgent).state == "completed"
    assert any(chunk.state == "waiting" for chunk in cluster.chunks(first))
    cluster.tricks(seconds=0.0)
    assert cluster.await_state(first).state == "completed"


def test_a_cancelled_run_frees_the_cluster_within_five_seconds_and_can_be_resumed(cluster, undisturbed):
    cluster.forget_parts()
    cluster.tricks(seconds=1.0)
    run_id = cluster.run("tricky", executor="ray")
    cluster.await_chunks(run_id, 2)
    with cluster.database.write() as session:
        runs.request_cancel(session, run_id)
    began = time.monotonic()
    cluster.await_report("ready", in_flight=0, runs=0)
    assert time.monotonic() - began < 5.0
    assert cluster.await_run(run_id, lambda run: run.state == "cancelled").error is None
    assert {chunk.state for chunk in cluster.chunks(run_id)} == {"done", "cancelled"}
    cluster.tricks(seconds=0.0)
    with cluster.database.write() as session:
        runs.resume(session, run_id)
    run = cluster.await_state(run_id)
    assert run.state == "completed"
    assert cluster.tables(run_id) == undisturbed


def test_a_killed_worker_changes_nothing(cluster, undisturbed):
    cluster.forget_parts()
    cluster.tricks(seconds=1.5)
    run_id = cluster.run("tricky", executor="ray")
    cluster.await_chunks(run_id, 1, "running")
    worker = next(chunk.worker for chunk in cluster.chunks(run_id) if chunk.state == "running")
    os.kill(int(worker.rpartition(":")[2]), signal.SIGKILL)
    cluster.tricks(seconds=0.1)
    run = cluster.await_state(run_id)
    assert (run.state, run.attempt) == ("completed", 1)
    with cluster.database.read() as session:
        causes = [event.data.get("cause") for event in events_log.events_after(session, run_id)]
    assert causes.count("the worker process died") == 1
    assert cluster.tables(run_id) == undisturbed


def test_a_chunk_that_crashes_its_worker_is_set_aside_and_the_rest_is_finished(cluster, undisturbed):
    cluster.forget_parts()
    poisoned = cluster.first_events[4]
    cluster.tricks(event=poisoned, do="crash")
    run_id = cluster.run("tricky", executor="ray")
    run = cluster.await_run(run_id, lambda run: run.state in ("failed", "completed"))
    assert run.state == "failed"
    assert run.error["chunk"] == 4
    assert run.error["first_event"] == poisoned
    assert "the worker process died" in run.error["cause"]
    states = [chunk.state for chunk in cluster.chunks(run_id)]
    assert states.count("done") == CHUNKS - 1
    assert states[4] == "quarantined"
    cluster.tricks(seconds=0.0)
    with cluster.database.write() as session:
        runs.resume(session, run_id)
    assert cluster.await_state(run_id).state == "completed"
    assert cluster.tables(run_id) == undisturbed


def test_a_killed_dispatcher_is_followed_by_one_that_goes_on(cluster, undisturbed):
    cluster.forget_parts()
    cluster.tricks(seconds=0.4)
    run_id = cluster.run("tricky", executor="ray")
    at_work = cluster.await_chunks(run_id, 3)
    cluster.dispatcher.send_signal(signal.SIGKILL)
    cluster.dispatcher.wait()
    finished = sum(chunk.state == "done" for chunk in cluster.chunks(run_id))
    cluster.tricks(seconds=0.0)
    cluster.start_dispatcher()
    run = cluster.await_state(run_id)
    assert (run.state, run.attempt, run.pid) == ("completed", 1, at_work.pid)
    assert finished < CHUNKS
    assert cluster.tables(run_id) == undisturbed


def test_a_lost_head_ends_the_dispatcher_and_the_next_one_goes_on(cluster, undisturbed):
    cluster.forget_parts()
    cluster.tricks(seconds=0.4)
    run_id = cluster.run("tricky", executor="ray")
    at_work = cluster.await_chunks(run_id, 1)
    for name in ("gcs_server", "raylet"):
        cluster.ray_processes(name)[0].kill()
    assert cluster.dispatcher.wait(60) != 0
    assert {chunk.state for chunk in cluster.chunks(run_id)} <= {"done", "running", "waiting"}
    cluster.tricks(seconds=0.0)
    cluster.start_dispatcher()
    run = cluster.await_state(run_id)
    assert (run.state, run.attempt, run.pid) == ("completed", 1, at_work.pid)
    assert cluster.tables(run_id) == undisturbed


def test_a_killed_process_of_a_run_on_the_cluster_is_started_again(cluster, undisturbed):
    cluster.forget_parts()
    cluster.tricks(seconds=0.5)
    run_id = cluster.run("tricky", executor="ray")
    at_work = cluster.await_chunks(run_id, 2)
    os.kill(at_work.pid, signal.SIGKILL)
    cluster.await_run(run_id, lambda run: run.attempt == 2)
    cluster.tricks(seconds=0.0)
    run = cluster.await_state(run_id)
    assert (run.state, run.attempt, run.error) == ("completed", 2, None)
    assert cluster.tables(run_id) == undisturbed
