"""Chunks and tasks to try executors on: small, and failing on purpose."""

import os
import signal
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from oasis_kernel.errors import Cancelled, ChunkFailure, OasisError
from oasis_kernel.model.work import Chunk, Receipt, Stopped, TaskReference, never


def chunks(count: int, events: int = 4) -> tuple[Chunk, ...]:
    """Chunks of so many events each."""
    ids = np.arange(1, count * events + 1, dtype=np.int32)
    return tuple(Chunk(number, part, 10, 100, samples_at_once=8) for number, part in enumerate(np.split(ids, count)))


def events_of(receipts: list[Receipt]) -> int:
    return sum(receipt.events for receipt in receipts)


@dataclass
class Heard:
    """An observer that remembers."""

    said: list[tuple[str, int, str]] = field(default_factory=list)
    failures: list[ChunkFailure] = field(default_factory=list)
    finished_: list[Receipt] = field(default_factory=list)

    def started(self, chunk: Chunk, worker: str) -> None:
        self.said.append(("started", chunk.number, chunk.part))

    def finished(self, receipt: Receipt) -> None:
        self.said.append(("finished", receipt.chunk, receipt.part))
        self.finished_.append(receipt)

    def failed(self, chunk: Chunk, failure: ChunkFailure, will_retry: bool) -> None:
        self.said.append(("retried" if will_retry else "set aside", chunk.number, chunk.part))
        self.failures.append(failure)

    def copied(self, chunk: Chunk) -> None:
        self.said.append(("copied", chunk.number, chunk.part))

    def split(self, chunk: Chunk, into: tuple[Chunk, ...]) -> None:
        self.said.append(("split", chunk.number, chunk.part))

    def count(self, what: str) -> int:
        return Counter(said[0] for said in self.said)[what]


@dataclass(frozen=True)
class Trial:
    """A task that notes its calls in ``folder``, and behaves in chunk ``number`` as told.

    ``behaviour``: well, fails, fails once, refuses, too large, one event too large, killed once, killed, is deaf (to
    being stopped), hangs once (until it is stopped), stands still once (its whole process),
    waits (every chunk, for a file ``go`` beside the folder).
    """

    folder: str
    behaviour: str = "well"
    number: int = 1
    seconds: float = 0.0

    def reference(self) -> TaskReference:
        given = {"folder": self.folder, "behaviour": self.behaviour, "number": self.number}
        return TaskReference(f"{__name__}:Trial", {**given, "seconds": str(self.seconds)}, "trial")

    def __call__(self, chunk: Chunk, stopped: Stopped = never) -> Receipt:
        calls = self._called(chunk)
        if chunk.number == self.number:
            self._behave(chunk, calls)
        hangs = self.behaviour == "hangs once" and chunk.number == self.number and calls == 1
        end = time.monotonic() + (600.0 if hangs else float(self.seconds))
        go = Path(self.folder).with_name("go")
        while time.monotonic() < end or (self.behaviour == "waits" and not go.exists()):
            time.sleep(0.02)
            if stopped() and self.behaviour != "is deaf":
                raise Cancelled("stopped")
        return Receipt(chunk.number, f"address-{chunk.number}{chunk.part}", len(chunk.event_id), 1, 0.1, False,
                       part=chunk.part)  # fmt: skip

    def _called(self, chunk: Chunk) -> int:
        place = Path(self.folder) / f"{chunk.number}-{chunk.part}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{os.getpid()}-{time.monotonic_ns()}").touch()
        return len(list(place.iterdir()))

    def _behave(self, chunk: Chunk, calls: int) -> None:
        if self.behaviour == "fails" or (self.behaviour == "fails once" and calls == 1):
            raise KeyError("region")
        if self.behaviour == "refuses":
            raise OasisError("model trial: will not")
        if self.behaviour == "too large" and len(chunk.event_id) > 1:
            raise MemoryError("cannot allocate")
        if self.behaviour == "one event too large" and (len(chunk.event_id) > 1 or chunk.samples_at_once > 2):
            raise MemoryError("cannot allocate")
        if self.behaviour == "stands still once" and calls == 1:
            time.sleep(0.5)  # so that its beginning was told: Ray itself takes seven minutes to miss one that was not
            os.kill(os.getpid(), signal.SIGSTOP)
        if self.behaviour == "killed" or (self.behaviour == "killed once" and calls == 1):
            os.kill(os.getpid(), signal.SIGKILL)
