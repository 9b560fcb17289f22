"""Ground-up losses of each coverage kept within its insured value: the Oasis standard's allocation rules.

Rows are items touched by one event, coverage by coverage, in touch order; columns are the special values and the
samples. The standard deviation and the chance of loss are never touched. Sums run item by item, in single precision
for rules 1 and 2: any other order changes bits.

The kernels loop over an event's coverages inside: handing a coverage's arrays to a function costs more than its sums.

Index letters: k = touched coverage in order of touch, c = coverage, r = row (item), j = column.
"""

from typing import NamedTuple

import numpy as np

from oasis_kernel._jit import inlined, kernel
from oasis_kernel.model.exposure import Float32, Float64, Int32
from oasis_kernel.model.losses import CHANCE, DEVIATION, EXPOSURE

NONE, CAPPED, LARGEST, MULTIPLICATIVE = range(4)


class CoverageRows(NamedTuple):
    """Which rows are a coverage's: those from the last of the coverage touched before it to its own last."""

    coverage: Int32  # [k]
    last_row: Int32  # [c] the row after the coverage's last; an event's rows begin with 0
    tiv: Float64  # [c]


@kernel
def allocate(rule: int, loss: Float32, rows: CoverageRows, coverages: int, before: int, keeps_exposure: bool) -> None:
    """Apply ``rule`` to the first ``coverages`` of ``rows``, in place; ``before`` is the event's row 0 in ``loss``.

    0  nothing: a coverage may lose more than its value
    1  where the items' total exceeds the value, scale them to it
    2  keep only the largest item (shared evenly among equals), then rule 1
    3  scale the items to the value less the product of what each leaves undamaged

    ``keeps_exposure``: leave the exposure column too; else the rules apply to it, which under rule 2 divides it
    by the number of items a second time.
    """
    if rule == LARGEST:
        _keep_largest(loss, rows, coverages, before, keeps_exposure)
    if rule in (CAPPED, LARGEST):
        _cap(loss, rows, coverages, before, keeps_exposure)
    elif rule == MULTIPLICATIVE:
        _compound(loss, rows, coverages, before, keeps_exposure)


@kernel
def _cap(loss: Float32, rows: CoverageRows, coverages: int, before: int, keeps_exposure: bool) -> None:
    coverage, last_row, value = rows
    total = np.empty(loss.shape[1], np.float32)
    end = before
    for k in range(coverages):
        c = coverage[k]
        begin, end, tiv = end, before + last_row[c], value[c]
        for j in range(loss.shape[1]):
            total[j] = loss[begin, j]
        for r in range(begin + 1, end):
            for j in range(loss.shape[1]):
                total[j] += loss[r, j]
        over = 0
        for j in range(loss.shape[1]):
            over += np.float64(total[j]) > tiv
        for j in range(loss.shape[1] if tiv > 0 and over > 0 else 0):
            if np.float64(total[j]) > tiv and not _is_kept(j, keeps_exposure):
                factor = tiv / np.float64(total[j])
                for r in range(begin, end):
                    loss[r, j] = np.float64(loss[r, j]) * factor


@kernel
def _keep_largest(loss: Float32, rows: CoverageRows, coverages: int, before: int, keeps_exposure: bool) -> None:
    coverage, last_row, _ = rows
    end = before
    for k in range(coverages):
        begin, end = end, before + last_row[coverage[k]]
        for j in range(loss.shape[1]):
            if _is_kept(j, keeps_exposure):
                continue
            largest, ties = np.float32(0.0), 0
            for r in range(begin, end):
                if loss[r, j] > largest:
                    largest, ties = loss[r, j], 1
                elif loss[r, j] == largest:
                    ties += 1
            for r in range(begin, end):
                loss[r, j] = np.float64(largest) / ties if loss[r, j] == largest else 0.0


@kernel
def _compound(loss: Float32, rows: CoverageRows, coverages: int, before: int, keeps_exposure: bool) -> None:
    coverage, last_row, value = rows
    end = before
    for k in range(coverages):
        c = coverage[k]
        begin, end, tiv = end, before + last_row[c], value[c]
        for j in range(loss.shape[1] if tiv > 0 else 0):
            undamaged, total = 1.0, 0.0
            for r in range(begin, end):
                undamaged *= 1.0 - np.float64(loss[r, j]) / tiv
                total += loss[r, j]
            if total > 0.0 and not _is_kept(j, keeps_exposure):
                damaged, share = tiv * (1.0 - undamaged), 1.0 / total
                for r in range(begin, end):
                    loss[r, j] = np.float64(loss[r, j]) * damaged * share  # in this order: bits depend on it


@inlined
def _is_kept(j: int, keeps_exposure: bool) -> bool:
    """Whether no rule applies to column ``j``."""
    return j in (DEVIATION, CHANCE) or (j == EXPOSURE and keeps_exposure)
