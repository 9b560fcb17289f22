"""A large event's losses a few samples at a time, so that all that is made of them stays as small as other blocks."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from oasis_kernel.model.losses import SPECIAL, LossBlock

#: Fewer at a time cost more than they save: terms are looked up once for each row and window.
LEAST_SAMPLES = 40


def sample_windows(block: LossBlock, most_bytes: int) -> Iterator[LossBlock]:
    """The block itself, or one large event in windows of its samples, each of about ``most_bytes`` of losses.

    Windows are of nearly the same width, at least ``LEAST_SAMPLES`` where there are so many; each has the special
    columns. A block of several events is never cut.
    """
    rows, samples = max(len(block.row), 1), block.samples
    width = max(most_bytes // (rows * block.loss.itemsize) - SPECIAL, LEAST_SAMPLES)
    if len(block.event_id) != 1 or samples <= width:
        yield block
        return
    bounds = np.linspace(0, samples, -(-samples // width) + 1).astype(np.int64) + SPECIAL
    for first, last in pairwise(bounds.tolist()):
        yield _window(block, first, last)


def _window(block: LossBlock, first: int, last: int) -> LossBlock:
    """The special columns of a block, and its columns ``first:last``."""
    loss = np.concatenate([block.loss[:, :SPECIAL], block.loss[:, first:last]], axis=1)
    return LossBlock(block.event_id, block.offsets, block.row, loss, block.first_sample + first - SPECIAL)
