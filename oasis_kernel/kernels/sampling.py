"""Sampled losses: uniform numbers looked up in cumulative damage tables and interpolated inside the bin.

Tables are those of ``damage``: slots with a leading 0. A number above the last entry falls in the last bin and is
extrapolated, as the Oasis standard does.

Index letters: s = sample, d = damage bin, h = hazard row.
"""

from typing import NamedTuple

import numpy as np

from oasis_kernel._jit import inlined
from oasis_kernel.kernels.damage import POINT, QUADRATIC
from oasis_kernel.model.exposure import Float32, Float64, Int32
from oasis_kernel.model.losses import SPECIAL

_COUNTED = 24  # up to so many bins counting beats searching, because it needs no branch and no gather


@inlined
def find_bins(table, start, length, uniform, row, found, place):  # type: ignore[no-untyped-def]
    """Write to ``found[place]`` the bin each number of ``uniform[row]`` falls in: how many entries lie below it.

    The last entry is never compared.
    """
    samples = uniform.shape[1]
    if length > _COUNTED:
        for s in range(samples):
            found[place, s] = search(table, start + 1, length - 1, uniform[row, s])
        return
    for s in range(samples):
        found[place, s] = 0
    for d in range(1, length):
        upper = np.float64(table[start + d])
        for s in range(samples):
            found[place, s] += upper < uniform[row, s]


@inlined
def search(table, first, count, value):  # type: ignore[no-untyped-def]
    """How many of the ascending entries ``table[first:first + count]`` lie below ``value``, without branches."""
    position = first
    while count > 0:
        half = (count + 1) >> 1
        position += half if np.float64(table[position + half - 1]) < value else 0
        count -= half
    return position - first


class Draw(NamedTuple):
    """One item's numbers."""

    uniform: Float64  # [row, s]
    row: int
    ceiling: float  # numbers above it, and above the last entry of their table, count as the larger of the two


class Target(NamedTuple):
    """Where one item's samples go."""

    scale: float  # money per damage
    loss: Float32  # [place, SPECIAL + s]
    place: int
    found: Int32  # [bins_place, s] the damage bins
    bins_place: int


@inlined
def sample(table, start, length, bins, curved, draw, target):  # type: ignore[no-untyped-def]
    """Sample losses from one table, that of slot ``start``. ``curved``: some bin needs the parabola."""
    uniform, row, found, at, place = draw.uniform, draw.row, target.found, target.bins_place, target.place
    ceiling = max(draw.ceiling, np.float64(table[start + length]))
    find_bins(table, start, length, uniform, row, found, at)
    if curved:
        for s in range(uniform.shape[1]):
            u = min(uniform[row, s], ceiling)
            target.loss[place, SPECIAL + s] = target.scale * damage_at(table, start, found[at, s], bins, u)
        return
    for s in range(uniform.shape[1]):
        d = found[at, s]
        below = table[start + d]
        height = table[start + d + 1] - below
        width = bins.width[d]
        part = (min(uniform[row, s], ceiling) - below) * width / height
        target.loss[place, SPECIAL + s] = target.scale * (bins.lower[d] + (part if width != 0 else 0.0))


@inlined
def sample_branches(tables, first, table, branch, bins, draw, target):  # type: ignore[no-untyped-def]
    """Sample losses from one of several tables, sample s from that of branch ``first + branch[0, s]``."""
    for s in range(draw.uniform.shape[1]):
        start = tables.branch_start[first + branch[0, s]]
        length = tables.branch_length[first + branch[0, s]]
        u = draw.uniform[draw.row, s]
        d = search(table, start + 1, length - 1, u)
        target.found[target.bins_place, s] = d
        u = min(u, max(draw.ceiling, np.float64(table[start + length])))
        target.loss[target.place, SPECIAL + s] = target.scale * damage_at(table, start, d, bins, u)


@inlined
def damage_at(table, start, d, bins, uniform):  # type: ignore[no-untyped-def]
    """The damage at which the cumulative table of slot ``start`` reaches ``uniform``, inside bin ``d``.

    Straight between the bin's ends when its middle is central, else along the parabola that has that middle.
    """
    width = bins.width[d]
    if bins.kind[d] == POINT:
        return np.float64(bins.upper[d])
    below = table[start + d]
    height = table[start + d + 1] - below
    offset = uniform - below
    if bins.kind[d] != QUADRATIC:
        return bins.lower[d] + offset * width / height
    skew = bins.skew[d]
    a = 3.0 * height / np.float64(width * width) * (2.0 * skew - 1.0)
    b = 2.0 * height / width * (2.0 - 3.0 * skew)
    root = np.sqrt(max(b * b + 4.0 * a * offset, 0.0))
    part = 2.0 * offset / (b + root) if b > 0.0 else (root - b) / (2.0 * a)
    return bins.lower[d] + part
