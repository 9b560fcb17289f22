"""Ground-up losses in, insured losses out: one block of events through a financial programme."""

import numpy as np

from oasis_kernel.kernels.programme_run import BATCH_LEAVES, run_programme
from oasis_kernel.kernels.programme_run_arrays import (
    CHILD_DTYPE,
    LEAF_DTYPE,
    NODE_DTYPE,
    SINGLE_ROWS,
    Execution,
    Rows,
    Workspace,
    rows_of_leaf,
)
from oasis_kernel.model.exposure import Int32
from oasis_kernel.model.losses import SPECIAL, LossBlock
from oasis_kernel.steps.block_memory import loss_rows, scratch

#: Columns a row of scratch holds at most, and the multiple its width is rounded up to (for vector instructions).
WIDEST, ALIGNMENT = 128, 16
#: Rows of scratch that small trees share.
SMALL_ROWS = 4096
#: Scratch of one thread beyond which tiles get narrower. Only the single tree of a reinsurance pass comes near it:
#: tiles twice as wide are worth more than scratch that fits the cache (measured: 13 against 26 ns a loss).
SCRATCH_BYTES = 1 << 27


class Insured:
    """A programme, ready to be applied to blocks of losses. Safe to use from several threads."""

    def __init__(self, execution: Execution):
        self.execution = execution

    def apply(self, block: LossBlock) -> LossBlock:
        """What the programme pays: rows are outputs (output id - 1), by input row, then layer.

        Maximum, exposure, mean and samples run through the terms; deviation and chance are 0.
        Every output of every row is there, also when its losses are 0. Allocation rule 0 writes the outputs of a top
        node where its first item stands.
        """
        return self._run(block, net=False)

    def remaining(self, block: LossBlock) -> LossBlock:
        """What remains of the losses after each layer in turn, never less than 0; rows as ``apply``.

        Raises ValueError with allocation rule 0, whose outputs are not items.
        """
        if self.execution.allocation == 0:
            raise ValueError("what remains of a loss needs allocation rule 1, 2 or 3, got 0")
        return self._run(block, net=True)

    def scratch_bytes(self, samples: int) -> int:
        """The most memory one thread needs beside blocks, for events that touch every item."""
        rows = _scratch_rows(self.execution, len(self.execution.place))
        width = _tile_width(rows, samples + SPECIAL)
        carried = 3 if self.execution.carrying.any() else 0
        return rows * width * 4 * (1 + carried) + (40 + NODE_DTYPE.itemsize * len(self.execution.node)) * len(
            self.execution.place
        )

    def _run(self, block: LossBlock, net: bool) -> LossBlock:
        emitter = self._emitters(block)
        start = self.execution.output_start
        count = np.where(emitter < 0, 0, start[emitter + 1] - start[emitter])
        offset = np.concatenate([[0], np.cumsum(count)])
        loss = np.ascontiguousarray(block.loss)
        result = loss_rows(int(offset[-1]), loss.shape[1])
        rows = Rows(block.row, loss, loss.reshape(-1), emitter, offset[:-1], result, net)
        run_programme(self.execution, _workspace(self.execution, block), rows, block.offsets)
        outputs = np.repeat(start[emitter] - offset[:-1], count) + np.arange(offset[-1])
        number = self.execution.output_number[outputs]
        return LossBlock(block.event_id, offset[block.offsets], number, result)

    def _emitters(self, block: LossBlock) -> Int32:
        """Whose outputs each row writes: its leaf's or, with allocation rule 0, its top node's at the first row."""
        if self.execution.allocation != 0:
            return block.row
        top = self.execution.node[-1][self.execution.place[block.row]]
        event = np.repeat(np.arange(len(block.event_id)), np.diff(block.offsets))
        _, first = np.unique(np.stack([event, top], 1), axis=0, return_index=True)
        emitter = np.full(len(top), -1, np.int32)
        emitter[first] = top[first]
        return emitter


def _workspace(execution: Execution, block: LossBlock) -> Workspace:
    """Scratch for one thread, large enough for any tree of the execution with as many rows as the block's events."""
    sizes = np.diff(execution.tree_start)
    most = int(min(sizes.max(initial=1), np.diff(block.offsets).max(initial=1)))
    leaves, levels = max(most, BATCH_LEAVES), len(execution.node)
    rows = _scratch_rows(execution, most)
    width = _tile_width(rows, block.loss.shape[1])
    carried = rows if execution.carrying.any() else 1
    return Workspace(
        loss=loss_rows(rows, width),
        carry=np.empty((3, carried, width), np.float32),
        total=np.empty(width),
        received=np.empty(width, np.float32),
        paid=np.empty(width, np.float32),
        before=np.empty((3, width), np.float32),
        factors=np.empty((4, width), np.float32),
        layer_factors=np.empty((4, width), np.float32),
        mark=np.zeros(len(execution.place), np.int32),
        local=np.empty(len(execution.place), np.int32),
        leaves=np.empty(leaves, LEAF_DTYPE),
        members=np.empty(leaves, np.int32),
        nodes=scratch(leaves * levels, NODE_DTYPE),
        children=np.empty(leaves, CHILD_DTYPE),
        trees=np.empty(len(sizes), np.int32),
        touched=np.zeros(len(sizes), np.int32),
        chain=np.empty((int(execution.tree_layers.max(initial=1)) + 1, levels + 5), np.int32),
    )


def _scratch_rows(execution: Execution, most: int) -> int:
    """Rows of scratch for a tree of which an event touches at most so many leaves."""
    layers, levels = int(execution.tree_layers.max(initial=1)), len(execution.node)
    touched = most * rows_of_leaf(levels, layers)
    return max(min(int(execution.tree_rows.max(initial=1)), touched), SMALL_ROWS) + SINGLE_ROWS


def _tile_width(rows: int, columns: int) -> int:
    """How many columns run side by side."""
    widest = max(ALIGNMENT, min(WIDEST, SCRATCH_BYTES // (4 * rows) // ALIGNMENT * ALIGNMENT))
    tiles = -(-columns // widest)
    return -(-columns // tiles // ALIGNMENT) * ALIGNMENT if columns else ALIGNMENT
