"""Runs under a real supervisor, each in a process of its own: undisturbed, killed, cancelled, limited, notified."""

import json
import os
import signal
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import psutil
import pytest
from service_runs import CHUNKS, ServiceRuns

from oasis_kernel.errors import ChunkFailed, ChunkFailure
from oasis_kernel.service import events_log, runs
from oasis_kernel.service.callbacks import Callbacks
from oasis_kernel.service.database import Database
from oasis_kernel.service.migrations import upgrade
from oasis_kernel.service.run_process import _of_error
from oasis_kernel.service.settings import ServiceSettings

pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The tables of a run that nothing happened to, in a service of its own."""
    folder = tmp_path_factory.mktemp("undisturbed")
    settings = ServiceSettings(root=folder / "service")
    database = Database(settings.database_url)
    upgrade(database)
    alone = ServiceRuns(database, settings, folder)
    alone.tricks()
    alone.start()
    try:
        run_id = alone.run("tricky")
        assert alone.await_state(run_id).state == "completed"
        return alone.tables(run_id)
    finally:
        alone.clean_up()
        database.close()


@pytest.mark.each_database
def test_a_run_ends_with_results_chunks_and_a_headline(service_runs: ServiceRuns):
    service_runs.start()
    run_id = service_runs.run()
    run = service_runs.await_state(run_id)
    assert (run.state, run.error, run.attempt, run.tries) == ("completed", None, 1, 0)
    assert run.headline is not None
    assert run.headline["average_annual_loss"]["gul"] > 0
    assert {chunk.state for chunk in service_runs.chunks(run_id)} == {"done"}
    assert len(service_runs.chunks(run_id)) == CHUNKS
    assert "gul_S1_ept.csv" in service_runs.tables(run_id)
    assert (run.done, run.total, run.stage) == (8, 8, "results")
    assert not list(service_runs.settings.run_folder(run_id).glob("results-*"))


def test_events_that_an_earlier_run_has_are_not_computed_again(service_runs: ServiceRuns):
    service_runs.start()
    first = service_runs.run()
    assert service_runs.await_state(first).state == "completed"
    second = service_runs.run(chunks=CHUNKS // 3)
    assert service_runs.await_state(second).state == "completed"
    rows = service_runs.chunks(second)
    assert len(rows) == CHUNKS // 3
    assert [row.events_reused for row in rows] == [row.events["count"] for row in rows]
    assert service_runs.tables(second) == service_runs.tables(first)


def test_inputs_that_cannot_be_used_are_told_with_row_and_remedy(service_runs: ServiceRuns):
    service_runs.start()
    run_id = service_runs.run(settings={"gul_output": True, "gul_summaries": [{"id": 1, "lec_output": True}]})
    run = service_runs.await_state(run_id)
    assert run.state == "failed"
    assert run.error is not None
    assert run.error["what"] == "the inputs cannot be used"
    assert "settings" in run.error["cause"]
    assert run.error["remedy"]
    assert run.findings


@pytest.mark.each_database
def test_a_killed_run_process_is_started_again_and_the_bytes_are_the_same(service_runs, undisturbed):
    service_runs.tricks(seconds=0.1)
    service_runs.start()
    run_id = service_runs.run("tricky")
    at_work = service_runs.await_chunks(run_id, 3)
    os.kill(at_work.pid, signal.SIGKILL)
    run = service_runs.await_state(run_id)
    assert (run.state, run.attempt, run.tries, run.error) == ("completed", 2, 1, None)
    assert service_runs.tables(run_id) == undisturbed
    assert sum(chunk.reused for chunk in service_runs.chunks(run_id)) >= 3
    with service_runs.database.read() as session:
        errors = [event.data["error"] for event in events_log.events_after(session, run_id) if event.data.get("error")]
    assert any("killed from outside (signal 9, SIGKILL)" in str(error) for error in errors)


@pytest.mark.each_database
def test_a_run_outlives_its_supervisor_and_the_next_one_finds_it(service_runs, undisturbed):
    service_runs.tricks(seconds=1.0)
    supervisor = service_runs.start()
    run_id = service_runs.run("tricky")
    at_work = service_runs.await_chunks(run_id, 2)
    supervisor.kill()
    supervisor.wait()
    service_runs.start()
    run = service_runs.await_state(run_id)
    assert (run.pid, run.host) == (at_work.pid, at_work.host)
    assert (run.state, run.attempt, run.tries) == ("completed", 1, 0)
    assert f"run {run_id} goes on in process {at_work.pid}" in service_runs.log()
    assert service_runs.tables(run_id) == undisturbed


def test_what_died_unwatched_is_noticed_by_the_next_supervisor(service_runs, undisturbed):
    service_runs.tricks(seconds=0.2)
    supervisor = service_runs.start()
    run_id = service_runs.run("tricky")
    at_work = service_runs.await_chunks(run_id, 2)
    supervisor.kill()
    supervisor.wait()
    os.kill(at_work.pid, signal.SIGKILL)
    service_runs.start()
    run = service_runs.await_state(run_id)
    assert (run.state, run.attempt, run.tries) == ("completed", 2, 1)
    assert service_runs.tables(run_id) == undisturbed


@pytest.mark.each_database
def test_a_stopped_service_puts_its_runs_back_and_they_go_on(service_runs, undisturbed):
    service_runs.tricks(seconds=0.2)
    service_runs.start()
    run_id = service_runs.run("tricky")
    at_work = service_runs.await_chunks(run_id, 2)
    service_runs.stop()
    assert not psutil.pid_exists(at_work.pid)
    waiting = service_runs.found(run_id)
    assert (waiting.state, waiting.tries) == ("interrupted", 0)
    service_runs.start()
    assert service_runs.await_state(run_id).state == "completed"
    assert service_runs.tables(run_id) == undisturbed


def test_a_cancelled_run_is_gone_within_seconds_and_can_be_resumed(service_runs, undisturbed):
    service_runs.tricks(seconds=0.2)
    service_runs.start()
    run_id = service_runs.run("tricky")
    at_work = service_runs.await_chunks(run_id, 2)
    asked = time.monotonic()
    with service_runs.database.write() as session:
        runs.request_cancel(session, run_id)
    assert time.monotonic() - asked < 1.0
    run = service_runs.await_state(run_id)
    while psutil.pid_exists(at_work.pid):
        time.sleep(0.02)
    assert time.monotonic() - asked < 5.0
    assert (run.state, run.error) == ("cancelled", None)
    assert {chunk.state for chunk in service_runs.chunks(run_id)} == {"done", "cancelled"}
    with service_runs.database.write() as session:
        runs.resume(session, run_id)
    assert service_runs.await_state(run_id).state == "completed"
    assert service_runs.tables(run_id) == undisturbed


def test_a_hanging_vendor_is_cancelled_too(service_runs: ServiceRuns):
    service_runs.tricks(event=700, do="freeze")
    service_runs.start()
    run_id = service_runs.run("tricky")
    at_work = service_runs.await_run(run_id, lambda run: run.pid is not None)
    while not psutil.pid_exists(at_work.pid) or psutil.Process(at_work.pid).status() != psutil.STATUS_STOPPED:
        time.sleep(0.05)
    asked = time.monotonic()
    with service_runs.database.write() as session:
        runs.request_cancel(session, run_id)
    assert service_runs.await_state(run_id).state == "cancelled"
    assert time.monotonic() - asked < 5.0


def test_a_run_beyond_its_deadline_says_so_and_goes_on_with_a_longer_one(service_runs, undisturbed):
    service_runs.tricks(event=700, do="hang", times=1)
    service_runs.start()
    run_id = service_runs.run("tricky", resources={"workers": 1, "deadline_seconds": 25.0})
    run = service_runs.await_state(run_id)
    assert run.state == "failed", service_runs.run_log(run_id)
    assert run.error["what"] == "the run exceeded its deadline"
    assert "more than 25 s, in stage losses" in run.error["cause"]
    assert "longer deadline" in run.error["remedy"]
    assert run.error["first_event"] <= 700 <= run.error["last_event"]
    assert "most recent call first" in service_runs.run_log(run_id), "what every thread was doing"
    with service_runs.database.write() as session:
        runs.resume(session, run_id)
    assert service_runs.await_state(run_id).state == "completed"
    assert service_runs.tables(run_id) == undisturbed


def test_a_run_that_takes_too_much_memory_is_stopped_and_its_chunk_halved(service_runs, undisturbed):
    service_runs.tricks(event=700, do="fill", times=1)
    service_runs.start()
    run_id = service_runs.run("tricky", resources={"workers": 1, "memory_bytes": 1500 * 2**20})
    run = service_runs.await_state(run_id)
    assert (run.state, run.tries, run.memory_kills) == ("completed", 1, 1), run.error
    halved = [chunk for chunk in service_runs.chunks(run_id) if chunk.state == "split"]
    assert len(halved) == 1
    assert "exceeded its memory limit" in halved[0].error
    assert halved[0].events["first"] <= 700 <= halved[0].events["last"]
    assert len(service_runs.chunks(run_id)) == CHUNKS + 2
    assert service_runs.tables(run_id) == undisturbed


def test_a_run_that_always_takes_too_much_memory_fails_and_says_what_to_do(service_runs: ServiceRuns):
    service_runs.tricks(event=700, do="fill")
    service_runs.start()
    run_id = service_runs.run("tricky", resources={"workers": 1, "memory_bytes": 1500 * 2**20})
    run = service_runs.await_state(run_id)
    assert (run.state, run.tries) == ("failed", 3)
    assert run.error["what"] == "the run's process exceeded its memory limit"
    assert "of 1,500 MiB; it was tried 3 times" in run.error["cause"]
    assert "more memory" in run.error["remedy"]
    assert run.error["first_event"] <= 700 <= run.error["last_event"]
    states = [chunk.state for chunk in service_runs.chunks(run_id)]
    assert states.count("done") >= CHUNKS - 1
    assert states.count("split") == 3


def test_a_chunk_that_crashes_the_process_is_set_aside_and_the_rest_is_finished(service_runs, undisturbed):
    service_runs.tricks(event=700, do="crash", times=2)
    service_runs.start()
    run_id = service_runs.run("tricky")
    run = service_runs.await_state(run_id)
    assert (run.state, run.attempt) == ("failed", 3)
    assert run.error["what"] == "a chunk was set aside, and all others are finished"
    assert "signal 11, SIGSEGV" in run.error["cause"]
    assert run.error["first_event"] <= 700 <= run.error["last_event"]
    states = [chunk.state for chunk in service_runs.chunks(run_id)]
    assert (states.count("done"), states.count("quarantined")) == (CHUNKS - 1, 1)
    with service_runs.database.write() as session:
        runs.resume(session, run_id)
    assert service_runs.await_state(run_id).state == "completed"
    assert service_runs.tables(run_id) == undisturbed


def test_a_chunk_whose_code_fails_is_named_with_cause_and_log(service_runs: ServiceRuns):
    service_runs.tricks(event=700, do="fail")
    service_runs.start()
    run_id = service_runs.run("tricky")
    run = service_runs.await_state(run_id)
    assert (run.state, run.attempt) == ("failed", 1)
    assert "the hazard of this event is not there" in run.error["cause"]
    [chunk] = [chunk for chunk in service_runs.chunks(run_id) if chunk.state == "quarantined"]
    assert run.error["chunk"] == chunk.number
    assert chunk.attempt == 2
    assert "ValueError" in chunk.log_tail


def test_a_chunk_that_hangs_is_set_aside_and_the_rest_is_finished(service_runs: ServiceRuns, undisturbed):
    service_runs.tricks(event=700, do="hang", times=1, limit=10.0)
    service_runs.start()
    run_id = service_runs.run("tricky")
    run = service_runs.await_state(run_id)
    assert (run.state, run.attempt) == ("failed", 1)
    assert run.error["what"] == "a chunk was set aside, and all others are finished"
    assert "its thread was left behind in tricky_model.py" in run.error["cause"]
    [chunk] = [chunk for chunk in service_runs.chunks(run_id) if chunk.state == "quarantined"]
    assert (chunk.number, chunk.attempt) == (run.error["chunk"], 1)
    assert "in _hang" in chunk.log_tail
    with service_runs.database.write() as session:
        runs.resume(session, run_id)
    assert service_runs.await_state(run_id).state == "completed"
    assert service_runs.tables(run_id) == undisturbed


def test_a_run_that_a_chunk_has_ended_does_not_say_that_the_others_are_finished():
    error = _of_error(ChunkFailed(ChunkFailure(3, "", 5, 8, "it took 12 minutes", "Look for what hangs")))
    assert (error.what, error.cause, error.chunk) == ("a chunk failed, and the run was ended", "it took 12 minutes", 3)


def test_deleted_runs_leave_nothing(service_runs: ServiceRuns):
    service_runs.start()
    run_id = service_runs.run()
    url = service_runs.await_state(run_id).results_url
    results = Path(url.removeprefix("file://"))
    assert results.is_dir()
    with service_runs.database.write() as session:
        runs.delete(session, run_id)
    service_runs.await_run(run_id, lambda run: run.purged is not None)
    assert not results.exists()
    assert not service_runs.settings.run_folder(run_id).exists()
    assert service_runs.chunks(run_id) == []


class Receiver(HTTPServer):
    """Somebody who wants to know: refuses twice, then listens."""

    def __init__(self) -> None:
        self.heard: list[dict[str, object]] = []
        self.answers = [500, 503]
        super().__init__(("127.0.0.1", 0), _Listening)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class _Listening(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        self.server.heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(self.server.answers.pop(0) if self.server.answers else 204)
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        pass


def notified(database: Database, run_id: str) -> str:
    end = time.monotonic() + 20
    while time.monotonic() < end:
        with database.read() as session:
            for event in events_log.events_after(session, run_id):
                if "callback" in event.data:
                    return str(event.data["callback"])
        time.sleep(0.05)
    raise AssertionError("nobody was told")


def test_the_end_of_a_run_is_told_to_an_allowed_host_until_it_listens(service_runs: ServiceRuns):
    receiver = Receiver()
    allowed = {"callback_hosts": ("127.0.0.1",), "callback_schemes": ("http",)}
    settings = service_runs.settings.model_copy(update=allowed)
    run_id = service_runs.run(callback_url=f"http://127.0.0.1:{receiver.server_port}/done?x=1")
    callbacks = Callbacks(service_runs.database, settings, again_after=(0.05, 0.05, 0.05))
    callbacks.send_due()
    with service_runs.database.write() as session:
        runs.request_cancel(session, run_id)
    callbacks.send_due()
    callbacks.send_due()
    assert notified(service_runs.database, run_id) == "sent"
    callbacks.send_due()
    callbacks.close()
    receiver.shutdown()
    receiver.server_close()
    assert [message["state"] for message in receiver.heard] == ["cancelled"] * 3
    assert receiver.heard[0]["id"] == run_id


def test_no_other_host_is_told(service_runs: ServiceRuns):
    run_id = service_runs.run(callback_url="http://169.254.169.254/latest/meta-data")
    with service_runs.database.write() as session:
        runs.request_cancel(session, run_id)
    callbacks = Callbacks(service_runs.database, service_runs.settings)
    callbacks.send_due()
    assert "must be an address that may be notified" in notified(service_runs.database, run_id)
    callbacks.close()
    assert service_runs.found(run_id).notified is not None


def test_settings_are_told_to_children_and_read_back(settings: ServiceSettings):
    changed = settings.model_copy(update={"workers": 3, "callback_hosts": ("a.example", "b.example"), "ray": "local"})
    assert ServiceSettings.load(environment=changed.environment()) == changed
