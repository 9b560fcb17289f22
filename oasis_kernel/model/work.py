"""The work of a run: what events cost, the chunks they are cut into, the receipts that come back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from oasis_kernel.model.exposure import Int32, Int64


@dataclass(frozen=True)
class Workload:
    """What an event costs: row e of each array is event ``event_id[e]``, ascending."""

    event_id: Int32
    footprint_rows: Int64
    item_events: Int64  # items the event touches
    summary_rows: Int64  # upper bound of rows over all summary sets
    samples: int
    blocks: float = 1.0  # blocks of losses in memory at once, of as many rows as an event touches items
    divisible: bool = False  # whether one event's losses can be computed a few samples at a time


@dataclass(frozen=True)
class Chunk:
    """Whole events, ascending, and what they are expected to need."""

    number: int
    event_id: Int32
    item_events: int
    peak_bytes: int
    part: str = ""  # of a chunk that was halved, and halved again: "0", "1", "01" ...; in this order, events ascend
    samples_at_once: int = 0  # of an event whose losses are larger than a block; 0: all, it cannot be divided

    @property
    def is_divisible(self) -> bool:
        """Whether less memory would do."""
        return len(self.event_id) > 1 or self.samples_at_once > 1

    def halves(self) -> "tuple[Chunk, ...]":
        """What takes half the memory: two chunks of half the events, or the one event half its samples at a time."""
        middle, bytes_each = len(self.event_id) // 2, self.peak_bytes // 2
        if not middle:
            fewer = max(self.samples_at_once // 2, 1)
            return (replace(self, peak_bytes=bytes_each, part=self.part + "0", samples_at_once=fewer),)
        each = replace(self, item_events=self.item_events // 2, peak_bytes=bytes_each)
        return tuple(
            replace(each, event_id=events, part=self.part + half)
            for half, events in (("0", self.event_id[:middle]), ("1", self.event_id[middle:]))
        )


@dataclass(frozen=True)
class Plan:
    """The chunks of a run in event order, and what one worker and all of them need."""

    chunks: tuple[Chunk, ...]
    workers: int
    peak_bytes: int

    @property
    def events(self) -> int:
        """The number of events over all chunks."""
        return sum(len(chunk.event_id) for chunk in self.chunks)


@dataclass(frozen=True)
class Receipt:
    """All that travels back from a chunk: where its part lies and what it took."""

    chunk: int
    address: str
    events: int
    rows: int
    seconds: float
    reused: bool
    ground_up: str = ""  # the address of the ground-up losses that are kept of it; "" for none
    ground_up_reused: bool = False
    events_reused: int = 0  # whose losses were in parts of an earlier run
    part: str = ""  # of a halved chunk
    worker: str = ""  # machine and process
    attempt: int = 1
    started: float = 0.0  # seconds since 1970
    cpu_seconds: float = 0.0
    peak_bytes: int = 0  # the highest resident memory of its process so far
    log_tail: str = ""  # what was logged meanwhile, its end


#: Whether a chunk under way should stop: asked often.
Stopped = Callable[[], bool]


def never() -> bool:
    """Nobody asks to stop."""
    return False


@dataclass(frozen=True)
class TaskReference:
    """What another process needs to make the same task: a function by name, and its arguments, plain values."""

    entry: str  # "package.module:function"
    arguments: Mapping[str, str | int | bool]
    model: str


class Task(Protocol):
    """Computes chunks; several threads may call it at once."""

    def __call__(self, chunk: Chunk, stopped: Stopped = never) -> Receipt:
        """The receipt of a chunk that is finished; Cancelled, within half a second, when ``stopped`` says so."""
        ...

    def reference(self) -> TaskReference:
        """What makes this task in another process; OasisError when there is no such thing."""
        ...
