"""What a run is expected to take, told from its plan alone: nothing is computed for it.

How much there is to do is counted (touched items, samples, streams of losses, rows of tables); how fast that goes is
what earlier runs of the same model and perspectives took on this machine, or without one what is usual.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from oasis_kernel.engine.outputs import Output
from oasis_kernel.engine.prepare import Prepared
from oasis_kernel.engine.progress import peak_memory, resident_memory
from oasis_kernel.engine.workload import summary_counts
from oasis_kernel.model.estimate import Band, Estimate
from oasis_kernel.model.results import DEFAULT_QUANTILES, TABLES, OutputRequest
from oasis_kernel.model.work import Plan, Receipt, Workload
from oasis_kernel.store.pace import Pace, Paces
from oasis_kernel.store.runs import RunRecord

#: Where no run of the kind is remembered, how much it may differ; and around what was seen: neighbours, disks.
UNKNOWN_SPREAD, SEEN_SPREAD = (0.3, 3.0), (0.7, 1.5)
#: Of an item and event, whatever the samples: distributions, special values.
FIXED_SAMPLES = 20
CURVE_POINTS = 30  # of a listed return-period curve
FIELD_BYTES, PARQUET_SHARE = 9, 0.4


@dataclass(frozen=True)
class Forecast:
    """What is expected, and what was counted for it."""

    expected: Estimate
    kind: str
    units: float
    counted_bytes: float
    base_bytes: int  # of the process before losses
    plan_bytes: int


@dataclass(frozen=True)
class Line:
    """A quantity with a fixed part and one that grows with what was counted; and how far runs lay from it."""

    fixed: float
    rate: float
    trusted: float  # what has to be counted in runs until they say more of the rate than is usual
    spread: tuple[float, float] = UNKNOWN_SPREAD

    def at(self, counted: float) -> float:
        """The likely value."""
        return self.fixed + self.rate * counted

    def band(self, counted: float, threads: int = 1) -> Band:
        """The likely value, shared by threads, between the lowest and the highest that would not surprise."""
        likely = self.at(counted) / threads
        return Band(likely * self.spread[0], likely, likely * self.spread[1])

    def fitted(self, seen: Sequence[tuple[float, float]]) -> "Line":
        """The line through what was seen, pairs of counted and taken: long runs, of which more is known, count more."""
        counted = sum(pair[0] for pair in seen)
        taken = sum(max(pair[1] - self.fixed, 0.0) for pair in seen)
        line = replace(self, rate=(self.rate * self.trusted + taken) / (self.trusted + counted))
        if counted < self.trusted:
            return line
        ratios = [pair[1] / line.at(pair[0]) for pair in seen]
        low, high = SEEN_SPREAD
        return replace(line, spread=(low * min(1.0, *ratios), high * max(1.0, *ratios)))


#: Measured with PiWind: loading kernels, and a loss at a time; opening and closing tables; buffers of a thread.
LOSSES = Line(0.3, 5e-9, 1e8)  # processor seconds for units of work
WRITING = Line(0.2, 1.5e-7, 1e6)  # seconds for bytes of tables
SIZES = Line(0.0, 1.0, 1e5)  # bytes of tables for those that were counted
MEMORY = Line(48e6, 0.25, 1e8)  # bytes for those of the plan


def forecast(
    name: str, prepared: Prepared, workload: Workload, plan: Plan, known: Paces, began: float, taken: int = 0
) -> Forecast:
    """What is expected of a run of the model ``name`` that began at ``began`` of the performance counter.

    ``taken`` is how many of the workload's item-events an earlier run has computed.

    It is asked for when the run is planned: what the process took and holds until now is part of it.
    """
    kind = kind_of(name, prepared)
    paces = known.of(kind)
    units, size = work_units(int(workload.item_events.sum()) - taken, prepared), counted_bytes(prepared, workload)
    base, ready = resident_memory(), time.perf_counter() - began
    losses = LOSSES.fitted([(pace.units, pace.loss_seconds) for pace in paces])
    sizes = SIZES.fitted([(pace.counted_bytes, pace.output_bytes) for pace in paces])
    writing = WRITING.fitted([(pace.output_bytes, pace.result_seconds) for pace in paces])
    memory = MEMORY.fitted([(pace.plan_bytes, pace.grown_bytes) for pace in paces])
    threads = max(min(plan.workers, len(plan.chunks)), 1)
    likely = sizes.at(size)
    estimate = Estimate(
        seconds=_sum([_flat(ready), losses.band(units, threads), writing.band(likely)], 3),
        peak_bytes=at_least(peak_memory(), _sum([_flat(base), memory.band(plan.peak_bytes)])),
        output_bytes=_sum([sizes.band(size)]),
        events=plan.events,
        item_events=int(workload.item_events.sum()),
        samples=workload.samples,
        chunks=len(plan.chunks),
        workers=plan.workers,
        runs=len(paces),
    )
    return Forecast(estimate, kind, units, size, base, plan.peak_bytes)


def pace_of(forecast: Forecast, receipts: Sequence[Receipt], record: RunRecord) -> Pace | None:
    """What a run took for what was counted before it; None where some of it was there already."""
    there = any(receipt.reused or receipt.ground_up_reused or receipt.events_reused for receipt in receipts)
    if there or not receipts:
        return None
    return Pace(
        units=forecast.units,
        loss_seconds=sum(receipt.cpu_seconds for receipt in receipts),
        counted_bytes=forecast.counted_bytes,
        output_bytes=record.output_bytes,
        result_seconds=record.stages.get("results", 0.0),
        plan_bytes=forecast.plan_bytes,
        grown_bytes=max(record.peak_bytes - forecast.base_bytes, 0),
    )


def kind_of(name: str, prepared: Prepared) -> str:
    """A model with its perspectives: runs of one kind are alike for each unit of work."""
    return "-".join([name, *sorted({output.stream for output in prepared.outputs})])


def work_units(item_events: int, prepared: Prepared) -> float:
    """Samples drawn and carried through every stream of losses, with a fixed part for each item and event."""
    return item_events * (prepared.samples + FIXED_SAMPLES) * prepared.chain.blocks


def counted_bytes(prepared: Prepared, workload: Workload) -> float:
    """The size of all tables: rows of each, by what the workload says of events and summaries."""
    requests = [OutputRequest.of(output.request.ord_output) for output in prepared.outputs]
    needed = any(request.needs_occurrence for request in requests)
    found = prepared.data.occurrence() if needed else None
    occurrences = len(found.event_id) / max(len(np.unique(found.event_id)), 1) if found is not None else 0.0
    counts = summary_counts(prepared)
    return float(
        sum(
            _output_bytes(output, request, _Rows(workload, count, prepared.samples, occurrences))
            for output, request, count in zip(prepared.outputs, requests, counts, strict=True)
        )
    )


class _Rows:
    """How many rows each table of one output has, about."""

    def __init__(self, workload: Workload, summaries: int, samples: int, occurrences: float):
        self.summaries = summaries
        events = float(np.minimum(workload.item_events, summaries).sum())
        happened, quantiles = events * occurrences, len(DEFAULT_QUANTILES)
        self._rows = {
            "SELT": events * (samples + 2),
            "MELT": events * 2,
            "QELT": events * quantiles,
            "SPLT": happened * (samples + 2),
            "MPLT": happened * 2,
            "QPLT": happened * quantiles,
            "PALT": summaries * 2.0,
            "ALT": summaries * 2.0,
            "ALCT": summaries * (1 + np.log2(max(samples, 1))),
        }
        self._points = happened / max(summaries, 1)
        self._samples = samples

    def of(self, table: str, request: OutputRequest) -> float:
        """The rows of a table."""
        if table in self._rows:
            return float(self._rows[table])
        points = min(self._points, CURVE_POINTS) if request.listed_return_periods else self._points
        curves = 2.0 * len(request.curves)  # losses, and their tail values at risk
        return self.summaries * points * (self._samples if table == "PSEPT" else curves)


def _output_bytes(output: Output, request: OutputRequest, rows: _Rows) -> float:
    share = PARQUET_SHARE if request.parquet else 1.0
    tables = sum(rows.of(name, request) * len(TABLES[name].columns) * FIELD_BYTES for name in request.tables)
    return share * tables + output.summary_set.info.num_rows * 40.0  # type: ignore[attr-defined]


def at_least(least: float, band: Band) -> Band:
    """The band, nowhere below what has been reached already: preparing may have taken more than the losses will."""
    return Band(*(max(least, getattr(band, name)) for name in ("low", "likely", "high")))


def _flat(value: float) -> Band:
    return Band(value, value, value)


def _sum(bands: Sequence[Band], digits: int | None = None) -> Band:
    """What several things take together."""
    return Band(*(round(sum(getattr(band, name) for band in bands), digits) for name in ("low", "likely", "high")))
