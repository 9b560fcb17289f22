"""Post-loss amplification: what a large event adds to the price of repair.

Index letters: a = amplification id, k = (event, amplification) pair, r = row (item), j = column.
"""

from typing import NamedTuple

import numpy as np

from oasis_kernel._jit import inlined, kernel
from oasis_kernel.model.exposure import Float32, Float64, Int32
from oasis_kernel.model.losses import CHANCE, EXPOSURE


class Amplification(NamedTuple):
    """Loss factors, sorted by event."""

    applies: bool
    event: Int32  # [k] ascending
    amplification: Int32  # [k]
    factor: Float64  # [k]
    otherwise: float  # the factor of a pair that is not listed


@kernel
def event_factors(amplification: Amplification, event: int, factor: Float64) -> None:
    """Write to ``factor`` [a] the factor of every amplification id in one event; of equal pairs the last counts."""
    factor[:] = amplification.otherwise
    low, high = 0, amplification.event.shape[0]
    while low < high:
        middle = (low + high) >> 1
        if amplification.event[middle] < event:
            low = middle + 1
        else:
            high = middle
    for k in range(low, amplification.event.shape[0]):
        if amplification.event[k] != event:
            break
        if amplification.amplification[k] < factor.shape[0]:
            factor[amplification.amplification[k]] = amplification.factor[k]


@inlined
def amplify(loss: Float32, row: int, factor: float, keeps_exposure: bool) -> None:
    """Multiply every column of ``loss[row]`` [r, j] by ``factor``; what is not a number becomes 0.

    The standard multiplies the exposure and the chance of loss too; ``keeps_exposure`` leaves them.
    """
    exposure, chance = loss[row, EXPOSURE], loss[row, CHANCE]
    for j in range(loss.shape[1]):
        value = np.float64(loss[row, j])
        loss[row, j] = 0.0 if np.isnan(value) else value * factor
    if keeps_exposure:
        loss[row, EXPOSURE] = exposure
        loss[row, CHANCE] = chance
