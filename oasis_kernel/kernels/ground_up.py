"""Ground-up losses of whole events: touch order, uniforms once per group, distributions once, then item by item.

Index letters: e = event, r = row (touched item), c = coverage, p = position of an item in visiting order,
i = distribution of the event, s = sample.
"""

from typing import NamedTuple

import numpy as np

from oasis_kernel._jit import inlined, kernel
from oasis_kernel.kernels.allocation import NONE, Columns, allocate
from oasis_kernel.kernels.amplification import Amplification, amplify, event_factors
from oasis_kernel.kernels.damage import CHANCE_OF_LOSS, MEAN_DAMAGE, SECOND_MOMENT, Bins, damage_scale, deviation
from oasis_kernel.kernels.distributions import (
    Curves,
    EventTables,
    Mode,
    build,
    build_dependent,
    build_undamaged,
    forget,
    hazard_tables,
)
from oasis_kernel.kernels.draws import (
    EventDraws,
    FactorRoom,
    Randomness,
    draw_damage,
    draw_factors,
    draw_hazard,
    finish_draws,
    forget_draws,
)
from oasis_kernel.kernels.sampling import Draw, Target, find_bins, sample, sample_branches
from oasis_kernel.kernels.touch_order import Exposure, HazardRuns, TouchOrder, clear, touch
from oasis_kernel.model.exposure import Float32, Float64, Int32, Int64
from oasis_kernel.model.losses import CHANCE, DEVIATION, EXPOSURE, MAXIMUM, MEAN, SPECIAL


class Settlement(NamedTuple):
    """What happens to a coverage's losses once they are sampled."""

    rule: int
    threshold: np.float32  # samples below it become 0
    amplification: Amplification


class GroundUpModel(NamedTuple):
    """A portfolio on a model: read-only, shared by every thread."""

    exposure: Exposure
    curves: Curves
    bins: Bins
    curved: bool  # whether any damage bin needs the parabola
    mode: Mode
    randomness: Randomness
    settlement: Settlement


class Room(NamedTuple):
    """What one thread works in."""

    order: TouchOrder
    tables: EventTables
    damage: EventDraws
    hazard: EventDraws
    factors: FactorRoom
    columns: Columns
    amplification: Float64  # [amplification id]
    branch: Int32  # [1, s]
    found: Int32  # [r, s] damage bins; a single row unless coverages depend on one another
    distribution: Int32  # [r] i (coverage dependency only)


class Block(NamedTuple):
    """Where losses go."""

    offsets: Int64  # [e + 1]
    item: Int32  # [r]
    loss: Float32  # [r, SPECIAL + s]


@kernel
def ground_up(model: GroundUpModel, runs: HazardRuns, first: int, last: int, room: Room, out: Block) -> None:
    """Write the losses of the events ``first:last`` of ``runs`` to ``out``, which has just the rows they touch."""
    row = 0
    out.offsets[0] = 0
    for e in range(first, last):
        row += _event(model, runs, e, room, out, row)
        out.offsets[e - first + 1] = row


@kernel
def _event(model, runs, e, room, out, before):  # type: ignore[no-untyped-def]
    """Write one event's losses after the ``before`` rows of the block; return how many rows it has."""
    first_run, last_run = runs.first_run[e], runs.first_run[e + 1]
    rows, coverages = touch(model.exposure, runs, first_run, last_run, model.mode.depends, room.order)
    hazard_tables(runs, first_run, last_run, room.tables)
    if model.settlement.amplification.applies:
        event_factors(model.settlement.amplification, runs.event[e], room.amplification)
    damage_draws, hazard_draws = 0, 0
    if out.loss.shape[1] > SPECIAL:
        damage_draws, hazard_draws = _draw(model, runs.event[e], rows, room)
    begin = 0
    for k in range(coverages):
        c = room.order.coverage[k]
        end = room.order.last_row[c]
        for r in range(begin, end):
            out.item[before + r] = model.exposure.item[room.order.position[r]]
            _lose(model, runs, c, r, room, out.loss, before + r)
        _settle(model, c, before + begin, before + end, room, out)
        begin = end
    forget_draws(damage_draws, room.damage)
    forget_draws(hazard_draws, room.hazard)
    forget(room.tables)
    clear(coverages, room.order)
    return rows


@inlined
def _draw(model, event, rows, room):  # type: ignore[no-untyped-def]
    """Draw all the event's numbers; return the number of damage rows and of hazard rows."""
    randomness = model.randomness
    damage_draws = draw_damage(randomness, model.exposure, event, rows, room.order, room.damage)
    hazard_draws = draw_hazard(randomness, model.exposure, event, rows, room.order, room.tables, room.hazard)
    draw_factors(randomness, event, room.factors)
    finish_draws(randomness.damage, randomness.copula, room.factors.score, damage_draws, room.damage)
    finish_draws(randomness.hazard, randomness.copula, room.factors.score, hazard_draws, room.hazard)
    return damage_draws, hazard_draws


@kernel
def _lose(model, runs, c, r, room, loss, place):  # type: ignore[no-untyped-def]
    """Write to ``loss[place]`` what the item of row ``r`` loses, before allocation."""
    exposure, mode, tables = model.exposure, model.mode, room.tables
    p = room.order.position[r]
    run = room.order.run[r]
    protection = exposure.return_period[p]
    if mode.dynamic and protection > 0 and runs.return_period[runs.begin[run]] < protection:
        loss[place, :] = 0.0
        if mode.depends:
            room.distribution[r] = build_undamaged(tables)
            room.found[r, :] = 0
        return
    x = exposure.distribution[p]
    source = exposure.source[p]
    if source >= 0:
        i = build_dependent(model.curves, mode, x, room.distribution[room.order.row[source]], tables)
    else:
        i = tables.place[x]
        if i < 0:
            i = build(model.curves, runs, mode, run, x, exposure.peril[p], tables)
    if mode.depends:
        room.distribution[r] = i
    tiv = exposure.tiv[c]
    last = tables.effective_length[i] - 1
    scale = damage_scale(model.bins, last, tiv)
    loss[place, MEAN] = tables.moments[i, MEAN_DAMAGE] * scale
    loss[place, DEVIATION] = deviation(tables.moments[i, MEAN_DAMAGE], tables.moments[i, SECOND_MOMENT], scale)
    loss[place, EXPOSURE] = tiv / room.order.items[c]
    loss[place, CHANCE] = tables.moments[i, CHANCE_OF_LOSS]
    loss[place, MAXIMUM] = model.bins.upper[last] * scale
    if loss.shape[1] > SPECIAL:
        _sample(model, r, i, scale, room, loss, place)


@inlined
def _sample(model, r, i, scale, room, loss, place):  # type: ignore[no-untyped-def]
    """Write the samples of row ``r``, whose distribution is ``i``."""
    tables, mode = room.tables, model.mode
    p = room.order.position[r]
    draw = Draw(room.damage.uniform, room.damage.row[model.exposure.draw[p]], 0.0 if mode.fixed else np.inf)
    target = Target(scale, loss, place, room.found, r if mode.depends else 0)
    first = tables.first_branch[i]
    if tables.branches[i] == 1:
        start, length = tables.branch_start[first], tables.branch_length[first]
        if tables.of_event[i]:
            sample(tables.table, start, length, model.bins, model.curved, draw, target)
        else:
            sample(model.curves.table, start, length, model.bins, model.curved, draw, target)
        return
    _choose_branches(model, r, room)
    if tables.of_event[i]:
        sample_branches(tables, first, tables.table, room.branch, model.bins, draw, target)
    else:
        sample_branches(tables, first, model.curves.table, room.branch, model.bins, draw, target)


@inlined
def _choose_branches(model, r, room):  # type: ignore[no-untyped-def]
    """Write to ``room.branch`` what drives each sample of row ``r``: the source's damage bin, or a drawn hazard row."""
    p = room.order.position[r]
    source = model.exposure.source[p]
    if source >= 0:
        for s in range(room.branch.shape[1]):
            room.branch[0, s] = room.found[room.order.row[source], s]
        return
    run = room.order.run[r]
    start, length = room.tables.hazard_start[run], room.tables.hazard_length[run]
    row = room.hazard.row[model.exposure.hazard_draw[p]]
    find_bins(room.tables.hazard_table, start, length, room.hazard.uniform, row, room.branch, 0)


@kernel
def _settle(model, c, begin, end, room, out):  # type: ignore[no-untyped-def]
    """Allocate coverage ``c``, whose losses are the rows ``begin:end``; drop what is too small; amplify."""
    settlement, loss, fixed = model.settlement, out.loss, model.mode.fixed
    if settlement.rule != NONE:
        allocate(settlement.rule, loss, begin, end, model.exposure.tiv[c], fixed, room.columns)
    for place in range(begin, end):
        for column in range(SPECIAL, loss.shape[1]):
            value = loss[place, column]
            loss[place, column] = value if value >= settlement.threshold else np.float32(0.0)
    if settlement.amplification.applies:
        for place in range(begin, end):
            p = room.order.position[room.order.last_row[c] - end + place]
            amplify(loss, place, room.amplification[model.exposure.amplification[p]], fixed)
