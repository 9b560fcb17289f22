"""Ground-up losses of a footprint's events, for one portfolio on one model."""

from collections.abc import Iterator

import numpy as np

from oasis_kernel.kernels import ground_up as kernels
from oasis_kernel.kernels.touch_order import HazardRuns
from oasis_kernel.model.exposure import Coverages, Int64, Items
from oasis_kernel.model.hazard import Footprint
from oasis_kernel.model.losses import SPECIAL, LossBlock
from oasis_kernel.model.options import GroundUpOptions
from oasis_kernel.steps.ground_up_room import Extent, room
from oasis_kernel.steps.ground_up_runs import find_runs
from oasis_kernel.steps.ground_up_tables import DamageModel, Portfolio, prepare

DEFAULT_BLOCK_BYTES = 4 << 20  # a block that stays in the outer cache between this step and the next


class GroundUp:
    """A portfolio on a model, ready to lose. Immutable, and shared by threads.

    Raises InvalidInput for items that the model's data does not cover: see ``steps.ground_up_tables``.
    """

    def __init__(self, items: Items, coverages: Coverages, model: DamageModel, options: GroundUpOptions) -> None:
        self._portfolio: Portfolio = prepare(items, coverages, model, options)
        self._samples = options.samples

    def blocks(self, footprint: Footprint, max_bytes: int = DEFAULT_BLOCK_BYTES) -> Iterator[LossBlock]:
        """The losses of the footprint's events, a few whole events at a time, in the footprint's order.

        A block's losses take at most ``max_bytes``, unless one event alone takes more. Events that touch no item
        are left out. Losses do not depend on how events are cut into blocks. Raises InvalidInput when an intensity
        bin is not the model's, or an event's rows of one area peril do not stand together.
        """
        runs = find_runs(footprint, self._portfolio)
        extent = Extent.of(runs, self._portfolio, self._samples)
        if not extent.events:
            return
        work = room(extent, self._portfolio)
        width = SPECIAL + self._samples
        for first, last in batches(extent.rows, max_bytes // (4 * width)):
            yield self._block(runs, extent.rows, first, last, work)

    def _block(self, runs: HazardRuns, rows: Int64, first: int, last: int, work: kernels.Room) -> LossBlock:
        count = int(rows[first:last].sum())
        offsets = np.empty(last - first + 1, np.int64)
        item = np.empty(count, np.int32)
        loss = np.empty((count, SPECIAL + self._samples), np.float32)
        kernels.ground_up(self._portfolio.model, runs, first, last, work, kernels.Block(offsets, item, loss))
        return LossBlock(runs.event[first:last], offsets, item, loss)


def batches(rows: Int64, most: int) -> Iterator[tuple[int, int]]:
    """Ranges of events that together have at most ``most`` rows, or one event each."""
    after = np.cumsum(rows)
    first = 0
    while first < len(rows):
        before = after[first] - rows[first]
        last = max(int(np.searchsorted(after, before + most, side="right")), first + 1)
        yield first, last
        first = last
