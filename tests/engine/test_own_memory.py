"""A process's own memory: what it allocated counts, even when it is gone again; mapped files do not."""

import gc
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from oasis_kernel.engine.own_memory import OwnMemory, own_memory
from oasis_kernel.engine.progress import Clock

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells own memory apart")
SIZE = 64 * 2**20


def test_what_was_allocated_and_freed_counts() -> None:
    own = OwnMemory()
    before = own.look()
    held = np.ones(SIZE, np.uint8)
    most = own.look()
    del held
    assert most - before > 0.9 * SIZE
    assert own.end() == most


def test_a_mapped_file_is_not_the_processs_own(tmp_path: Path) -> None:
    path = tmp_path / "mapped"
    path.write_bytes(bytes(SIZE))
    gc.collect()
    before = own_memory()
    mapped = np.memmap(path, np.uint8, "r")
    assert int(mapped.sum()) == 0
    assert own_memory() - before < SIZE / 2


def test_nobody_looks_any_more_once_it_is_forgotten() -> None:
    own = OwnMemory()
    threads = threading.active_count()
    del own
    end = time.monotonic() + 60
    while threading.active_count() >= threads and time.monotonic() < end:
        time.sleep(0.01)
    assert threading.active_count() < threads


def test_a_run_knows_the_most_of_all_its_stages() -> None:
    clock = Clock(lambda progress: None)
    clock.begin("check")
    held = np.ones(SIZE, np.uint8)
    clock.begin("prepare")
    del held
    clock.end()
    assert clock.own_bytes >= SIZE
    assert set(clock.stages) == {"check", "prepare"}
