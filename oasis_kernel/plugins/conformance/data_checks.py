"""Checks of a model's data: what a footprint, a vulnerability and a calendar must be for the engine to use them."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from oasis_kernel.model.exposure import Int32, UInt64
from oasis_kernel.model.hazard import Footprint
from oasis_kernel.plugins.conformance.subject import Subject
from oasis_kernel.plugins.conformance.verdict import NotApplicable, demand

#: Probabilities are kept in float32, and models print them with a few digits.
PROBABILITY_TOLERANCE = 1e-3
THREADS = 4
ROW_FIELDS = ("areaperil_id", "intensity_bin", "probability", "intensity", "return_period")


def damage_bins_valid(subject: Subject) -> None:
    """The data open, and damage bins are ordered intervals with their mean inside."""
    bins = subject.data.damage_bins
    demand(len(bins.bin_from) > 0, "the model must have damage bins, got none")
    demand(bool(np.all(bins.bin_from <= bins.bin_to)), "bin_from must not exceed bin_to")
    inside = (bins.bin_from <= bins.interpolation) & (bins.interpolation <= bins.bin_to)
    demand(bool(np.all(inside)), f"interpolation must lie in its bin, bin {int(np.argmin(inside)) + 1} does not")
    demand(bool(np.all(np.isin(bins.damage_type, (0, 1, 2, 3)))), "damage_type must be 0, 1, 2 or 3")


def events_ascend(subject: Subject) -> None:
    """The event set is ascending, positive and not empty."""
    events = np.asarray(subject.data.events())
    demand(len(events) > 0, "the event set must not be empty")
    demand(bool(np.all(np.diff(events) > 0)), "events must ascend, each once")
    demand(int(events[0]) > 0, f"event ids must be positive, got {int(events[0])}")


def footprint_valid(subject: Subject) -> None:
    """Footprint rows lie in their event's range, area perils together, bins and probabilities within bounds."""
    footprint, hazard = subject.footprint, subject.data.hazard
    _check_layout(footprint, subject.events, subject.areaperils)
    if hazard.is_dynamic:
        return
    bins, probability = footprint.intensity_bin, footprint.probability
    if len(bins):
        demand(int(bins.min()) >= 1, f"intensity bins must be >= 1, got {int(bins.min())}")
        most = hazard.num_intensity_bins
        demand(int(bins.max()) <= most, f"intensity bins must be <= {most}, got {int(bins.max())}")
        demand(bool(np.all((probability >= 0) & (probability <= 1))), "probabilities must lie in [0, 1]")
    for number in range(len(footprint.event_id)):
        rows = slice(int(footprint.offsets[number]), int(footprint.offsets[number + 1]))
        _check_event(footprint.areaperil_id[rows], probability[rows], int(footprint.event_id[number]))


def _check_layout(footprint: Footprint, events: Int32, areaperils: UInt64) -> None:
    demand(np.array_equal(footprint.event_id, events), "a footprint must answer for exactly the events asked for")
    offsets, rows = footprint.offsets, len(footprint.areaperil_id)
    demand(len(offsets) == len(events) + 1, f"offsets must have {len(events) + 1} entries, got {len(offsets)}")
    demand(int(offsets[0]) == 0 and int(offsets[-1]) == rows, f"offsets must run from 0 to {rows}")
    demand(bool(np.all(np.diff(offsets) >= 0)), "offsets must not fall")
    for name in ("intensity_bin", "probability"):
        got = len(getattr(footprint, name))
        demand(got == rows, f"{name} must have {rows} rows, got {got}")
    demand(bool(np.all(np.isin(footprint.areaperil_id, areaperils))), "rows must be of the area perils asked for")


def _check_event(areaperil: UInt64, probability: np.ndarray, event: int) -> None:
    """One event's rows: each area peril in one run, its probabilities summing to 1."""
    if len(areaperil) == 0:
        return
    starts = np.flatnonzero(np.r_[True, areaperil[1:] != areaperil[:-1]])
    runs = areaperil[starts]
    demand(len(np.unique(runs)) == len(runs), f"event {event}: the rows of an area peril must be together")
    total = np.add.reduceat(probability.astype(np.float64), starts)
    worst = int(np.argmax(np.abs(total - 1)))
    demand(
        abs(total[worst] - 1) <= PROBABILITY_TOLERANCE,
        f"event {event}, area peril {runs[worst]}: probabilities must sum to 1, got {total[worst]:.6f}",
    )


def footprint_pure(subject: Subject) -> None:
    """A footprint is a function of what is asked: the same again, and fewer area perils or events only leave out."""
    hazard, events, areaperils = subject.data.hazard, subject.events, subject.areaperils
    demand(_same(hazard.footprint(events, areaperils), subject.footprint), "the same question must get the same answer")
    some_places, some_events = areaperils[::2], events[::2]
    expected = filtered(subject.footprint, some_events, some_places)
    got = hazard.footprint(some_events, some_places)
    demand(_same(got, expected), "asking for fewer events and area perils must only leave out the others' rows")


def footprint_thread_safe(subject: Subject) -> None:
    """Threads that ask side by side get what one gets alone."""
    hazard, areaperils = subject.data.hazard, subject.areaperils
    parts = [part for part in np.array_split(subject.events, THREADS) if len(part)] * 2
    with ThreadPoolExecutor(THREADS) as pool:
        answers = list(pool.map(lambda part: hazard.footprint(part, areaperils), parts))
    for part, answer in zip(parts, answers, strict=True):
        expected = filtered(subject.footprint, part, areaperils)
        demand(_same(answer, expected), f"events {part[:3].tolist()}: an answer differs when threads ask side by side")


def rows_bound(subject: Subject) -> None:
    """``rows_per_event`` is not below the rows an event has: the plan's memory depends on it."""
    bound = np.asarray(subject.data.hazard.rows_per_event(subject.events))
    actual = np.diff(subject.footprint.offsets)
    demand(len(bound) == len(subject.events), f"rows_per_event must answer for each event, got {len(bound)}")
    if not subject.data.hazard.is_dynamic:
        low = int(np.argmin(bound - actual))
        demand(
            bool(bound[low] >= actual[low]), f"event {subject.events[low]} has {actual[low]} rows, bound {bound[low]}"
        )


def filtered(footprint: Footprint, events: Int32, areaperils: UInt64) -> Footprint:
    """The rows of some events and area perils."""
    event_of_row = np.repeat(footprint.event_id, np.diff(footprint.offsets))
    keep = np.isin(event_of_row, events) & np.isin(footprint.areaperil_id, areaperils)
    counts = np.array([np.count_nonzero(keep & (event_of_row == event)) for event in events], dtype=np.int64)
    columns = {name: _rows(getattr(footprint, name), keep) for name in ROW_FIELDS}
    return Footprint(event_id=events, offsets=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64), **columns)


def _rows(values: np.ndarray, keep: np.ndarray) -> np.ndarray:
    """Chosen rows of a column that may be absent (length 0)."""
    return values[keep] if len(values) == len(keep) else values


def _same(left: Footprint, right: Footprint) -> bool:
    return all(
        np.array_equal(getattr(left, name), getattr(right, name)) for name in ("event_id", "offsets", *ROW_FIELDS)
    )


def vulnerability_valid(subject: Subject) -> None:
    """Each function answers for its id; in every intensity bin its probabilities sum to 1, or it has none at all."""
    wanted = subject.vulnerabilities
    if len(wanted) == 0:
        raise NotApplicable("no key names a vulnerability function")
    functions = subject.data.vulnerability(wanted)
    demand(np.array_equal(functions.vulnerability_id, wanted), "exactly the functions asked for must be returned")
    shape = (len(wanted), subject.data.hazard.num_intensity_bins, len(subject.data.damage_bins.bin_from))
    demand(
        functions.probability.shape == shape, f"probability must have shape {shape}, got {functions.probability.shape}"
    )
    demand(bool(np.all(functions.probability >= 0)), "probabilities must not be negative")
    total = functions.probability.sum(axis=2, dtype=np.float64)
    wrong = (np.abs(total - 1) > PROBABILITY_TOLERANCE) & (total != 0)
    if wrong.any():
        function, intensity = np.argwhere(wrong)[0]
        demand(
            False,
            f"vulnerability {wanted[function]}, intensity bin {intensity + 1}: probabilities must sum to 1, "
            f"got {total[function, intensity]:.6f}",
        )


def occurrence_valid(subject: Subject) -> None:
    """Occurrences lie in periods 1 to the number of periods; weights are one for each period."""
    occurrence = subject.data.occurrence()
    if occurrence is None:
        raise NotApplicable("the model has no occurrences, so only tables without periods can be asked for")
    demand(occurrence.periods > 0, f"the number of periods must be positive, got {occurrence.periods}")
    lengths = {len(occurrence.event_id), len(occurrence.period), len(occurrence.date)}
    demand(len(lengths) == 1, f"event_id, period and date must be equally long, got {sorted(lengths)}")
    if len(occurrence.period):
        low, high = int(occurrence.period.min()), int(occurrence.period.max())
        demand(
            low >= 1 and high <= occurrence.periods, f"periods must lie in 1..{occurrence.periods}, got {low}..{high}"
        )
    weights = subject.data.period_weights()
    if weights is not None:
        count = len(weights.weight)
        demand(count == occurrence.periods, f"there must be {occurrence.periods} period weights, got {count}")
        demand(bool(np.all(weights.weight >= 0)), "period weights must not be negative")
