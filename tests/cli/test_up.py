"""``oasis up`` as a person meets it: one command, log-in, pages, a first analysis on Ray, and nothing left of it."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import httpx
import psutil
import pytest

pytest.importorskip("fastapi", reason="the service is not installed: pip install 'oasis-workbench[service]'")
if find_spec("ray") is None:  # not imported: it reads its environment then, and another module's tests open a cluster
    pytest.skip("Ray is not installed: pip install 'oasis-workbench[ray]'", allow_module_level=True)

from hub_stack import follow, log_in, path_of, until

from oasis_kernel.cli.up_hub import LogIn, hub_environment, prepared, what_is_missing
from oasis_kernel.errors import OasisError

OASIS = [sys.executable, "-c", "from oasis_kernel.cli import main; main()"]
READY = "Ctrl-C stops everything"
NAME = "First look at toy-wind"
needs_hub = pytest.mark.skipif(what_is_missing() != (None, None), reason="needs the extras hub and widgets")


@dataclass
class Workbench:
    """A workbench's command line and process, and what it said in each of its starts."""

    folder: Path
    process: "subprocess.Popen[bytes] | None" = None
    starts: list[Path] = field(default_factory=list)
    password: str = ""

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("OASIS_HUB_", "JUPYTER"))}
        return kept | {"PYTHONUNBUFFERED": "1"}

    @property
    def root(self) -> Path:
        return self.folder / "root"

    def command(self, *more: str) -> list[str]:
        return [*OASIS, "up", "--root", str(self.root), *more]

    def start(self) -> None:
        """Start it where it is not up, and return when everything has been said."""
        if self.process is not None and self.process.poll() is None:
            return
        self.begin()
        until(self._is_up, 900)
        if shown := re.search(r"password (\S+) \(shown this once\)", self.said):
            self.password = shown[1]

    def begin(self) -> None:
        """Start it."""
        self.starts.append(self.folder / f"said-{len(self.starts)}.txt")
        command = self.command("--port", "0", "--samples", "10", "--out", str(self.folder / "tables"))
        with self.starts[-1].open("wb") as out:
            self.process = subprocess.Popen(
                command, cwd=self.folder, stdout=out, stderr=out, start_new_session=True, env=self.environment
            )

    def _is_up(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.said
        return READY in self.said

    def answers(self) -> bool:
        """Whether the service answers, which is before anything of the first analysis is said."""
        try:
            port = json.loads((self.root / "ports.json").read_text())["service"]
            return httpx.get(f"http://127.0.0.1:{port}/healthz", trust_env=False, timeout=5).status_code == 200
        except (OSError, ValueError, httpx.TransportError):
            return False

    @property
    def said(self) -> str:
        return self.starts[-1].read_text(encoding="utf-8", errors="replace")

    @property
    def log(self) -> str:
        return (self.root / "log.txt").read_text(encoding="utf-8", errors="replace")

    @property
    def address(self) -> str:
        return re.search(r"^Open (\S+) and log in as demo", self.said, re.MULTILINE)[1]

    @property
    def service(self) -> str:
        return re.search(r"described on (\S+)/docs", self.said)[1]

    def processes(self) -> list[psutil.Process]:
        """The command and all that it has started."""
        assert self.process is not None
        own = psutil.Process(self.process.pid)
        return [own, *own.children(recursive=True)]

    def browser(self) -> httpx.Client:
        return httpx.Client(base_url=self.address, trust_env=False, timeout=120, follow_redirects=False)

    def end(self, number: signal.Signals) -> None:
        """End it as a person or a system does, and wait until nothing is left of it."""
        assert self.process is not None
        self.process.send_signal(number)
        self.process.wait(120)
        until(lambda: not self.left(), 120)

    def left(self) -> list[psutil.Process]:
        """The processes that were started for this root, whoever is their parent."""
        return [each for each in psutil.process_iter() if str(self.root) in "".join(environment_of(each).values())]

    def clear_away(self) -> None:
        """Kill what a failed test has left, by its numbers."""
        if self.process is not None:
            for process in self.left():
                process.kill()
            self.process.kill()
            self.process.wait(30)


@pytest.fixture(scope="module")
def only(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workbench]:
    made = Workbench(tmp_path_factory.mktemp("up"))
    try:
        yield made
    finally:
        made.clear_away()


@pytest.fixture
def workbench(only: Workbench) -> Workbench:
    only.start()
    return only


def environment_of(process: psutil.Process) -> dict[str, str]:
    try:
        return process.environ()
    except (psutil.Error, OSError):  # it has ended, or is another user's
        return {}


def arguments_of(process: psutil.Process) -> list[str]:
    """What a process was started with; nothing of one that has ended meanwhile."""
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def hub_answers(browser: httpx.Client) -> bool:
    try:
        return browser.get("/hub/health").status_code == 200
    except httpx.TransportError:
        return False


def hub_token(browser: httpx.Client) -> str:
    """A token of the hub that the demo user makes."""
    xsrf = next(cookie.value for cookie in browser.cookies.jar if cookie.name == "_xsrf" and cookie.path == "/hub/")
    made = browser.post("/hub/api/users/demo/tokens", json={}, headers={"X-XSRFToken": xsrf})
    return made.json()["token"]


def known_to_the_service(workbench: Workbench, token: str, path: str) -> dict:
    headers = {"Authorization": f"token {token}"}
    return httpx.get(workbench.service + path, headers=headers, trust_env=False, timeout=120).json()


@needs_hub
@pytest.mark.slow
def test_the_first_user_sees_the_first_analysis(workbench: Workbench) -> None:
    assert workbench.said.index("password") < workbench.said.index("You can log in now")
    assert "Loss by return period" in workbench.said
    assert (workbench.folder / "tables" / "gul_S1_ept.csv").is_file()
    with workbench.browser() as browser:
        home = log_in(browser, "demo", workbench.password)[-1]
        assert (home.status_code, path_of(home)) == (200, "/hub/home")
        page = follow(browser, browser.get("/services/pages/voila/render/results.ipynb"))[-1]
        assert (page.status_code, path_of(page)) == (200, "/services/pages/voila/render/results.ipynb")
        token = hub_token(browser)
    user = known_to_the_service(workbench, token, "/v1")["user"]
    assert (user["name"], user["role"], user["door"]) == ("demo", "admin", "hub")
    (run,) = known_to_the_service(workbench, token, "/v1/analyses")["items"]
    assert (run["name"], run["state"], run["groups"]) == (NAME, "completed", ["workbench-users"])
    (portfolio,) = known_to_the_service(workbench, token, "/v1/portfolios")["items"]
    assert portfolio["groups"] == ["workbench-users"]


@needs_hub
@pytest.mark.slow
def test_everybody_who_may_log_in_sees_the_first_analysis(workbench: Workbench) -> None:
    environment = workbench.environment | {"OASIS_HUB_ROOT": str(workbench.root / "hub")}
    command = [sys.executable, "-m", "hub_config.provider", "add", "demo", "--group", "workbench-users"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=True)
    workbench.password = done.stdout.strip()
    with workbench.browser() as browser:
        log_in(browser, "demo", workbench.password)
        token = hub_token(browser)
    assert known_to_the_service(workbench, token, "/v1")["user"]["role"] == "analyst"
    assert [run["name"] for run in known_to_the_service(workbench, token, "/v1/analyses")["items"]] == [NAME]


@needs_hub
@pytest.mark.slow
def test_nothing_listens_beyond_loopback_and_no_secret_is_told(workbench: Workbench) -> None:
    hosts, arguments = set(), []
    for process in workbench.processes():
        arguments += arguments_of(process)
        try:
            listening = [each for each in process.net_connections() if each.status == psutil.CONN_LISTEN]
        except psutil.Error:  # it has ended meanwhile
            continue
        hosts |= {each.laddr.ip for each in listening}
    assert "127.0.0.1" in hosts
    assert hosts <= {"127.0.0.1", "::1", "::ffff:127.0.0.1"}
    secrets = [file.read_text().strip() for file in (workbench.root / "hub" / "secrets").iterdir()]
    secrets += [workbench.password, (workbench.root / "local-token").read_text().strip()]
    told = workbench.log + "\n".join(arguments)
    assert [secret for secret in secrets if secret in told] == []
    kept = [file for file in workbench.root.rglob("*") if file.is_file() and file.stat().st_size < 10**7]
    assert [file for file in kept if workbench.password.encode() in file.read_bytes()] == []
    assert workbench.root.stat().st_mode & 0o077 == 0


@needs_hub
@pytest.mark.slow
def test_a_second_workbench_on_a_root_is_refused_and_makes_a_new_password(workbench: Workbench) -> None:
    again = {"env": workbench.environment, "cwd": workbench.folder, "capture_output": True, "text": True}
    done = subprocess.run(workbench.command(), timeout=120, check=False, **again)
    assert done.returncode == 1
    assert f"a workbench is up on {workbench.root} already, on {workbench.address}. Stop it with Ctrl-C" in " ".join(
        (done.stdout + done.stderr).split()
    )
    done = subprocess.run(workbench.command("--new-password"), timeout=120, check=True, **again)
    before, workbench.password = workbench.password, re.search(r"password (\S+) \(shown this once\)", done.stdout)[1]
    with workbench.browser() as browser:
        assert path_of(log_in(browser, "demo", before)[-1]) != "/hub/home"
    with workbench.browser() as browser:
        assert path_of(log_in(browser, "demo", workbench.password)[-1]) == "/hub/home"


@needs_hub
@pytest.mark.slow
def test_a_killed_hub_comes_back(workbench: Workbench) -> None:
    def hubs() -> list[int]:
        return [each.pid for each in workbench.processes() if "hub_config" in arguments_of(each)]

    (first,) = hubs()
    os.kill(first, signal.SIGKILL)
    until(lambda: hubs() not in ([], [first]), 120)
    with workbench.browser() as browser:
        until(lambda: hub_answers(browser), 180)
        assert path_of(log_in(browser, "demo", workbench.password)[-1]) == "/hub/home"
    assert "hub ended (-9) and is started again" in workbench.said


@needs_hub
@pytest.mark.slow
def test_ctrl_c_leaves_nothing_and_the_next_start_goes_on(workbench: Workbench) -> None:
    with workbench.browser() as browser:
        log_in(browser, "demo", workbench.password)
        xsrf = next(cookie.value for cookie in browser.cookies.jar if cookie.name == "_xsrf" and cookie.path == "/hub/")
        asked = browser.post("/hub/api/users/demo/server", json={}, headers={"X-XSRFToken": xsrf})
        assert asked.status_code in (201, 202)
        until(lambda: any("jupyterhub.singleuser" in arguments_of(each) for each in workbench.processes()), 120)
        workbench.end(signal.SIGINT)
        first, address = workbench.starts[0].read_text(), workbench.address
        workbench.start()
        assert "shown this once" not in workbench.said
        assert "Another one is made by: oasis up --new-password" in workbench.said
        headlines = [re.findall(r"│ +[\d,]+ │.*", text) for text in (first, workbench.said)]
        assert headlines[0] == headlines[1] != []
        assert workbench.address == address
        assert follow(browser, browser.get("/hub/home"))[-1].status_code == 200  # the browser's session goes on
    workbench.end(signal.SIGTERM)


@needs_hub
@pytest.mark.slow
def test_what_it_started_ends_with_a_killed_workbench(workbench: Workbench) -> None:
    workbench.end(signal.SIGKILL)


@needs_hub
@pytest.mark.slow
def test_ctrl_c_while_it_starts_leaves_nothing_either(tmp_path: Path) -> None:
    workbench = Workbench(tmp_path)
    try:
        workbench.begin()
        # The service answers; on a quick machine its first analysis is done before the hub is up.
        until(workbench.answers, 300)
        workbench.end(signal.SIGINT)
        assert READY not in workbench.said
        assert "Traceback" not in workbench.said
        assert workbench.said.endswith("Stopping everything that was started here ...\nStopped.\n")
    finally:
        workbench.clear_away()


def test_a_hub_that_cannot_start_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pydantic_settings", reason="needs the extra hub")
    ports = dict.fromkeys(("public", "hub", "proxy", "provider", "pages", "service"), 1)
    monkeypatch.setenv("OASIS_HUB_PUBLIC_ULR", "http://127.0.0.1:8000")
    with pytest.raises(OasisError, match=r"the hub cannot be started: OASIS_HUB_PUBLIC_ULR: .* OASIS_HUB_PUBLIC_URL"):
        prepared(hub_environment(tmp_path, ports))


def test_a_password_is_not_shown_by_accident() -> None:
    assert "hidden" not in repr(LogIn("http://127.0.0.1:1", (), {}, "demo", "hidden"))


def test_without_the_hub_it_says_so_and_serves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from oasis_kernel.cli import up

    monkeypatch.setattr(up, "what_is_missing", lambda: ("jupyterhub", None))
    ports = up._ports(tmp_path, None, 0)
    assert list(ports) == ["service"]
    assert list(up._ports(tmp_path, ports["service"], 0).values()) == list(ports.values())
    starting = up._start_of(tmp_path, ports, "none", new_password=False)
    assert (starting.log_in, starting.pages, starting.settings.hub) == (None, False, None)
    said = capsys.readouterr().out
    assert said == "No log-in and no pages: jupyterhub is not installed. pip install 'oasis-workbench[hub,widgets]'\n"


def test_a_long_log_is_put_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from oasis_kernel.cli import up

    monkeypatch.setattr(up, "LOG_BYTES", 3)
    (tmp_path / up.LOG).write_text("abc")
    up._put_log_aside(tmp_path)
    assert (tmp_path / up.LOG).read_text() == "abc"
    (tmp_path / up.LOG).write_text("abcd")
    up._put_log_aside(tmp_path)
    assert not (tmp_path / up.LOG).exists()
    assert (tmp_path / up.LOG_BEFORE).read_text() == "abcd"
