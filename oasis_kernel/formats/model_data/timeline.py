"""When events happen, and where curves are read: events, occurrences, periods, return periods, quantiles, rates."""

import numpy as np

from oasis_kernel.errors import Finding, InvalidInput
from oasis_kernel.formats.model_data import tables
from oasis_kernel.formats.model_data.delimited import read_csv
from oasis_kernel.formats.model_data.folder import as_records
from oasis_kernel.formats.model_data.small_tables import Lookup, Table
from oasis_kernel.model.exposure import Float32, Int32, Int64
from oasis_kernel.model.hazard import EventRates, Occurrence, PeriodWeights
from oasis_kernel.model.vendor import ModelChoice

MINUTES_PER_DAY = 1440

_DATE = np.dtype(
    [("event_id", "<i4"), ("period_no", "<i4"), ("occ_year", "<i4"), ("occ_month", "<i4"), ("occ_day", "<i4")]
)
_MINUTE = np.dtype([*_DATE.descr, ("occ_hour", "<i4"), ("occ_minute", "<i4")])


def read_events(lookup: Lookup, choice: ModelChoice) -> Int32:
    """The event set, ascending. Raises ``InvalidInput`` when it is missing or lists an event twice."""
    table = lookup.read("events", tables.EVENT, choice.event_set)
    if table is None:
        raise lookup.missing("event set", "events", choice.event_set, "event_set")
    table.refuse_repeats("event_id")
    table.refuse(table.rows["event_id"] < 1, "event_id", "must be at least 1", "Number events from 1")
    return np.sort(table.rows["event_id"])


def read_occurrence(lookup: Lookup, choice: ModelChoice) -> Occurrence | None:
    """The occurrences in file order; None when there is no such file and none was asked for by name.

    A csv file does not say how many periods there are: it is the number of rows of the periods file if there is one,
    the largest period listed otherwise. Raises ``InvalidInput`` for a period outside 1..periods.
    """
    name = lookup.find("occurrence", choice.event_occurrence_id)
    if name is None:
        if choice.event_occurrence_id:
            raise lookup.missing("occurrence file", "occurrence", choice.event_occurrence_id, "event_occurrence_id")
        return None
    occurrence = _from_csv(lookup, name) if name.endswith(".csv") else _from_binary(lookup, name)
    period = occurrence.period
    bad = np.flatnonzero((period < 1) | (period > occurrence.periods))
    if len(bad):
        more = f" ({len(bad)} such rows)" if len(bad) > 1 else ""
        raise InvalidInput(
            Finding(
                file=name,
                row=int(bad[0]) + 2,
                field="period_no",
                message=f"must be in 1..{occurrence.periods}{more}",
                value=int(period[bad[0]]),
                rule="period in range",
                remedy="Correct the period, or the number of periods in the file's header",
            )
        )
    return occurrence


def date_number(year: Int64, month: Int64, day: Int64) -> Int64:
    """The day number of a date, days since 1 March of year 0 in the proleptic Gregorian calendar (Oasis standard)."""
    months = (month + 9) % 12
    years = year - months // 10
    return 365 * years + years // 4 - years // 100 + years // 400 + (306 * months + 5) // 10 + day - 1


def read_period_weights(lookup: Lookup, periods: int | None) -> PeriodWeights | None:
    """The weights of periods 1..n; None when the model gives none. Periods must be exactly 1..``periods``."""
    table = lookup.read("periods", tables.PERIOD)
    if table is None:
        return None
    expected = len(table.rows) if periods is None else periods
    table.refuse_repeats("period_no")
    outside = (table.rows["period_no"] < 1) | (table.rows["period_no"] > expected)
    table.refuse(outside, "period_no", f"must be in 1..{expected}", "List each period of the occurrence file once")
    if len(table.rows) != expected:
        absent = np.setdiff1d(np.arange(1, expected + 1), table.rows["period_no"])
        raise InvalidInput(
            Finding(
                file=table.name,
                field="period_no",
                message=f"must list exactly the periods 1..{expected}; missing: {_shown(absent)}",
                value=len(table.rows),
                rule="periods complete",
                remedy="List each period of the occurrence file once",
            )
        )
    weight = table.rows["weighting"]
    table.refuse(~((weight >= 0) & np.isfinite(weight)), "weighting", "must not be negative", "Correct the weight")
    return PeriodWeights(weight[np.argsort(table.rows["period_no"])].copy())


def read_return_periods(lookup: Lookup) -> Int32 | None:
    """The model's return periods, strictly descending; None when it gives none."""
    table = lookup.read("returnperiods", tables.RETURN_PERIOD)
    if table is None:
        return None
    values = table.rows["return_period"]
    rising = np.concatenate(([False], np.diff(values) >= 0))
    table.refuse(rising, "return_period", "must strictly decrease from row to row", "Sort, largest first, each once")
    table.refuse(values < 1, "return_period", "must be at least 1", "Correct the return period")
    return values.copy()


def read_quantiles(lookup: Lookup) -> Float32 | None:
    """The model's quantiles, ascending; None when it gives none."""
    table = lookup.read("quantile", tables.QUANTILE)
    if table is None:
        return None
    values = table.rows["quantile"]
    table.refuse(~((values >= 0) & (values <= 1)), "quantile", "must be in [0, 1]", "Correct the quantile")
    return np.sort(values)


def read_event_rates(lookup: Lookup) -> EventRates | None:
    """Annual rates, by event; None when the model gives none (``event_rates.csv`` only)."""
    name = lookup.folder.find("event_rates.csv")
    if name is None or "csv" in lookup.ignored:
        return None
    table = Table(name, read_csv(lookup.folder, name, tables.EVENT_RATE))
    table.refuse_repeats("EventIds")
    rate = table.rows["Event_rates"]
    table.refuse(~((rate >= 0) & np.isfinite(rate)), "Event_rates", "must not be negative", "Correct the rate")
    order = np.argsort(table.rows["EventIds"])
    return EventRates(table.rows["EventIds"][order].copy(), rate[order].copy())


def _from_binary(lookup: Lookup, name: str) -> Occurrence:
    content = lookup.folder.read(name)
    size = tables.OCCURRENCE_HEADER.itemsize
    header = as_records(content[:size], tables.OCCURRENCE_HEADER, name)[0]
    options, periods = int(header["options"]), int(header["periods"])
    granular, has_dates = bool(options & tables.GRANULAR), bool(options & tables.HAS_DATES)
    if options & ~(tables.GRANULAR | tables.HAS_DATES) or (granular and not has_dates) or periods < 1:
        raise InvalidInput(
            Finding(
                file=name,
                field="options" if periods >= 1 else "periods",
                message="must be 0, 1 or 3 in the header" if periods >= 1 else "must be at least 1 in the header",
                value=options if periods >= 1 else periods,
                rule="occurrence header",
                remedy="Convert the occurrences again from the csv",
            )
        )
    dtype = tables.OCCURRENCE_GRANULAR if granular else tables.OCCURRENCE
    rows = as_records(content, dtype, name, header=size)
    return Occurrence(
        event_id=rows["event_id"].copy(),
        period=rows["period_no"].copy(),
        date=rows["occ_date_id"].astype(np.int64),
        periods=periods,
        has_dates=has_dates,
        granular=granular,
    )


def _from_csv(lookup: Lookup, name: str) -> Occurrence:
    names = lookup.folder.read(name)[:4096].tobytes().splitlines()[0].decode("utf-8-sig", "replace").lower()
    granular, has_dates = "occ_minute" in names, "occ_year" in names
    table = read_csv(lookup.folder, name, _MINUTE if granular else _DATE if has_dates else tables.OCCURRENCE_GRANULAR)
    if not has_dates:
        date = table["occ_date_id"].astype(np.int64)
    else:
        date = date_number(*(table[field].astype(np.int64) for field in ("occ_year", "occ_month", "occ_day")))
    if granular:
        date = date * MINUTES_PER_DAY + 60 * table["occ_hour"].astype(np.int64) + table["occ_minute"]
    weights = lookup.read("periods", tables.PERIOD)
    periods = len(weights.rows) if weights is not None else int(table["period_no"].max(initial=0))
    return Occurrence(table["event_id"].copy(), table["period_no"].copy(), date, periods, has_dates, granular)


def _shown(values: Int64) -> str:
    return ", ".join(str(v) for v in values[:10]) + (f" and {len(values) - 10} more" if len(values) > 10 else "")
