"""Footprints as tables: ``footprint.csv``, Parquet by event (``footprint.parquet/event_id=N``), Parquet in chunks."""

import threading
from collections import OrderedDict
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from oasis_kernel.errors import Finding, InvalidInput
from oasis_kernel.formats.model_data import tables
from oasis_kernel.formats.model_data.delimited import read_csv
from oasis_kernel.formats.model_data.folder import ModelFolder
from oasis_kernel.formats.model_data.footprint_rows import EventBlocks, Selection, StaticHazard
from oasis_kernel.formats.model_data.tables import Records
from oasis_kernel.model.exposure import Int32, Int64

_COLUMNS = ("areaperil_id", "intensity_bin_id", "probability")
_ROW = tables.footprint_row(wide=True)

#: Rows of chunk files kept after choosing area perils, so that the next events need not read the file again.
_ROWS_KEPT = 8_000_000


class EventTable(NamedTuple):
    """Rows sorted by event (in file order within it), and where each event's begin."""

    event_id: Int32  # [e] ascending
    offsets: Int64  # [e + 1]
    rows: Records  # [r]


def event_table(event_id: Int32, rows: Records) -> tuple[EventTable, Int64 | None]:
    """The rows by event, and their order in the file when it had to change."""
    order = None
    if (np.diff(event_id) < 0).any():
        order = np.argsort(event_id, kind="stable")
        event_id, rows = event_id[order], rows[order]
    events, first = np.unique(event_id, return_index=True)
    return EventTable(events.astype(np.int32), np.append(first, len(rows)).astype(np.int64), rows), order


class CsvHazard(StaticHazard):
    """``footprint.csv``, held in memory; the number of intensity bins is the largest bin listed."""

    def __init__(self, folder: ModelFolder, name: str):
        listed = read_csv(folder, name, tables.footprint_table_row(wide=True))
        if len(listed) == 0:
            raise InvalidInput(Finding(file=name, message="has no rows", rule="not empty", remedy="Add the footprint"))
        rows = np.empty(len(listed), dtype=_ROW)
        for column in _COLUMNS:
            rows[column] = listed[column]
        self._table, self._order = event_table(np.ascontiguousarray(listed["event_id"]), rows)
        super().__init__(name, int(rows["intensity_bin_id"].max()))

    def event_ids(self) -> Int32:
        """The events listed, ascending."""
        return self._table.event_id

    def rows_per_event(self, event_id: Int32) -> Int64:
        """The exact number of rows of each event."""
        start, stop = _bounds(self._table, np.asarray(event_id))
        return stop - start

    def blocks(self, event_id: Int32, chosen: Selection | None) -> EventBlocks:
        """All rows of the events."""
        start, stop = _bounds(self._table, event_id)
        first_row = start if self._order is None else None
        return EventBlocks(_slices(self._table.rows, start, stop), stop - start, first_row)


class EventParquetHazard(StaticHazard):
    """``footprint.parquet/event_id=N/*.parquet``; an event without its folder has no rows."""

    def __init__(self, folder: ModelFolder, name: str, meta_name: str):
        super().__init__(name, intensity_bins_of(folder, meta_name))
        self._folder = folder
        found = [(_event_of(entry, name), entry) for entry in folder.list_names(name) if entry.startswith("event_id=")]
        self._entries = dict(found)
        self._counts: dict[int, int] = {}
        if not found and folder.list_names(name):
            raise InvalidInput(
                Finding(
                    file=name,
                    message="must hold one folder event_id=N for each event",
                    rule="partitioned by event",
                    remedy="Write the footprint partitioned by event_id",
                )
            )

    def event_ids(self) -> Int32:
        """The events that have a folder, ascending."""
        return np.array(sorted(self._entries), dtype=np.int32)

    def rows_per_event(self, event_id: Int32) -> Int64:
        """The exact number of rows of each event, from the Parquet footers (read once)."""
        return np.array([self._count(int(event)) for event in event_id], dtype=np.int64)

    def blocks(self, event_id: Int32, chosen: Selection | None) -> EventBlocks:
        """All rows of the events, one piece for each file."""
        pieces, counts = [], np.zeros(len(event_id), dtype=np.int64)
        for k, event in enumerate(event_id.tolist()):
            for path in self._files(event):
                rows = as_rows(read_parquet(self._folder, path, _COLUMNS), path)
                pieces.append(rows)
                counts[k] += len(rows)
        return EventBlocks(pieces, counts, None)

    def _files(self, event: int) -> list[str]:
        entry = self._entries.get(event)
        if entry is None:
            return []
        inside = f"{self.name}/{entry}"
        return [f"{inside}/{file}" for file in self._folder.list_names(inside) if file.endswith(".parquet")]

    def _count(self, event: int) -> int:
        if event not in self._counts:
            self._counts[event] = sum(_row_count(self._folder, path) for path in self._files(event))
        return self._counts[event]


class ChunkedParquetHazard(StaticHazard):
    """``footprint_chunk/footprint_K.parquet`` of several events each, found through ``footprint_lookup.parquet``.

    Events are spread over the chunks by area peril, not by event id, so that a range of events touches many chunks:
    the rows of a chunk that are at the wanted area perils are kept for the next call, within a bound.
    """

    def __init__(self, folder: ModelFolder, name: str, lookup_name: str, meta_name: str):
        super().__init__(name, intensity_bins_of(folder, meta_name))
        self._folder = folder
        lookup = folder.parquet(lookup_name, ["event_id", "partition"])
        event = lookup.column("event_id").to_numpy().astype(np.int32)
        order = np.argsort(event, kind="stable")
        self._event_id: Int32 = event[order]
        self._partition = lookup.column("partition").to_numpy().astype(np.int64)[order]
        twice = np.flatnonzero(self._event_id[1:] == self._event_id[:-1])
        if len(twice):
            raise InvalidInput(
                Finding(
                    file=lookup_name,
                    field="event_id",
                    message="must list each event once",
                    value=int(self._event_id[twice[0]]),
                    rule="footprint index",
                    remedy="Write the chunks and their lookup again",
                )
            )
        self._kept: OrderedDict[int, tuple[Selection, EventTable]] = OrderedDict()
        self._counts: dict[int, tuple[Int32, Int64]] = {}
        self._lock = threading.Lock()

    def event_ids(self) -> Int32:
        """The events of the lookup, ascending."""
        return self._event_id

    def reading_order(self) -> Int32:
        """The events chunk by chunk."""
        return self._event_id[np.argsort(self._partition, kind="stable")]

    def rows_per_event(self, event_id: Int32) -> Int64:
        """The exact number of rows of each event, from the chunks' event columns (read once)."""
        counts = np.zeros(len(event_id), dtype=np.int64)
        for partition, wanted in self._by_partition(np.asarray(event_id)):
            if partition not in self._counts:
                column = read_parquet(self._folder, self._chunk(partition), ("event_id",)).column("event_id").to_numpy()
                events, rows = np.unique(column, return_counts=True)
                self._counts[partition] = events.astype(np.int32), rows
            events, rows = self._counts[partition]
            place = np.searchsorted(events, event_id[wanted])
            inside = place < len(events)
            inside[inside] = events[place[inside]] == event_id[wanted][inside]
            counts[wanted[inside]] = rows[place[inside]]
        return counts

    def blocks(self, event_id: Int32, chosen: Selection | None) -> EventBlocks:
        """The rows of the events at the chosen area perils."""
        per_event: list[list[Records]] = [[] for _ in event_id]
        counts = np.zeros(len(event_id), dtype=np.int64)
        for partition, wanted in self._by_partition(event_id):
            table = self._table(partition, chosen)
            start, stop = _bounds(table, event_id[wanted])
            counts[wanted] = stop - start
            for k, first, last in zip(wanted.tolist(), start.tolist(), stop.tolist(), strict=True):
                per_event[k].append(table.rows[first:last])
        return EventBlocks([piece for pieces in per_event for piece in pieces], counts, None)

    def _by_partition(self, event_id: Int32) -> list[tuple[int, Int64]]:
        """Each chunk that holds wanted events, and the positions of these in ``event_id``."""
        place = np.searchsorted(self._event_id, event_id)
        inside = place < len(self._event_id)
        inside[inside] = self._event_id[place[inside]] == event_id[inside]
        known = np.flatnonzero(inside)
        partition = self._partition[place[known]]
        order = np.argsort(partition, kind="stable")
        partitions, first = np.unique(partition[order], return_index=True)
        return [(int(p), wanted) for p, wanted in zip(partitions, np.split(known[order], first[1:]), strict=True)]

    def _chunk(self, partition: int) -> str:
        return f"{self.name}/footprint_{partition}.parquet"

    def _table(self, partition: int, chosen: Selection | None) -> EventTable:
        if chosen is None:
            return self._read(partition, None)
        with self._lock:
            kept = self._kept.get(partition)
            if kept is not None and kept[0] is chosen:
                self._kept.move_to_end(partition)
                return kept[1]
        table = self._read(partition, chosen)
        with self._lock:
            self._kept[partition] = chosen, table
            while len(self._kept) > 1 and sum(len(other.rows) for _, other in self._kept.values()) > _ROWS_KEPT:
                self._kept.popitem(last=False)
        return table

    def _read(self, partition: int, chosen: Selection | None) -> EventTable:
        path = self._chunk(partition)
        content = read_parquet(self._folder, path, ("event_id", *_COLUMNS))
        event, rows = content.column("event_id").to_numpy(), as_rows(content, path)
        if chosen is not None:
            keep = chosen.rows(rows["areaperil_id"])
            event, rows = event[keep], rows[keep]
        return event_table(event, rows)[0]


def intensity_bins_of(folder: ModelFolder, meta_name: str) -> int:
    """The number of intensity bins that ``footprint_parquet_meta.json`` states."""
    stated = folder.json(meta_name).get("num_intensity_bins")
    if isinstance(stated, bool) or not isinstance(stated, int) or stated < 1:
        raise InvalidInput(
            Finding(
                file=meta_name,
                field="num_intensity_bins",
                message="must be a whole number of at least 1",
                value=stated,
                rule="footprint meta data",
                remedy="Give the number of intensity bins of the footprint",
            )
        )
    return stated


def read_parquet(folder: ModelFolder, path: str, columns: tuple[str, ...]) -> pa.Table:
    """Columns of one Parquet file, without regard to the folders it lies in."""
    try:
        with folder.file_system.open(folder.path(path), "rb") as file:
            table = pq.ParquetFile(file).read(columns=list(columns), use_threads=False)
    except (pa.ArrowException, OSError) as error:
        raise InvalidInput(
            Finding(file=path, message=f"cannot be read as Parquet: {error}", rule="Parquet", remedy="Write it again")
        ) from error
    absent = [column for column in columns if column not in table.column_names]
    if absent:
        raise InvalidInput(
            Finding(
                file=path,
                field="columns",
                message=f"must include {', '.join(columns)}",
                value=table.column_names,
                rule="columns by name",
                remedy="Write the file again with these columns",
            )
        )
    return table


def as_rows(table: pa.Table, path: str) -> Records:
    """Footprint rows of a Parquet table, whatever integer and float widths it uses."""
    rows = np.empty(table.num_rows, dtype=_ROW)
    for column in _COLUMNS:
        if table.column(column).null_count:
            raise InvalidInput(
                Finding(
                    file=path, field=column, message="must not be null", rule="no nulls", remedy="Fill the null values"
                )
            )
        rows[column] = table.column(column).to_numpy()
    return rows


def _row_count(folder: ModelFolder, path: str) -> int:
    with folder.file_system.open(folder.path(path), "rb") as file:
        return int(pq.ParquetFile(file).metadata.num_rows)


def _event_of(entry: str, name: str) -> int:
    text = entry.removeprefix("event_id=")
    if not text.isdigit():
        raise InvalidInput(
            Finding(
                file=name,
                field="event_id",
                message="must be a number in the folder's name",
                value=entry,
                rule="partitioned by event",
                remedy="Name the folders event_id=1, event_id=2, ...",
            )
        )
    return int(text)


def _bounds(table: EventTable, event_id: Int32) -> tuple[Int64, Int64]:
    place = np.searchsorted(table.event_id, event_id)
    inside = place < len(table.event_id)
    inside[inside] = table.event_id[place[inside]] == event_id[inside]
    start = np.zeros(len(event_id), dtype=np.int64)
    stop = np.zeros(len(event_id), dtype=np.int64)
    start[inside], stop[inside] = table.offsets[place[inside]], table.offsets[place[inside] + 1]
    return start, stop


def _slices(rows: Records, start: Int64, stop: Int64) -> list[Records]:
    held = np.flatnonzero(stop > start)
    start, stop = start[held], stop[held]
    breaks = np.flatnonzero(start[1:] != stop[:-1]) + 1
    if len(start) == 0:
        return []
    firsts, lasts = np.concatenate(([0], breaks)), np.concatenate((breaks - 1, [len(start) - 1]))
    return [rows[a:b] for a, b in zip(start[firsts].tolist(), stop[lasts].tolist(), strict=True)]
