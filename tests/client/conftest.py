"""A real service for the client: ``oasis serve`` in a process of its own, on threads and on a local Ray."""

import importlib.util
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

OASIS = (sys.executable, "-c", "from oasis_kernel.cli import main; main()")
START_SECONDS = 180.0
STOP_SECONDS = 60.0


@dataclass(frozen=True)
class Served:
    """A service that answers."""

    url: str
    token: str
    executor: str
    environment: dict[str, str]  # of a terminal on the same machine


def _has_ray() -> bool:
    return all(importlib.util.find_spec(name) for name in ("ray", "oasis_kernel.service.dispatcher"))


@pytest.fixture(
    scope="session",
    params=[
        "threads",
        pytest.param("ray", marks=[pytest.mark.slow, pytest.mark.skipif(not _has_ray(), reason="needs Ray")]),
    ],
)
def served(request: pytest.FixtureRequest, shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service with the toy model and PiWind; it and all its processes end with the tests."""
    folder = tmp_path_factory.mktemp(f"service-{request.param}")
    environment = {
        **os.environ,
        "OASIS_MODEL_DATA": str(shared / "data"),
        "OASIS_SERVICE_ROOT": str(folder / "root"),
        "OASIS_STORE": str(folder / "store"),
        "OASIS_CACHE": str(folder / "cache"),
        "OASIS_CONFIG": str(folder / "config"),
        "OASIS_TOKEN": "",
    }
    ray = ["--ray", "local"] if request.param == "ray" else []
    log = folder / "serve.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [*OASIS, "serve", "--port", "0", *ray], env=environment, stdout=output, stderr=output
        )
    try:
        url = _address(process, log)
        token = (folder / "root" / "local-token").read_text().strip()
        yield Served(url, token, request.param, environment)
    finally:
        _end(process)


def _address(process: "subprocess.Popen[bytes]", log: Path) -> str:
    end = time.monotonic() + START_SECONDS
    while True:
        told = [line for line in log.read_text().splitlines() if "serves on http" in line]
        if told:
            return told[0].split("serves on ")[1].split()[0]
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < end, log.read_text()
        time.sleep(0.2)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Stop the service as Ctrl-C does; whatever of its processes is left is killed, one by one."""
    if process.poll() is not None:
        return
    family = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGINT)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for child in family:
        if child.is_running():
            child.kill()
