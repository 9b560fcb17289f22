"""Programs beside the service: started again when they die, and nothing left of them at the end."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

pytest.importorskip("fastapi", reason="the service is not installed: pip install 'oasis-workbench[service]'")

from oasis_kernel.service.children import Child, Children, Program

#: A program that starts another one, in a session of its own, and waits.
PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
print(child.pid, flush=True)
time.sleep(600)
"""


def until(what: Callable[[], object], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.fixture
def children(tmp_path: Path) -> Iterator[Children]:
    program = Program("parent", (sys.executable, "-c", PARENT), {"SAID": "so"}, tmp_path, keeps_nothing=True)
    made = Children([program], tmp_path / "log.txt")
    made.start()
    yield made
    made.stop()


def grandchildren(tmp_path: Path) -> list[int]:
    file = tmp_path / "log.txt"
    return [int(line) for line in file.read_text().split()] if file.exists() else []


def running(children: Children) -> Child:
    return children._running[0]


def is_gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_a_killed_program_takes_its_own_along_and_comes_back(
    children: Children, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    until(lambda: running(children).known)
    first = running(children).process.pid
    assert psutil.Process(first).environ()["SAID"] == "so"
    os.kill(first, signal.SIGKILL)
    until(lambda: len(grandchildren(tmp_path)) == 2)
    assert is_gone(grandchildren(tmp_path)[0])
    assert running(children).process.pid != first
    assert "parent ended (-9) and is started again" in caplog.text


def test_nothing_is_left_after_stop(children: Children, tmp_path: Path) -> None:
    until(lambda: grandchildren(tmp_path))
    children.stop()
    until(lambda: is_gone(grandchildren(tmp_path)[0]))
    assert is_gone(running(children).process.pid)
    assert (tmp_path / "log.txt").stat().st_mode & 0o077 == 0
