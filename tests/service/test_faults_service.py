"""``oasis serve`` as operators meet it: started, asked, killed at any moment, started again, stopped."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
from service_runs import ServiceRuns

OASIS = [sys.executable, "-c", "from oasis_kernel.cli import main; main()"]
PATIENCE = 120.0

pytestmark = pytest.mark.slow


class Served:
    """A service in a process of its own."""

    def __init__(self, service_runs: ServiceRuns, folder: Path, *arguments: str):
        self._output = folder / "serve.log"
        self._output.unlink(missing_ok=True)
        environment = {**os.environ, **service_runs.settings.environment(), **service_runs.environment}
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(
                [*OASIS, "serve", *arguments], env=environment, stdout=output, stderr=subprocess.STDOUT
            )
        self._token = service_runs.settings.root / "local-token"

    def said(self) -> str:
        return self._output.read_text()

    def url(self) -> str:
        """The address, once it is told."""
        end = time.monotonic() + PATIENCE
        while (found := re.search(r"serves on (http://[\d.:]+)", self.said())) is None:
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < end, self.said()
            time.sleep(0.1)
        return found[1]

    def ask(self, path: str) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self._token.read_text().strip()}"}
        return httpx.get(self.url() + path, headers=headers, timeout=30)

    def supervisor(self) -> psutil.Process | None:
        """The supervisor that this service keeps."""
        for child in psutil.Process(self.process.pid).children():
            if "oasis_kernel.service.supervisor" in child.cmdline():
                return child
        return None


@pytest.fixture
def served(service_runs: ServiceRuns, tmp_path: Path) -> Iterator[list[Served]]:
    """The services that a test started; they end with it."""
    started: list[Served] = []
    yield started
    for service in started:
        if service.process.poll() is None:
            family = psutil.Process(service.process.pid).children(recursive=False)
            service.process.kill()
            service.process.wait()
            for child in family:
                child.kill()


def start(served: list[Served], service_runs: ServiceRuns, folder: Path, *arguments: str) -> Served:
    served.append(Served(service_runs, folder, *arguments))
    served[-1].url()
    return served[-1]


def gone(pid: int, seconds: float = 20) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.05)
    return False


def test_a_service_killed_in_the_middle_of_a_run_goes_on_with_it(served, service_runs: ServiceRuns, tmp_path: Path):
    service_runs.tricks(seconds=0.3)
    first = start(served, service_runs, tmp_path)
    undisturbed = service_runs.run("tricky")
    assert service_runs.await_state(undisturbed).state == "completed"
    service_runs.forget_parts()
    run_id = service_runs.run("tricky")
    at_work = service_runs.await_chunks(run_id, 2)
    supervisor = first.supervisor()
    assert supervisor is not None
    first.process.kill()
    first.process.wait()
    assert gone(supervisor.pid), "the supervisor stays when the service that started it is gone"
    assert psutil.pid_exists(at_work.pid), "the run ends with the service"
    second = start(served, service_runs, tmp_path)
    run = service_runs.await_state(run_id)
    assert (run.state, run.attempt, run.pid) == ("completed", 1, at_work.pid)
    assert service_runs.tables(run_id) == service_runs.tables(undisturbed)
    shown = second.ask(f"/v1/analyses/{run_id}").json()
    assert (shown["state"], shown["error"]) == ("completed", None)


def test_a_killed_supervisor_is_replaced_and_the_run_does_not_notice(served, service_runs, tmp_path: Path):
    service_runs.tricks(seconds=0.3)
    service = start(served, service_runs, tmp_path)
    run_id = service_runs.run("tricky")
    at_work = service_runs.await_chunks(run_id, 2)
    killed = service.supervisor()
    assert killed is not None
    killed.kill()
    run = service_runs.await_state(run_id)
    assert (run.state, run.attempt, run.pid) == ("completed", 1, at_work.pid)
    end = time.monotonic() + PATIENCE
    while (another := service.supervisor()) is None or another.pid == killed.pid:
        assert time.monotonic() < end
        time.sleep(0.1)
    assert "ended (-9) and is started again" in service.said()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_service_leaves_no_process(number, served, service_runs: ServiceRuns, tmp_path: Path):
    service_runs.tricks(seconds=0.5)
    service = start(served, service_runs, tmp_path)
    assert service.ask("/v1").json()["user"]["name"] == "local"
    run_id = service_runs.run("tricky")
    at_work = service_runs.await_run(run_id, lambda run: run.pid is not None)
    supervisor = service.supervisor()
    assert supervisor is not None
    service.process.send_signal(number)
    service.process.wait(30)
    assert "Traceback" not in service.said()
    assert gone(supervisor.pid, 1)
    assert gone(at_work.pid, 1)
    assert service_runs.found(run_id).state == "interrupted"


def test_a_taken_port_is_told(service_runs: ServiceRuns, tmp_path: Path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        service = Served(service_runs, tmp_path, "--port", str(taken.getsockname()[1]))
        assert service.process.wait(PATIENCE) == 1
    assert "Address already in use. Give --port 0 for a free one" in service.said()
    assert "Traceback" not in service.said()


def test_wrong_settings_are_told(service_runs: ServiceRuns, tmp_path: Path):
    file = tmp_path / "service.toml"
    file.write_text('port = 99999\nwokers = 2\n[oidc]\nissuer = "https://idp"\n')
    service_runs.settings = service_runs.settings.model_copy()
    told = subprocess.run([*OASIS, "serve", "--settings", str(file)], capture_output=True, text=True, timeout=PATIENCE)
    assert told.returncode == 1
    assert "service.toml: port is not valid: input should be less than or equal to 65535, got 99999" in told.stderr
    assert "service.toml: wokers is not a known setting" in told.stderr
    assert "service.toml: oidc.audience is not valid: field required" in told.stderr
