"""What a process had in hand is known after it was killed, however quickly a chunk ended it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np

from oasis_kernel.model.work import Chunk
from oasis_kernel.service.at_work import AtWork, left_at_work


def chunk(number: int, part: str = "") -> Chunk:
    return Chunk(number, np.zeros(1, np.int32), 1, 1, part)


def test_what_was_begun_and_not_ended_is_at_work(tmp_path: Path) -> None:
    notes = AtWork(tmp_path / "run" / "at-work-1")
    for number, part in ((0, ""), (1, ""), (1, "0"), (2, "01")):
        notes.begun(chunk(number, part))
    notes.ended(0, "")
    notes.ended(1, "0")
    notes.begun(chunk(1, "0"))
    assert left_at_work(tmp_path / "run" / "at-work-1") == {(1, ""), (1, "0"), (2, "01")}


def test_another_attempt_begins_with_nothing(tmp_path: Path) -> None:
    AtWork(tmp_path / "at-work").begun(chunk(3))
    AtWork(tmp_path / "at-work")
    assert left_at_work(tmp_path / "at-work") == frozenset()


def test_without_a_file_nobody_knows(tmp_path: Path) -> None:
    assert left_at_work(tmp_path / "at-work") is None


def test_a_process_that_crashes_at_once_has_left_its_chunk(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys; from test_at_work import AtWork, Path, chunk; "
        "AtWork(Path(sys.argv[1])).begun(chunk(7)); os.kill(os.getpid(), signal.SIGKILL)"
    )
    paths = {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])}
    ended = subprocess.run([sys.executable, "-c", code, str(tmp_path / "at-work")], env={**os.environ, **paths})
    assert ended.returncode == -signal.SIGKILL
    assert left_at_work(tmp_path / "at-work") == {(7, "")}
