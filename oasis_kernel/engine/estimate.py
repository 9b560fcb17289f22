"""What a run would take, learned from a few of its events and from earlier runs: seconds, memory, size of results."""

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from oasis_kernel.engine.analysis import Analysis, Resources
from oasis_kernel.engine.earlier import earlier_for
from oasis_kernel.engine.execute import Begun, begin
from oasis_kernel.engine.forecast import at_least, forecast
from oasis_kernel.engine.progress import Clock, Progress, Report, peak_memory, resident_memory
from oasis_kernel.engine.results import write_results
from oasis_kernel.engine.task import ChunkTask
from oasis_kernel.engine.workload import workload_of
from oasis_kernel.errors import Finding
from oasis_kernel.model.estimate import Band, Estimate
from oasis_kernel.model.exposure import Int32, Int64
from oasis_kernel.model.work import Chunk, Plan, Workload
from oasis_kernel.plan import event_cost, make_plan
from oasis_kernel.store.parts import PartStore

#: Work of one piece of the trial: a fraction of a second, and enough that its time is not all overhead.
TRIAL_COST = 2_000_000
PIECES = 3
#: Beyond what the trial's own pieces differ by: neighbours on the machine, memory bandwidth, disks.
TIME_SPREAD = (0.7, 1.6)
SIZE_SPREAD = (0.7, 1.4)
#: Chunks are planned by the most they can need; most need less.
LEAST_OF_PLAN = 0.3
#: What a thread holds beside its chunk (its allocator's arenas, a vendor's own arrays): least, likely, most.
THREAD_BYTES = (16 * 2**20, 64 * 2**20, 128 * 2**20)


@dataclass(frozen=True)
class _Trial:
    """What computing and writing some events took."""

    events: int
    cost: int
    seconds: float  # of the losses, on one thread
    rows: int
    write_seconds: float
    bytes: int


def estimate(
    analysis: Analysis, resources: Resources, findings: Sequence[Finding] = (), report: Report | None = None
) -> Estimate:
    """What a run of an analysis would take with these resources.

    Everything is checked and prepared as for the run; then events spread over the whole set are computed and their
    tables written to a temporary folder, in about a second. Nothing is kept. Memory is that of a process that does
    nothing but the run. InvalidInput and PlanRefused as a run would raise them.
    """
    began = time.perf_counter()
    begun = begin(analysis, Clock(report or _silent), findings)
    workload = workload_of(begun.prepared)
    plan = make_plan(
        workload,
        workers=resources.workers,
        memory_bytes=resources.memory_bytes,
        block_bytes=resources.block_bytes,
        chunks=resources.chunks,
    )
    ready = time.perf_counter() - began
    earlier = earlier_for(begun.prepared, resources) if not resources.keep_ground_up else None
    has = earlier.has(workload.event_id) if earlier is not None else np.zeros(len(workload.event_id), bool)
    taken = int(workload.item_events[has].sum())
    seen = forecast(analysis.model.name, begun.prepared, workload, plan, resources.paces, began, taken).expected
    begun.clock.begin("trial")
    trials = _trials(begun, workload, resources.block_bytes)
    begun.clock.end()
    cost = event_cost(workload)
    total, left = int(cost.sum()), int(cost[~has].sum())
    return Estimate(
        seconds=_corrected(_seconds(trials, (total, left), plan, ready), seen.seconds, seen.runs),
        peak_bytes=_corrected(_peak(plan), seen.peak_bytes, seen.runs),
        output_bytes=_output(trials, total),
        events=plan.events,
        item_events=int(workload.item_events.sum()),
        samples=workload.samples,
        chunks=len(plan.chunks),
        workers=plan.workers,
        trial_events=sum(trial.events for trial in trials),
        trial_seconds=round(sum(trial.seconds + trial.write_seconds for trial in trials), 3),
        runs=seen.runs,
        reused_events=int(has.sum()),
    )


def _corrected(tried: Band, seen: Band, runs: int) -> Band:
    """What a trial says, put right by earlier runs where there are any: whole runs know better than a few events."""
    if not runs:
        return tried
    return Band(min(tried.low, seen.low), seen.likely, max(tried.high, seen.high))


def _trials(begun: Begun, workload: Workload, block_bytes: int) -> list[_Trial]:
    """One event, then disjoint pieces of the events, each spread over the whole."""
    chosen = spread_events(event_cost(workload), TRIAL_COST * PIECES)
    pieces = [chosen[:1], *(chosen[first::PIECES] for first in range(PIECES))]
    with tempfile.TemporaryDirectory(prefix="oasis-estimate-") as name:
        folder = Path(name)
        task = ChunkTask(begun.prepared, PartStore(folder / "parts"), block_bytes=block_bytes, reuse=False)
        if len(chosen):
            _trial(begun, workload, chosen[:1], task, folder)  # compiles or loads what has to be, and does not count
        return [_trial(begun, workload, rows, task, folder) for rows in pieces if len(rows)]


def spread_events(cost: Int64, budget: int) -> Int64:
    """Rows of events, ascending, evenly spread over the set's cumulative work, together of about ``budget``.

    All rows where the whole is not dearer; an event dearer than its share of the set is taken once.
    """
    if not len(cost):
        return np.zeros(0, np.int64)
    total = np.cumsum(cost)
    if total[-1] <= budget:
        return np.arange(len(cost))
    count = max(int(len(cost) * budget / total[-1]), 1)
    wanted = total[-1] * (np.arange(count) + 0.5) / count
    return np.unique(np.searchsorted(total, wanted))


def _trial(begun: Begun, workload: Workload, rows: Int64, task: ChunkTask, folder: Path) -> _Trial:
    events: Int32 = workload.event_id[rows]
    receipt = task(Chunk(0, events, int(workload.item_events[rows].sum()), 0))
    parts = [PartStore(folder / "parts").path(receipt.address)]
    tables = Path(tempfile.mkdtemp(prefix="tables-", dir=folder))
    began = time.perf_counter()
    write_results(begun.analysis, begun.prepared, parts, tables, Clock(_silent))
    return _Trial(
        len(events),
        int(event_cost(workload)[rows].sum()),
        receipt.seconds,
        receipt.rows,
        time.perf_counter() - began,
        sum(path.stat().st_size for path in tables.iterdir()),
    )


def _seconds(trials: Sequence[_Trial], costs: tuple[int, int], plan: Plan, ready: float) -> Band:
    """Checks and preparation as they just took, losses on all workers, tables on one.

    ``costs`` are those of all events and of those whose losses no earlier run has.
    """
    total, left = costs
    timed = trials[1:] or trials
    if not timed:
        return Band(ready, ready, ready)
    threads = max(min(plan.workers, len(plan.chunks)), 1)
    rates = [trial.seconds / trial.cost for trial in timed]
    writing = _extrapolated([(trial.cost, trial.write_seconds) for trial in trials], total)
    likely = float(np.mean(rates)) * left / threads
    low, high = min(rates) * left / threads, max(rates) * left / threads
    below, above = TIME_SPREAD
    return Band(
        round((ready + low + writing) * below, 3),
        round(ready + likely + writing, 3),
        round((ready + high + writing) * above, 3),
    )


def _output(trials: Sequence[_Trial], total: int) -> Band:
    likely = _extrapolated([(trial.cost, trial.bytes) for trial in trials], total)
    least = max((trial.bytes for trial in trials), default=0)
    below, above = SIZE_SPREAD
    return Band(max(round(likely * below), least), max(round(likely), least), max(round(likely * above), least))


def _extrapolated(points: Sequence[tuple[int, float]], total: int) -> float:
    """The value at ``total`` of what has a fixed part (tables by period) and one that grows with the events."""
    if not points:
        return 0.0
    first, *rest = points
    if not rest or all(cost == first[0] for cost, _ in rest):
        return float(points[-1][1])
    cost = float(np.mean([cost for cost, _ in rest]))
    value = float(np.mean([value for _, value in rest]))
    slope = max((value - first[1]) / max(cost - first[0], 1.0), 0.0)
    return value + slope * max(total - cost, 0.0)


def _peak(plan: Plan) -> Band:
    """This process as it stands with everything prepared, and what the chunks that run at once need."""
    base = resident_memory()
    threads = min(plan.workers, len(plan.chunks))
    shares = (LEAST_OF_PLAN, (1 + LEAST_OF_PLAN) / 2, 1.0)
    low, likely, high = (
        round(base + plan.peak_bytes * share + threads * each) for share, each in zip(shares, THREAD_BYTES, strict=True)
    )
    return at_least(peak_memory(), Band(low, likely, high))


def _silent(progress: Progress) -> None:
    """Show nothing."""
