"""The whole workbench for a browser, as a person brings it up: ``oasis up``, on loopback and free ports."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil

OASIS = (sys.executable, "-c", "from oasis_kernel.cli import main; main()")
START_SECONDS, STOP_SECONDS = 240.0, 60.0
REFRESH_SECONDS = 2
#: Who may log in, and who is what: two teams, and those who run the hub.
SETTINGS = {
    "OASIS_HUB_OIDC__ALLOWED_GROUPS": "workbench-users,flood,wind",
    "OASIS_HUB_OIDC__REFRESH_SECONDS": str(REFRESH_SECONDS),
    "OASIS_HUB_CULLING__ENABLED": "false",
    "OASIS_TOKEN": "",
}
OTHERS = ("OASIS_HUB_", "OASIS_SERVICE_", "OASIS_HOST", "JUPYTER", "RAY_")


@dataclass
class Workbench:
    """Hub, provider, pages, service and a local Ray, each a process."""

    folder: Path
    models: Path  # where models' data lies

    def __post_init__(self) -> None:
        self.root = self.folder / "root"
        places = {name: str(self.folder / name.lower()) for name in ("OASIS_STORE", "OASIS_CACHE", "OASIS_CONFIG")}
        kept = {name: value for name, value in os.environ.items() if not name.startswith(OTHERS)}
        self.environment = {**kept, **SETTINGS, **places, "OASIS_MODEL_DATA": str(self.models)}

    def start(self) -> None:
        """Bring it up; return when people can log in, while its first analysis is made."""
        self.log = (self.folder / "up.log").open("wb")
        asked = ["--root", str(self.root), "--port", "0", "--samples", "5", "--out", str(self.folder / "demo")]
        self.process = subprocess.Popen(
            [*OASIS, "up", *asked], env=self.environment, cwd=self.folder, stdout=self.log, stderr=self.log
        )
        try:
            self._await_it()
        except BaseException:
            self.stop()
            raise

    def _await_it(self) -> None:
        end = time.monotonic() + START_SECONDS
        while "You can log in now" not in self.said():
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < end, self.said()
            time.sleep(0.2)
        self.password = re.findall(r"with the password (\S+) ", self.said())[0]
        ports = json.loads((self.root / "ports.json").read_text(encoding="utf-8"))
        self.url, self.service_url = (f"http://127.0.0.1:{ports[name]}" for name in ("public", "service"))

    def said(self) -> str:
        """What ``oasis up`` said."""
        return (self.folder / "up.log").read_text(encoding="utf-8", errors="replace")

    def logged(self) -> str:
        """What its processes said."""
        return (self.root / "log.txt").read_text(encoding="utf-8", errors="replace")

    def add(self, name: str, *groups: str) -> str:
        """Add somebody at the provider, and return the password."""
        return self.provider("add", name, groups)

    def provider(self, verb: str, name: str, groups: tuple[str, ...] = ()) -> str:
        """Change whom the provider knows: add, groups, remove."""
        asked = [verb, name, *(word for group in groups for word in ("--group", group))]
        command = [sys.executable, "-m", "hub_config.provider", *asked]
        known = {**self.environment, "OASIS_HUB_ROOT": str(self.root / "hub")}
        done = subprocess.run(command, env=known, capture_output=True, text=True, timeout=60, check=True)
        return done.stdout.strip()

    @property
    def token(self) -> str:
        """The token of this machine's user, an admin of the service."""
        return (self.root / "local-token").read_text(encoding="utf-8").strip()

    def ask(self, path: str, token: str = "", method: str = "GET", body: Any = None) -> httpx.Response:
        """What the service answers the bearer of a token; without one, this machine's user."""
        headers = {"Authorization": f"Bearer {token or self.token}"}
        url = f"{self.service_url}/v1{path}"
        return httpx.request(method, url, headers=headers, json=body, trust_env=False, timeout=60)

    def run_of(self, owner: str, name: str = "") -> dict[str, Any]:
        """The newest run of somebody."""
        runs = self.ask(f"/analyses?limit=200&q={name}").json()["items"]
        return next(run for run in runs if run["owner"] == owner)

    def stop(self) -> None:
        """End it as Ctrl-C does; whatever of its processes is left is killed, one by one."""
        if self.process.poll() is None:
            family = psutil.Process(self.process.pid).children(recursive=True)
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            for child in family:
                if child.is_running():
                    child.kill()
        self.log.close()


def models_folder(folder: Path, piwind: Path | None) -> Path:
    """A folder of models: PiWind's data where they are here, and room for what toy-wind makes."""
    folder.mkdir()
    if piwind is not None:
        (folder / "piwind").symlink_to(piwind, target_is_directory=True)
    return folder
