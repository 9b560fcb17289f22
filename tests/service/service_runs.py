"""A service without its pages: the supervisor as a process of its own, runs made and watched in the database."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import psutil

from model_plugins.toy_wind import demo_portfolio
from oasis_kernel.service import chunks, runs
from oasis_kernel.service.database import Database
from oasis_kernel.service.settings import ServiceSettings
from oasis_kernel.service.tables import ChunkRow, Portfolio, PortfolioVersion, Run
from oasis_kernel.store.places import Place

#: Kernels may have to be compiled first, on a machine that others use too.
PATIENCE = 600.0
LOCATIONS = 40
CHUNKS = 20


class ServiceRuns:
    """Runs on a database, and the supervisor that works on them."""

    def __init__(self, database: Database, settings: ServiceSettings, folder: Path):
        self.database = database
        self.settings = settings
        self._folder = folder
        self._supervisors: list[subprocess.Popen[bytes]] = []
        self._version: tuple[str, str] | None = None
        self.environment: dict[str, str] = {}

    def tricks(self, **tricks: Any) -> None:
        """Tell the tricky model what to do from now on."""
        folder = self._folder / "tricks"
        installed = folder / "tricky-1.0.dist-info"
        installed.mkdir(parents=True, exist_ok=True)
        (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: tricky\nVersion: 1.0\n")
        (installed / "entry_points.txt").write_text("[oasis_kernel.plugins]\ntricky = tricky_model\n")
        for played in folder.glob("played-*"):
            played.unlink()
        (folder / "tricks.json").write_text(json.dumps(tricks))
        path = os.pathsep.join([str(folder), str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
        self.environment = {"TRICKS": str(folder / "tricks.json"), "PYTHONPATH": path}

    def start(self) -> "subprocess.Popen[bytes]":
        """A supervisor, at work."""
        environment = {**os.environ, **self.settings.environment(), **self.environment}
        with (self._folder / "supervisor.log").open("ab") as log:
            self._supervisors.append(
                subprocess.Popen(
                    [sys.executable, "-m", "oasis_kernel.service.supervisor"], env=environment, stdout=log, stderr=log
                )
            )
        return self._supervisors[-1]

    def stop(self) -> None:
        """Stop the last supervisor as an operator does; its runs stop with it."""
        supervisor = self._supervisors[-1]
        supervisor.terminate()
        assert supervisor.wait(30) == 0, self.log()

    def log(self) -> str:
        """What the supervisors said."""
        return (self._folder / "supervisor.log").read_text()

    def run(self, model: str = "toy-wind", owner: str = "ann", samples: int = 5, **request: Any) -> str:
        """The id of a new run of a small portfolio, in several chunks on one thread."""
        columns = {name: request.pop(name) for name in ("priority", "callback_url", "executor") if name in request}
        asked = {"samples": samples, "chunks": CHUNKS, "resources": {"workers": 1}, **request}
        portfolio, version = self._version = self._version or self._portfolio()
        with self.database.write() as session:
            made = runs.create(
                session,
                name="a run",
                owner=owner,
                model=model,
                portfolio_id=portfolio,
                version_id=version,
                request=asked,
                **columns,
            )
            return made.id

    def found(self, run_id: str) -> Run:
        """The run as it is now."""
        with self.database.read() as session:
            return runs.find(session, run_id, deleted=True)

    def chunks(self, run_id: str) -> list[ChunkRow]:
        """The run's chunks as they are now."""
        with self.database.read() as session:
            return chunks.rows(session, run_id)

    def await_state(self, run_id: str, states: Collection[str] = runs.ENDED, seconds: float = PATIENCE) -> Run:
        """The run once it is in one of the states."""
        return self.await_run(run_id, lambda run: run.state in states, seconds)

    def await_run(self, run_id: str, condition: Callable[[Run], bool], seconds: float = PATIENCE) -> Run:
        """The run once a condition holds."""
        end = time.monotonic() + seconds
        while not condition(run := self.found(run_id)):
            assert time.monotonic() < end, f"{run.state} {run.stage} {run.error}: {self.log()} {self.run_log(run_id)}"
            assert run.state not in runs.ENDED or run.deleted, f"{run.state}: {run.error}: {self.run_log(run_id)}"
            time.sleep(0.05)
        return run

    def await_chunks(self, run_id: str, count: int, state: str = "done") -> Run:
        """The run once so many of its chunks are in a state."""
        end = time.monotonic() + PATIENCE
        while sum(chunk.state == state for chunk in self.chunks(run_id)) < count:
            run = self.found(run_id)
            assert time.monotonic() < end, self.run_log(run_id)
            assert run.state not in runs.ENDED, f"{run.error}: {self.run_log(run_id)}"
            time.sleep(0.02)
        return self.found(run_id)

    def run_log(self, run_id: str) -> str:
        """What the run's processes said."""
        log = self.settings.run_log(run_id)
        return log.read_text() if log.is_file() else "no log"

    def tables(self, run_id: str) -> dict[str, bytes]:
        """The bytes of every result table."""
        url = self.found(run_id).results_url
        assert url is not None
        place = Place(self.settings.storage_url)
        names = place.manifest(place.name_of(url))
        return {name: place.read(f"{place.name_of(url)}/{name}") for name in names if name != "run.json"}

    def forget_parts(self) -> None:
        """Remove what chunks left in the store, so that another run has to compute everything itself."""
        for part in (self.settings.parts_folder / "parts").glob("??/*"):
            part.unlink()

    def clean_up(self) -> None:
        """End every process that was started."""
        for supervisor in self._supervisors:
            supervisor.kill()
            supervisor.wait()
        with self.database.read() as session:
            for run in runs.at_work(session):
                if run.pid is not None and psutil.pid_exists(run.pid):
                    os.killpg(run.pid, signal.SIGKILL)

    def _portfolio(self) -> tuple[str, str]:
        """A portfolio of a few locations, in storage and in the database; its id and that of its version."""
        place = Place(self.settings.storage_url)
        location, account, *_ = demo_portfolio()
        small = self._folder / "location.csv"
        with Path(location).open(newline="") as whole, small.open("w", newline="") as part:
            rows = csv.reader(whole)
            csv.writer(part).writerows(row for number, row in enumerate(rows) if number <= LOCATIONS)
        stored = {"location": place.put_file(small, "p/location.csv")}
        stored["account"] = place.put_file(Path(account), "p/account.csv")
        files = {kind: {"name": f"{kind}.csv", "url": file.url, "sha256": file.sha256} for kind, file in stored.items()}
        with self.database.write() as session:
            portfolio = Portfolio(name="small", owner="ann")
            session.add(portfolio)
            session.flush()
            version = PortfolioVersion(portfolio_id=portfolio.id, number=1, files=files, created_by="ann")
            session.add(version)
            session.flush()
            return portfolio.id, version.id
