"""Ground-up losses that need no model: every coverage loses a given part of its insured value."""

from collections.abc import Sequence

import numpy as np

from oasis_kernel.model.exposure import Coverages, Int32
from oasis_kernel.model.losses import EXPOSURE, MAXIMUM, SPECIAL, LossBlock


def deterministic_losses(coverage_id: Int32, coverages: Coverages, factors: Sequence[float]) -> LossBlock:
    """One event in which sample k loses ``factors[k - 1]`` of every coverage's value; row k is item k + 1.

    A coverage's loss is shared evenly among its items (one for each peril), so that it is never counted twice.
    The mean is 0, exposure and maximum are the item's share of the value. Source: Oasis toolkit, exposure run.
    """
    items_of_coverage = np.bincount(coverage_id, minlength=len(coverages.tiv) + 1)[coverage_id]
    share = coverages.tiv[coverage_id - 1].astype(np.float64) / items_of_coverage
    loss = np.zeros((len(coverage_id), SPECIAL + len(factors)), np.float32)
    loss[:, EXPOSURE] = loss[:, MAXIMUM] = share
    loss[:, SPECIAL:] = share[:, None] * np.asarray(factors, np.float64)
    rows = np.arange(len(coverage_id), dtype=np.int32)
    return LossBlock(np.ones(1, np.int32), np.array([0, len(rows)], np.int64), rows, loss)
