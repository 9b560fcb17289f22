"""Losses by (summary, period), gathered from chunks in event order for a range of summaries at a time.

The range is chosen so that its rows fit in memory: nothing here is as large as summaries x periods.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from oasis_kernel.formats.ord_occurrence import Occurrences
from oasis_kernel.formats.ord_room import room
from oasis_kernel.kernels.curves import PeriodRows, PeriodTable, add_periods
from oasis_kernel.model.exposure import Float32, Float64, Int32, Int64
from oasis_kernel.model.losses import SummaryLosses

#: Chunks of whole events, events ascending over all chunks; called once for each pass over them.
Chunks = Callable[[], Iterable[SummaryLosses]]

#: Bytes that one (summary, period, sample) takes while curves are made: aggregate, largest, curve, sorting.
CELL_BYTES = 24
ROW_BYTES = 64
#: Little beside what a run holds anyway, so that its memory stays as it is however many events and samples there are.
DEFAULT_MEMORY = 2**27


@dataclass(frozen=True)
class PeriodLosses:
    """Losses of ``summary_id`` by period: ``rows`` orders them by summary, then period.

    ``summaries`` are the first and last + 1 of the range that was gathered, with or without losses. Column 0 is the
    mean damage, columns 1.. are the samples. ``aggregate`` holds the sum over the occurrences of a period (float64,
    added in event order), ``largest`` the largest; one that was not wanted has no columns.
    """

    summaries: tuple[int, int]
    summary_id: Int32  # [k] ascending: those with an occurrence
    rows: PeriodRows
    aggregate: Float64  # [rows, 1 + s]
    largest: Float32  # [rows, 1 + s]


class PeriodAccumulator:
    """Adds chunks, in event order, to the period losses of the summaries ``first:last``."""

    def __init__(
        self,
        occurrences: Occurrences,
        summaries: tuple[int, int],
        capacity: int,
        *,
        aggregate_columns: int,
        largest_columns: int,
    ):
        """``capacity``: at most so many rows are needed."""
        self._occurrences = occurrences
        self._summaries = summaries
        keys = 1 << max(int(2 * capacity - 1).bit_length(), 4)
        self._table = PeriodTable(
            np.full(keys, -1, np.int64),
            np.empty(keys, np.int64),
            np.empty(capacity, np.int32),
            np.empty(capacity, np.int32),
            room((capacity, aggregate_columns), np.float64),
            room((capacity, largest_columns), np.float32),
            np.zeros(1, np.int64),
        )

    def add(self, losses: SummaryLosses) -> None:
        """Add a chunk whose events follow those added before."""
        first, last = self._summaries
        kept = np.flatnonzero((losses.summary_id >= first) & (losses.summary_id < last))
        source, happened = self._occurrences.rows(losses.event_id[kept])
        periods = self._occurrences.period[happened]
        add_periods(kept[source], periods, losses.summary_id, losses.loss, self._occurrences.periods, self._table)

    def result(self) -> PeriodLosses:
        """What was added so far."""
        table = self._table
        used = int(table.used[0])
        summary, period = table.summary[:used], table.period[:used]
        order = np.lexsort((period, summary))
        summary_id, first = np.unique(summary[order], return_index=True)
        rows = PeriodRows(order, np.append(first, used).astype(np.int64), period[order])
        return PeriodLosses(self._summaries, summary_id, rows, table.aggregate[:used], table.largest[:used])


@dataclass(frozen=True)
class Touched:
    """What one pass over the chunks learns of them."""

    rows: Int64  # [largest summary + 1] occurrences of each summary: the most (summary, period) rows it can have
    samples: int

    @property
    def largest_summary(self) -> int:
        """The largest summary id that has an occurrence; 0 when there is none."""
        used = np.flatnonzero(self.rows)
        return int(used[-1]) if len(used) else 0


def count_touched(chunks: Chunks, occurrences: Occurrences) -> Touched:
    """How many occurrences each summary has, and the number of samples (0 when there are no chunks)."""
    rows = np.zeros(1, np.int64)
    samples = 0
    for losses in chunks():
        samples = losses.samples
        _, happened = occurrences.ranges(losses.event_id)
        counted = np.bincount(losses.summary_id, happened, minlength=len(rows)).astype(np.int64)
        counted[: len(rows)] += rows
        rows = counted
    return Touched(rows, samples)


def summary_ranges(rows: Int64, row_bytes: int, memory: int) -> list[tuple[int, int]]:
    """Consecutive (first, last + 1) summary ids that cover all of ``rows`` and whose rows fit in ``memory`` bytes each.

    A summary that does not fit alone makes a range of its own: it cannot be cut, and lies in a temporary file.
    """
    ranges = []
    total = np.cumsum(rows * row_bytes)
    first = 0
    while first < len(rows):
        spent = total[first - 1] if first else 0
        last = max(int(np.searchsorted(total, spent + memory, side="right")), first + 1)
        ranges.append((first, last))
        first = last
    return ranges


def period_losses(
    chunks: Chunks,
    occurrences: Occurrences,
    touched: Touched,
    *,
    aggregate: bool = True,
    largest: bool = True,
    memory: int = DEFAULT_MEMORY,
) -> Iterator[PeriodLosses]:
    """The period losses of all summaries, a range of them at a time, ascending; one pass over the chunks for each.

    The ranges depend on ``memory`` and the losses only, and no result on the ranges.
    """
    columns = touched.samples + 1
    rows = touched.rows[: touched.largest_summary + 1]
    for first, last in summary_ranges(rows, ROW_BYTES + CELL_BYTES * columns, memory):
        capacity = int(rows[first:last].sum())
        accumulator = PeriodAccumulator(
            occurrences,
            (first, last),
            capacity,
            aggregate_columns=columns if aggregate else 0,
            largest_columns=columns if largest else 0,
        )
        for losses in chunks() if capacity else ():
            accumulator.add(losses)
        yield accumulator.result()
