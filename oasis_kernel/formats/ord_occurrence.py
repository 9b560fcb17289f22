"""When events happen, laid out for tables: the occurrences of each event, with period weights and dates."""

from dataclasses import dataclass

import numpy as np

from oasis_kernel.model.exposure import Float64, Int32, Int64
from oasis_kernel.model.hazard import Occurrence, PeriodWeights

MINUTES_OF_DAY = 1440


@dataclass(frozen=True)
class Occurrences:
    """The occurrences of event k are rows ``offsets[k]:offsets[k + 1]``, in the file's order.

    ``weight`` has one entry per period; ``weighted`` says that the model gave them.
    """

    event_id: Int32  # [k] ascending
    offsets: Int64  # [k + 1]
    period: Int32  # [rows]
    date: Int32  # [rows, 5] year, month, day, hour, minute
    weight: Float64  # [periods]
    periods: int
    weighted: bool

    @staticmethod
    def of(occurrence: Occurrence, weights: PeriodWeights | None = None) -> "Occurrences":
        """The occurrences within the periods of a model; equal weights of 1 / periods where it gives none."""
        within = (occurrence.period >= 1) & (occurrence.period <= occurrence.periods)
        kept = np.flatnonzero(within)
        order = kept[np.argsort(occurrence.event_id[kept], kind="stable")]
        event_id, first = np.unique(occurrence.event_id[order], return_index=True)
        equal = np.full(occurrence.periods, 1 / max(occurrence.periods, 1))
        return Occurrences(
            event_id.astype(np.int32),
            np.append(first, len(order)).astype(np.int64),
            occurrence.period[order].astype(np.int32),
            calendar(occurrence.date[order], granular=occurrence.granular),
            equal if weights is None else weights.weight.astype(np.float64),
            occurrence.periods,
            weights is not None,
        )

    def ranges(self, event_id: Int32) -> tuple[Int64, Int64]:
        """First row and number of rows of each event; 0 rows for an event that never happens."""
        if not len(self.event_id):
            return np.zeros(len(event_id), np.int64), np.zeros(len(event_id), np.int64)
        place = np.minimum(np.searchsorted(self.event_id, event_id), len(self.event_id) - 1)
        known = self.event_id[place] == event_id
        first = self.offsets[place]
        return first, np.where(known, self.offsets[place + 1] - first, 0)

    def rows(self, event_id: Int32) -> tuple[Int64, Int64]:
        """Each entry of ``event_id`` repeated for its occurrences: which entry, and which occurrence."""
        first, count = self.ranges(event_id)
        source = np.repeat(np.arange(len(event_id)), count)
        started = np.repeat(np.cumsum(count) - count, count)
        return source, np.repeat(first, count) + np.arange(len(source)) - started


def calendar(date: Int64, *, granular: bool) -> Int32:
    """Year, month, day, hour and minute [n, 5] of occurrence dates: days, or minutes if ``granular``.

    The inverse of the standard's day number (days since 1 March of year 0, Gregorian), in whole numbers throughout:
    the reference divides granular dates as floating numbers and gets month ends wrong.
    """
    date = np.asarray(date, np.int64)
    days, minutes = np.divmod(date, MINUTES_OF_DAY) if granular else (date, np.zeros_like(date))
    year = (10000 * days + 14780) // 3652425
    rest = days - _days_before(year)
    year = year - (rest < 0)
    rest = days - _days_before(year)
    month = (100 * rest + 52) // 3060
    columns = (
        year + (month + 2) // 12,
        (month + 2) % 12 + 1,
        rest - (month * 306 + 5) // 10 + 1,
        minutes // 60,
        minutes % 60,
    )
    return np.stack(columns, axis=1).astype(np.int32)


def _days_before(year: Int64) -> Int64:
    return 365 * year + year // 4 - year // 100 + year // 400
