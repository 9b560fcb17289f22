"""Two processes never read and write the files of one kernel at the same time."""

import fcntl
import subprocess
import sys
from pathlib import Path

import numpy as np

COMPILE = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from oasis_kernel._jit_cache import share_kernel_folders
share_kernel_folders()
import numpy as np
import doubled
print(doubled.doubled(np.ones(3, sys.argv[2]))[0], flush=True)
"""
KERNEL = """
import numba
numba.config.CACHE_DIR = {folder!r}
@numba.njit(cache=True)
def doubled(values):
    return values * 2
"""


def compiling(folder: Path, kind: str) -> "subprocess.Popen[str]":
    return subprocess.Popen([sys.executable, "-c", COMPILE, str(folder), kind], stdout=subprocess.PIPE, text=True)


def test_a_process_waits_for_another_that_writes(tmp_path: Path):
    (tmp_path / "doubled.py").write_text(KERNEL.format(folder=str(tmp_path / "cache")))
    assert compiling(tmp_path, "int64").communicate(timeout=300)[0] == "2\n"
    [index] = (tmp_path / "cache").glob("*/*.nbi")
    with index.with_suffix(".lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        waiting = compiling(tmp_path, "float32")
        try:
            waiting.wait(8)
            raise AssertionError("it did not wait")
        except subprocess.TimeoutExpired:
            assert len(list(index.parent.glob("*.nbc"))) == 1
    assert waiting.communicate(timeout=300)[0] == "2.0\n"
    assert len(list(index.parent.glob("*.nbc"))) == 2


def test_processes_that_compile_at_once_each_find_their_own(tmp_path: Path):
    (tmp_path / "doubled.py").write_text(KERNEL.format(folder=str(tmp_path / "cache")))
    kinds = ["int8", "int32", "float32", "float64"]
    at_once = [compiling(tmp_path, kind) for kind in kinds]
    said = [process.communicate(timeout=300)[0] for process in at_once]
    assert [np.float64(word) for word in said] == [2.0] * len(kinds)
    assert len(list(tmp_path.glob("cache/*/*.nbc"))) == len(kinds)
