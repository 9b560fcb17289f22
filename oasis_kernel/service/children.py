"""Processes beside the service's own: kept running, started again when they die, and stopped at the end."""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from oasis_kernel.service.staying import PARENT

LOOK_SECONDS = 0.5
#: To find out what a child has started takes milliseconds, so it is not done at every look.
REMEMBER_SECONDS = 2.0
#: A child that dies is started again after this, and after twice as long each time it dies soon again.
AGAIN_SECONDS, MOST_SECONDS, SOON_SECONDS = 0.5, 30.0, 30.0
CLOSE_SECONDS = 20.0
#: What a dead child has left behind is asked to end, and killed after this.
LEFT_SECONDS = 3.0

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Program:
    """A command that is to be kept running.

    ``environment`` is added to this process's. A program that ``keeps_nothing`` is one whose own processes have no
    business without it: they end with it, also when it was killed.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    folder: Path | None = None
    keeps_nothing: bool = False


def module_program(module: str, environment: Mapping[str, str]) -> Program:
    """A Python module of ours as a program."""
    return Program(module.rpartition(".")[2], (sys.executable, "-m", module), environment)


@dataclass
class Child:
    """A program that was started."""

    program: Program
    process: "subprocess.Popen[bytes]"
    began: float
    wait: float = AGAIN_SECONDS  # before it is started again
    due: float | None = None  # when it is to be started again; None while it runs
    known: set[psutil.Process] = field(default_factory=set)  # its own processes, by number and time of start
    remembered: float = 0.0

    def remember(self) -> None:
        """Note which processes it has started; once it is dead nobody could tell."""
        self.remembered = time.monotonic()
        if self.program.keeps_nothing:
            try:
                self.known |= set(psutil.Process(self.process.pid).children(recursive=True))
            except psutil.Error:  # it has ended just now
                return

    def end_the_rest(self) -> None:
        """End what it has left behind."""
        left = [process for process in self.known if process.is_running()]
        for process in left:
            _send(process, signal.SIGTERM)
        for process in psutil.wait_procs(left, LEFT_SECONDS)[1]:
            _send(process, signal.SIGKILL)
        self.known.clear()


def _send(process: psutil.Process, number: signal.Signals) -> None:
    try:
        process.send_signal(number)
    except psutil.Error:  # it has ended by itself
        return


@dataclass
class Children:
    """Programs that are started again when they die, and stopped at the end.

    What they say goes to the end of ``log_file``, which only its owner can read; without one, to the terminal.
    """

    programs: Sequence[Program]
    log_file: Path | None = None
    _running: list[Child] = field(default_factory=list)
    _stopping: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Start every program, and a thread that looks after them."""
        for program in self.programs:  # one by one: should the last not start, the first are stopped
            self._running.append(Child(program, self._started(program), time.monotonic()))
        self._thread = threading.Thread(target=self._look_after, name="children", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop them: first kindly, then not."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
        for child in self._running:
            child.remember()
            child.process.terminate()
        end = time.monotonic() + CLOSE_SECONDS
        for child in self._running:
            try:
                child.process.wait(max(0.1, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.remember()
                child.process.kill()
                child.process.wait()
            child.end_the_rest()

    def _started(self, program: Program) -> "subprocess.Popen[bytes]":
        said = _opened(self.log_file) if self.log_file is not None else None
        try:
            # A group of its own: Ctrl-C in the terminal is for the service, which then stops its children in order.
            return subprocess.Popen(
                program.command,
                env={**os.environ, **program.environment, PARENT: str(os.getpid())},
                cwd=program.folder,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                process_group=0,
            )
        finally:
            if said is not None:
                os.close(said)

    def _look_after(self) -> None:
        while not self._stopping.wait(LOOK_SECONDS):
            for child in self._running:
                self._look(child, time.monotonic())

    def _look(self, child: Child, moment: float) -> None:
        """Start a child again that has died, not too often."""
        if child.process.poll() is None:
            if moment - child.remembered > REMEMBER_SECONDS:
                child.remember()
            return
        if child.due is None:
            soon = moment - child.began < SOON_SECONDS
            child.wait = min(child.wait * 2, MOST_SECONDS) if soon else AGAIN_SECONDS
            child.due = moment + child.wait
            where = f"; {self.log_file} may say why" if self.log_file is not None else ""
            status = child.process.returncode
            log.warning("%s ended (%s) and is started again%s", child.program.name, status, where)
            child.end_the_rest()
        elif moment >= child.due:
            child.process, child.began, child.due = self._started(child.program), moment, None


def _opened(file: Path) -> int:
    """A file that is written to at its end, and that only its owner can read where it is made now."""
    return os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
