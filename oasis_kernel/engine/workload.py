"""What each event of a run touches: the hazard joined to the portfolio, before any loss."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from oasis_kernel.engine.prepare import Prepared
from oasis_kernel.model.exposure import Int32, Int64, Items
from oasis_kernel.model.hazard import Footprint, Hazard
from oasis_kernel.model.work import Workload

EVENTS_AT_A_TIME = 2_000


def workload_of(prepared: Prepared) -> Workload:
    """The workload of a prepared analysis; of a model that computes ground-up losses itself, the most it can be."""
    items, samples, summaries = prepared.exposure.items, prepared.samples, summary_counts(prepared)
    if prepared.own_ground_up is not None:
        whole = assume_whole(prepared.event_id, len(items), summaries, samples)
    else:
        whole = measure(prepared.hazard, prepared.event_id, items, summaries, samples)
    return replace(whole, blocks=prepared.chain.blocks, divisible=prepared.divisible)


def summary_counts(prepared: Prepared) -> list[int]:
    """The number of summaries of each summary set."""
    return [int(output.summary_set.summary_of.max(initial=0)) for output in prepared.outputs]


def measure(hazard: Hazard, event_id: Int32, items: Items, summaries: Sequence[int], samples: int) -> Workload:
    """The workload of events that touch the portfolio; events that touch nothing are left out.

    ``summaries`` holds the number of summaries of each summary set: an event has at most so many rows in it.
    """
    areaperil_id, items_there = np.unique(items.areaperil_id, return_counts=True)
    rows, touched = [], []
    for first in range(0, len(event_id), EVENTS_AT_A_TIME):
        footprint = hazard.footprint(event_id[first : first + EVENTS_AT_A_TIME], areaperil_id)
        rows.append(np.diff(footprint.offsets))
        touched.append(touched_items(footprint, areaperil_id, items_there))
    footprint_rows = np.concatenate(rows) if rows else np.zeros(0, np.int64)
    item_events = np.concatenate(touched) if touched else np.zeros(0, np.int64)
    hit = item_events > 0
    bound = summary_rows(item_events[hit], summaries)
    return Workload(event_id[hit], footprint_rows[hit], item_events[hit], bound, samples)


def summary_rows(item_events: Int64, summaries: Sequence[int]) -> Int64:
    """The most rows of each event over all summary sets: no set has more than it has summaries, or items touched."""
    limits = np.array(summaries, np.int64)
    bound: Int64 = np.minimum(item_events[:, None], limits[None, :]).sum(axis=1)
    return bound


def assume_whole(event_id: Int32, items: int, summaries: Sequence[int], samples: int) -> Workload:
    """The most that events can cost where nobody tells what they touch: every event, every item."""
    each = np.ones(len(event_id), np.int64)
    bound = sum(min(items, limit) for limit in summaries)
    return Workload(event_id, each * 0, each * items, each * bound, samples)


def touched_items(footprint: Footprint, areaperil_id: np.ndarray, items_there: np.ndarray) -> Int64:
    """How many items each event of a footprint touches: every run of one area peril counts its items once."""
    places = footprint.areaperil_id
    begins = np.ones(len(places), bool)
    begins[1:] = places[1:] != places[:-1]
    begins[footprint.offsets[:-1][footprint.offsets[:-1] < len(places)]] = True
    items = np.where(begins, items_there[np.searchsorted(areaperil_id, places)], 0)
    total = np.concatenate(([0], np.cumsum(items)))
    counts: Int64 = total[footprint.offsets[1:]] - total[footprint.offsets[:-1]]
    return counts
