"""Which chunks a run's process has in hand, in a file of its own, so that a chunk which ends the process is known.

The database hears of chunks a few times a second, too late for one that crashes at once. A line here costs
microseconds, and once it is written the system keeps it, whatever becomes of the process.
"""

import os
from pathlib import Path

from oasis_kernel.model.work import Chunk

Key = tuple[int, str]  # a chunk's number and part


class AtWork:
    """The file of one attempt at a run; written by several threads at once."""

    def __init__(self, path: Path):
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)

    def begun(self, chunk: Chunk) -> None:
        """Note that a chunk is begun with."""
        os.write(self._file, f"begun {chunk.number} {chunk.part}\n".encode())

    def ended(self, number: int, part: str) -> None:
        """Note that a chunk is no longer at work, whatever became of it."""
        os.write(self._file, f"ended {number} {part}\n".encode())

    def close(self) -> None:
        """Note nothing any more."""
        os.close(self._file)


def left_at_work(path: Path) -> frozenset[Key] | None:
    """The chunks that a process which has died was at work on; None when it left no file."""
    try:
        lines = path.read_text().splitlines()
    except FileNotFoundError:
        return None
    found: set[Key] = set()
    for line in lines:
        word, number, part = line.split(" ")
        (found.add if word == "begun" else found.discard)((int(number), part))
    return frozenset(found)
