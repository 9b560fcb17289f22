"""The arrays a programme runs on: what is prepared once, what one thread scratches on, what goes in and out."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from oasis_kernel._jit import inlined
from oasis_kernel.kernels.terms import Terms

Bool = npt.NDArray[np.bool_]
Int32 = npt.NDArray[np.int32]
Int64 = npt.NDArray[np.int64]
Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Records = npt.NDArray[np.void]

#: Rows of scratch beside those of leaves and nodes, last of all.
SINGLE_ROWS = 3


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
    straight: Bool  # [tree] losses go up once and down once: see ``programme_run_straight``
    node: Int32  # [level, k] the node that holds the leaf
    restarts: Bool  # [level, k] that node adds up the leaf itself, not the leaf's node of the level below
    visit: Int32  # [level, k] places in the order that puts the leaves of one node side by side
    shuffled: Bool  # [level, tree] that order is not the tree order
    layers: Int32  # [node]
    cross_layer: Bool  # [node] its terms apply to the sum of its layers
    carrying: Bool  # [node] deductibles, over- and under-limits are carried through it
    plain: Bool  # [node] neither of both
    first_terms: Int32  # [node] -> row of terms_range, one per layer
    terms_range: Int32  # [row, 2] from, to (record of terms); equal for no terms
    output_start: Int32  # [emitter + 1] -> outputs; emitters are leaves or, with allocation rule 0, nodes
    output_layer: Int32  # [output] 0-based
    output_number: Int32  # [output] 0-based
    allocation: int  # 0 none, 1 by the loss as it came, 2 at every level
    scatters: bool  # leaves follow their nodes, level by level
    new_layers_forget: bool  # the reference's defect: leaves that share a node lose their carry-over in new layers
    shares_as_reference: bool  # the reference's defects in telling leaves what their node carries over


#: A leaf that the event touches.
LEAF_DTYPE = np.dtype(
    [
        ("given", "i4"),  # its row of the block
        ("place", "i4"),  # its place k in tree order
        ("layers", "i4"),  # layers it has so far
        ("node_row", "i4"),  # first row of its node, one level below
        ("node_layers", "i4"),  # and that node's layers
    ]
)
#: A node of the level that is being computed; its leaves are members ``begin:end``.
NODE_DTYPE = np.dtype(
    [
        ("node", "i4"),
        ("row", "i4"),  # its layers are rows ``row`` and on
        ("layers", "i4"),  # rows it fills
        ("begin", "i4"),
        ("end", "i4"),
        ("first_child", "i4"),
        ("last_child", "i4"),  # the one after
        ("parent", "i4"),  # in straight trees, where ``nodes`` are those of all levels
    ]
)
#: What a node adds up: a node of the level below, or a leaf; its leaves are members ``begin:end``.
CHILD_DTYPE = np.dtype([("row", "i4"), ("layers", "i4"), ("begin", "i4"), ("end", "i4")])


class Workspace(NamedTuple):
    """Scratch of one thread: a batch of trees at a time, a tile of columns c at a time.

    Rows of ``loss``: of each leaf its layers, then its loss as it came; then the layers of nodes; the last row is the
    sum of a node's layers.
    """

    loss: Float32  # [row, c]
    carry: Float32  # [3, row, c] deducted, over limits, under limits
    total: Float64  # [c]
    received: Float32  # [c]
    paid: Float32  # [c]
    before: Float32  # [3, c]
    factors: Float32  # [4, c] from a node to its leaves
    layer_factors: Float32  # [4, c] from the sum of a node's layers to its layers
    mark: Int32  # [k] row of the block + 1 while an event is read, otherwise 0
    local: Int32  # [k] number of the leaf in its batch, or -1
    leaves: Records  # LEAF_DTYPE [i]
    members: Int32  # [m] leaves i in the level's visiting order
    nodes: Records  # NODE_DTYPE [s] of one level; of all levels in straight trees
    children: Records  # CHILD_DTYPE [s]
    trees: Int32  # [j] trees the event touches
    touched: Int32  # [tree] leaves of the tree that the event touches
    chain: Int32  # [layer, levels + 5] rows of ``loss`` that make the losses of one node's leaves, in straight trees


class Rows(NamedTuple):
    """Losses in and out."""

    number: Int32  # [n] the leaf of each row
    loss: Float32  # [n, column]
    given: Float32  # the same, flat
    emitter: Int32  # [n] whose outputs are written for the row, -1 for none
    offset: Int64  # [n] its first row of ``result``
    result: Float32  # [m, column]
    net: bool  # write what remains of the loss, layer by layer, instead of what is paid


@inlined
def rows_of_leaf(levels: int, layers: int) -> int:
    """The most rows of scratch for each leaf of a tree: its own and its nodes', or its nodes' and their factors."""
    return max((levels + 1) * layers + 1, 2 * levels * layers)
