"""The chunks of a run that wait, and what is done about one that fails: the same rules for every executor."""

import time
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from statistics import median

from oasis_kernel.dispatch import Observer, Unobserved
from oasis_kernel.errors import ChunkFailed, ChunkFailure, ChunksFailed, OasisError
from oasis_kernel.model.work import Chunk, Receipt


class Trouble(StrEnum):
    """What kind of thing went wrong: it decides whether another try makes sense."""

    INPUT = "input"  # an error of ours: it says what to do, and would come again
    CODE = "code"  # anything else that was raised
    MEMORY = "memory"
    WORKER = "worker"  # the process that computed the chunk died
    TIME = "time"  # it took so long that it was ended: it hangs, or its machine does


REMEDIES = {
    Trouble.INPUT: "",
    Trouble.CODE: "Finished chunks are kept; resume the run when the cause is removed",
    Trouble.MEMORY: "Give workers more memory, or ask for fewer samples or coarser summaries",
    Trouble.WORKER: "Look into the worker's own log, and resume the run: finished chunks are kept",
    Trouble.TIME: "Look for what hangs there (storage, network, a model's own code), and resume the run: finished "
    "chunks are kept",
}
#: Where nobody looked for attempts that are overdue for so many seconds, this process stood still (Ctrl-Z, a machine
#: that slept), and so did what it waits for.
STOOD_STILL_SECONDS = 30.0


@dataclass(frozen=True)
class Patience:
    """How often a chunk is tried again after each kind of trouble."""

    code: int = 1
    worker: int = 3
    memory: int = 2
    time: int = 1
    keep_going: bool = False  # set a chunk that fails for good aside, and go on

    def retries(self, trouble: Trouble) -> int:
        """Tries after the first."""
        if trouble == Trouble.INPUT:
            return self.code if self.keep_going else 0
        return {
            Trouble.CODE: self.code,
            Trouble.WORKER: self.worker,
            Trouble.MEMORY: self.memory,
            Trouble.TIME: self.time,
        }[trouble]


@dataclass(frozen=True)
class Lateness:
    """When a chunk is late: after more than ``times`` the median and than ``seconds``, once so many are finished."""

    times: float = 3.0
    seconds: float = 10.0
    finished: int = 5


@dataclass(frozen=True)
class Limit:
    """How long a chunk may take before it is ended, whether processors are free or not.

    So many ``times`` the median for as much work, and at least ``seconds``; ``first`` before any chunk is computed.
    """

    times: float = 30.0
    seconds: float = 600.0
    first: float = 6 * 3600.0


@dataclass(frozen=True)
class Attempt:
    """One try at a chunk."""

    chunk: Chunk
    number: int = 1
    alone: bool = False  # not beside other chunks in one task: its worker has died before, or was ended
    avoid: str = ""  # a machine where it has hung

    @property
    def key(self) -> tuple[int, str]:
        """What tells the chunk from others of its run."""
        return self.chunk.number, self.chunk.part


@dataclass(frozen=True)
class Setback:
    """What an attempt failed of."""

    trouble: Trouble
    cause: str
    worker: str = ""
    log_tail: str = ""
    error: Exception | None = None  # where it was raised in this process


@dataclass(frozen=True)
class Begun:
    """An attempt that a worker has begun with."""

    attempt: Attempt
    worker: str
    at: float  # on the monotonic clock


class WaitingChunks:
    """Chunks in the order they are to be tried; one that failed and may be tried again comes first."""

    def __init__(
        self,
        chunks: Iterable[Chunk],
        patience: Patience,
        observer: Observer | None = None,
        lateness: Lateness | None = None,
        limit: Limit | None = None,
    ):
        self._waiting = deque(Attempt(chunk) for chunk in chunks)
        self._patience = patience
        self._lateness = lateness or Lateness()
        self._limit = limit or Limit()
        self._observer = observer or Unobserved()
        self._begun: dict[tuple[int, str], Begun] = {}
        self._looked: float | None = None  # for attempts that are overdue
        self._took: list[tuple[float, int]] = []  # seconds and items touched of each chunk that was computed
        self._copied: set[tuple[int, str]] = set()
        self._setbacks: Counter[tuple[int, str, Trouble]] = Counter()
        self.set_aside: list[ChunkFailure] = []

    def __len__(self) -> int:
        return len(self._waiting)

    def take(self) -> Attempt | None:
        """The next attempt; None when nothing waits."""
        return self._waiting.popleft() if self._waiting else None

    def take_several(self, count: int) -> list[Attempt]:
        """Up to ``count`` attempts for one task; an attempt that must be alone is alone."""
        taken: list[Attempt] = []
        while self._waiting and len(taken) < count:
            if self._waiting[0].alone and taken:
                break
            taken.append(self._waiting.popleft())
            if taken[-1].alone:
                break
        return taken

    def put_back(self, attempts: Iterable[Attempt]) -> None:
        """Attempts that came to nothing through no fault of theirs."""
        returned = list(attempts)
        for attempt in returned:
            self._begun.pop(attempt.key, None)
        self._waiting.extendleft(reversed(returned))

    def started(self, attempt: Attempt, worker: str) -> None:
        """A worker has begun with an attempt."""
        self._begun.setdefault(attempt.key, Begun(attempt, worker, time.monotonic()))
        self._observer.started(attempt.chunk, worker)

    def late(self) -> list[Begun]:
        """Attempts that take much longer than the run's other chunks did for as much work, the longest first.

        Only first ones, and never twice the same: a chunk that has failed may be slow because of what is in it.
        """
        if len(self._took) < self._lateness.finished:
            return []
        late = self._longer_than(self._lateness.times, self._lateness.seconds)
        return [begun for begun in late if begun.attempt.number == 1 and begun.attempt.key not in self._copied]

    def overdue(self) -> list[Begun]:
        """Attempts that have reached the limit of what a chunk may take, the longest first: they are to be ended.

        It is to be asked all the time: seconds in which nobody could do so count for no attempt.
        """
        now = time.monotonic()
        still = now - self._looked if self._looked is not None else 0.0
        if still > STOOD_STILL_SECONDS:
            self._begun = {key: replace(begun, at=begun.at + still) for key, begun in self._begun.items()}
        self._looked = now
        if self._took:
            return self._longer_than(self._limit.times, self._limit.seconds)
        return self._longer_than(0.0, self._limit.first)

    def _longer_than(self, times: float, least: float) -> list[Begun]:
        """Attempts under way for more than so many times the median for as much work, and than ``least`` seconds."""
        now = time.monotonic()
        found = [begun for begun in self._begun.values() if now - begun.at > least]
        if not found:  # as nearly always: medians of thousands of chunks would be taken for each that ends
            return []
        seconds = median([took[0] for took in self._took] or [0.0])
        work = median([took[1] for took in self._took] or [0.0])

        def is_longer(begun: Begun) -> bool:
            larger = max(begun.attempt.chunk.item_events / max(work, 1), 1.0)
            return now - begun.at > times * seconds * larger

        return sorted(filter(is_longer, found), key=lambda begun: begun.at)

    def copied(self, attempt: Attempt) -> Attempt:
        """The same chunk once more, to be tried beside an attempt that is late."""
        self._copied.add(attempt.key)
        self._observer.copied(attempt.chunk)
        return replace(attempt, number=attempt.number + 1, alone=True)

    def finished(self, attempt: Attempt, receipt: Receipt, worker: str = "") -> Receipt:
        """The receipt with its attempt, and the worker where it does not say."""
        begun = self._begun.pop(attempt.key, None)
        if begun is not None and not receipt.reused:
            self._took.append((time.monotonic() - begun.at, attempt.chunk.item_events))
        told = replace(receipt, attempt=attempt.number, worker=receipt.worker or worker)
        self._observer.finished(told)
        return told

    def failed(self, attempt: Attempt, setback: Setback, *, beside: bool = False) -> None:
        """Let the chunk wait again, halve it or set it aside; raises what ends the run, if this does.

        An attempt ``beside`` which another one at the chunk is under way is only told of.
        """
        chunk, trouble = attempt.chunk, setback.trouble
        failure = _failure(attempt, setback)
        if beside:
            self._observer.failed(chunk, failure, True)
            return
        self._begun.pop(attempt.key, None)
        self._setbacks[chunk.number, chunk.part, trouble] += 1
        again = self._setbacks[chunk.number, chunk.part, trouble] <= self._patience.retries(trouble)
        halved = not again and trouble == Trouble.MEMORY and chunk.is_divisible
        self._observer.failed(chunk, failure, again or halved)
        if again:
            alone = trouble in (Trouble.WORKER, Trouble.TIME)
            hung = setback.worker.rpartition(":")[0] if trouble == Trouble.TIME else ""
            self._waiting.appendleft(Attempt(chunk, attempt.number + 1, alone=alone, avoid=hung))
        elif halved:
            halves = chunk.halves()
            self._observer.split(chunk, halves)
            self._waiting.extendleft(Attempt(half) for half in reversed(halves))
        elif self._patience.keep_going:
            self.set_aside.append(failure)
        elif isinstance(setback.error, OasisError):
            raise setback.error
        else:
            raise ChunkFailed(failure) from setback.error

    def close(self) -> None:
        """ChunksFailed when chunks were set aside."""
        if self.set_aside:
            raise ChunksFailed(sorted(self.set_aside, key=lambda failure: (failure.chunk, failure.part)))


def too_long(seconds: float) -> str:
    """What is said of an attempt that has reached its limit after so many seconds."""
    return f"it took {seconds / 60:,.0f} minutes, far more than the run's other chunks for as much work"


def _failure(attempt: Attempt, setback: Setback) -> ChunkFailure:
    chunk = attempt.chunk
    return ChunkFailure(
        chunk=chunk.number,
        part=chunk.part,
        first_event=int(chunk.event_id[0]),
        last_event=int(chunk.event_id[-1]),
        cause=setback.cause,
        remedy=REMEDIES[setback.trouble],
        attempt=attempt.number,
        worker=setback.worker,
        log_tail=setback.log_tail,
    )
