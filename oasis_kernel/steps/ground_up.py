"""Ground-up losses of a footprint's events, for one portfolio on one model."""

from collections.abc import Iterator

import numpy as np

from oasis_kernel.kernels import ground_up as kernels
from oasis_kernel.kernels.touch_order import HazardRuns
from oasis_kernel.model.exposure import Coverages, Int64, Items
from oasis_kernel.model.hazard import Footprint
from oasis_kernel.model.losses import SPECIAL, LossBlock
from oasis_kernel.model.options import GroundUpOptions
from oasis_kernel.steps.block_memory import loss_rows
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

    def blocks(
        self, footprint: Footprint, max_bytes: int = DEFAULT_BLOCK_BYTES, samples_at_once: int = 0
    ) -> Iterator[LossBlock]:
        """The losses of the footprint's events, a few whole events at a time, in the footprint's order.

        A block's losses take at most ``max_bytes``, unless one event alone takes more: that one comes in blocks of
        ``samples_at_once`` samples (0: all). Events that touch no item are left out. Losses do not depend on how
        they are cut into blocks. Raises InvalidInput when an intensity bin is not the model's, or an event's rows
        of one area peril do not stand together.
        """
        runs = find_runs(footprint, self._portfolio)
        extent = Extent.of(runs, self._portfolio, self._samples)
        if not extent.events:
            return
        windows = Windows(runs, extent, self._portfolio, min(samples_at_once or self._samples, self._samples))
        most = max_bytes // (4 * (SPECIAL + self._samples))
        for first, last in batches(extent.rows, most):
            if int(extent.rows[first:last].sum()) <= most:
                yield windows.block(first, last, 0, self._samples)
            else:
                yield from windows.of_event(first)


class Windows:
    """The losses of some events, of all samples or of a few: room is made once for each width of window."""

    def __init__(self, runs: HazardRuns, extent: Extent, portfolio: Portfolio, widest: int) -> None:
        self._runs = runs
        self._extent = extent
        self._portfolio = portfolio
        self._widest = widest
        self._room: dict[int, kernels.Room] = {}

    def of_event(self, event: int) -> Iterator[LossBlock]:
        """One event, in blocks of at most the widest window, as equal as they can be: each width needs its own room."""
        samples = self._extent.samples
        windows = -(-samples // max(self._widest, 1)) or 1
        width = -(-samples // windows)
        for first in range(0, max(samples, 1), max(width, 1)):
            yield self.block(event, event + 1, first, min(width, samples - first))

    def block(self, first: int, last: int, first_sample: int, width: int) -> LossBlock:
        """The losses of the events ``first:last`` in ``width`` samples from ``first_sample`` on."""
        if width not in self._room:
            self._room.clear()  # before the next is made
            self._room[width] = room(self._extent, self._portfolio, width)
        count = int(self._extent.rows[first:last].sum())
        offsets = np.empty(last - first + 1, np.int64)
        item = np.empty(count, np.int32)
        loss = loss_rows(count, SPECIAL + width)
        out = kernels.Block(offsets, item, loss)
        kernels.ground_up(self._portfolio.model, self._runs, first, last, first_sample, self._room[width], out)
        return LossBlock(self._runs.event[first:last], offsets, item, loss, first_sample)


def batches(rows: Int64, most: int) -> Iterator[tuple[int, int]]:
    """Ranges of events that together have at most ``most`` rows, or one event each."""
    after = np.cumsum(rows)
    first = 0
    while first < len(rows):
        before = after[first] - rows[first]
        last = max(int(np.searchsorted(after, before + most, side="right")), first + 1)
        yield first, last
        first = last
