"""Analysis, sizes and memory to chunks: pure arithmetic, so that a plan can be shown, tested and refused.

A chunk is whole events. Chunks are cut by cumulative touched work (item-events times samples), because events
differ by orders of magnitude; the cuts never change a loss, since every random number is a function of
(group, event, sample) only. For the same reason an event too large for a worker's memory is computed a few samples
at a time.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from oasis_kernel.errors import PlanRefused
from oasis_kernel.model.exposure import Int64
from oasis_kernel.model.losses import SPECIAL
from oasis_kernel.model.work import Chunk, Plan, Workload

#: A chunk's work on one machine: long enough that its overhead vanishes, short enough for progress and cancel.
SAMPLES_PER_CHUNK = 40_000_000
EVENTS_PER_CHUNK = 20_000
#: What a chunk holds until it is done: more samples make more chunks, not larger ones.
KEPT_BYTES_PER_CHUNK = 96 * 2**20
#: Of a large event, so many bytes of ground-up losses are made at a time, if that is not too few samples: each window
#: finds the event's items and damage distributions again.
WINDOW_BYTES = 16 * 2**20
WINDOW_SAMPLES = 100
#: More windows than these only where memory forces them: each draws all of an event's random numbers again.
MOST_WINDOWS = 4
LOSS_BYTES = 4
FOOTPRINT_ROW_BYTES = 16


def kept_bytes(workload: Workload) -> Int64:
    """Bytes that each event holds until its chunk is done: footprint rows and summary rows."""
    row = (SPECIAL + workload.samples) * LOSS_BYTES
    return workload.footprint_rows * FOOTPRINT_ROW_BYTES + workload.summary_rows * row * 2


def loss_bytes(workload: Workload, samples: int | Int64) -> Int64:
    """Bytes of each event's blocks of losses, so many samples at a time."""
    touched: Int64 = np.ceil(workload.item_events * workload.blocks).astype(np.int64)
    return touched * (SPECIAL + samples) * LOSS_BYTES


def samples_at_once(workload: Workload, room: Int64) -> Int64:
    """The samples of each event to be computed at a time: such that its losses fit ``room`` bytes, but at least one.

    No more than a window holds, so that memory does not grow with samples; all of them where it is indivisible.
    """
    every = np.full(len(room), workload.samples, np.int64)
    if not workload.divisible:
        return every
    each = np.maximum(loss_bytes(workload, 1) - loss_bytes(workload, 0), 1)
    window = WINDOW_BYTES // np.maximum(workload.item_events * LOSS_BYTES, 1) - SPECIAL
    least = max(WINDOW_SAMPLES, -(-workload.samples // MOST_WINDOWS))
    fitting = np.minimum((room - loss_bytes(workload, 0)) // each, np.maximum(window, least))
    return np.clip(fitting, min(1, workload.samples), workload.samples)


def make_plan(
    workload: Workload, *, workers: int, memory_bytes: int, block_bytes: int, chunks: int | Sequence[int] | None = None
) -> Plan:
    """The chunks for a workload, within ``memory_bytes`` for all workers together.

    ``chunks`` fixes their number, or is the rows at which an earlier plan cut: taken again if each chunk still fits.
    Otherwise they are cut by work and by memory. PlanRefused when one event alone, a sample at a time where that is
    possible, needs more than a worker's share.
    """
    if not len(workload.event_id):
        return Plan((), workers, 0)
    share = memory_bytes // max(workers, 1) - block_bytes
    kept = kept_bytes(workload)
    at_once = samples_at_once(workload, share - kept)
    needed = kept + np.maximum(loss_bytes(workload, at_once) - block_bytes, 0)
    largest = int(needed.argmax())
    if needed[largest] > share:
        raise PlanRefused(
            f"event {workload.event_id[largest]} needs {int(needed[largest]) / 2**20:,.0f} MiB, and each of {workers} "
            f"workers has {share / 2**20:,.0f} MiB. Give more memory, fewer workers, fewer samples or coarser summaries"
        )
    cuts = _cuts(workload, needed, share, chunks)
    bounds = [0, *cuts, len(workload.event_id)]
    pieces = tuple(
        Chunk(
            number,
            workload.event_id[first:last],
            int(workload.item_events[first:last].sum()),
            int(needed[first:last].sum()) + block_bytes,
            samples_at_once=int(at_once[first:last].min()) if workload.divisible else 0,
        )
        for number, (first, last) in enumerate(pairwise(bounds))
    )
    active = min(workers, len(pieces))
    peak = sum(sorted((chunk.peak_bytes for chunk in pieces), reverse=True)[:active])
    return Plan(pieces, workers, peak)


def _cuts(workload: Workload, needed: Int64, share: int, chunks: int | Sequence[int] | None) -> list[int]:
    """The rows at which a chunk begins, but for the first."""
    if isinstance(chunks, int):
        return _cuts_by_number(workload, chunks)
    if chunks is not None and np.add.reduceat(needed, [0, *chunks]).max() <= share:
        return list(chunks)
    return _cuts_by_cost(workload, needed, share)


def event_cost(workload: Workload) -> Int64:
    """Work units of each event: samples drawn, and a fixed part per item and per footprint row."""
    return workload.item_events * (workload.samples + 20) + workload.footprint_rows + 100


def _cuts_by_number(workload: Workload, chunks: int) -> list[int]:
    total = np.cumsum(event_cost(workload))
    wanted = total[-1] * np.arange(1, chunks) / chunks
    return sorted({int(cut) for cut in np.searchsorted(total, wanted) if 0 < cut < len(total)})


def _cuts_by_cost(workload: Workload, needed: Int64, share: int) -> list[int]:
    limits = (SAMPLES_PER_CHUNK, share, KEPT_BYTES_PER_CHUNK, EVENTS_PER_CHUNK)
    costs = (event_cost(workload), needed, kept_bytes(workload), np.ones(len(needed), np.int64))
    totals = [np.cumsum(cost) for cost in costs]
    cuts: list[int] = []
    start = 0
    while True:
        spent = [total[start - 1] if start else 0 for total in totals]
        ends = [
            int(np.searchsorted(total, used + limit, side="right"))
            for total, used, limit in zip(totals, spent, limits, strict=True)
        ]
        start = max(min(ends), start + 1)
        if start >= len(needed):
            return cuts
        cuts.append(start)
