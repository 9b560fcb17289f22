"""The one law as a table: executor by workers by chunks, fresh or gone on with after a kill, and always the same bytes.

``OASIS_KILLS`` says how many runs are killed at a random moment (``make campaign``: 20 on each executor).
"""

import os
import random
import subprocess
import time
from importlib.util import find_spec
from pathlib import Path

import pytest
from test_resume import OASIS, PATIENCE, tables

pytestmark = pytest.mark.slow
SAMPLES = 60
KILLS = int(os.environ.get("OASIS_KILLS", "2"))
needs_ray = pytest.mark.skipif(find_spec("ray") is None, reason="needs Ray: pip install 'oasis-workbench[ray]'")
ON = [pytest.param((), id="threads"), pytest.param(("--ray", "local"), id="ray", marks=needs_ray)]


def demonstration(out: Path, workers: int, chunks: int, *more: str) -> list[str]:
    """Gross, insured and reinsured losses of the demonstration, with every table its settings ask for."""
    from oasis_kernel.plugins import load_plugins

    files = load_plugins().demonstration("toy-wind")
    given = ["--model", "toy-wind", "--location", str(files.location), "--account", str(files.account)]
    given += ["--ri-info", str(files.ri_info), "--ri-scope", str(files.ri_scope), "--settings", str(files.settings)]
    how = ["--samples", str(SAMPLES), "--workers", str(workers), "--chunks", str(chunks), *more]
    return ["run", *given, *how, "--out", str(out)]


def started(store: Path, arguments: list[str]) -> "subprocess.Popen[bytes]":
    """The command on a store of its own, in a session of its own, so that all of it can be killed."""
    environment = {**os.environ, "OASIS_STORE": str(store), "XDG_STATE_HOME": str(store)}
    return subprocess.Popen(
        [*OASIS, *arguments], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True
    )


def ended(running: "subprocess.Popen[bytes]") -> None:
    _, said = running.communicate(timeout=PATIENCE)
    assert running.returncode == 0, said.decode()[-3000:]


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, bytes], float]:
    """The tables of one chunk on one thread, and how long such a run takes with its code compiled."""
    folder = tmp_path_factory.mktemp("alone")
    for turn in ("compiles", "timed"):
        began = time.monotonic()
        ended(started(folder / turn, demonstration(folder / "out", 1, 1)))
    return tables(folder / "out"), time.monotonic() - began


@pytest.mark.parametrize("on", ON)
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("chunks", [1, 7, 64])
def test_a_fresh_run(tmp_path: Path, alone, on: tuple[str, ...], workers: int, chunks: int):
    ended(started(tmp_path / "store", demonstration(tmp_path / "out", workers, chunks, *on)))
    assert tables(tmp_path / "out") == alone[0]


@pytest.mark.parametrize("on", ON)
def test_runs_killed_at_a_random_moment_go_on(tmp_path: Path, alone, on: tuple[str, ...]):
    expected, seconds = alone
    moments = random.Random(20261122)
    for turn in range(KILLS):
        store, out = tmp_path / f"store-{turn}", tmp_path / f"out-{turn}"
        workers, chunks = moments.choice([1, 2]), moments.choice([7, 64])
        killed = started(store, demonstration(out, workers, chunks, *on))
        time.sleep(moments.uniform(0.2, 1.0) * seconds * (3 if on else 1))
        _kill_all(killed)
        # whatever is there by then, another number of workers on threads or on Ray goes on with it
        ended(started(store, demonstration(out, 3 - workers, chunks, *(on if moments.random() < 0.5 else ()))))
        assert tables(out) == expected, (turn, workers, chunks)


def _kill_all(running: "subprocess.Popen[bytes]") -> None:
    """Kill the command, and with it what it started: as when a machine loses its power."""
    import psutil

    processes = [psutil.Process(running.pid), *psutil.Process(running.pid).children(recursive=True)]
    for process in processes:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    running.communicate()
