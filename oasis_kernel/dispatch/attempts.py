"""One attempt at a chunk, in the thread that makes it: what was logged meanwhile, and what went wrong."""

import logging
import os
import socket
import threading
import traceback
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache

from oasis_kernel.dispatch.waiting import Setback, Trouble
from oasis_kernel.errors import Cancelled, OasisError
from oasis_kernel.model.work import Chunk, Receipt, Stopped, Task

#: What is kept of the log of a chunk.
TAIL_LINES, TAIL_CHARACTERS = 40, 4_000


def this_worker() -> str:
    """Machine and process, such as ``node3:4711``."""
    return f"{_machine()}:{os.getpid()}"


@cache
def _machine() -> str:
    return socket.gethostname()


def attempt(task: Task, chunk: Chunk, stopped: Stopped) -> Receipt | Setback:
    """The receipt of a chunk, with what was logged meanwhile, or what went wrong. Cancelled passes."""
    with _logged() as lines:
        try:
            receipt = task(chunk, stopped)
        except Cancelled:
            raise
        except Exception as error:  # the job boundary: whatever went wrong is told with the chunk's name
            told = "".join(traceback.format_exception(error))
            end = tail([*lines, *told.splitlines()])
            return Setback(trouble_of(error), cause_of(error), this_worker(), end, error)
    return replace(receipt, worker=this_worker(), log_tail=tail(lines))


def trouble_of(error: Exception) -> Trouble:
    """The kind of trouble that an error is."""
    if isinstance(error, OasisError):
        return Trouble.INPUT
    return Trouble.MEMORY if isinstance(error, MemoryError) else Trouble.CODE


def cause_of(error: Exception) -> str:
    """The error in words: ours as they are, others with their kind."""
    return str(error) if isinstance(error, OasisError) else f"{type(error).__name__}: {error}"


class _ThreadLog(logging.Handler):
    """Keeps the last lines that one thread logs."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: deque[str] = deque(maxlen=TAIL_LINES)
        self._thread = threading.get_ident()
        self.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread == self._thread:
            self.lines.append(self.format(record))


@contextmanager
def _logged() -> "Iterator[deque[str]]":
    handler = _ThreadLog()
    logging.getLogger().addHandler(handler)
    try:
        yield handler.lines
    finally:
        logging.getLogger().removeHandler(handler)


def tail(lines: "deque[str] | list[str]") -> str:
    """The end of what was logged, not too much of it."""
    return "\n".join(lines)[-TAIL_CHARACTERS:]
