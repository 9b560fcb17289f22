"""Ground-up losses that are kept, so that other terms, layers and summaries are tried on them without sampling."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from oasis_kernel.errors import DamagedPart, PlanRefused
from oasis_kernel.formats.kept_losses import kept_blocks, kept_file, read_contents, write_contents
from oasis_kernel.model.exposure import Int32
from oasis_kernel.model.losses import SPECIAL, LossBlock
from oasis_kernel.model.work import Plan, Workload
from oasis_kernel.store.parts import PartStore, content_hash

LOSS_BYTES = 4


@dataclass(frozen=True)
class Contents:
    """What is kept of a portfolio: the workload of its events, and how they were cut into chunks."""

    workload: Workload  # its summary rows are those of the run that kept it
    cuts: tuple[int, ...]  # rows of the workload at which a chunk begins, but for the first


@dataclass(frozen=True)
class KeptGroundUp:
    """The kept ground-up losses of one portfolio on one model; read and added to by several threads at once.

    ``rows`` makes it those of a part of the portfolio: the row each kept item has there, -1 where it is left out.
    Such losses are read only: what is missing is computed, and not kept.
    """

    store: PartStore
    key: str  # ``Prepared.ground_up_key``
    samples: int
    rows: Int32 | None = None

    def address(self, event_id: Int32) -> str:
        """Where the losses of a chunk's events lie."""
        return content_hash(["ground-up", self.key, event_id])

    def has(self, event_id: Int32) -> bool:
        """Whether the losses of a chunk's events are there; reading them tells whether they are whole."""
        return self.store.has(self.address(event_id))

    def read(self, event_id: Int32) -> Iterator[LossBlock]:
        """The losses of a chunk's events; DamagedPart, and they are gone, when they are not what was kept."""
        address = self.address(event_id)
        self.store.touch(address)
        try:
            for block in kept_blocks(self.store.local(address), self.samples):
                yield block if self.rows is None else of_rows(block, self.rows)
        except DamagedPart:
            self.store.discard(address)
            raise

    @contextmanager
    def keeping(self, event_id: Int32, blocks: Iterator[LossBlock]) -> Iterator[Iterator[LossBlock]]:
        """The same blocks, kept when all of them went through well."""
        if self.rows is not None:
            yield blocks
            return
        with self.store.publishing(self.address(event_id)) as path, kept_file(path, self.samples) as file:
            yield file.through(blocks)

    def contents(self, event_id: Int32) -> Contents | None:
        """What is kept of these events (all that the analysis selects); None when nothing is."""
        address = self._contents_address(event_id)
        if not self.store.has(address):
            return None
        try:
            found = read_contents(self.store.local(address))
        except DamagedPart:
            self.store.discard(address)
            return None
        self.store.touch(address)
        summary_rows = np.zeros(len(found["event_id"]), np.int64)
        workload = Workload(
            found["event_id"], found["footprint_rows"], found["item_events"], summary_rows, self.samples
        )
        return Contents(workload, tuple((np.flatnonzero(np.diff(found["chunk"])) + 1).tolist()))

    def keep_contents(self, event_id: Int32, workload: Workload, plan: Plan) -> str:
        """Write what these events' chunks are, for ``contents``; returns its address."""
        address = self._contents_address(event_id)
        chunk = np.repeat(np.arange(len(plan.chunks)), [len(chunk.event_id) for chunk in plan.chunks])
        with self.store.publishing(address) as path:
            write_contents(path, workload, chunk.astype(np.int32))
        return address

    def _contents_address(self, event_id: Int32) -> str:
        return content_hash(["contents", self.key, event_id])


def of_rows(block: LossBlock, rows: Int32) -> LossBlock:
    """The block's losses of the rows that go on, under their new numbers; events that lose all of theirs are out."""
    renumbered = rows[block.row]
    stays = renumbered >= 0
    before = np.concatenate([[0], np.cumsum(stays)])
    count = before[block.offsets[1:]] - before[block.offsets[:-1]]
    left = count > 0
    offsets = np.concatenate([[0], np.cumsum(count[left])]).astype(np.int64)
    return LossBlock(block.event_id[left], offsets, renumbered[stays], block.loss[stays])


def refuse_full_disk(kept: KeptGroundUp, workload: Workload) -> None:
    """PlanRefused when the losses to be kept, uncompressed, are more than what is free where they would lie."""
    needed = int(workload.item_events.sum()) * (SPECIAL + workload.samples) * LOSS_BYTES
    kept.store.root.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(kept.store.root).free
    if needed > free:
        raise PlanRefused(
            f"keeping the ground-up losses takes up to {needed / 2**30:,.1f} GiB, and {free / 2**30:,.1f} GiB are free "
            f"in {kept.store.root}. Free some, set OASIS_STORE to a larger disk, or run without keeping them"
        )
