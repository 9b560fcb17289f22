"""``oasis run --ray``: a worker or the whole command killed costs time, and not a byte."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import psutil
import pytest
from test_resume import OASIS, PATIENCE, demonstration, parts, record, tables

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("ray") is None, reason="needs Ray: pip install 'oasis-workbench[ray]'"),
]
SAMPLES = 200


def started(folder: Path, *more: str) -> "subprocess.Popen[bytes]":
    """The demonstration in a process of its own, on a store of its own."""
    environment = {**os.environ, "OASIS_STORE": str(folder / "store"), "XDG_STATE_HOME": str(folder)}
    arguments = [*demonstration(folder / "out", SAMPLES), *more]
    return subprocess.Popen([*OASIS, *arguments], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def ended(running: "subprocess.Popen[bytes]") -> str:
    """What the command said on its way to success."""
    _, said = running.communicate(timeout=PATIENCE)
    assert running.returncode == 0, said.decode()
    return said.decode()


def once_a_part_is_there(running: "subprocess.Popen[bytes]", store: Path, kill: Callable[[], None]) -> None:
    """Kill something as soon as one chunk is finished."""
    end = time.monotonic() + PATIENCE
    while not parts(store) and running.poll() is None and time.monotonic() < end:
        time.sleep(0.005)
    assert running.poll() is None, "the run was over before anything could be killed"
    kill()


def at_work(running: "subprocess.Popen[bytes]") -> psutil.Process:
    """A worker that computes a chunk: between two chunks it has another name for a moment."""
    while running.poll() is None:
        for process in psutil.Process(running.pid).children(recursive=True):
            if process.name() == "ray::compute":
                return process
    raise AssertionError("the run was over before a worker could be killed")


@pytest.fixture(scope="module")
def on_threads(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("threads")
    ended(started(folder))
    return tables(folder / "out")


def test_a_run_whose_worker_is_killed_has_the_bytes_of_threads(tmp_path: Path, on_threads: dict[str, bytes]):
    running = started(tmp_path, "--ray", "local")
    once_a_part_is_there(running, tmp_path / "store", lambda: at_work(running).kill())
    ended(running)
    assert tables(tmp_path / "out") == on_threads
    assert record(tmp_path / "out")["reused_chunks"] == 0


def test_a_killed_run_on_ray_goes_on_on_threads(tmp_path: Path, on_threads: dict[str, bytes]):
    running = started(tmp_path, "--ray", "local")
    once_a_part_is_there(running, tmp_path / "store", running.kill)
    running.communicate()
    assert running.returncode == -signal.SIGKILL
    kept = len(parts(tmp_path / "store"))
    ended(started(tmp_path))
    assert tables(tmp_path / "out") == on_threads
    assert record(tmp_path / "out")["reused_chunks"] >= kept > 0


def test_a_cluster_that_is_not_there_is_one_sentence(tmp_path: Path):
    running = started(tmp_path, "--ray", "127.0.0.1:1", "--json")
    _, said = running.communicate(timeout=PATIENCE)
    assert running.returncode == 1
    assert said.decode().startswith("error no cluster answers at 127.0.0.1:1: ")
    assert "Traceback" not in said.decode()
