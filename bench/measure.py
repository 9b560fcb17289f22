"""What a command costs: processor seconds of it and its children, wall seconds, peak memory of all of them together."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

LONGEST = 3600.0  # seconds: a pipeline of processes may wait for ever
SAMPLING = 0.2  # seconds between two looks at the memory
SESSION = 3  # the session's place among the fields after the command's name in /proc/PID/stat


@dataclass(frozen=True)
class Cost:
    """What one command took. ``memory`` is the peak proportional set size of its session, bytes."""

    cpu: float
    wall: float
    memory: int


def measure(command: Sequence[str], environment: Mapping[str, str], folder: Path) -> Cost:
    """Run a command in a session of its own; RuntimeError with the end of its output when it fails or takes too long.

    Processor seconds come from ``wait4``: user and system time of the command and of every descendant that was
    waited for. Memory is sampled, and counts pages shared by several processes once.
    """
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "log.txt"
    start = time.perf_counter()
    with log.open("wb") as output:
        process = subprocess.Popen(
            list(command), cwd=folder, env=dict(environment), stdout=output, stderr=output, start_new_session=True
        )
    peak = _Peak(process.pid)
    peak.start()
    limit = threading.Timer(LONGEST, os.killpg, (process.pid, signal.SIGKILL))
    limit.start()
    try:
        _, status, usage = os.wait4(process.pid, 0)
    except BaseException:  # stopped by hand: a session of its own would go on
        os.killpg(process.pid, signal.SIGKILL)
        raise
    finally:
        limit.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - start
    peak.stop()
    if process.returncode:
        said = log.read_text(errors="replace")[-2000:]
        raise RuntimeError(f"{' '.join(command)} failed with {process.returncode}:\n{said}")
    return Cost(usage.ru_utime + usage.ru_stime, wall, peak.bytes)


class _Peak(threading.Thread):
    """The largest memory of a session that was seen."""

    def __init__(self, session: int):
        super().__init__(daemon=True)
        self.bytes = 0
        self._session = session
        self._done = threading.Event()

    def run(self) -> None:
        while not self._done.wait(SAMPLING):
            self.bytes = max(self.bytes, sum(map(_proportional_bytes, _members(self._session))))

    def stop(self) -> None:
        self._done.set()
        self.join()


def _members(session: int) -> Iterator[Path]:
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # it has ended
            continue
        if int(fields[SESSION]) == session:
            yield folder


def _proportional_bytes(folder: Path) -> int:
    try:
        lines = (folder / "smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)
