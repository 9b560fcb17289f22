"""Compiled kernels stay within their arrays: a whole run under numba's bounds checks, in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
@pytest.mark.parametrize("samples", [60])
def test_no_kernel_reads_or_writes_past_an_array(tmp_path: Path, samples: int):
    environment = os.environ | {
        "NUMBA_BOUNDSCHECK": "1",
        "OASIS_KERNEL_CACHE": str(tmp_path / "kernels"),  # checked code must not be taken for the usual
        "OASIS_STORE": str(tmp_path / "store"),
    }
    verb = ["demo", "--samples", str(samples), "--out", str(tmp_path / "out")]
    command = [sys.executable, "-c", "from oasis_kernel.cli import main; main()", *verb]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert (tmp_path / "out" / "gul_S1_ept.csv").is_file()
