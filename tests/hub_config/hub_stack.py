"""A real hub with its proxy and an OpenID Connect provider, each a process, on loopback; and a browser's part of it."""

import importlib.util
import os
import re
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import httpx

CONFIGURATION = Path(__file__).resolve().parents[2] / "hub_config" / "jupyterhub_config.py"


def free_port() -> int:
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        return opened.getsockname()[1]


def until(what, seconds: float = 30.0, every: float = 0.1):
    """What a function returns once it is true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := what():
            return found
        time.sleep(every)
    raise AssertionError(f"{what} is not true after {seconds} s")


@dataclass
class Stack:
    """Ports, folder and environment of a hub, and its process."""

    folder: Path
    extra: dict[str, str] = field(default_factory=dict)
    configuration: Path = CONFIGURATION

    def __post_init__(self) -> None:
        self.port, self.hub_port, self.proxy_port, self.provider_port, self.pages_port = (free_port() for _ in range(5))
        self.url = f"http://127.0.0.1:{self.port}"
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("OASIS_HUB_", "JUPYTER"))}
        self.environment = {
            **kept,
            "OASIS_HUB_ROOT": str(self.folder / "hub"),
            "OASIS_HUB_PUBLIC_URL": self.url,
            "OASIS_HUB_HUB_PORT": str(self.hub_port),
            "OASIS_HUB_PROXY_API_PORT": str(self.proxy_port),
            "OASIS_HUB_PROVIDER__PORT": str(self.provider_port),
            "OASIS_HUB_PAGES__PORT": str(self.pages_port),
            "OASIS_HUB_CULLING__ENABLED": "false",
            **self.extra,
        }

    def start(self) -> None:
        """Start the hub, and return when its log-in page answers."""
        self.log = (self.folder / "hub.log").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "jupyterhub", "-f", str(self.configuration)],
            cwd=self.folder,
            env=self.environment,
            stdout=self.log,
            stderr=self.log,
            start_new_session=True,
        )
        try:
            until(self.answers, 90)
        except BaseException:
            self.stop()
            raise

    def answers(self) -> bool:
        """Whether the log-in page answers; an error when the hub has ended."""
        if self.process.poll() is not None:
            raise AssertionError(f"the hub ended:\n{self.text()[-4000:]}")
        try:
            return httpx.get(self.url + "/hub/login", trust_env=False, timeout=5).status_code == 200
        except httpx.TransportError:
            return False

    def text(self) -> str:
        """What the hub and what it started said."""
        return (self.folder / "hub.log").read_text(encoding="utf-8", errors="replace")

    def stop(self) -> None:
        """End the hub and, should it not, everything of its session, by their ids."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(10)
        self.log.close()

    def is_all_gone(self) -> bool:
        """Whether no process of the hub's session is left: proxy, provider, services."""
        try:
            os.killpg(self.process.pid, 0)
        except ProcessLookupError:
            return True
        return False

    def people(self, *arguments: str) -> str:
        """Change whom the embedded provider knows; returns a new password."""
        command = [sys.executable, "-m", "hub_config.provider", *arguments]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=60, check=True)
        return done.stdout.strip()

    def browser(self) -> httpx.Client:
        """A browser without a session."""
        return httpx.Client(base_url=self.url, trust_env=False, timeout=30, follow_redirects=False)


def follow(browser: httpx.Client, response: httpx.Response, most: int = 12) -> list[httpx.Response]:
    """Follow redirects; returns every answer, the last one being no redirect."""
    answers = [response]
    while answers[-1].is_redirect and len(answers) < most:
        answers.append(browser.get(urljoin(str(answers[-1].url), answers[-1].headers["location"])))
    return answers


def log_in(browser: httpx.Client, name: str, password: str, to: str = "/hub/home") -> list[httpx.Response]:
    """Log in as people do: open a page, go to the provider, fill in its form, come back."""
    start = follow(browser, browser.get(to))
    page = start[-1]
    assert page.status_code == 200, page.text
    button = re.search(r'href="([^"]*oauth_login[^"]*)"', page.text)
    assert button, page.text
    form = follow(browser, browser.get(button[1].replace("&amp;", "&")))[-1]
    assert form.status_code == 200, form.text
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form.text))
    return follow(browser, browser.post(form.url, data={**hidden, "username": name, "password": password}))


def path_of(response: httpx.Response) -> str:
    return urlsplit(str(response.url)).path


def proxy_is_here() -> bool:
    return importlib.util.find_spec("configurable_http_proxy") is not None
