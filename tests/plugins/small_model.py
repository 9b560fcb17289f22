"""A model of two events and two places, whole and broken in every way the suite looks for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from oasis_kernel.model.hazard import DamageBins, Footprint, Occurrence, Vulnerability
from oasis_kernel.model.keys import KEYS_SCHEMA
from oasis_kernel.model.vendor import ModelChoice


def location() -> pa.Table:
    """Three locations, the last at a place that the model does not know."""
    return pa.table({"loc_id": [1, 2, 3], "place": [10, 20, 99]})


def bins() -> DamageBins:
    """No damage and whole damage."""
    edges = np.array([0, 1], dtype=np.float32)
    return DamageBins(edges, edges, edges, np.zeros(2, dtype=np.int32))


@dataclass
class SmallHazard:
    """Rows (event, area peril, intensity bin, probability), filtered for each question."""

    rows: np.ndarray
    num_intensity_bins: int = 2
    is_dynamic: bool = False

    def footprint(self, event_id: np.ndarray, areaperil_id: np.ndarray) -> Footprint:
        """The rows of the events and area perils."""
        parts = [self.rows[(self.rows[:, 0] == e) & np.isin(self.rows[:, 1], areaperil_id)] for e in event_id]
        found = np.concatenate([np.empty((0, 4)), *parts])
        nothing = np.empty(0, dtype=np.int32)
        return Footprint(
            event_id=np.asarray(event_id, dtype=np.int32),
            offsets=np.cumsum([0, *map(len, parts)]).astype(np.int64),
            areaperil_id=found[:, 1].astype(np.uint64),
            intensity_bin=found[:, 2].astype(np.int32),
            probability=found[:, 3].astype(np.float32),
            intensity=nothing,
            return_period=nothing,
        )

    def rows_per_event(self, event_id: np.ndarray) -> np.ndarray:
        """How many rows each event has."""
        return np.array([np.count_nonzero(self.rows[:, 0] == event) for event in event_id], dtype=np.int64)


def hazard() -> SmallHazard:
    """Event 1 strikes both places, the first with doubt; event 2 the second."""
    rows = [[1, 10, 1, 0.25], [1, 10, 2, 0.75], [1, 20, 2, 1.0], [2, 20, 1, 1.0]]
    return SmallHazard(np.array(rows))


@dataclass
class SmallData:
    """The opened data."""

    damage_bins: DamageBins = field(default_factory=bins)
    hazard: SmallHazard = field(default_factory=hazard)
    calendar: Occurrence | None = None
    event_id: tuple[int, ...] = (1, 2)
    chance: float = 0.5

    def events(self) -> np.ndarray:
        """The event set."""
        return np.array(self.event_id, dtype=np.int32)

    def vulnerability(self, vulnerability_id: np.ndarray) -> Vulnerability:
        """Even odds of whole damage."""
        probability = np.full((len(vulnerability_id), 2, 2), self.chance, dtype=np.float32)
        return Vulnerability(np.asarray(vulnerability_id, dtype=np.int32), probability)

    def aggregates(self) -> None:
        """None."""

    def occurrence(self) -> Occurrence | None:
        """The calendar, if any."""
        return self.calendar

    def period_weights(self) -> None:
        """None."""


@dataclass
class SmallModel:
    """The model; its parts may be swapped for broken ones."""

    name: str = "small"
    supplier: str = "test"
    version: str = "1"
    data: SmallData = field(default_factory=SmallData)
    own_settings: Any = field(default_factory=dict)

    def settings(self) -> Mapping[str, Any]:
        """Its settings."""
        return self.own_settings

    def lookup(self, location: pa.Table) -> pa.Table:
        """A key for each location: its place is its area peril."""
        known = [place in (10, 20) for place in location["place"].to_pylist()]
        return pa.table(
            {
                "loc_id": location["loc_id"].to_pylist(),
                "peril_id": ["WTC"] * len(known),
                "coverage_type": [1] * len(known),
                "area_peril_id": [p if k else None for p, k in zip(location["place"].to_pylist(), known, strict=True)],
                "vulnerability_id": [7] * len(known),
                "status": ["success" if k else "fail_ap" for k in known],
                "message": ["" if k else "unknown place" for k in known],
            },
            schema=KEYS_SCHEMA,
        )

    def open(self, choice: ModelChoice) -> SmallData:
        """Its data."""
        return self.data

    def fingerprint(self) -> str:
        """Always the same."""
        return "small"
