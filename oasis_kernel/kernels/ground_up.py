"""Ground-up losses of whole events: touch order, uniforms once per group, distributions once, then item by item.

Index letters: e = event, r = row (touched item), c = coverage, p = position of an item in visiting order,
i = distribution of the event, s = sample.
"""

from typing import NamedTuple

import numpy as np

from oasis_kernel._jit import kernel
from oasis_kernel.kernels.allocation import NONE, Columns, allocate
from oasis_kernel.kernels.amplification import Amplification, amplify, event_factors
from oasis_kernel.kernels.damage import CHANCE_OF_LOSS, MEAN_DAMAGE, SECOND_MOMENT, Bins, damage_scale, deviation
from oasis_kernel.kernels.distributions import (
    MANY_OF_EVENT,
    MANY_OF_MODEL,
    NOWHERE,
    ONE_OF_EVENT,
    ONE_OF_MODEL,
    Curves,
    EventTables,
    Mode,
    Rows,
    distribute,
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
from oasis_kernel.kernels.sampling import Place, Sampling, sample_many, sample_one
from oasis_kernel.kernels.touch_order import Exposure, HazardRuns, TouchOrder, clear, touch
from oasis_kernel.model.exposure import Float32, Float64, Int32, Int64
from oasis_kernel.model.losses import CHANCE, DEVIATION, EXPOSURE, MAXIMUM, MEAN, SPECIAL

_TILE = 1 << 18  # bytes of losses that are sampled and settled together: they stay in the core's own cache


class Settlement(NamedTuple):
    """What happens to a coverage's losses once they are sampled."""

    rule: int
    threshold: np.float32  # samples below it become 0
    keeps_exposure: bool  # the exposure is neither allocated nor amplified, the chance of loss not amplified
    amplification: Amplification


class GroundUpModel(NamedTuple):
    """A portfolio on a model: read-only, shared by every thread."""

    exposure: Exposure
    curves: Curves
    sampling: Sampling
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
    rows: Rows
    found: Int32  # [r, s] damage bins; a single row unless coverages depend on one another


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
    order, tables, rows = room.order, room.tables, room.rows
    event, first_run, last_run = runs.event[e], runs.first_run[e], runs.first_run[e + 1]
    count, coverages = touch(model.exposure, runs, first_run, last_run, model.mode.depends, order)
    hazard_tables(runs, first_run, last_run, tables)
    distribute(model.exposure, model.curves, runs, model.mode, order, tables, rows, count)
    if model.settlement.amplification.applies:
        event_factors(model.settlement.amplification, event, room.amplification)
    if out.loss.shape[1] > SPECIAL:
        _draw(model.randomness, model.exposure, event, count, room)
    width = 4 * out.loss.shape[1]
    k, begin = 0, 0
    while k < coverages:
        first = k
        end = begin
        while k < coverages and (end == begin or (end - begin) * width < _TILE):
            end = order.last_row[order.coverage[k]]
            k += 1
        place = Place(begin, end, before, out.loss, room.found)
        describe(model.exposure, model.sampling.bins, order, tables, rows, place, out.item)
        if out.loss.shape[1] > SPECIAL:
            _sample(model, room, place)
        settle(model.settlement, model.exposure, order, first, k, room.columns, room.amplification, place)
        begin = end
    forget(tables)
    clear(coverages, order)
    return count


@kernel
def _draw(randomness, exposure, event, count, room):  # type: ignore[no-untyped-def]
    """Draw all of an event's numbers."""
    damage = draw_damage(randomness, exposure, event, count, room.order, room.rows, room.damage)
    hazard = draw_hazard(randomness, exposure, event, count, room.order, room.rows, room.hazard)
    draw_factors(randomness, event, room.factors)
    finish_draws(randomness.damage, randomness.copula, room.factors.score, damage, room.damage)
    finish_draws(randomness.hazard, randomness.copula, room.factors.score, hazard, room.hazard)
    forget_draws(damage, room.damage)
    forget_draws(hazard, room.hazard)


@kernel
def _sample(model, room, place):  # type: ignore[no-untyped-def]
    """Write the samples of the rows of ``place``."""
    rows, tables, sampling = room.rows, room.tables, model.sampling
    sample_one(rows, ONE_OF_MODEL, model.curves.table, sampling, room.damage.uniform, place)
    sample_one(rows, ONE_OF_EVENT, tables.table, sampling, room.damage.uniform, place)
    uniforms = (room.damage.uniform, room.hazard.uniform)
    sample_many(rows, MANY_OF_MODEL, model.curves.table, tables, sampling, uniforms, place)
    sample_many(rows, MANY_OF_EVENT, tables.table, tables, sampling, uniforms, place)


@kernel
def describe(
    exposure: Exposure, bins: Bins, order: TouchOrder, tables: EventTables, rows: Rows, place: Place, item: Int32
) -> None:
    """Write the special values of the rows of ``place``, before allocation, and which items they are."""
    loss, before = place.loss, place.before
    position, numbers, coverage, value, items = order.position, exposure.item, exposure.coverage, exposure.tiv, order.items
    moments, lengths, distribution, scales = tables.moments, tables.effective_length, rows.distribution, rows.scale
    upper, types, kinds = bins.upper, bins.damage_type, rows.kind
    for r in range(place.begin, place.end):
        p = position[r]
        item[before + r] = numbers[p]
        if kinds[r] == NOWHERE:
            loss[before + r, :] = 0.0
            if place.found.shape[0] > 1:
                place.found[r, :] = 0
            continue
        i = distribution[r]
        c = coverage[p]
        tiv = value[c]
        last = lengths[i] - 1
        scale = damage_scale(types[last], upper[last], tiv)
        scales[r] = scale
        loss[before + r, MEAN] = moments[i, MEAN_DAMAGE] * scale
        loss[before + r, DEVIATION] = deviation(moments[i, MEAN_DAMAGE], moments[i, SECOND_MOMENT], scale)
        loss[before + r, EXPOSURE] = tiv / items[c]
        loss[before + r, CHANCE] = moments[i, CHANCE_OF_LOSS]
        loss[before + r, MAXIMUM] = upper[last] * scale


@kernel
def settle(
    settlement: Settlement, exposure: Exposure, order: TouchOrder, first: int, last: int, columns: Columns,
    factor: Float64, place: Place,
) -> None:  # fmt: skip
    """Allocate the coverages ``first:last`` of the touch order; drop what is too small; amplify."""
    loss, before, threshold = place.loss, place.before, settlement.threshold
    begin = place.begin
    if settlement.rule != NONE:
        for k in range(first, last):
            c = order.coverage[k]
            end = order.last_row[c]
            tiv = exposure.tiv[c]
            allocate(settlement.rule, loss, before + begin, before + end, tiv, settlement.keeps_exposure, columns)
            begin = end
    for to in range(before + place.begin, before + place.end):
        for column in range(SPECIAL, loss.shape[1]):
            value = loss[to, column]
            loss[to, column] = value if value >= threshold else np.float32(0.0)
    if settlement.amplification.applies:
        for r in range(place.begin, place.end):
            amplification = exposure.amplification[order.position[r]]
            amplify(loss, before + r, factor[amplification], settlement.keeps_exposure)
