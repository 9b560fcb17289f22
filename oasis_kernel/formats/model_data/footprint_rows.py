"""What every static footprint format shares: keep the rows at the wanted area perils, and refuse impossible ones."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from oasis_kernel.errors import InvalidInput, Severity
from oasis_kernel.formats.model_data import footprint_rules
from oasis_kernel.formats.model_data.tables import Records
from oasis_kernel.model.exposure import Int32, Int64, UInt64
from oasis_kernel.model.hazard import Footprint

#: Area perils up to here are looked up in a table of one byte each; above, by binary search.
_TABLE_LIMIT = 1 << 24

#: Rows filtered at once: temporary arrays stay in the cache and small.
_ROWS_AT_ONCE = 1 << 20


class EventBlocks(NamedTuple):
    """Rows of some events, one after the other."""

    pieces: list[Records]  # together the rows of all events, in event order
    counts: Int64  # [e] rows of each event
    first_row: Int64 | None  # [e] number in the file of each event's first row; None where a file has no row numbers


class Selection:
    """The area perils wanted: a membership test for arrays of rows."""

    def __init__(self, areaperil_id: UInt64):
        self.areaperil_id = np.array(areaperil_id, dtype=np.uint64)
        self._narrow = self.areaperil_id[self.areaperil_id <= np.iinfo(np.uint32).max].astype(np.uint32)
        self._table: npt.NDArray[np.bool_] | None = None
        if len(self.areaperil_id) and int(self.areaperil_id[-1]) < _TABLE_LIMIT:
            self._table = np.zeros(int(self.areaperil_id[-1]) + 2, dtype=np.bool_)
            self._table[self.areaperil_id] = True

    def rows(self, areaperil: npt.NDArray[np.unsignedinteger]) -> Int64:
        """The positions of the rows that are at wanted area perils, ascending."""
        wanted = self._narrow if areaperil.dtype.itemsize == 4 else self.areaperil_id
        if len(wanted) == 0:
            return np.empty(0, dtype=np.int64)
        if self._table is not None:
            return np.flatnonzero(self._table[np.minimum(areaperil, len(self._table) - 1)])
        areaperil = np.ascontiguousarray(areaperil)
        place = np.minimum(np.searchsorted(wanted, areaperil), len(wanted) - 1)
        return np.flatnonzero(wanted[place] == areaperil)


class StaticHazard(ABC):
    """A footprint that lies in files row by row. Safe to call from several threads."""

    is_dynamic = False

    def __init__(self, name: str, num_intensity_bins: int):
        self.name = name
        self.num_intensity_bins = num_intensity_bins
        self._latest: Selection | None = None

    @abstractmethod
    def event_ids(self) -> Int32:
        """The events that have rows, ascending."""

    @abstractmethod
    def rows_per_event(self, event_id: Int32) -> Int64:
        """How many rows each event's footprint has; an upper bound where the format does not tell."""

    @abstractmethod
    def blocks(self, event_id: Int32, chosen: Selection | None) -> EventBlocks:
        """All rows of the given events; a format that keeps filtered rows may leave out those not chosen."""

    def reading_order(self) -> Int32:
        """The events in the order in which reading all of them takes least."""
        return self.event_ids()

    def footprint(self, event_id: Int32, areaperil_id: UInt64) -> Footprint:
        """The footprint of the given events (ascending) at the given area perils (ascending, unique).

        Raises ``InvalidInput`` when the rows cannot be used: see ``footprint_rules``.
        """
        event_id = np.asarray(event_id, dtype=np.int32)
        selected = self.select(event_id, self._selection(areaperil_id))
        errors = [finding for finding in selected.findings(self) if finding.severity is Severity.ERROR]
        if errors:
            raise InvalidInput(errors)
        return selected.footprint()

    def select(self, event_id: Int32, chosen: Selection | None) -> "SelectedRows":
        """The rows of the events at the chosen area perils (None: at all)."""
        blocks = self.blocks(event_id, chosen)
        kept, rows = [], []
        for start, piece in _parts(blocks.pieces):
            keep = np.arange(len(piece)) if chosen is None else chosen.rows(piece["areaperil_id"])
            kept.append(keep + start)
            rows.append(piece if chosen is None else piece.take(keep))
        position = np.concatenate(kept) if kept else np.empty(0, dtype=np.int64)
        starts = np.concatenate(([0], np.cumsum(blocks.counts)))
        return SelectedRows(
            event_id=event_id,
            offsets=np.searchsorted(position, starts).astype(np.int64),
            rows=np.concatenate(rows) if rows else None,
            position=position,
            first_position=starts[:-1],
            first_row=blocks.first_row,
        )

    def _selection(self, areaperil_id: UInt64) -> Selection:
        latest = self._latest  # one read: another thread may replace it
        if latest is None or not np.array_equal(latest.areaperil_id, areaperil_id):
            latest = self._latest = Selection(areaperil_id)
        return latest


@dataclass(frozen=True)
class SelectedRows:
    """Rows kept from a footprint, and where in the file they stood."""

    event_id: Int32  # [e]
    offsets: Int64  # [e + 1]
    rows: Records | None  # [r]; None where there is none at all
    position: Int64  # [r] among the rows of these events, before area perils were chosen
    first_position: Int64  # [e]
    first_row: Int64 | None  # [e]

    def findings(self, hazard: StaticHazard) -> list[footprint_rules.Finding]:
        """What is wrong with the rows."""
        if self.rows is None:
            return []
        events = footprint_rules.EventRows(
            hazard.name, self.event_id, self.offsets, self.rows, hazard.num_intensity_bins, self.file_row
        )
        return footprint_rules.findings(events)

    def file_row(self, row: int) -> int | None:
        """The row of the file as a spreadsheet counts, where the file has rows."""
        if self.first_row is None:
            return None
        event = int(np.searchsorted(self.offsets, row, side="right")) - 1
        return int(self.first_row[event] + self.position[row] - self.first_position[event]) + 2

    def footprint(self) -> Footprint:
        """The rows as columns."""
        unused: Int32 = np.empty(0, dtype=np.int32)
        rows = self.rows if self.rows is not None else np.empty(0, dtype=_NO_ROWS)
        return Footprint(
            event_id=self.event_id,
            offsets=self.offsets,
            areaperil_id=rows["areaperil_id"].astype(np.uint64),
            intensity_bin=np.ascontiguousarray(rows["intensity_bin_id"]),
            probability=np.ascontiguousarray(rows["probability"]),
            intensity=unused,
            return_period=unused,
        )


_NO_ROWS = np.dtype([("areaperil_id", "<u4"), ("intensity_bin_id", "<i4"), ("probability", "<f4")])


def _parts(pieces: list[Records]) -> Iterator[tuple[int, Records]]:
    position = 0
    for piece in pieces:
        for start in range(0, len(piece), _ROWS_AT_ONCE):
            yield position + start, piece[start : start + _ROWS_AT_ONCE]
        position += len(piece)
