"""Dynamic footprints: built from an event definition (sections, return periods) and a hazard case (intensities).

Source: the Oasis standard's dynamic footprint. An event names, for each section, two return periods and how far to
interpolate between them; the hazard case gives the intensities of each return period by section and area peril.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.dataset as ds

from oasis_kernel.errors import Finding, InvalidInput, Severity
from oasis_kernel.formats.model_data.folder import ModelFolder
from oasis_kernel.formats.model_data.footprint_table import intensity_bins_of
from oasis_kernel.model.exposure import Float64, Int32, Int64, UInt64
from oasis_kernel.model.hazard import Footprint

#: Hazard-case rows brought together at once.
_ROWS_AT_ONCE = 2_000_000


class EventDefinition(NamedTuple):
    """Sections of events, by event, then section."""

    event_id: Int64  # [d]
    section_id: Int64
    rp_from: Int64
    rp_to: Int64
    interpolation: Float64

    def at(self, rows: npt.NDArray[np.bool_] | slice) -> "EventDefinition":
        """Some of the rows."""
        return EventDefinition._make(column[rows] for column in self)


class HazardCase(NamedTuple):
    """Intensities, by section, return period, area peril, then intensity; ``rank`` counts inside the area peril."""

    section: Int64  # [k] the (section, return period) pairs, ascending
    return_period: Int64  # [k]
    offsets: Int64  # [k + 1] rows of each pair
    areaperil_id: UInt64  # [h]
    rank: Int64
    intensity: Int64
    probability: Float64

    def ranges(self, section: Int64, return_period: Int64) -> tuple[Int64, Int64]:
        """The rows of each (section, return period); empty where the hazard case has none."""
        wanted, known = _pair_keys((section, self.section), (return_period, self.return_period))
        place = np.searchsorted(known, wanted)
        inside = place < len(known)
        inside[inside] = known[place[inside]] == wanted[inside]
        start, stop = np.zeros(len(section), dtype=np.int64), np.zeros(len(section), dtype=np.int64)
        start[inside], stop[inside] = self.offsets[place[inside]], self.offsets[place[inside] + 1]
        return start, stop


class DynamicHazard:
    """Footprints made from return periods. Safe to call from several threads.

    ``intensity`` and ``return_period`` of its footprints are filled; ``intensity_bin`` is 0, found per item.
    """

    is_dynamic = True

    def __init__(self, folder: ModelFolder, definition_name: str, hazard_name: str, meta_name: str):
        self.name = hazard_name
        self.num_intensity_bins = intensity_bins_of(folder, meta_name)
        self._folder = folder
        self._definition = _read_definition(folder, definition_name)
        self._sections: frozenset[int] | None = None
        self._latest: tuple[UInt64, HazardCase] | None = None
        self._counts: HazardCase | None = None

    def for_sections(self, section_id: Iterable[str | int]) -> "DynamicHazard":
        """The same hazard confined to the sections a portfolio lies in: the others' return periods do not count."""
        confined = object.__new__(DynamicHazard)
        confined.__dict__.update(self.__dict__)
        confined._sections = frozenset(int(section) for section in section_id)
        confined._definition = self._definition.at(
            np.isin(self._definition.section_id, np.array(sorted(confined._sections), dtype=np.int64))
        )
        confined._latest = confined._counts = None
        return confined

    def event_ids(self) -> Int32:
        """The events defined, ascending."""
        return np.unique(self._definition.event_id).astype(np.int32)

    def rows_per_event(self, event_id: Int32) -> Int64:
        """At most how many rows each event's footprint has: both return periods of all its sections."""
        if self._counts is None:
            self._counts = self._read_case(None, counts_only=True)
        rows = np.zeros(len(self._definition.event_id), dtype=np.int64)
        for return_period in (self._definition.rp_from, self._definition.rp_to):
            start, stop = self._counts.ranges(self._definition.section_id, return_period)
            rows += stop - start
        total = np.concatenate(([0], np.cumsum(rows)))
        return (
            total[np.searchsorted(self._definition.event_id, event_id, side="right")]
            - total[np.searchsorted(self._definition.event_id, event_id)]
        )

    def footprint(self, event_id: Int32, areaperil_id: UInt64) -> Footprint:
        """The footprint of the given events (ascending) at the given area perils (ascending, unique).

        Rows of a return period are ranked by intensity and paired by rank; a missing partner has intensity 0.
        Equal intensities of an area peril are merged and its probabilities made to sum to 1. Order: area peril
        ascending, intensity descending.
        """
        event_id = np.asarray(event_id, dtype=np.int32)
        case = self._hazard_case(np.asarray(areaperil_id, dtype=np.uint64))
        definition = self._definition.at(np.isin(self._definition.event_id, event_id))
        size = np.zeros(len(definition.event_id), dtype=np.int64)
        for return_period in (definition.rp_from, definition.rp_to):
            start, stop = case.ranges(definition.section_id, return_period)
            size += stop - start
        parts = [_footprint_rows(definition.at(part), case) for part in _whole_events(definition.event_id, size)]
        rows = FootprintRows._make(np.concatenate(columns) for columns in zip(*parts, strict=True))
        offsets = np.append(np.searchsorted(rows.event_id, event_id), len(rows.event_id))
        return Footprint(
            event_id=event_id,
            offsets=offsets.astype(np.int64),
            areaperil_id=rows.areaperil_id,
            intensity_bin=np.zeros(len(rows.event_id), dtype=np.int32),
            probability=rows.probability.astype(np.float32),
            intensity=rows.intensity.astype(np.int32),
            return_period=rows.return_period.astype(np.int32),
        )

    def findings(self) -> list[Finding]:
        """What is wrong with the whole of the hazard case, read batch by batch, and with the definition."""
        found: list[Finding] = []
        interpolation = self._definition.interpolation
        outside = np.flatnonzero(~((interpolation >= 0) & (interpolation <= 1)))
        if len(outside):
            event = self._definition.event_id[outside[0]]
            message = f"is expected to be in [0, 1], in event {event}"
            value = float(interpolation[outside[0]])
            finding = _column_finding("event_definition", "interpolation", message, value)
            found.append(replace(finding, severity=Severity.WARNING))
        names = _schema_names(self._folder, self.name)
        columns = [*_CASE_COLUMNS, *(["probability"] if "probability" in names else [])]
        for batch in _dataset(self._folder, self.name).to_batches(columns=columns):
            try:
                _sorted_case(pa.table(batch), self.name, counts_only=False)
            except InvalidInput as error:
                found.extend(error.findings)
        return found

    def _hazard_case(self, areaperil_id: UInt64) -> HazardCase:
        latest = self._latest  # one read: another thread may replace it
        if latest is None or not np.array_equal(latest[0], areaperil_id):
            latest = self._latest = areaperil_id.copy(), self._read_case(areaperil_id)
        return latest[1]

    def _read_case(self, areaperil_id: UInt64 | None, counts_only: bool = False) -> HazardCase:
        columns = ["section_id", "return_period"] if counts_only else _CASE_COLUMNS
        filters = [("areaperil_id", "in", areaperil_id.tolist())] if areaperil_id is not None else None
        if self._sections is not None:
            filters = [*(filters or []), ("section_id", "in", sorted(self._sections))]
        if filters is not None and any(len(wanted) == 0 for _, _, wanted in filters):
            return _NO_CASE
        has_probability = not counts_only and "probability" in _schema_names(self._folder, self.name)
        table = self._folder.parquet(self.name, [*columns, *(["probability"] if has_probability else [])], filters)
        return _sorted_case(table, self.name, counts_only)


class FootprintRows(NamedTuple):
    """Rows of a dynamic footprint, by event, area peril, then intensity descending."""

    event_id: Int64
    areaperil_id: UInt64
    probability: Float64
    intensity: Int64
    return_period: Int64


_CASE_COLUMNS = ["section_id", "areaperil_id", "return_period", "intensity"]
_EMPTY: Int64 = np.empty(0, dtype=np.int64)
_NO_CASE = HazardCase(
    _EMPTY, _EMPTY, np.zeros(1, dtype=np.int64), _EMPTY.astype(np.uint64), _EMPTY, _EMPTY, _EMPTY.astype(np.float64)
)


def _footprint_rows(definition: EventDefinition, case: HazardCase) -> FootprintRows:
    """The rows of some whole events: expand both return periods, pair by rank, interpolate, merge, normalise."""
    defined_from, row_from = _expanded(*case.ranges(definition.section_id, definition.rp_from))
    defined_to, row_to = _expanded(*case.ranges(definition.section_id, definition.rp_to))
    defined = np.concatenate((defined_from, defined_to))
    row = np.concatenate((row_from, row_to))
    is_to = np.repeat([False, True], [len(row_from), len(row_to)])
    order = np.lexsort((is_to, case.rank[row], case.areaperil_id[row], defined))
    defined, row, is_to = defined[order], row[order], is_to[order]
    begins = _begins(defined, case.areaperil_id[row], case.rank[row])
    pair = np.cumsum(begins) - 1
    first = np.flatnonzero(begins)
    intensity_from = np.zeros(len(first), dtype=np.int64)
    intensity_to = np.zeros(len(first), dtype=np.int64)
    intensity_from[pair[~is_to]] = case.intensity[row[~is_to]]
    intensity_to[pair[is_to]] = case.intensity[row[is_to]]
    defined, row = defined[first], row[first]
    step = (intensity_to - intensity_from) * definition.interpolation[defined]
    return _merged(
        FootprintRows(
            event_id=definition.event_id[defined],
            areaperil_id=case.areaperil_id[row],
            probability=case.probability[row],
            intensity=np.floor(intensity_from + step).astype(np.int64),
            return_period=definition.rp_to[defined],
        )
    )


def _merged(rows: FootprintRows) -> FootprintRows:
    """Equal (event, area peril, intensity, return period) summed, each area peril made to sum to 1."""
    order = np.lexsort((rows.return_period, -rows.intensity, rows.areaperil_id, rows.event_id))
    rows = FootprintRows._make(column[order] for column in rows)
    begins = _begins(rows.event_id, rows.areaperil_id, rows.intensity, rows.return_period)
    probability = np.bincount(np.cumsum(begins) - 1, weights=rows.probability, minlength=int(begins.sum()))
    rows = FootprintRows._make(column[begins] for column in rows)
    place = np.cumsum(_begins(rows.event_id, rows.areaperil_id)) - 1
    total = np.bincount(place, weights=probability)[place] if len(place) else probability
    if (total == 0).any():
        bad = int(rows.areaperil_id[np.flatnonzero(total == 0)[0]])
        raise InvalidInput(_column_finding("hazard case", "probability", f"must not all be 0 at area peril {bad}", 0.0))
    return rows._replace(probability=probability / total)


def _begins(*columns: npt.NDArray[np.generic]) -> npt.NDArray[np.bool_]:
    """Where any of the columns differs from the row before; the first row begins too."""
    begins = np.ones(len(columns[0]), dtype=np.bool_)
    if len(begins):
        begins[1:] = np.logical_or.reduce([column[1:] != column[:-1] for column in columns])
    return begins


def _expanded(start: Int64, stop: Int64) -> tuple[Int64, Int64]:
    """Every row of every range, with the range it belongs to."""
    length = stop - start
    owner = np.repeat(np.arange(len(start)), length)
    return owner, np.arange(length.sum()) - np.repeat(np.cumsum(length) - length, length) + np.repeat(start, length)


def _whole_events(event_id: Int64, size: Int64) -> list[slice]:
    """Consecutive rows of the definition, whole events, with a bounded number of hazard rows each."""
    last = np.flatnonzero(np.append(event_id[1:] != event_id[:-1], True)) + 1 if len(event_id) else np.array([0])
    batch = np.cumsum(size)[last - 1] // _ROWS_AT_ONCE if len(event_id) else np.array([0])
    ends = last[np.flatnonzero(np.append(np.diff(batch) > 0, True))]
    return [slice(a, b) for a, b in zip([0, *ends[:-1].tolist()], ends.tolist(), strict=True)]


def _pair_keys(first: tuple[Int64, Int64], second: tuple[Int64, Int64]) -> tuple[Int64, Int64]:
    """One integer for each (first, second) pair, comparable between the wanted and the known ones."""
    wanted, known = len(first[0]), len(first[1])
    values, inverse = np.unique(np.concatenate(second), return_inverse=True)
    key = np.concatenate(first) * max(len(values), 1) + inverse
    return key[:wanted], key[wanted : wanted + known]


def _read_definition(folder: ModelFolder, name: str) -> EventDefinition:
    table = folder.parquet(name, ["event_id", "section_id", "rp_from", "rp_to", "interpolation"])
    event, section, rp_from, rp_to = (
        _integers(table, column, name) for column in ("event_id", "section_id", "rp_from", "rp_to")
    )
    interpolation = table.column("interpolation").to_numpy().astype(np.float64)
    definition = EventDefinition(event, section, rp_from, rp_to, interpolation)
    order = np.lexsort((definition.section_id, definition.event_id))
    definition = EventDefinition._make(column[order] for column in definition)
    twice = np.flatnonzero(~_begins(definition.event_id, definition.section_id))
    if len(twice):
        raise InvalidInput(
            Finding(
                file=name,
                field="section_id",
                message=f"must be listed once in event {definition.event_id[twice[0]]}",
                value=int(definition.section_id[twice[0]]),
                rule="one definition per event and section",
                remedy="Remove the repeated row",
            )
        )
    return definition


def _sorted_case(table: pa.Table, name: str, counts_only: bool) -> HazardCase:
    section, return_period = (_integers(table, column, name) for column in ("section_id", "return_period"))
    if counts_only:
        order = np.lexsort((return_period, section))
        areaperil, intensity, probability = np.zeros(len(order), np.uint64), _EMPTY, _EMPTY.astype(np.float64)
    else:
        areaperil = _integers(table, "areaperil_id", name).astype(np.uint64)
        intensity, probability = _integers(table, "intensity", name), _probability(table, name)
        order = np.lexsort((intensity, areaperil, return_period, section))
        areaperil, intensity, probability = areaperil[order], intensity[order], probability[order]
    section, return_period = section[order], return_period[order]
    pairs = _begins(section, return_period)
    first = np.flatnonzero(pairs)
    runs = np.flatnonzero(pairs | _begins(areaperil))
    length = np.diff(runs, append=len(order))
    return HazardCase(
        section[first],
        return_period[first],
        np.append(first, len(order)).astype(np.int64),
        areaperil,
        np.arange(len(order)) - np.repeat(runs, length),
        intensity,
        probability,
    )


def _integers(table: pa.Table, column: str, name: str) -> Int64:
    values = table.column(column)
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    if values.null_count or not (pa.types.is_integer(values.type) or pa.types.is_floating(values.type)):
        raise InvalidInput(_column_finding(name, column, "must be whole numbers without nulls", str(values.type)))
    numbers = values.to_numpy()
    if pa.types.is_floating(values.type) and not (np.floor(numbers) == numbers).all():
        raise InvalidInput(_column_finding(name, column, "must be whole numbers", None))
    least = {"intensity": 0, "areaperil_id": 1, "event_id": 1}.get(column)
    if least is not None and len(numbers) and numbers.min() < least:
        raise InvalidInput(_column_finding(name, column, f"must be at least {least}", int(numbers.min())))
    return numbers.astype(np.int64)


def _probability(table: pa.Table, name: str) -> Float64:
    """The probability of each row; 1 where the hazard case has none."""
    if "probability" not in table.column_names:
        return np.ones(table.num_rows)
    values: Float64 = table.column("probability").cast(pa.float64()).fill_null(1.0).to_numpy()
    values = np.where(np.isnan(values), 1.0, values)
    if len(values) and (values.min() < 0 or values.max() > 1):
        bad = values[(values < 0) | (values > 1)]
        raise InvalidInput(_column_finding(name, "probability", "must be in [0, 1]", float(bad[0])))
    return values


def _column_finding(name: str, column: str, message: str, value: object) -> Finding:
    return Finding(
        file=name, field=column, message=message, value=value, rule="hazard case", remedy="Correct the column"
    )


def _schema_names(folder: ModelFolder, name: str) -> list[str]:
    return list(_dataset(folder, name).schema.names)


def _dataset(folder: ModelFolder, name: str) -> ds.Dataset:
    return ds.dataset(folder.path(name), filesystem=folder.file_system, format="parquet", partitioning="hive")
