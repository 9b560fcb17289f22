"""What must hold of a footprint's rows, and the findings when it does not.

The reference engine checks these when it converts csv to binary, if at all; at run time two of them (area perils
repeated within an event, more rows than intensity bins) overrun its buffers, so that they are always checked here.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from oasis_kernel.errors import Finding, Severity
from oasis_kernel.formats.model_data.tables import Records
from oasis_kernel.model.exposure import Int32, Int64

#: Sums of probabilities: up to here from 1 is rounding of float32 ...
SUM_TOLERANCE = 1e-4
#: ... up to here is a warning (rounded tables; the engine uses the numbers as they are), beyond is an error.
SUM_REFUSED = 1e-2


class EventRows(NamedTuple):
    """Rows of a few whole events, or of those at some area perils."""

    file: str
    event_id: Int32  # [e]
    offsets: Int64  # [e + 1]
    rows: Records  # [r] areaperil_id, intensity_bin_id, probability
    num_intensity_bins: int
    file_row: Callable[[int], int | None]


class _Runs(NamedTuple):
    """Consecutive rows of one event and area peril."""

    start: Int64
    length: Int64
    event: Int64


def findings(events: EventRows) -> list[Finding]:
    """What is wrong with the rows: one finding for each kind, at the first row that shows it."""
    if len(events.rows) == 0:
        return []
    runs = _runs(events)
    found = [
        _area_peril_zero(events),
        _bins_outside(events),
        _probability_outside(events),
        _runs_too_long(events, runs),
        _bins_twice(events, runs),
        _runs_twice(events, runs),
        *sum_findings(events, runs.start),
    ]
    return [finding for finding in found if finding is not None]


def _runs(events: EventRows) -> _Runs:
    areaperil = events.rows["areaperil_id"]
    begins = np.empty(len(areaperil), dtype=np.bool_)
    begins[0] = True
    np.not_equal(areaperil[1:], areaperil[:-1], out=begins[1:])
    begins[events.offsets[:-1][events.offsets[:-1] < len(areaperil)]] = True
    start = np.flatnonzero(begins)
    length = np.diff(start, append=len(areaperil))
    return _Runs(start, length, np.searchsorted(events.offsets, start, side="right") - 1)


def _at(events: EventRows, row: int) -> str:
    event = events.event_id[int(np.searchsorted(events.offsets, row, side="right")) - 1]
    return f"event {event}, area peril {events.rows['areaperil_id'][row]}"


def _finding(
    events: EventRows, bad: npt.NDArray[np.integer], text: tuple[str, str, str, str], value: object
) -> Finding:
    field, message, rule, remedy = text
    row = int(bad[0])
    more = f" ({len(bad)} such places)" if len(bad) > 1 else ""
    return Finding(
        file=events.file,
        row=events.file_row(row),
        field=field,
        message=f"{message} in {_at(events, row)}{more}",
        value=value,
        rule=rule,
        remedy=remedy,
    )


def _area_peril_zero(events: EventRows) -> Finding | None:
    bad = np.flatnonzero(events.rows["areaperil_id"] == 0)
    text = ("areaperil_id", "must not be 0, which is reserved,", "area peril from 1", "Number area perils from 1")
    return _finding(events, bad, text, 0) if len(bad) else None


def _bins_outside(events: EventRows) -> Finding | None:
    bins = events.rows["intensity_bin_id"]
    if bins.min() >= 1 and bins.max() <= events.num_intensity_bins:
        return None
    bad = np.flatnonzero((bins < 1) | (bins > events.num_intensity_bins))
    text = (
        "intensity_bin_id",
        f"must be in 1..{events.num_intensity_bins}",
        "intensity bin in range",
        "Correct the bin, or the number of intensity bins in the file's header",
    )
    return _finding(events, bad, text, int(bins[bad[0]]))


def _probability_outside(events: EventRows) -> Finding | None:
    probability = events.rows["probability"]
    inside = (probability >= 0) & (probability <= 1 + SUM_REFUSED)
    if inside.all():
        return None
    bad = np.flatnonzero(~inside)
    text = ("probability", "must be in [0, 1]", "probability in range", "Correct the probability")
    return _finding(events, bad, text, float(probability[bad[0]]))


def _runs_too_long(events: EventRows, runs: _Runs) -> Finding | None:
    bad = np.flatnonzero(runs.length > events.num_intensity_bins)
    text = (
        "areaperil_id",
        f"must have at most {events.num_intensity_bins} rows (one for each intensity bin)",
        "rows per area peril",
        "Merge the rows of equal intensity bin",
    )
    return _finding(events, runs.start[bad], text, int(runs.length[bad[0]])) if len(bad) else None


def _bins_twice(events: EventRows, runs: _Runs) -> Finding | None:
    bins = events.rows["intensity_bin_id"]
    if runs.length.max() == 1:
        return None
    ascending = np.empty(len(bins), dtype=np.bool_)
    np.greater(bins[1:], bins[:-1], out=ascending[1:])
    ascending[runs.start] = True
    if ascending.all():
        return None
    run = np.repeat(np.arange(len(runs.start)), runs.length)
    order = np.lexsort((bins, run))
    twice = (run[order[1:]] == run[order[:-1]]) & (bins[order[1:]] == bins[order[:-1]])
    bad = np.sort(order[1:][twice])
    text = (
        "intensity_bin_id",
        "must be listed once for each area peril",
        "intensity bins distinct",
        "Merge the rows of equal intensity bin",
    )
    return _finding(events, bad, text, int(bins[bad[0]])) if len(bad) else None


def _runs_twice(events: EventRows, runs: _Runs) -> Finding | None:
    areaperil = events.rows["areaperil_id"][runs.start]
    same_event = runs.event[1:] == runs.event[:-1]
    if not (same_event & (areaperil[1:] <= areaperil[:-1])).any():
        return None
    order = np.lexsort((areaperil, runs.event))
    twice = (runs.event[order[1:]] == runs.event[order[:-1]]) & (areaperil[order[1:]] == areaperil[order[:-1]])
    bad = np.sort(order[1:][twice])
    text = (
        "areaperil_id",
        "must have its rows together",
        "rows of an area peril contiguous",
        "Sort the footprint by event and area peril",
    )
    return _finding(events, runs.start[bad], text, int(areaperil[bad[0]])) if len(bad) else None


def sum_findings(events: EventRows, start: Int64) -> list[Finding | None]:
    """The sums of probabilities that are off: an error for the gross ones, a warning for the small."""
    total = np.add.reduceat(events.rows["probability"], start, dtype=np.float64)
    error = np.abs(total - 1)
    found: list[Finding | None] = []
    for bad, severity in (
        (np.flatnonzero(~(error <= SUM_REFUSED)), Severity.ERROR),
        (np.flatnonzero((error > SUM_TOLERANCE) & (error <= SUM_REFUSED)), Severity.WARNING),
    ):
        if len(bad):
            text = (
                "probability",
                f"must sum to 1 (within {SUM_TOLERANCE:g}; refused beyond {SUM_REFUSED:g})",
                "probabilities sum to 1",
                "Normalise the probabilities of each event and area peril",
            )
            finding = _finding(events, start[bad], text, round(float(total[bad[0]]), 9))
            found.append(Finding(**{**finding.__dict__, "severity": severity}))
    return found
