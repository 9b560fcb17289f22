"""Memory as a run tells it: its own, not that of whoever started it."""

import subprocess
import sys

import numpy as np
import pytest

TOLD = "from oasis_kernel.engine.progress import peak_memory; print(peak_memory())"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems say what getrusage does")
def test_the_highest_memory_is_not_that_of_the_starting_process() -> None:
    held = np.ones(60_000_000)  # 480 MB
    told = int(subprocess.run([sys.executable, "-c", TOLD], check=True, capture_output=True, text=True).stdout)
    assert 2**20 < told < held.nbytes / 2
