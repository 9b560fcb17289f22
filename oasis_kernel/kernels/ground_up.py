"""Ground-up losses of whole events: touch order, uniforms once per group, distributions once, then item by item.

Index letters: e = event, r = row (touched item), c = coverage, p = position of an item in visiting order,
i = distribution of the event, s = sample, w = sample of a window.
"""

from typing import NamedTuple

import numpy as np

from oasis_kernel._jit import kernel
from oasis_kernel.kernels.allocation import NONE, CoverageRows, allocate
from oasis_kernel.kernels.amplification import Amplification, amplify, event_factors
from oasis_kernel.kernels.correlation import Lookups
from oasis_kernel.kernels.damage import CHANCE_OF_LOSS, MEAN_DAMAGE, SECOND_MOMENT, Bins, damage_scale, deviation
from oasis_kernel.kernels.distributions import (
    KINDS,
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
    draw,
    draw_factors,
    forget_draws,
    list_damage,
    list_hazard,
)
from oasis_kernel.kernels.sampling import Ends, Sampling, Tile, sample_many, sample_one
from oasis_kernel.kernels.touch_order import Exposure, HazardRuns, TouchOrder, clear, touch
from oasis_kernel.model.exposure import Float32, Float64, Int32, Int64
from oasis_kernel.model.losses import CHANCE, DEVIATION, EXPOSURE, MAXIMUM, MEAN, SPECIAL


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


class Window(NamedTuple):
    """The uniforms of the samples that are wanted."""

    damage: Float64  # [a tile's draws, w] the drawn ones themselves where all samples are wanted
    hazard: Float64  # [an event's or a tile's draws, w]


class Room(NamedTuple):
    """What one thread works in."""

    order: TouchOrder
    tables: EventTables
    damage: EventDraws
    hazard: EventDraws
    factors: FactorRoom
    factor: Float64  # [amplification id]
    lookups: Lookups
    ends: Ends
    rows: Rows
    scale: Float64  # [r]
    found: Int32  # [r, w] damage bins; a single row unless coverages depend on one another
    window: Window
    hazard_by_tile: bool  # hazard numbers are drawn for each tile of damage draws, else for an event at once


class Block(NamedTuple):
    """Where losses go."""

    offsets: Int64  # [e + 1]
    item: Int32  # [r]
    loss: Float32  # [r, SPECIAL + w]


@kernel
def ground_up(
    model: GroundUpModel, runs: HazardRuns, first: int, last: int, first_sample: int, room: Room, out: Block
) -> None:
    """Write the losses of the events ``first:last`` of ``runs`` to ``out``, which has just the rows they touch.

    All samples are drawn; those from ``first_sample`` on, as many as the room's window is wide, are written.
    """
    exposure, curves, sampling, mode, randomness, settlement = model
    order, tables, rows, damage, window = room.order, room.tables, room.rows, room.damage, room.window
    step = damage.uniform.shape[0]
    before = 0
    out.offsets[0] = 0
    for e in range(first, last):
        event, first_run, last_run = int(runs.event[e]), runs.first_run[e], runs.first_run[e + 1]
        count, coverages = touch(exposure, runs, first_run, last_run, mode.depends, order)
        hazard_tables(runs, first_run, last_run, tables)
        levels = distribute(exposure, curves, runs, mode, order, tables, rows, count)
        draws = list_damage(exposure.draw, randomness.damage.group, event, count, order, rows, damage)
        draw_factors(randomness, event, room.lookups, room.factors)
        if not room.hazard_by_tile:
            draw_hazard(model, event, (0, count), first_sample, room)
        for level in range(levels):
            begin = 0
            for start in range(0, draws, step):  # a tile of draws, whose numbers stay in the core's nearest cache
                stop = min(start + step, draws)
                draw(randomness, randomness.damage, room.factors.score, start, stop, room.lookups, damage)
                if window.damage.shape[1] < damage.uniform.shape[1]:
                    take_window(damage.uniform, first_sample, stop - start, window.damage)
                tile = Tile(
                    begin, damage.last_row[stop - 1], start, before, out.loss, room.scale, room.found, room.ends
                )
                if room.hazard_by_tile:
                    draw_hazard(model, event, (tile.begin, tile.end), first_sample, room)
                if level == 0:
                    describe(exposure, sampling.bins, order, tables, rows, tile, out.item)
                sample_tile(rows, KINDS * level, curves.table, tables, sampling, (window.damage, window.hazard), tile)
                begin = tile.end
        settle(settlement, exposure, order, coverages, event, before, room.factor, out.loss)
        forget_draws(draws, damage)
        forget(tables)
        clear(coverages, order)
        before += count
        out.offsets[e - first + 1] = before


@kernel
def draw_hazard(model: GroundUpModel, event: int, span: tuple[int, int], first_sample: int, room: Room) -> None:
    """Draw the hazard numbers of the event's rows ``by_draw[span]`` into the window, and tell the rows where."""
    randomness, hazard, window = model.randomness, room.hazard, room.window.hazard
    which, score, step = randomness.hazard, room.factors.score, max(hazard.uniform.shape[0], 1)
    count = list_hazard(model.exposure.hazard_draw, which.group, event, span, room.order, room.rows, hazard)
    for start in range(0, count, step):
        stop = min(start + step, count)
        draw(randomness, which, score, start, stop, room.lookups, hazard)
        take_window(hazard.uniform, first_sample, stop - start, window[start:stop])
    forget_draws(count, hazard)


@kernel
def take_window(uniform: Float64, first_sample: int, count: int, window: Float64) -> None:
    """Copy the samples of a window out of ``count`` rows of ``uniform``."""
    for k in range(count):
        for s in range(window.shape[1]):
            window[k, s] = uniform[k, first_sample + s]


@kernel
def sample_tile(
    rows: Rows, level: int, model_table: Float32, tables: EventTables, sampling: Sampling,
    uniforms: tuple[Float64, Float64], tile: Tile,
) -> None:  # fmt: skip
    """Write the samples of the tile's rows whose kind is of ``level``; ``uniforms`` are of damage and of hazard."""
    if uniforms[0].shape[1] == 0:
        return
    sample_one(rows, level + ONE_OF_MODEL, model_table, sampling, uniforms[0], tile)
    if tables.used[2] > 0:
        sample_one(rows, level + ONE_OF_EVENT, tables.table, sampling, uniforms[0], tile)
        sample_many(rows, level + MANY_OF_MODEL, model_table, tables, sampling, uniforms, tile)
        sample_many(rows, level + MANY_OF_EVENT, tables.table, tables, sampling, uniforms, tile)


@kernel
def describe(
    exposure: Exposure, bins: Bins, order: TouchOrder, tables: EventTables, rows: Rows, tile: Tile, item: Int32
) -> None:
    """Write the special values of the tile's rows, before allocation, and which items they are."""
    loss, before, scales, found = tile.loss, tile.before, tile.scale, tile.found
    position, numbers, coverage, value, items = (
        order.position,
        exposure.item,
        exposure.coverage,
        exposure.tiv,
        order.items,
    )
    moments, lengths, distribution = tables.moments, tables.effective_length, rows.distribution
    upper, types, kinds, by_draw = bins.upper, bins.damage_type, rows.kind, rows.by_draw
    for q in range(tile.begin, tile.end):
        r = by_draw[q]
        p = position[r]
        item[before + r] = numbers[p]
        if kinds[r] == NOWHERE:
            loss[before + r, :] = 0.0
            if found.shape[0] > 1:
                found[r, :] = 0
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
    settlement: Settlement, exposure: Exposure, order: TouchOrder, coverages: int, event: int, before: int,
    factor: Float64, loss: Float32,
) -> None:  # fmt: skip
    """Allocate each coverage's losses; drop what is too small then; amplify. ``factor`` is room."""
    rule, keeps, threshold = settlement.rule, settlement.keeps_exposure, settlement.threshold
    rows = CoverageRows(order.coverage, order.last_row, exposure.tiv)
    count = order.last_row[order.coverage[coverages - 1]] if coverages > 0 else 0
    if rule != NONE:
        allocate(rule, loss, rows, coverages, before, keeps)
        drop_small(loss[before : before + count, SPECIAL:], threshold)
    if settlement.amplification.applies:
        event_factors(settlement.amplification, event, factor)
        position, amplification = order.position, exposure.amplification
        for r in range(count):
            amplify(loss, before + r, factor[amplification[position[r]]], keeps)


@kernel
def drop_small(samples: Float32, threshold: np.float32) -> None:
    """Set ``samples`` [r, s] that are not at least ``threshold`` to 0, in place: extrapolated ones may be negative."""
    for r in range(samples.shape[0]):
        for s in range(samples.shape[1]):
            x = samples[r, s]
            samples[r, s] = x if x >= threshold else np.float32(0.0)
