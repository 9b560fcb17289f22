"""What a run is expected to take, before it is made: each number with a band around it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any


@dataclass(frozen=True)
class Band:
    """A number as it is expected, between the lowest and the highest that would not surprise."""

    low: float
    likely: float
    high: float


@dataclass(frozen=True)
class Estimate:
    """Seconds, bytes of memory and bytes of results that a run is expected to take, and what it would do."""

    seconds: Band
    peak_bytes: Band
    output_bytes: Band
    events: int  # that touch the portfolio
    item_events: int
    samples: int
    chunks: int
    workers: int
    trial_events: int = 0  # computed to learn how fast this model, portfolio and machine are
    trial_seconds: float = 0.0
    runs: int = 0  # earlier ones of the same model and perspectives on this machine, which were learned from
    reused_events: int = 0  # whose losses an earlier run has

    def as_dict(self) -> dict[str, Any]:
        """The estimate as plain values, for JSON."""
        return asdict(self)

    @staticmethod
    def of(values: Mapping[str, Any]) -> "Estimate":
        """The estimate of plain values as ``as_dict`` gives them; names it does not know are left out."""
        known = {item.name: values[item.name] for item in fields(Estimate) if item.name in values}
        bands = {name: Band(**known[name]) for name in ("seconds", "peak_bytes", "output_bytes")}
        return Estimate(**{**known, **bands})
