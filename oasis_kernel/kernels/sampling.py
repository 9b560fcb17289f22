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
    """How a uniform becomes damage."""

    bins: Bins
    curved: bool  # some bin needs the parabola
    ceiling: float  # numbers above it and above their table's last entry count as the larger of the two


class Place(NamedTuple):
    """Where the rows ``begin:end`` of an event go."""

    begin: int
    end: int
    before: int  # the block's row of the event's row 0
    loss: Float32  # [block row, SPECIAL + s]
    found: Int32  # [r, s] damage bins; a single row unless coverages depend on one another


@kernel
def sample_one(rows: Rows, kind: int, table: Float32, sampling: Sampling, uniform: Float64, place: Place) -> None:
    """Write the samples of the rows of one ``kind``: those that have one table, in ``table``.

    uniform  [row, s]
    """
    loss, found = place.loss, place.found
    lower, upper, widths = sampling.bins.lower, sampling.bins.upper, sampling.bins.width
    skew, shape = sampling.bins.skew, sampling.bins.kind
    kinds, starts, lengths, draws, scales = rows.kind, rows.start, rows.length, rows.draw, rows.scale
    samples = uniform.shape[1]
    for r in range(place.begin, place.end):
        if kinds[r] != kind:
            continue
        start, length, draw, scale, to = starts[r], np.int64(lengths[r]), draws[r], scales[r], place.before + r
        at = min(r, found.shape[0] - 1)
        _find_bins(table, start, length, uniform, draw, found, at)
        ceiling = max(sampling.ceiling, np.float64(table[start + length]))
        if sampling.curved:
            for s in range(samples):
                d = found[at, s]
                u = min(uniform[draw, s], ceiling)
                damage = _damage(lower[d], upper[d], widths[d], skew[d], shape[d], table[start + d], table[start + d + 1], u)
                loss[to, SPECIAL + s] = scale * damage
        else:
            for s in range(samples):
                d = found[at, s]
                below = table[start + d]
                height = table[start + d + 1] - below
                width = widths[d]
                part = (min(uniform[draw, s], ceiling) - below) * width / height
                loss[to, SPECIAL + s] = scale * (lower[d] + (part if width != 0 else 0.0))


@kernel
def sample_many(
    rows: Rows, kind: int, table: Float32, tables: EventTables, sampling: Sampling, uniforms: tuple[Float64, Float64],
    place: Place,
) -> None:  # fmt: skip
    """Write the samples of the rows of one ``kind``: those with several tables in ``table``, chosen by hazard.

    uniforms  of damage and of hazard, [row, s] each
    """
    uniform, hazard_uniform = uniforms
    loss, found = place.loss, place.found
    bins = sampling.bins
    lower, upper, width, skew, shape = bins.lower, bins.upper, bins.width, bins.skew, bins.kind
    samples = uniform.shape[1]
    branch = np.empty((1, samples), np.int32)
    for r in range(place.begin, place.end):
        if rows.kind[r] != kind:
            continue
        _choose_branches(rows, r, tables, hazard_uniform, found, branch)
        at = min(r, found.shape[0] - 1)
        first, draw, scale = rows.start[r], rows.draw[r], rows.scale[r]
        for s in range(samples):
            start = tables.branch_start[first + branch[0, s]]
            length = np.int64(tables.branch_length[first + branch[0, s]])
            d = _search(table, start + 1, length - 1, uniform[draw, s])
            found[at, s] = d
            u = min(uniform[draw, s], max(sampling.ceiling, np.float64(table[start + length])))
            damage = _damage(lower[d], upper[d], width[d], skew[d], shape[d], table[start + d], table[start + d + 1], u)
            loss[place.before + r, SPECIAL + s] = scale * damage


@inlined
def _choose_branches(rows, r, tables, hazard_uniform, found, branch):  # type: ignore[no-untyped-def]
    """Write to ``branch[0]`` what drives each sample of row ``r``: its source's damage bin, or a drawn hazard row."""
    driver = rows.driver[r]
    if driver >= 0:
        for s in range(branch.shape[1]):
            branch[0, s] = found[driver, s]
        return
    run = rows.run[r]
    start, length = tables.hazard_start[run], np.int64(tables.hazard_length[run])
    _find_bins(tables.hazard_table, start, length, hazard_uniform, rows.hazard_draw[r], branch, 0)


@inlined
def _find_bins(table, start, length, uniform, row, found, at):  # type: ignore[no-untyped-def]
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
    for d in range(1, length):
        upper = np.float64(table[start + d])
        for s in range(samples):
            found[at, s] += upper < uniform[row, s]


@inlined
def _search(table, first, count, value):  # type: ignore[no-untyped-def]
    """How many of the ascending entries ``table[first:first + count]`` lie below ``value``, without branches."""
    position = first
    while count > 0:
        half = (count + 1) >> 1
        position += half if np.float64(table[position + half - 1]) < value else 0
        count -= half
    return position - first


@inlined
def _damage(lower, upper, width, skew, kind, below, above, uniform):  # type: ignore[no-untyped-def]
    """The damage in a bin at which cumulative probability reaches ``uniform``, between ``below`` and ``above``.

    Straight between the bin's ends when its middle is central, else along the parabola that has that middle.
    """
    if kind == POINT:
        return np.float64(upper)
    height = above - below
    offset = uniform - below
    if kind != QUADRATIC:
        return lower + offset * width / height
    a = 3.0 * height / np.float64(width * width) * (2.0 * skew - 1.0)
    b = 2.0 * height / width * (2.0 - 3.0 * skew)
    root = np.sqrt(max(b * b + 4.0 * a * offset, 0.0))
    part = 2.0 * offset / (b + root) if b > 0.0 else (root - b) / (2.0 * a)
    return lower + part
