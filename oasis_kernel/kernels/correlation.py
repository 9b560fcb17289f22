"""Correlated uniforms: a one-factor Gaussian copula, looked up in shipped tables as the Oasis standard does.

z = sqrt(rho) q(common) + sqrt(1 - rho) q(own);  correlated uniform = N(z)

with q the normal quantile and N the normal distribution function. Two releases of the standard look up differently:
``interp`` (2.5.8) blends neighbouring entries in N, and in the tails of q; ``trunc`` (2.5.5) takes the lower entry.

Index letters: c = common factor (peril correlation group), d = draw (a group's row of uniforms), s = sample.
"""

from typing import NamedTuple

import numpy as np

from oasis_kernel._jit import inlined, kernel
from oasis_kernel.kernels.normal_tables import CUMULATIVES_PER_UNIT, LOWEST, QUANTILES_PER_UNIT, REACH, NormalTables
from oasis_kernel.model.exposure import Float32, Float64, Int32

_TAIL = 0.025  # below it and above 1 - it, quantiles are blended
_UPPER_TAIL = 1.0 - _TAIL


class Copula(NamedTuple):
    """What the copula looks up, and how."""

    tables: NormalTables
    truncates: bool  # the lookup of release 2.5.5


class Correlations(NamedTuple):
    """How each draw is correlated."""

    factor: Int32  # [d] the row of its common factor; -1: independent
    weight: Float32  # [d] rho, in [0, 1]


class Lookups(NamedTuple):
    """Room for the lookups of some rows, one after the other, [row * s] each.

    Places, entries and results are worked out in passes, so that all but the fetching of entries is done by the
    vector units.
    """

    entry: Int32
    fraction: Float64
    lower: Float64  # the table's value at the entry
    upper: Float64  # the next


def lookups(numbers: int) -> Lookups:
    """Room for ``numbers`` numbers."""
    return Lookups(np.zeros(numbers, np.int32), *(np.zeros(numbers) for _ in range(3)))


@kernel
def normal_scores(uniform: Float64, copula: Copula, room: Lookups, out: Float64) -> None:
    """Write to ``out`` [c, s] the normal quantiles of ``uniform`` [c, s]."""
    _, fraction, lower, upper = room
    samples = uniform.shape[1]
    for c in range(uniform.shape[0]):
        _find_quantiles(uniform[c], samples, copula, room)
        for s in range(samples):
            out[c, s] = lower[s] + fraction[s] * (upper[s] - lower[s])


@kernel
def correlate(
    common: Float64, draw: Int32, correlations: Correlations, copula: Copula, room: Lookups, uniform: Float64
) -> None:
    """Replace each correlated row of ``uniform`` by the copula of it and its common factor.

    common  [c, s]    normal scores of the common factors
    draw    [row]     which draw d each row of ``uniform`` is; rows beyond are left alone
    uniform [row, s]  changed in place
    """
    if common.shape[0] == 0:
        return
    entry, fraction, lower, upper = room
    factors, weights = correlations.factor, correlations.weight
    cumulative, samples, truncates = copula.tables.cumulative, uniform.shape[1], copula.truncates
    last = cumulative.shape[0] - 2
    numbers = draw.shape[0] * samples
    _find_quantiles(uniform.reshape(-1), numbers, copula, room)
    for row in range(draw.shape[0]):
        factor = max(factors[draw[row]], 0)
        rho = weights[draw[row]]
        of_common = np.float64(np.sqrt(rho))  # the standard takes this root in single precision
        of_own = np.sqrt(1.0 - np.float64(rho))
        first = row * samples
        for s in range(samples):
            own = lower[first + s] + fraction[first + s] * (upper[first + s] - lower[first + s])
            position = (of_common * common[factor, s] + of_own * own + REACH) * CUMULATIVES_PER_UNIT
            below = _floor(position)
            fraction[first + s] = 0.0 if truncates else position - below
            entry[first + s] = min(max(np.int32(below), 0), last)
    _fetch(cumulative, entry, numbers, lower, upper)
    for row in range(draw.shape[0]):
        first = row * samples
        if factors[draw[row]] >= 0:
            for s in range(samples):
                uniform[row, s] = lower[first + s] + fraction[first + s] * (upper[first + s] - lower[first + s])


@inlined
def _find_quantiles(uniform: Float64, numbers: int, copula: Copula, room: Lookups) -> None:
    """Fetch the entries around each of the first ``numbers`` of ``uniform``, and how far to go between them."""
    entry, fraction, lower, upper = room
    truncates, last = copula.truncates, copula.tables.quantile.shape[0] - 2
    for k in range(numbers):
        u = uniform[k]
        position = (u - LOWEST) * QUANTILES_PER_UNIT
        below = _floor(position)
        tail = (u < _TAIL) | (u > _UPPER_TAIL)
        beyond = np.int32(below) > last  # truncation may take the table's last entry, the upper one of the last two
        between = position - below if tail else 0.0
        fraction[k] = np.float64(beyond) if truncates else between
        entry[k] = min(max(np.int32(below), 0), last)
    _fetch(copula.tables.quantile, entry, numbers, lower, upper)


@inlined
def _floor(position: float) -> float:
    """The floor of a number of moderate size: by conversion, because a call would keep the loop from vectorising."""
    truncated = np.float64(np.int32(position))
    return truncated - 1.0 if position < truncated else truncated


@inlined
def _fetch(table: Float64, entry: Int32, numbers: int, lower: Float64, upper: Float64) -> None:
    """Fetch the entries at ``entry`` and after. Unsigned indices spare the test for counting from the end."""
    for k in range(numbers):
        at = np.uint64(entry[k])
        lower[k] = table[at]
        upper[k] = table[at + np.uint64(1)]
