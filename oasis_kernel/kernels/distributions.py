"""The damage distributions of one event: one for each distribution that the footprint touches, built at first use.

A distribution belongs to the items that share area peril, peril, vulnerability and intensity adjustment. Where hazard
is certain it is a row of the tables made once for the model (``Curves``); else its tables go to the event's own.

Index letters: x = distribution of the portfolio, i = distribution of the event, h = hazard row, v = curve.
"""

from typing import NamedTuple

import numpy as np

from oasis_kernel._jit import inlined, kernel
from oasis_kernel.kernels.damage import (
    CHANCE_OF_LOSS,
    MOMENTS,
    Aggregates,
    accumulate,
    distribution_moments,
    effective_table,
    mix,
)
from oasis_kernel.kernels.touch_order import Exposure, HazardRuns, TouchOrder
from oasis_kernel.model.exposure import Float32, Float64, Int32, Int64


class Curves(NamedTuple):
    """The model's vulnerability, and tables of it made once: read-only, shared by every thread.

    Rows of ``table`` are (curve, intensity bin) pairs, then (conditional curve, source damage bin) pairs.
    """

    intensities: int
    damages: int
    probability: Float32  # flat: (v * intensities + bin - 1) * damages
    conditional: Float32  # flat: (conditional curve * source bins + source bin - 1) * damages
    source_bins: int
    table: Float32  # flat, damages + 1 entries a row
    length: Int32
    moments: Float64
    aggregates: Aggregates
    curve: Int32  # [x] v; below 0 the aggregate's block is ~curve
    conditional_curve: Int32  # [x] -1: driven by hazard
    adjustment: Int32  # [x] taken off the intensity (dynamic footprints)
    peril: Int32  # [x] row of ``bin_of``
    bin_of: Int32  # [peril, intensity] (dynamic footprints)
    middle: Float32  # [d] the damage bins' middles


class Mode(NamedTuple):
    """How distributions are built and sampled."""

    effective: bool  # one draw from the distribution over all hazard, instead of hazard first and then damage
    dynamic: bool  # intensity bins are found per item
    depends: bool  # coverage dependency: every distribution's table is kept for those that depend on it
    fixed: bool  # the reference's quirks put right


class EventTables(NamedTuple):
    """One event's distributions. ``place`` is -1 between events; the rest is written before it is read."""

    place: Int32  # [x] i
    known: Int32  # [i] x
    moments: Float64  # [i, MOMENTS]
    effective_start: Int64  # [i] slot of the distribution over all hazard (in the event's table when hazard varies)
    effective_length: Int32  # [i]
    of_event: Int32  # [i] whether the branches lie in the event's table (1) or in the model's (0)
    first_branch: Int64  # [i]
    branches: Int32  # [i] tables to sample from: one, or one for each hazard row
    branch_start: Int64  # slot of each branch
    branch_length: Int32
    table: Float32  # the event's slots, flat
    hazard_start: Int64  # [run]
    hazard_length: Int32  # [run]
    hazard_table: Float32  # the event's hazard slots, flat
    pdf: Float32  # room: [h * damages]
    pdf_start: Int64  # room: [h]
    hazard: Float32  # room: [h]
    used: Int64  # [3] distributions, branches, entries of table used so far


#: Where a row is sampled: one table of the model's or of the event's, or one of several for each sample.
ONE_OF_MODEL, ONE_OF_EVENT, MANY_OF_MODEL, MANY_OF_EVENT, NOWHERE = range(5)
#: Rows whose driver is at level l of a chain of dependent coverages are of kind ``KINDS * (l + 1) + ONE_OF_MODEL``...
KINDS = 5


class Rows(NamedTuple):
    """What sampling needs of each row of an event."""

    distribution: Int32  # [r] number in the event; -1: protected from it
    kind: Int32  # [r] ONE_OF_MODEL...
    start: Int64  # [r] slot of the one table, or the first branch
    length: Int32  # [r] of the one table
    hazards: Int32  # [r] hazard rows to draw from; 1: none to draw
    driver: Int32  # [r] the row whose damage bins drive this one; -1: hazard does
    run: Int32  # [r]
    draw: Int32  # [r] number of the damage draw
    hazard_draw: Int32  # [r] row of the hazard uniforms, where they are drawn
    by_draw: Int32  # the rows, ordered by draw


@kernel
def distribute(
    exposure: Exposure, curves: Curves, runs: HazardRuns, mode: Mode, order: TouchOrder, tables: EventTables,
    rows: Rows, count: int,
) -> int:  # fmt: skip
    """Find or build the distribution of each of an event's ``count`` rows, and say where they are sampled.

    Return the levels of the rows: 1 unless coverages depend on one another.
    """
    position, run_of, place, distribution = order.position, order.run, tables.place, rows.distribution
    numbers, sources, kinds, driver = exposure.distribution, exposure.source, rows.kind, rows.driver
    start, length, hazards, row_runs = rows.start, rows.length, rows.hazards, rows.run
    branches, first_branch, of_event = tables.branches, tables.first_branch, tables.of_event
    branch_start, branch_length = tables.branch_start, tables.branch_length
    levels = 1
    for r in range(count):
        p = position[r]
        run = run_of[r]
        row_runs[r] = run
        hazards[r] = 1
        driver[r] = order.row[sources[p]] if sources[p] >= 0 else -1
        protection = exposure.return_period[p]
        if mode.dynamic and protection > 0 and runs.return_period[runs.begin[run]] < protection:
            distribution[r] = build_undamaged(tables) if mode.depends else -1
            kinds[r] = NOWHERE
            continue
        level = 0
        if driver[r] >= 0:
            i = build_dependent(curves, mode, numbers[p], distribution[driver[r]], tables)
            level = kinds[driver[r]] // KINDS + 1
            levels = max(levels, level + 1)
        else:
            i = place[numbers[p]]
            if i < 0:
                i = build(curves, runs, mode, run, numbers[p], tables)
        distribution[r] = i
        first = first_branch[i]
        many = branches[i] > 1
        kinds[r] = KINDS * level + (MANY_OF_MODEL if many else ONE_OF_MODEL) + of_event[i]
        start[r] = first if many else branch_start[first]
        length[r] = branch_length[first]
        if many and driver[r] < 0:
            hazards[r] = branches[i]
    return levels


@kernel
def hazard_tables(runs: HazardRuns, first_run: int, last_run: int, tables: EventTables) -> None:
    """Write the cumulative hazard of each run of an event."""
    start = 0
    for run in range(first_run, last_run):
        rows = runs.end[run] - runs.begin[run]
        tables.hazard_start[run] = start
        tables.hazard_length[run] = accumulate(runs.probability, runs.begin[run], rows, tables.hazard_table, start)
        start += rows + 1


@inlined
def intensity_bin(curves: Curves, runs: HazardRuns, mode: Mode, row: int, x: int) -> int:
    """The intensity bin (1-based) of a footprint row for the items of distribution ``x``."""
    if not mode.dynamic:
        return runs.intensity_bin[row]
    intensity = runs.intensity[row] - curves.adjustment[x]
    if intensity < 0 or intensity >= curves.bin_of.shape[1]:
        intensity = 0
    return curves.bin_of[curves.peril[x], intensity]


@kernel
def build(curves: Curves, runs: HazardRuns, mode: Mode, run: int, x: int, tables: EventTables) -> int:
    """Build distribution ``x`` from the footprint rows of ``run``; return its number i in the event."""
    i = _enter(x, tables)
    begin = runs.begin[run]
    rows = int(tables.hazard_length[run])
    curve = int(curves.curve[x])
    if rows == 1 and runs.probability[begin] == 1 and curve >= 0 and not mode.depends:
        _certain(curves, curve * curves.intensities + intensity_bin(curves, runs, mode, begin, x) - 1, i, tables)
        return i
    for h in range(rows):
        tables.hazard[h] = runs.probability[begin + h]
        column = int(intensity_bin(curves, runs, mode, begin + h, x)) - 1
        if curve >= 0:
            tables.pdf_start[h] = (curve * curves.intensities + column) * curves.damages
        else:
            place = (column * curves.damages, curves.intensities * curves.damages)
            tables.pdf_start[h] = h * curves.damages
            mix(curves.probability, curves.aggregates, ~curve, place, curves.damages, tables.pdf, h * curves.damages)
    if curve >= 0:
        _effective(curves, curves.probability, rows, mode, i, tables)
    else:
        _effective(curves, tables.pdf, rows, mode, i, tables)
    if mode.effective:
        _sample_effective(i, tables)
    elif curve >= 0:
        _branch_in_model(curves, 0, rows, i, tables)
    else:
        _branch_in_event(curves, rows, i, tables)
    return i


@kernel
def build_dependent(curves: Curves, mode: Mode, x: int, source: int, tables: EventTables) -> int:
    """Build the distribution of one dependent item, driven by the event's distribution ``source``; return its i.

    The source's damage bins take the place of hazard rows, its distribution that of their probabilities.
    """
    i = _enter(-1, tables)
    start = tables.effective_start[source]
    before = np.float64(0.0)
    first = np.int64(curves.conditional_curve[x]) * curves.source_bins
    for h in range(curves.source_bins):
        tables.hazard[h] = 0.0
        tables.pdf_start[h] = (first + h) * curves.damages
        if h < tables.effective_length[source]:
            tables.hazard[h] = tables.table[start + h + 1] - before
            before = np.float64(tables.table[start + h + 1])
    _effective(curves, curves.conditional, curves.source_bins, mode, i, tables)
    if mode.effective:
        _sample_effective(i, tables)
    else:
        hazard_driven = curves.length.shape[0] - curves.conditional.shape[0] // curves.damages
        _branch_in_model(curves, hazard_driven, curves.source_bins, i, tables)
    return i


@kernel
def build_undamaged(tables: EventTables) -> int:
    """Enter the distribution of an item that is protected from this event: no damage, surely."""
    i = _enter(-1, tables)
    tables.effective_start[i] = tables.used[2]
    tables.effective_length[i] = 1
    tables.table[tables.used[2]] = 0.0
    tables.table[tables.used[2] + 1] = 1.0
    tables.used[2] += 2
    return i


@inlined
def _enter(x: int, tables: EventTables) -> int:
    """The next number i; ``x`` is known by it until the event ends (-1: nobody else's)."""
    i = tables.used[0]
    tables.used[0] = i + 1
    tables.known[i] = x
    tables.first_branch[i] = tables.used[1]
    tables.branches[i] = 0
    if x >= 0:
        tables.place[x] = i
    return i


@inlined
def _certain(curves: Curves, slot: int, i: int, tables: EventTables) -> None:
    """Hazard is certain: all there is to know stands in the model's tables."""
    for k in range(MOMENTS):
        tables.moments[i, k] = curves.moments[slot, k]
    tables.effective_length[i] = curves.length[slot]
    _branch(slot * (curves.damages + 1), curves.length[slot], 0, i, tables)


@inlined
def _effective(curves: Curves, pdf: Float32, rows: int, mode: Mode, i: int, tables: EventTables) -> None:
    """Write the event's distribution over all hazard ``rows``, and its moments."""
    start = tables.used[2]
    length = effective_table(pdf, tables.pdf_start, tables.hazard, rows, curves.damages, tables.table, start)
    tables.used[2] = start + curves.damages + 1
    tables.effective_start[i] = start
    tables.effective_length[i] = length
    distribution_moments(tables.table, start, length, curves.middle, tables.moments, i)
    if mode.fixed and tables.table[start + length] == 0:
        tables.moments[i, CHANCE_OF_LOSS] = 0.0


@inlined
def _sample_effective(i: int, tables: EventTables) -> None:
    _branch(tables.effective_start[i], tables.effective_length[i], 1, i, tables)


@inlined
def _branch_in_model(curves: Curves, first_slot: int, rows: int, i: int, tables: EventTables) -> None:
    """Damage given each hazard row stands in the model's tables, whose rows from ``first_slot`` on are meant."""
    for h in range(rows):
        slot = first_slot + tables.pdf_start[h] // curves.damages
        _branch(slot * (curves.damages + 1), curves.length[slot], 0, i, tables)


@inlined
def _branch_in_event(curves: Curves, rows: int, i: int, tables: EventTables) -> None:
    """Damage given each hazard row is a mixture: its tables are made for this event."""
    for h in range(rows):
        start = tables.used[2]
        tables.used[2] = start + curves.damages + 1
        length = accumulate(tables.pdf, h * curves.damages, curves.damages, tables.table, start)
        _branch(start, length, 1, i, tables)


@inlined
def _branch(start: int, length: int, of_event: int, i: int, tables: EventTables) -> None:
    """Give distribution ``i``, the last entered, one more table to sample from."""
    branch = tables.used[1]
    tables.used[1] = branch + 1
    tables.branch_start[branch] = start
    tables.branch_length[branch] = length
    tables.of_event[i] = of_event
    tables.branches[i] += 1


@kernel
def forget(tables: EventTables) -> None:
    """Make ``tables`` ready for the next event."""
    for i in range(tables.used[0]):
        if tables.known[i] >= 0:
            tables.place[tables.known[i]] = -1
    tables.used[:] = 0
