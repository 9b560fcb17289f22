"""Footprints in ``footprint.bin`` and ``footprint.idx``, and their zipped form (``.bin.z``, ``.idx.z``)."""

import zlib

import numpy as np

from oasis_kernel.errors import Finding, InvalidInput
from oasis_kernel.formats.model_data import tables
from oasis_kernel.formats.model_data.folder import ByteRanges, Bytes, ModelFolder, as_records
from oasis_kernel.formats.model_data.footprint_rows import EventBlocks, Selection, StaticHazard
from oasis_kernel.formats.model_data.tables import Records
from oasis_kernel.model.exposure import Int32, Int64

#: A zlib stream whose inflated size the index does not declare may not exceed this: 256 MiB, 22 million rows.
UNDECLARED_LIMIT = 1 << 28

#: Events inflated to learn how many rows a compressed byte holds, where the index does not tell.
_EVENTS_PROBED = 32


class _IndexedHazard(StaticHazard):
    """A footprint file with an index of (event, offset, size), held in memory and checked whole when opened."""

    def __init__(self, folder: ModelFolder, name: str, index_name: str, sized: bool | None):
        self._file: ByteRanges = folder.ranges(name)
        head = _header(self._file, name)
        super().__init__(name, int(head["num_intensity_bins"]))
        self._index_name = index_name
        content = folder.read(index_name)
        sized = bool(head["flags"] & tables.INDEX_HAS_INFLATED_SIZE) if sized is None else sized
        self._index = as_records(
            content, tables.FOOTPRINT_INDEX_SIZED if sized else tables.FOOTPRINT_INDEX, index_name
        ).copy()
        self._sized = sized
        _check_index(self._index, self._file.size, name, index_name)
        self._event_id: Int32 = np.ascontiguousarray(self._index["event_id"])

    def event_ids(self) -> Int32:
        """The events of the index, ascending."""
        return self._event_id

    def _found(self, event_id: Int32) -> tuple[Int64, Int64]:
        """The positions in ``event_id`` of the events that are in the index, and theirs in the index."""
        place = np.searchsorted(self._event_id, event_id)
        inside = place < len(self._event_id)
        inside[inside] = self._event_id[place[inside]] == event_id[inside]
        known = np.flatnonzero(inside)
        return known, place[known]


class BinaryHazard(_IndexedHazard):
    """``footprint.bin`` with ``footprint.idx``; area perils of 4 or 8 bytes, told by the sizes in the index."""

    def __init__(self, folder: ModelFolder, name: str, index_name: str, wide: bool | None = None):
        narrow_index = folder.size(index_name) % tables.FOOTPRINT_INDEX.itemsize == 0
        super().__init__(folder, name, index_name, sized=False if narrow_index else None)
        self.wide = self._is_wide() if wide is None else wide
        self._row = tables.footprint_row(self.wide)
        bad = np.flatnonzero(
            (self._index["size"] % self._row.itemsize != 0)
            | ((self._index["offset"] - tables.FOOTPRINT_HEADER.itemsize) % self._row.itemsize != 0)
        )
        if len(bad):
            raise InvalidInput(
                _index_finding(
                    self._index, bad, index_name, ("size", f"must be whole rows of {self._row.itemsize} bytes")
                )
            )
        if (self._file.size - tables.FOOTPRINT_HEADER.itemsize) % self._row.itemsize:
            raise InvalidInput(
                Finding(
                    file=name,
                    field="size",
                    message=f"must hold whole rows of {self._row.itemsize} bytes after its header: it is truncated",
                    value=self._file.size,
                    rule="whole records",
                    remedy="Copy the file again",
                )
            )

    def rows_per_event(self, event_id: Int32) -> Int64:
        """The exact number of rows of each event."""
        known, place = self._found(np.asarray(event_id))
        counts = np.zeros(len(event_id), dtype=np.int64)
        counts[known] = self._index["size"][place] // self._row.itemsize
        return counts

    def blocks(self, event_id: Int32, chosen: Selection | None) -> EventBlocks:
        """All rows of the events: one piece for each stretch of the file."""
        known, place = self._found(event_id)
        start = self._index["offset"][place]
        stop = start + self._index["size"][place]
        counts = np.zeros(len(event_id), dtype=np.int64)
        counts[known] = (stop - start) // self._row.itemsize
        first_row = np.zeros(len(event_id), dtype=np.int64)
        first_row[known] = (start - tables.FOOTPRINT_HEADER.itemsize) // self._row.itemsize
        breaks = np.flatnonzero(start[1:] != stop[:-1]) + 1
        firsts = np.concatenate(([0], breaks)) if len(start) else np.empty(0, dtype=np.int64)
        lasts = np.concatenate((breaks, [len(start)])) - 1 if len(start) else firsts
        stretches = self._file.read(start[firsts], stop[lasts])
        return EventBlocks([stretch.view(self._row) for stretch in stretches], counts, first_row)

    def _is_wide(self) -> bool:
        narrow, wide = tables.footprint_row(), tables.footprint_row(True)
        size = self._index["size"]
        if (size % narrow.itemsize).any():
            return not (size % wide.itemsize).any()
        if (size % wide.itemsize).any() or not size.any():
            return False
        first = int(np.flatnonzero(size)[0])
        start = self._index["offset"][first : first + 1]
        rows = self._file.read(start, start + size[first : first + 1])[0]
        return not self._plausible(rows.view(narrow)) and self._plausible(rows.view(wide))

    def _plausible(self, rows: Records) -> bool:
        bins, probability = rows["intensity_bin_id"], rows["probability"]
        return bool(
            ((bins >= 1) & (bins <= self.num_intensity_bins) & (probability >= 0) & (probability <= 1.01)).all()
        )


class ZippedHazard(_IndexedHazard):
    """``footprint.bin.z`` with ``footprint.idx.z``: one zlib stream for each event."""

    def __init__(self, folder: ModelFolder, name: str, index_name: str, wide: bool | None = None):
        super().__init__(folder, name, index_name, sized=None)
        self.wide = self._is_wide() if wide is None else wide
        self._row = tables.footprint_row(self.wide)

    def rows_per_event(self, event_id: Int32) -> Int64:
        """The number of rows of each event; estimated from a few events where the index has no inflated sizes."""
        known, place = self._found(np.asarray(event_id))
        counts = np.zeros(len(event_id), dtype=np.int64)
        if self._sized:
            counts[known] = self._index["inflated_size"][place] // self._row.itemsize
        elif len(known):
            counts[known] = np.ceil(self._index["size"][place] * self._rows_per_byte(place))
        return counts

    def blocks(self, event_id: Int32, chosen: Selection | None) -> EventBlocks:
        """All rows of the events, one inflated piece for each."""
        known, place = self._found(event_id)
        pieces = [self._records(inflated, place[k]) for k, inflated in enumerate(self._inflated(place))]
        counts = np.zeros(len(event_id), dtype=np.int64)
        counts[known] = [len(piece) for piece in pieces]
        return EventBlocks(pieces, counts, None)

    def _records(self, inflated: Bytes, place: int) -> Records:
        return as_records(inflated, self._row, f"{self.name} event {self._event_id[place]}")

    def _inflated(self, place: Int64) -> list[Bytes]:
        start = self._index["offset"][place]
        streams = self._file.read(start, start + self._index["size"][place])
        return [self._inflate(stream, int(place[k])) for k, stream in enumerate(streams)]

    def _inflate(self, stream: Bytes, place: int) -> Bytes:
        declared = int(self._index["inflated_size"][place]) if self._sized else None
        limit = UNDECLARED_LIMIT if declared is None else declared
        engine = zlib.decompressobj()
        try:
            content = engine.decompress(stream.data, limit + 1)
        except zlib.error as error:
            raise InvalidInput(self._finding(place, f"cannot be inflated: {error}", None)) from error
        if len(content) > limit:
            raise InvalidInput(self._finding(place, f"must inflate to at most {limit} bytes, and goes on", None))
        if not engine.eof:
            raise InvalidInput(self._finding(place, "ends before its zlib stream does", len(stream)))
        if declared is not None and len(content) != declared:
            raise InvalidInput(self._finding(place, f"must inflate to {declared} bytes", len(content)))
        return np.frombuffer(content, dtype=np.uint8)

    def _finding(self, place: int, message: str, value: int | None) -> Finding:
        return Finding(
            file=self.name,
            field=f"event {self._event_id[place]}",
            message=message,
            value=value,
            rule="zlib stream",
            remedy="Zip the footprint again from footprint.bin or footprint.csv",
        )

    def _rows_per_byte(self, place: Int64) -> float:
        probed = place[:: max(1, len(place) // _EVENTS_PROBED)]
        sizes = np.maximum(self._index["size"][probed], 1)
        return float(max(len(c) / s for c, s in zip(self._inflated(probed), sizes, strict=True)) / self._row.itemsize)

    def _is_wide(self) -> bool:
        narrow, wide = tables.footprint_row().itemsize, tables.footprint_row(True).itemsize
        if self._sized:
            size = self._index["inflated_size"]
        else:
            size = np.array(
                [len(content) for content in self._inflated(np.arange(min(len(self._index), _EVENTS_PROBED)))]
            )
        return bool((size % narrow != 0).any() and not (size % wide != 0).any())


def _header(file: ByteRanges, name: str) -> Records:
    size = tables.FOOTPRINT_HEADER.itemsize
    if file.size < size:
        raise InvalidInput(
            Finding(
                file=name,
                field="size",
                message=f"must have a header of {size} bytes: it is truncated",
                value=file.size,
                rule="whole records",
                remedy="Copy the file again",
            )
        )
    head: Records = file.read(np.array([0]), np.array([size]))[0].view(tables.FOOTPRINT_HEADER)[0]
    if head["num_intensity_bins"] < 1:
        raise InvalidInput(
            Finding(
                file=name,
                field="num_intensity_bins",
                message="must be at least 1 in the header",
                value=int(head["num_intensity_bins"]),
                rule="header",
                remedy="Write the footprint again with its number of intensity bins",
            )
        )
    return head


def _check_index(index: Records, size: int, name: str, index_name: str) -> None:
    begins_early = index["offset"] < tables.FOOTPRINT_HEADER.itemsize
    with np.errstate(over="ignore"):
        ends_late = (index["size"] < 0) | (index["offset"] > size - index["size"])
    descends = np.concatenate(([False], np.diff(index["event_id"].astype(np.int64)) <= 0))
    for wrong, text in (
        (descends, ("event_id", "must ascend, each event once")),
        (begins_early, ("offset", f"must not be before the end of {name}'s header")),
        (
            ends_late,
            ("offset", f"points past the end of {name} ({size} bytes), which may be truncated: must lie inside"),
        ),
    ):
        bad = np.flatnonzero(wrong)
        if len(bad):
            raise InvalidInput(_index_finding(index, bad, index_name, text))


def _index_finding(index: Records, bad: Int64, index_name: str, text: tuple[str, str]) -> Finding:
    field, message = text
    row = int(bad[0])
    return Finding(
        file=index_name,
        row=row + 2,
        field=field,
        message=f"{message}, event {index['event_id'][row]}",
        value=int(index[field][row]),
        rule="footprint index",
        remedy="Copy both footprint files again, or convert them again from the csv",
    )
