"""A run's process as its supervisor sees it: started or found again, watched, stopped, its end explained."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import psutil

from oasis_kernel.service.kernels import kernel_folder
from oasis_kernel.service.run_limits import RunLimits
from oasis_kernel.service.settings import ServiceSettings
from oasis_kernel.service.tables import Run

#: Exit code of a run's process that ran out of memory and could still say so.
OUT_OF_MEMORY = 77
#: Exit code of a run's process that was asked to stop.
STOPPED = 143
SAME_PROCESS_SECONDS = 1.0
#: What the service may know, and a model's code that runs in the process need not.
NOT_FOR_MODELS = frozenset({"JUPYTERHUB_API_TOKEN"})


class Stop(StrEnum):
    """Why a supervisor stops a process."""

    CANCEL = "cancel"
    MEMORY = "memory"
    DEADLINE = "deadline"
    SILENT = "silent"
    SERVICE = "service"  # the service itself stops


@dataclass
class RunProcess:
    """A process that works on a run."""

    run_id: str
    attempt: int
    executor: str
    limits: RunLimits
    process: psutil.Process
    child: "subprocess.Popen[bytes] | None"  # None for one that an earlier supervisor started
    slot: int
    deadline: float | None  # seconds since 1970
    peak_bytes: int = 0
    stopping: Stop | None = None
    _kill_at: float = field(default=0.0, repr=False)

    @property
    def started(self) -> float:
        """When the process began, in seconds since 1970: with its number, its identity."""
        return float(self.process.create_time())

    def ended(self) -> bool:
        """Whether the process is over."""
        if self.child is not None:
            return self.child.poll() is not None
        return not self.process.is_running() or self.process.status() == psutil.STATUS_ZOMBIE

    @property
    def exit_code(self) -> int | None:
        """How the process ended: minus the signal that ended it; None when nobody can know."""
        return self.child.returncode if self.child is not None else None

    def memory(self) -> int:
        """Resident bytes of the process and all that it started."""
        total = 0
        try:
            for process in (self.process, *self.process.children(recursive=True)):
                total += process.memory_info().rss
        except psutil.Error:
            pass  # it is ending: what could still be counted is
        self.peak_bytes = max(self.peak_bytes, total)
        return total

    def stop(self, why: Stop, seconds: float) -> None:
        """Ask the process to stop, once; ``press`` kills it when it has not after so many seconds."""
        if self.stopping is not None:
            return
        self.stopping, self._kill_at = why, time.monotonic() + seconds
        if why in (Stop.DEADLINE, Stop.SILENT):
            self._signal(signal.SIGUSR1)  # it writes where each thread stands into the log
        self._signal(signal.SIGKILL if why == Stop.MEMORY else signal.SIGTERM)

    def press(self) -> None:
        """Kill the process if it was asked to stop and its time is over."""
        if self.stopping is not None and time.monotonic() >= self._kill_at:
            self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        try:
            if self.ended():
                return
            if number == signal.SIGKILL:
                os.killpg(self.process.pid, number)  # with all that it started: it leads a group of its own
            else:
                os.kill(self.process.pid, number)
        except ProcessLookupError:
            return


def start(run: Run, settings: ServiceSettings, slot: int) -> RunProcess:
    """A new process for a claimed run, in a session of its own: it outlives this supervisor if it must."""
    log = settings.run_log(run.id)
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        child = subprocess.Popen(
            [sys.executable, "-m", "oasis_kernel.service.run_process", run.id, str(run.attempt)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=_environment(settings, kernel_folder(slot)),
        )
    return _watched(run, settings, psutil.Process(child.pid), child, slot)


def find(run: Run, settings: ServiceSettings, slot: int) -> RunProcess | None:
    """The process that works on a run and that an earlier supervisor started; None when it is over."""
    if run.pid is None or run.process_started is None:
        return None
    try:
        process = psutil.Process(run.pid)
        if abs(process.create_time() - run.process_started) > SAME_PROCESS_SECONDS:
            return None  # another one by now
    except psutil.Error:
        return None
    return _watched(run, settings, process, None, slot)


def _watched(
    run: Run, settings: ServiceSettings, process: psutil.Process, child: "subprocess.Popen[bytes] | None", slot: int
) -> RunProcess:
    limits, deadline = RunLimits.of(run, settings), None
    if limits.deadline_seconds is not None and run.started is not None:
        deadline = run.started.timestamp() + limits.deadline_seconds
    return RunProcess(run.id, run.attempt, run.executor, limits, process, child, slot, deadline)


def _environment(settings: ServiceSettings, kernels: Path) -> dict[str, str]:
    """What a run's process is told: the settings, and a folder of compiled kernels that no other process fills."""
    inherited = {name: value for name, value in os.environ.items() if name not in NOT_FOR_MODELS}
    own = {"OASIS_KERNEL_CACHE": str(kernels), "PYTHONUNBUFFERED": "1"}
    return {**inherited, **settings.environment(), **own}


@dataclass(frozen=True)
class Ending:
    """How a process ended that could not say so itself."""

    what: str
    cause: str
    memory: bool = False


def ending(process: RunProcess, *, killed_by_system: bool, last_line: str) -> Ending:
    """What happened to a process that ended before its run did; ``killed_by_system`` where memory ran out meanwhile."""
    code, size = process.exit_code, f"{process.peak_bytes / 2**20:,.0f} MiB"
    limit = f"{process.limits.memory_bytes / 2**20:,.0f} MiB"
    if process.stopping == Stop.MEMORY:
        return Ending("the run's process exceeded its memory limit", f"it used {size} of {limit}", memory=True)
    if process.stopping == Stop.SILENT:
        return Ending("the run's process gave no sign of life", "it was killed; the log says where each thread stood")
    if code == OUT_OF_MEMORY or (code == -signal.SIGKILL and killed_by_system):
        return Ending("the run's process ran out of memory", f"it used {size}; its limit is {limit}", memory=True)
    if code is None:
        return Ending("the run's process died", "it ended while no supervisor watched, so the cause is not known")
    if code < 0:
        name = signal.Signals(-code).name
        kind = "crashed in compiled code" if -code in _CRASHES else "was killed from outside"
        return Ending("the run's process died", f"it {kind} (signal {-code}, {name}) when it used {size}")
    return Ending("the run's process died", f"exit code {code}; its last words: {last_line or 'none'}")


_CRASHES = (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL)


def memory_kills_of_system() -> int:
    """How many processes the system has killed for lack of memory so far; 0 where it does not tell."""
    for source in ("/sys/fs/cgroup/memory.events", "/proc/vmstat"):
        try:
            lines = Path(source).read_text().splitlines()
        except OSError:
            continue
        for line in lines:
            name, _, count = line.partition(" ")
            if name == "oom_kill":
                return int(count)
    return 0
