"""Sampled losses: uniform numbers looked up in cumulative damage tables and interpolated inside the bin.

Tables are those of ``damage``: slots with a leading 0. A number above the last entry falls in the last bin and is
extrapolated, as the Oasis standard does.

The kernels loop over rows inside, with their arrays in local names: reaching into a named tuple for every row would
cost more than the row's arithmetic.

Index letters: r = row (touched item), s = sample, d = damage bin, h = hazard row.
"""

from typing import NamedTuple

import numpy as np

from oasis_kernel._jit import inlined, kernel
from oasis_kernel.kernels.damage import POINT, QUADRATIC, Bins
from oasis_kernel.kernels.distributions import EventTables, Rows
from oasis_kernel.model.exposure import Float32, Float64, Int32
from oasis_kernel.model.losses import SPECIAL

_COUNTED = 24  # up to so many bins counting beats searching, because it needs no branch and no gather


class Sampling(NamedTuple):
    """How a uniform becomes a loss."""

    bins: Bins
    curved: bool  # some bin needs the parabola
    ceiling: float  # numbers above it and above their table's last entry count as the larger of the two
    threshold: np.float32  # samples that are not at least this become 0, unless they are ...
    keeps_small: bool  # ... kept for allocation to see


class Ends(NamedTuple):
    """Room for one row: what its samples are interpolated between, [s] each.

    Fetched first and used then, because a loop that fetches cannot be vectorised.
    """

    below: Float32  # cumulative probability at the bin's ends
    above: Float32
    lower: Float32  # damage there
    width: Float32


def ends(samples: int) -> Ends:
    """Room for rows of ``samples`` numbers."""
    return Ends(*(np.zeros(samples, np.float32) for _ in range(4)))


class Tile(NamedTuple):
    """Some rows of an event, and where they go."""

    begin: int  # rows.by_draw[begin:end]
    end: int
    first_draw: int  # the draw that is row 0 of the uniforms
    before: int  # the block's row of the event's row 0
    loss: Float32  # [block row, SPECIAL + s]
    scale: Float64  # [r] money per damage
    found: Int32  # [r, s] damage bins; a single row unless coverages depend on one another
    ends: Ends


@kernel
def sample_one(rows: Rows, kind: int, table: Float32, sampling: Sampling, uniform: Float64, tile: Tile) -> None:
    """Write the samples of the rows of one ``kind``: those that have one table, in ``table``.

    uniform  [draw, s]
    """
    loss, found, scales, by_draw, kinds = tile.loss, tile.found, tile.scale, rows.by_draw, rows.kind
    lower, upper, widths = sampling.bins.lower, sampling.bins.upper, sampling.bins.width
    skew, shape = sampling.bins.skew, sampling.bins.kind
    starts, lengths, draws = rows.start, rows.length, rows.draw
    threshold, keeps_small = sampling.threshold, sampling.keeps_small
    at_below, at_above, at_lower, at_width = tile.ends
    samples = uniform.shape[1]
    for q in range(tile.begin, tile.end):
        r = by_draw[q]
        if kinds[r] != kind:
            continue
        start, length, scale, to = starts[r], int(lengths[r]), scales[r], tile.before + r
        draw = draws[r] - tile.first_draw
        at = min(r, found.shape[0] - 1)
        _find_bins(table, start, length, uniform, draw, found, at)
        ceiling = max(sampling.ceiling, np.float64(table[start + length]))
        if sampling.curved:
            for s in range(samples):
                d = found[at, s]
                u = min(uniform[draw, s], ceiling)
                below, above = table[start + d], table[start + d + 1]
                value = np.float32(scale * _damage(lower[d], upper[d], widths[d], skew[d], shape[d], below, above, u))
                loss[to, SPECIAL + s] = value if value >= threshold or keeps_small else np.float32(0.0)
        else:
            _fetch_ends(table, start, found, at, lower, widths, tile.ends)
            for s in range(samples):
                below, width = at_below[s], at_width[s]
                part = (min(uniform[draw, s], ceiling) - below) * width / (at_above[s] - below)
                value = np.float32(scale * (at_lower[s] + (part if width != 0 else 0.0)))
                loss[to, SPECIAL + s] = value if (value >= threshold) | keeps_small else np.float32(0.0)


@kernel
def sample_many(
    rows: Rows, kind: int, table: Float32, tables: EventTables, sampling: Sampling, uniforms: tuple[Float64, Float64],
    tile: Tile,
) -> None:  # fmt: skip
    """Write the samples of the rows of one ``kind``: those with several tables in ``table``, chosen by hazard.

    uniforms  of damage (the tile's) and of hazard (the event's), [draw, s] each
    """
    uniform, hazard_uniform = uniforms
    loss, found, scales, by_draw, kinds = tile.loss, tile.found, tile.scale, rows.by_draw, rows.kind
    bins, threshold, keeps_small = sampling.bins, sampling.threshold, sampling.keeps_small
    lower, upper, width, skew, shape = bins.lower, bins.upper, bins.width, bins.skew, bins.kind
    starts, lengths, firsts, draws = tables.branch_start, tables.branch_length, rows.start, rows.draw
    samples = uniform.shape[1]
    branch = np.empty((1, samples), np.int32)
    for q in range(tile.begin, tile.end):
        r = by_draw[q]
        if kinds[r] != kind:
            continue
        _choose_branches(rows, r, tables, hazard_uniform, found, branch)
        at = min(r, found.shape[0] - 1)
        first, draw, scale, to = firsts[r], draws[r] - tile.first_draw, scales[r], tile.before + r
        for s in range(samples):
            start = starts[first + branch[0, s]]
            length = int(lengths[first + branch[0, s]])
            d = _search(table, start + 1, length - 1, uniform[draw, s])
            found[at, s] = d
            u = min(uniform[draw, s], max(sampling.ceiling, np.float64(table[start + length])))
            below, above = table[start + d], table[start + d + 1]
            value = np.float32(scale * _damage(lower[d], upper[d], width[d], skew[d], shape[d], below, above, u))
            loss[to, SPECIAL + s] = value if value >= threshold or keeps_small else np.float32(0.0)


@inlined
def _choose_branches(
    rows: Rows, r: int, tables: EventTables, hazard_uniform: Float64, found: Int32, branch: Int32
) -> None:
    """Write to ``branch[0]`` what drives each sample of row ``r``: its source's damage bin, or a drawn hazard row."""
    driver = rows.driver[r]
    if driver >= 0:
        for s in range(branch.shape[1]):
            branch[0, s] = found[driver, s]
        return
    run = rows.run[r]
    start, length = tables.hazard_start[run], int(tables.hazard_length[run])
    _find_bins(tables.hazard_table, start, length, hazard_uniform, rows.hazard_draw[r], branch, 0)


@inlined
def _find_bins(table: Float32, start: int, length: int, uniform: Float64, row: int, found: Int32, at: int) -> None:
    """Write to ``found[at]`` the bin each number of ``uniform[row]`` falls in: how many entries lie below it.

    The last entry is never compared.
    """
    samples = uniform.shape[1]
    if length > _COUNTED:
        for s in range(samples):
            found[at, s] = _search(table, start + 1, length - 1, uniform[row, s])
        return
    for s in range(samples):
        found[at, s] = 0
    for d in range(1, length, 4):  # four at a time, to pass over the row less often
        first = np.float64(table[start + d])
        second = np.float64(table[start + d + 1]) if d + 1 < length else np.inf
        third = np.float64(table[start + d + 2]) if d + 2 < length else np.inf
        fourth = np.float64(table[start + d + 3]) if d + 3 < length else np.inf
        for s in range(samples):
            u = uniform[row, s]
            found[at, s] += np.int32(first < u) + np.int32(second < u) + np.int32(third < u) + np.int32(fourth < u)


@inlined
def _fetch_ends(table: Float32, start: int, found: Int32, at: int, lower: Float32, width: Float32, ends: Ends) -> None:
    """Fetch the ends of the found bins. Unsigned indices spare the test for counting from the end."""
    at_below, at_above, at_lower, at_width = ends
    first = np.uint64(start)
    for s in range(at_below.shape[0]):
        d = np.uint64(found[at, s])
        at_below[s] = table[first + d]
        at_above[s] = table[first + d + np.uint64(1)]
        at_lower[s] = lower[d]
        at_width[s] = width[d]


@inlined
def _search(table: Float32, first: int, count: int, value: float) -> int:
    """How many of the ascending entries ``table[first:first + count]`` lie below ``value``, without branches."""
    position = first
    while count > 0:
        half = (count + 1) >> 1
        position += half if np.float64(table[position + half - 1]) < value else 0
        count -= half
    return position - first


@inlined
def _damage(
    lower: np.float32, upper: np.float32, width: np.float32, skew: float, kind: int,
    below: np.float32, above: np.float32, uniform: float,
) -> float:  # fmt: skip
    """The damage in a bin at which cumulative probability reaches ``uniform``, between ``below`` and ``above``.

    Straight between the bin's ends when its middle is central, else along the parabola that has that middle.
    """
    if kind == POINT:
        return np.float64(upper)
    height = np.float64(above - below)  # the difference is taken in single precision
    offset = uniform - below
    if kind != QUADRATIC:
        return lower + offset * width / height
    a = 3.0 * height / np.float64(width * width) * (2.0 * skew - 1.0)
    b = 2.0 * height / width * (2.0 - 3.0 * skew)
    root = np.sqrt(max(b * b + 4.0 * a * offset, 0.0))
    part = 2.0 * offset / (b + root) if b > 0.0 else (root - b) / (2.0 * a)
    return lower + part
