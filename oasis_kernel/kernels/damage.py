"""Damage distributions, as the Oasis standard builds them: from probabilities to cumulative tables and moments.

Cumulative tables lie in flat float32 arrays, one slot of ``bins + 1`` entries each: a leading 0, then C_1, C_2, ...
Entry k of slot ``start`` is ``table[start + k]``, so that a bin's probability lies between entries k and k + 1.
Sums run in float64 and are stored in float32, in the order written: the bits depend on it.

Index letters: d = damage bin, h = hazard row (intensity), m = member of an aggregate vulnerability, r = slot.
"""

from typing import NamedTuple

import numpy as np

from oasis_kernel._jit import contracted, inlined, kernel
from oasis_kernel.model.exposure import Float32, Float64, Int32, Int64

_CERTAIN = 0.999999940  # a sum that reaches this is complete: what follows is dropped
_RELATIVE, _ABSOLUTE, _DURATION = 1, 2, 3
_DAYS = 365.0

#: Columns of a distribution's moments, before scaling by value.
MEAN_DAMAGE, SECOND_MOMENT, CHANCE_OF_LOSS = range(3)
MOMENTS = 3


class Bins(NamedTuple):
    """The damage bins; row d is bin d + 1."""

    lower: Float32
    upper: Float32
    width: Float32  # upper - lower, in single precision
    middle: Float32  # the interpolation column: the bin's mean damage
    skew: Float64  # where the middle lies, 0 at lower, 1 at upper
    kind: Int32  # POINT, LINEAR or QUADRATIC
    damage_type: Int32


POINT, LINEAR, QUADRATIC = range(3)
_SYMMETRIC = 5e-6  # a middle this near the centre counts as central


def damage_bins(bin_from: Float32, bin_to: Float32, interpolation: Float32, damage_type: Int32) -> Bins:
    """The dictionary's columns, with what sampling needs of each bin worked out once."""
    width = bin_to - bin_from
    with np.errstate(divide="ignore", invalid="ignore"):
        skew = ((interpolation - bin_from) / width).astype(np.float64)
    kind = np.where(width == 0, POINT, np.where(np.abs(skew - 0.5) <= _SYMMETRIC, LINEAR, QUADRATIC))
    return Bins(bin_from, bin_to, width, interpolation, skew, kind.astype(np.int32), damage_type)


@inlined
def accumulate(probability: Float32, first: int, count: int, table: Float32, start: int) -> int:
    """Write the cumulative table of ``probability[first:first + count]`` to slot ``start``; return its length."""
    total = np.float64(0.0)
    table[start] = 0.0
    for k in range(count):
        total += probability[first + k]
        table[start + k + 1] = total
        if total >= _CERTAIN:
            return trimmed(table, start, k + 1)
    return trimmed(table, start, count)


@inlined
def trimmed(table: Float32, start: int, length: int) -> int:
    """The length of a slot without the trailing entries that add nothing; at least 1."""
    last = table[start + length]
    while length > 1 and table[start + length - 1] == last:
        length -= 1
    return length


@kernel
def cumulative_tables(probability: Float32, table: Float32, length: Int32) -> None:
    """Fill one slot of ``table`` [r * (d + 1)] per row of ``probability`` [r * d] (flat), and its ``length`` [r]."""
    slots = length.shape[0]
    bins = probability.shape[0] // slots if slots else 0
    for r in range(slots):
        length[r] = accumulate(probability, r * bins, bins, table, r * (bins + 1))


@kernel
def certain_moments(table: Float32, length: Int32, middle: Float32, moments: Float64) -> None:
    """Write to ``moments`` [r, MOMENTS] those of each slot of ``table``: the moments under certain hazard."""
    slots = length.shape[0]
    stride = table.shape[0] // slots if slots else 0
    for r in range(slots):
        distribution_moments(table, r * stride, length[r], middle, moments, r)


@contracted
def distribution_moments(table: Float32, start: int, length: int, middle: Float32, moments: Float64, row: int) -> None:
    """Write one row of ``moments``: mean and second moment (each bin at its middle), and the chance of any loss.

    Fused multiply-add is allowed here and in ``deviation`` because the standard deviation of a nearly certain
    distribution is all rounding, and the reference's rounding is a fused one.
    """
    mean = np.float64(0.0)
    second = np.float64(0.0)
    before = np.float64(0.0)
    for d in range(length):
        part = (table[start + d + 1] - before) * middle[d]
        mean += part
        second += part * middle[d]
        before = np.float64(table[start + d + 1])
    moments[row, MEAN_DAMAGE] = mean
    moments[row, SECOND_MOMENT] = second
    moments[row, CHANCE_OF_LOSS] = 1.0 - np.float64(table[start + 1]) * (1.0 - np.float64(middle[0] > 0))


@contracted
def deviation(mean: float, second: float, scale: float) -> float:
    """The standard deviation of scale x damage, from the mean and second moment of damage."""
    scaled_mean = mean * scale
    scaled_second = second * (scale * scale)
    return np.sqrt(max(scaled_second - scaled_mean * scaled_mean, 0.0))


@inlined
def damage_scale(damage_type: int, upper: float, tiv: float) -> float:
    """What damage is multiplied by to give money; type and upper end are those of the last bin that can happen."""
    if tiv <= 0:
        return 0.0
    if damage_type == _RELATIVE:
        return tiv
    if damage_type == _ABSOLUTE:
        return 1.0
    if damage_type == _DURATION:
        return tiv / _DAYS
    return tiv if upper <= 1 else 1.0


@inlined
def effective_table(
    pdf: Float32, first: Int64, hazard: Float32, rows: int, bins: int, table: Float32, start: int
) -> int:
    """Write the damage distribution over all hazard rows to slot ``start``; return its length.

    pdf     flat, the row of hazard h begins at ``first[h]``
    hazard  [h] the probabilities, not re-normalised; each product is rounded to float32 before it is added
    """
    total = np.float64(0.0)
    table[start] = 0.0
    for d in range(bins):
        for h in range(rows):
            total += np.float64(np.float32(pdf[first[h] + d] * hazard[h]))
        table[start + d + 1] = total
        if total >= _CERTAIN:
            return trimmed(table, start, d + 1)
    return trimmed(table, start, bins)


class Aggregates(NamedTuple):
    """Aggregate vulnerabilities, one block per (aggregate, area peril): members ``offsets[b]:offsets[b + 1]``."""

    offsets: Int32  # [b + 1]
    member: Int32  # [m] curve
    weight: Float32  # [m]


@inlined
def mix(
    probability: Float32,
    aggregates: Aggregates,
    block: int,
    place: tuple[int, int],
    bins: int,
    pdf: Float32,
    start: int,
) -> None:
    """Write to ``pdf[start:start + bins]`` the mixture that an aggregate vulnerability is at one intensity.

    place  (column, stride): the pdf of curve c at this intensity is ``probability[c * stride + column:][:bins]``

    A member that is silent at this intensity counts as no damage. Without any weight the members count alike.
    """
    column, stride = place
    begin, end = aggregates.offsets[block], aggregates.offsets[block + 1]
    for d in range(bins):
        pdf[start + d] = 0.0
    total = np.float64(0.0)
    for m in range(begin, end):
        share = np.float64(aggregates.weight[m])
        if share > 0:
            total += share
            _add_member(probability, aggregates.member[m] * stride + column, share, bins, pdf, start)
    if total > 0:
        for d in range(bins):
            pdf[start + d] = np.float64(pdf[start + d]) / total
    else:
        _mix_evenly(probability, aggregates, block, place, bins, pdf, start)


@inlined
def _add_member(probability: Float32, source: int, share: float, bins: int, pdf: Float32, start: int) -> None:
    silent = True
    for d in range(bins):
        chance = probability[source + d]
        if chance > 0:
            silent = False
            pdf[start + d] = np.float64(pdf[start + d]) + np.float64(chance) * share
    if silent:
        pdf[start] = np.float64(pdf[start]) + share


@inlined
def _mix_evenly(
    probability: Float32,
    aggregates: Aggregates,
    block: int,
    place: tuple[int, int],
    bins: int,
    pdf: Float32,
    start: int,
) -> None:
    """The mean of the members; the standard multiplies by a single-precision reciprocal of their number."""
    column, stride = place
    begin, end = aggregates.offsets[block], aggregates.offsets[block + 1]
    reciprocal = np.float32(1.0) / np.float32(end - begin)
    for m in range(begin, end):
        source = aggregates.member[m] * stride + column
        for d in range(bins):
            pdf[start + d] += probability[source + d]
    for d in range(bins):
        pdf[start + d] *= reciprocal
