"""Machines of a Ray cluster as processes: ``ray start``, in folders of their own.

``ray stop`` would end other clusters too, so processes are ended one by one: those whose command line names the
cluster's own folder.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil

from oasis_kernel.dispatch.ray_cluster import STARTS

RAY = str(Path(sys.executable).parent / "ray")
OBJECT_STORE = 80 * 2**20
START_SECONDS = 120.0


class RayNode:
    """One ``ray start``, with what it says in a file."""

    def __init__(self, command: list[str], environment: Mapping[str, str], said: Path):
        self._said = said
        with said.open("wb") as log:
            self.process = subprocess.Popen(
                [*command, "--block", f"--object-store-memory={OBJECT_STORE}"],
                env=dict(environment),
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd=said.parent,
            )

    def is_ready(self) -> bool:
        """Whether it has started; Ray itself gives up after half a minute, which may be too short on a busy machine."""
        end = time.monotonic() + START_SECONDS
        while "Ray runtime started" not in self._said.read_text():
            if self.process.poll() is not None or time.monotonic() > end:
                return False
            time.sleep(0.2)
        return True

    def end(self) -> None:
        """End the process itself; what it has started ends with the cluster's folder."""
        self.process.kill()
        self.process.wait()


@contextmanager
def head(before: list[str], options: list[str], environment: Mapping[str, str], said: Path) -> Iterator[Path]:
    """A cluster's head, which is tried several times; the cluster's folder. Everything ends with it.

    ``before`` goes before ``ray start --head``.
    """
    for _ in range(STARTS):
        folder = Path(tempfile.mkdtemp(prefix="ray"))  # sockets lie in it, whose names must be short
        started = [RAY, "start", "--head", f"--temp-dir={folder}", "--include-dashboard=false", *options]
        node = RayNode([*before, *started], environment, said)
        try:
            if node.is_ready():
                yield folder
                return
        finally:
            node.end()
            end_processes_of(str(folder))
            shutil.rmtree(folder, ignore_errors=True)
    raise AssertionError(said.read_text())


def end_processes_of(folder: str) -> None:
    """End every process of the cluster that works in a folder of its own."""
    for _ in range(3):  # a raylet may have started one meanwhile
        found = []
        for process in psutil.process_iter():
            try:
                if process.pid != os.getpid() and any(folder in argument for argument in process.cmdline()):
                    process.kill()
                    found.append(process)
            except psutil.NoSuchProcess:
                continue
        psutil.wait_procs(found, timeout=20)
        if not found:
            return
