"""Progress of a run, as numbers: whoever shows it decides how."""

import os
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from oasis_kernel.engine.own_memory import OwnMemory


@dataclass(frozen=True)
class Progress:
    """Where a run stands."""

    stage: str  # check, prepare, plan, losses, results
    done: int = 0  # events (losses) or tables (results)
    total: int = 0
    seconds: float = 0.0  # since the stage began
    peak_bytes: int = 0  # resident memory at its highest

    @property
    def rate(self) -> float:
        """Units per second in this stage."""
        return self.done / self.seconds if self.seconds > 0 else 0.0

    @property
    def remaining_seconds(self) -> float | None:
        """Seconds to the stage's end at its present rate; None before there is one."""
        return (self.total - self.done) / self.rate if self.rate > 0 else None


Report = Callable[[Progress], None]


def peak_memory() -> int:
    """The highest resident memory of this process so far, in bytes.

    On Linux not what ``getrusage`` says: that begins with the memory of whoever started the process.
    """
    if sys.platform.startswith("linux"):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def resident_memory() -> int:
    """The resident memory of this process now, in bytes; where the system does not say, the highest so far."""
    if not sys.platform.startswith("linux"):
        return peak_memory()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


@dataclass
class Clock:
    """Reports progress, and remembers how long each stage took and the most own memory of the process in them."""

    report: Report
    stages: dict[str, float] = field(default_factory=dict)
    own_bytes: int = 0  # 0 where the system does not say
    _own: OwnMemory | None = None
    _stage: str = ""
    _began: float = 0.0

    def begin(self, stage: str, total: int = 0) -> None:
        """End the stage that is running, start the next."""
        self.end()
        self._stage, self._began, self._own = stage, time.perf_counter(), OwnMemory()
        self.advance(0, total)

    def advance(self, done: int, total: int) -> None:
        """Report how far the running stage is."""
        self.report(Progress(self._stage, done, total, time.perf_counter() - self._began, peak_memory()))

    def end(self) -> None:
        """Note the running stage's time."""
        if self._stage:
            self.stages[self._stage] = round(time.perf_counter() - self._began, 3)
        if self._own is not None:
            self.own_bytes, self._own = max(self.own_bytes, self._own.end()), None
        self._stage = ""
