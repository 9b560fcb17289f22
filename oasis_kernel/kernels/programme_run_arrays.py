"""The arrays a programme runs on: what is prepared once, what one thread scratches on, what goes in and out."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from oasis_kernel.kernels.terms import Terms

Bool = npt.NDArray[np.bool_]
Int32 = npt.NDArray[np.int32]
Int64 = npt.NDArray[np.int64]
Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]


class Execution(NamedTuple):
    """A programme prepared for running. Never changed, shared by threads.

    Leaves stand in tree order: the leaves of a tree adjoin; ``k`` is a leaf's place in that order.
    """

    terms: Terms  # [t]
    place: Int32  # [leaf] -> k
    tree: Int32  # [leaf]
    tree_start: Int32  # [trees + 1] -> k
    tree_layers: Int32  # [tree] most layers of any of its nodes
    tree_rows: Int64  # [tree] rows of loss it needs when every leaf is present
    node: Int32  # [level, k] the node that holds the leaf
    restarts: Bool  # [level, k] that node adds up the leaf itself, not the leaf's node of the level below
    visit: Int32  # [level, k] places in the order that puts the leaves of one node side by side
    shuffled: Bool  # [level, tree] that order is not the tree order
    layers: Int32  # [node]
    cross_layer: Bool  # [node] its terms apply to the sum of its layers
    carrying: Bool  # [node] deductibles, over- and under-limits are carried through it
    first_terms: Int32  # [node] -> row of terms_range, one per layer
    terms_range: Int32  # [row, 2] from, to (record of terms); equal for no terms
    output_start: Int32  # [emitter + 1] -> outputs; emitters are leaves or, with allocation rule 0, nodes
    output_layer: Int32  # [output] 0-based
    output_number: Int32  # [output] 0-based
    allocation: int  # 0 none, 1 by the loss as it came, 2 at every level
    scatters: bool  # leaves follow their nodes, level by level
    new_layers_forget: bool  # the reference's defect: leaves that share a node lose their carry-over in new layers


class Workspace(NamedTuple):
    """Scratch of one thread, as large as the largest tree needs. c = column of a tile of columns."""

    loss: Float32  # [row, c] leaves' rows (their layers, then their loss as it came), then nodes' rows
    carry: Float32  # [3, row, c] deducted, over limits, under limits
    total: Float64  # [c]
    received: Float32  # [c]
    paid: Float32  # [c]
    before: Float32  # [3, c]
    factors: Float32  # [4, c] from a node to its leaves
    layer_factors: Float32  # [4, c] from the sum of a node's layers to its layers
    merged: Float32  # [1, c] sum of a node's layers
    merged_carry: Float32  # [3, 1, c]
    mark: Int32  # [k] row of the block + 1 while an event is read, otherwise 0
    local: Int32  # [k] number of the leaf among those present in its tree, or -1
    present: Int32  # [i] block row of the tree's i-th present leaf
    place: Int32  # [i] its place k
    members: Int32  # [i] present leaves in the level's visiting order
    leaf_layers: Int32  # [i] layers the leaf has so far
    node_row: Int32  # [i] first row of the leaf's node, one level below
    node_layers: Int32  # [i] and its layers
    child_row: Int32  # [i] first rows of what a node adds up
    child_layers: Int32  # [i] and their layers
    trees: Int32  # [j] trees the event touches
    touched: Int32  # [tree] leaves of the tree that the event touches


class Rows(NamedTuple):
    """Losses in and out."""

    number: Int32  # [n] the leaf of each row
    loss: Float32  # [n, column]
    columns: Int64  # [c] columns that run through terms
    others: Int64  # columns that do not: 0 in the result
    emitter: Int32  # [n] whose outputs are written for the row, -1 for none
    offset: Int64  # [n] its first row of ``result``
    result: Float32  # [m, column]
    net: bool  # write what remains of the loss, layer by layer, instead of what is paid


class Visit(NamedTuple):
    """One node while it is computed: members ``begin:end`` are its leaves, its layers are rows ``row`` and on."""

    level: int
    node: int
    row: int
    layers: int
    begin: int
    end: int
    stride: int  # rows of one leaf
