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


@inlined
def _blended(table, position, tail):  # type: ignore[no-untyped-def]
    """``table`` at a fractional ``position``: between two entries in the ``tail``, else the lower entry.

    The fraction is taken before the index is brought inside the table, as the standard does.
    """
    truncated = np.float64(np.int32(position))
    lower = truncated - 1.0 if position < truncated else truncated  # the floor, without a call
    fraction = position - lower if tail else 0.0
    index = min(max(np.int32(lower), 0), table.shape[0] - 2)
    return table[index] + fraction * (table[index + 1] - table[index])


@inlined
def _truncated(table, position):  # type: ignore[no-untyped-def]
    return table[min(max(np.int32(position), 0), table.shape[0] - 1)]


@kernel
def normal_scores(uniform: Float64, factors: int, copula: Copula, out: Float64) -> None:
    """Write to the first ``factors`` rows of ``out`` [c, s] the normal quantiles of ``uniform`` [c, s]."""
    for c in range(factors):
        if copula.truncates:
            _truncated_scores(uniform, c, copula.tables.quantile, out)
        else:
            _blended_scores(uniform, c, copula.tables.quantile, out)


@inlined
def _blended_scores(uniform, row, quantile, out):  # type: ignore[no-untyped-def]
    for s in range(uniform.shape[1]):
        u = uniform[row, s]
        tail = u < _TAIL or u > _UPPER_TAIL
        out[row, s] = _blended(quantile, (u - LOWEST) * QUANTILES_PER_UNIT, tail)


@inlined
def _truncated_scores(uniform, row, quantile, out):  # type: ignore[no-untyped-def]
    for s in range(uniform.shape[1]):
        out[row, s] = _truncated(quantile, (uniform[row, s] - LOWEST) * QUANTILES_PER_UNIT)


@kernel
def correlate(
    common: Float64, draw: Int32, rows: int, correlations: Correlations, copula: Copula, uniform: Float64
) -> None:
    """Replace each correlated row of ``uniform`` by the copula of it and its common factor.

    common  [c, s]  normal scores of the common factors
    draw    [row]   which draw d each row of ``uniform`` is
    uniform [row, s]  the first ``rows`` rows are changed in place
    """
    for row in range(rows):
        factor = correlations.factor[draw[row]]
        if factor < 0:
            continue
        rho = correlations.weight[draw[row]]
        of_common = np.float64(np.sqrt(rho))  # the standard takes this root in single precision
        of_own = np.sqrt(1.0 - np.float64(rho))
        if copula.truncates:
            _correlate_truncated(common, factor, of_common, of_own, copula.tables, uniform, row)
        else:
            _correlate_blended(common, factor, of_common, of_own, copula.tables, uniform, row)


@inlined
def _correlate_blended(common, factor, of_common, of_own, tables, uniform, row):  # type: ignore[no-untyped-def]
    for s in range(uniform.shape[1]):
        u = uniform[row, s]
        tail = u < _TAIL or u > _UPPER_TAIL
        own = _blended(tables.quantile, (u - LOWEST) * QUANTILES_PER_UNIT, tail)
        z = of_common * common[factor, s] + of_own * own
        uniform[row, s] = _blended(tables.cumulative, (z + REACH) * CUMULATIVES_PER_UNIT, True)


@inlined
def _correlate_truncated(common, factor, of_common, of_own, tables, uniform, row):  # type: ignore[no-untyped-def]
    for s in range(uniform.shape[1]):
        own = _truncated(tables.quantile, (uniform[row, s] - LOWEST) * QUANTILES_PER_UNIT)
        z = of_common * common[factor, s] + of_own * own
        uniform[row, s] = _truncated(tables.cumulative, (z + REACH) * CUMULATIVES_PER_UNIT)
