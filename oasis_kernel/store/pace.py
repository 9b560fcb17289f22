"""What runs took for what they had to do, on this machine: from it the next run of the same kind is foretold."""

import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from oasis_kernel.store.folders import replace_text

#: Runs of one kind that are remembered: the machine, the model and its data change.
REMEMBERED = 12


@dataclass(frozen=True)
class Pace:
    """One run: what was counted before it, and what it took."""

    units: float  # of work
    loss_seconds: float  # processor seconds of all chunks
    counted_bytes: float  # of tables
    output_bytes: float
    result_seconds: float  # of writing them
    plan_bytes: float  # of memory
    grown_bytes: float  # by which the process grew


class Paces:
    """The paces of runs by kind, such as a model with its perspectives: one small file each, last come last."""

    def __init__(self, root: Path):
        self._root = root

    def of(self, kind: str) -> list[Pace]:
        """The latest runs of a kind; none where nothing is remembered, or nothing that can be read."""
        try:
            return [Pace(**found) for found in json.loads(self._path(kind).read_text(encoding="utf-8"))]
        except (OSError, TypeError, ValueError):
            return []

    def add(self, kind: str, pace: Pace) -> None:
        """Remember a run."""
        kept: Iterable[Pace] = [*self.of(kind), pace][-REMEMBERED:]
        replace_text(self._path(kind), json.dumps([asdict(found) for found in kept], indent=1) + "\n")

    def _path(self, kind: str) -> Path:
        return self._root / f"{re.sub(r'[^A-Za-z0-9_.-]+', '-', kind)}.json"
