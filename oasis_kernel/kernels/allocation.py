"""Ground-up losses of one coverage kept within its insured value: the Oasis standard's allocation rules.

Rows are the coverage's items touched by one event, in touch order; columns are the special values and the samples.
The standard deviation and the chance of loss are never touched. Sums run item by item, in single precision for
rules 1 and 2: any other order changes bits.

Index letters: r = row (item), j = column.
"""

from typing import NamedTuple

import numpy as np

from oasis_kernel._jit import inlined
from oasis_kernel.model.exposure import Float32, Float64, Int32
from oasis_kernel.model.losses import CHANCE, DEVIATION, EXPOSURE, SPECIAL

NONE, CAPPED, LARGEST, MULTIPLICATIVE = range(4)


class Columns(NamedTuple):
    """Room to work in, one entry for each column."""

    total: Float32
    product: Float64
    factor: Float64
    ties: Int32


def columns(samples: int) -> Columns:
    """Room for the special values and ``samples`` samples."""
    width = SPECIAL + samples
    return Columns(np.empty(width, np.float32), np.empty(width), np.empty(width), np.empty(width, np.int32))


@inlined
def allocate(rule: int, loss: Float32, first: int, last: int, tiv: float, keeps_exposure: bool, room: Columns) -> None:
    """Apply ``rule`` to the rows ``first:last`` of ``loss`` [r, j], one coverage of insured value ``tiv``, in place.

    0  nothing: a coverage may lose more than its value
    1  where the items' total exceeds the value, scale them to it
    2  keep only the largest item (shared evenly among equals), then rule 1
    3  scale the items to the value less the product of what each leaves undamaged

    ``keeps_exposure``: leave the exposure column too; else the rules apply to it, which under rule 2 divides it
    by the number of items a second time.
    """
    if rule == LARGEST:
        _keep_largest(loss, first, last, keeps_exposure, room)
    if tiv > 0:
        if rule in (CAPPED, LARGEST):
            _cap(loss, first, last, tiv, keeps_exposure, room)
        elif rule == MULTIPLICATIVE:
            _compound(loss, first, last, tiv, keeps_exposure, room)


@inlined
def _cap(loss: Float32, first: int, last: int, tiv: float, keeps_exposure: bool, room: Columns) -> None:
    room.total[:] = 0.0
    for r in range(first, last):
        for j in range(loss.shape[1]):
            room.total[j] += loss[r, j]
    exceeds = False
    for j in range(loss.shape[1]):
        total = np.float64(room.total[j])
        room.factor[j] = tiv / total if total > tiv else 1.0
        if total > tiv:
            exceeds = True
    if exceeds:
        _scale(loss, first, last, keeps_exposure, room)


@inlined
def _keep_largest(loss: Float32, first: int, last: int, keeps_exposure: bool, room: Columns) -> None:
    room.total[:] = 0.0
    room.ties[:] = 0
    for r in range(first, last):
        for j in range(loss.shape[1]):
            if loss[r, j] > room.total[j]:
                room.total[j] = loss[r, j]
                room.ties[j] = 1
            elif loss[r, j] == room.total[j]:
                room.ties[j] += 1
    for r in range(first, last):
        for j in range(loss.shape[1]):
            if not _is_kept(j, keeps_exposure):
                largest = loss[r, j] == room.total[j]
                loss[r, j] = np.float64(room.total[j]) / room.ties[j] if largest else 0.0


@inlined
def _compound(loss: Float32, first: int, last: int, tiv: float, keeps_exposure: bool, room: Columns) -> None:
    undamaged, total = room.product, room.factor
    undamaged[:] = 1.0
    total[:] = 0.0
    for r in range(first, last):
        for j in range(loss.shape[1]):
            undamaged[j] *= 1.0 - np.float64(loss[r, j]) / tiv
            total[j] += loss[r, j]
    for j in range(loss.shape[1]):
        kept = _is_kept(j, keeps_exposure) or not total[j] > 0.0
        room.product[j] = 1.0 if kept else tiv * (1.0 - undamaged[j])
        room.factor[j] = 1.0 if kept else 1.0 / total[j]
    for r in range(first, last):
        for j in range(loss.shape[1]):
            loss[r, j] = np.float64(loss[r, j]) * room.product[j] * room.factor[j]  # in this order: bits depend on it


@inlined
def _is_kept(j: int, keeps_exposure: bool) -> bool:
    """Whether no rule applies to column ``j``."""
    return j in (DEVIATION, CHANCE) or (j == EXPOSURE and keeps_exposure)


@inlined
def _scale(loss: Float32, first: int, last: int, keeps_exposure: bool, room: Columns) -> None:
    for j in range(SPECIAL):
        if _is_kept(j, keeps_exposure):
            room.factor[j] = 1.0
    for r in range(first, last):
        for j in range(loss.shape[1]):
            loss[r, j] = np.float64(loss[r, j]) * room.factor[j]
