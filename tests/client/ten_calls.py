"""One script of ten calls, from httpx, from ``oasis --host`` and from ``ok.connect``; each returns what it saw."""

import io
import json
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

import oasis_kernel as ok

OASIS = (sys.executable, "-c", "from oasis_kernel.cli import main; main()")
MODEL, SAMPLES = "piwind", 10
#: A run that takes long enough to be cancelled.
LONG = {"model": "toy-wind", "samples": 5000, "chunks": 200}
CANCEL_SECONDS = 5.0
PARTS = {"location": "--location", "account": "--account", "ri_info": "--ri-info", "ri_scope": "--ri-scope"}


@dataclass
class Seen:
    """What a script of ten calls saw."""

    passed: bool
    seconds: float  # the estimate's
    states: list[str]
    average: float
    picture: bytes
    files: dict[str, bytes] = field(repr=False)
    cancelled: float = 0.0  # seconds from the call to the state
    left: list[str] = field(default_factory=list)  # runs that are there after the deletion


@dataclass(frozen=True)
class Given:
    """What a script starts with."""

    url: str
    token: str
    environment: Mapping[str, str]
    portfolio: Mapping[str, Path]
    settings: Path
    other: Mapping[str, Path]  # a portfolio for the run to be cancelled
    folder: Path


def with_httpx(given: Given) -> Seen:
    """The ten calls in plain HTTP."""
    headers = {"Authorization": f"Bearer {given.token}"}
    with httpx.Client(base_url=given.url, headers=headers, timeout=600) as http:
        settings = json.loads(given.settings.read_text())
        portfolio = _uploaded(http, given.portfolio)  # 1
        asked = {"model": MODEL, "portfolio": portfolio, "samples": SAMPLES, "settings": settings}
        passed = _ok(http.post("/v1/analyses/check", json=asked))["passed"]  # 2
        seconds = _ok(http.post("/v1/analyses/estimate", json=asked))["seconds"]["likely"]  # 3
        url = _ok(http.post("/v1/analyses", json=asked))["url"]  # 4
        states = list(_states(http, f"{url}/events"))  # 5
        average = _ok(http.get(f"{url}/summary"))["average_annual_loss"]["gul"]  # 6
        picture = http.get(f"{url}/ep.png").content  # 7
        with zipfile.ZipFile(io.BytesIO(http.get(f"{url}/results.zip").content)) as archive:  # 8
            files = {name: archive.read(name) for name in archive.namelist()}
        other = {**LONG, "portfolio": _uploaded(http, given.other)}
        cancelled = _cancelled(http, _ok(http.post("/v1/analyses", json=other))["url"])  # 9
        assert http.delete(url).status_code == 204  # 10
        left = [item["url"] for item in _ok(http.get("/v1/analyses"))["items"]]
        assert http.get(url).status_code == 404
        return Seen(passed, seconds, states, average, picture, files, cancelled, [name for name in left if name == url])


def _uploaded(http: httpx.Client, files: Mapping[str, Path]) -> str:
    sent = {part: (path.name, path.read_bytes()) for part, path in files.items()}
    return str(_ok(http.post("/v1/portfolios", data={"name": "Ten calls"}, files=sent))["id"])


def _ok(response: httpx.Response) -> Any:
    assert response.is_success, response.text
    return response.json()


def _states(http: httpx.Client, path: str) -> Iterator[str]:
    with http.stream("GET", path) as stream:
        kind = ""
        for line in stream.iter_lines():
            if line.startswith("event: "):
                kind = line.removeprefix("event: ")
            if line.startswith("data: ") and kind == "state":
                yield json.loads(line.removeprefix("data: "))["state"]


def _cancelled(http: httpx.Client, url: str) -> float:
    """Cancel a run once it computes losses; seconds until it had stopped."""
    _until(lambda: _ok(http.get(url))["state"] == "running")
    assert _ok(http.post(f"{url}/cancel"))["cancel_requested"]
    _until(lambda: _ok(http.get(url))["state"] == "cancelled")
    return _seconds_to_stop(_ok(http.get(url)))


def _seconds_to_stop(view: Mapping[str, Any]) -> float:
    """Seconds from the cancel to the end of a run, by the service's clock."""
    asked, ended = (datetime.fromisoformat(view[name]) for name in ("cancel_requested", "finished"))
    return (ended - asked).total_seconds()


def _until(there: Any, patience: float = 300.0) -> None:
    end = time.monotonic() + patience
    while not there():
        assert time.monotonic() < end
        time.sleep(0.1)


def with_python(given: Given) -> Seen:
    """The ten calls with ``ok.connect``."""
    with ok.connect(given.url, given.token) as bench:
        bench.cache = given.folder / "cache"
        portfolio = ok.read_portfolio(**given.portfolio)
        bench.upload(portfolio, "Ten calls")  # 1
        inputs = {"settings": given.settings, "samples": SAMPLES}
        findings = bench.check(MODEL, portfolio, **inputs)  # 2
        expected = bench.estimate(MODEL, portfolio, **inputs)  # 3
        run = bench.submit(MODEL, portfolio, **inputs)  # 4
        states = [event.data["state"] for event in run.events() if event.kind == "state"]  # 5
        average = run.wait().aal("gul")  # 6
        assert run.ep("gul").loss_at(50) > 0
        picture = run.picture("gul")  # 7
        folder = run.download(given.folder / "python")  # 8
        assert {name: run.file(name).read_bytes() for name in run.files} == _files(folder)
        other = bench.submit(LONG["model"], ok.read_portfolio(**given.other), samples=5000, chunks=200)
        _until(lambda: other.state == "running")
        other.cancel()  # 9
        _until(lambda: other.state == "cancelled")
        cancelled = _seconds_to_stop(other.view)
        run.delete()  # 10
        left = [there.id for there in bench.runs() if there.id == run.id]
        passed = not any(finding.severity == "error" for finding in findings)
        return Seen(passed, expected.seconds.likely, states, average, picture, _files(folder), cancelled, left)


def with_terminal(given: Given) -> Seen:
    """The ten calls with ``oasis --host``; the portfolio is sent with the first that needs it."""
    oasis = Terminal(given)
    inputs = ["--model", MODEL, *_options(given.portfolio), "--settings", given.settings, "--samples", SAMPLES]
    assert MODEL in {model["name"] for model in oasis.json("models")["models"]}  # 1
    passed = oasis.json("check", *inputs)["passed"]  # 2
    seconds = oasis.json("estimate", *inputs)["seconds"]["likely"]  # 3
    begun = oasis.json("run", *inputs, "--detach")  # 4
    folder = given.folder / "terminal"
    headline = oasis.json("show", begun["id"], "--out", folder)  # 5 and 8
    average = headline["average_annual_loss"]["gul"]  # 6
    oasis.says("show", begun["id"], "gul", "--png", given.folder / "ep.png")  # 7
    assert oasis.json("show", begun["id"], "gul_S1_ept")[0]["ReturnPeriod"] > 0
    long = ["--model", LONG["model"], "--samples", LONG["samples"], "--chunks", LONG["chunks"]]
    other = oasis.json("run", *long, *_options(given.other), "--detach")["id"]
    _until(lambda: oasis.state(other) == "running")
    oasis.json("cancel", other)  # 9
    _until(lambda: oasis.state(other) == "cancelled")
    cancelled = _seconds_to_stop(oasis.json("show", other))
    oasis.json("delete", begun["id"])  # 10
    left = [run["run"] for run in oasis.json("ls")["runs"] if run["run"] == begun["id"]]
    picture = (given.folder / "ep.png").read_bytes()
    states = [begun["state"], headline["state"]]
    return Seen(passed, seconds, states, average, picture, _files(folder), cancelled, left)


class Terminal:
    """``oasis --host URL``."""

    def __init__(self, given: Given):
        self._given = given

    def says(self, *arguments: object) -> str:
        command = [*OASIS, "--host", self._given.url, *map(str, arguments)]
        environment = {**self._given.environment, "OASIS_TOKEN": self._given.token}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=900, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def json(self, *arguments: object) -> Any:
        return json.loads(self.says(*arguments, "--json"))

    def state(self, run: str) -> str:
        return next(there["state"] for there in self.json("ls")["runs"] if there["run"] == run)


def _options(portfolio: Mapping[str, Path]) -> list[object]:
    return [word for part, path in portfolio.items() for word in (PARTS[part], path)]


def _files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}
