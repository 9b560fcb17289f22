"""The work of a run: what events cost, the chunks they are cut into, the receipts that come back."""

from collections.abc import Callable
from dataclasses import dataclass

from oasis_kernel.model.exposure import Int32, Int64


@dataclass(frozen=True)
class Workload:
    """What an event costs: row e of each array is event ``event_id[e]``, ascending."""

    event_id: Int32
    footprint_rows: Int64
    item_events: Int64  # items the event touches
    summary_rows: Int64  # upper bound of rows over all summary sets
    samples: int


@dataclass(frozen=True)
class Chunk:
    """Whole events, ascending, and what they are expected to need."""

    number: int
    event_id: Int32
    item_events: int
    peak_bytes: int


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


Task = Callable[[Chunk], Receipt]
