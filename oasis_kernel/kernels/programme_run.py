"""Losses of events through a financial programme, a batch of trees (accounts) at a time.

Every leaf (item) lies, at each level, in one node. Only nodes that a loss reaches are visited. A node adds up the nodes
of the level below (or leaves, where the programme restarts from them), applies its terms layer by layer, and allocates
the result back to its leaves in proportion. One layer of one node is one row, samples side by side.

Each stage is one pass over the nodes of a level, on few plain arrays: compiled code counts references to arrays
wherever a function begins, which inside the loops took longer than the arithmetic.
"""

import numpy as np

from oasis_kernel._jit import inlined, kernel
from oasis_kernel.kernels.programme_run_arrays import (
    SINGLE_ROWS,
    Execution,
    Float32,
    Float64,
    Int32,
    Int64,
    Records,
    Rows,
    Workspace,
    rows_of_leaf,
)
from oasis_kernel.kernels.programme_run_level import add_up, add_up_carry, begin_layers
from oasis_kernel.kernels.programme_run_nodes import list_nodes, order_members
from oasis_kernel.kernels.programme_run_pay import pay_across_layers, pay_carrying_nodes, pay_plain
from oasis_kernel.kernels.programme_run_straight import run_straight
from oasis_kernel.model.losses import CHANCE, DEVIATION

ZERO = np.float32(0)
#: Leaves that are computed together when trees are small: enough to pay for the passes, few enough for the cache.
BATCH_LEAVES = 256


# e = event, j = tree the event touches, i = leaf, k = its place in tree order, m = member, p = layer, c = column
@kernel
def run_programme(execution: Execution, workspace: Workspace, rows: Rows, event_offsets: Int64) -> None:
    """Write to ``rows.result`` the losses of all events (event e: rows ``event_offsets[e]:event_offsets[e + 1]``)."""
    for e in range(event_offsets.shape[0] - 1):
        trees = _read_event(execution, workspace, rows.number, event_offsets[e], event_offsets[e + 1])
        first = 0
        while first < trees:
            last = _end_of_batch(execution, workspace, first, trees)
            leaves, layers = _list_leaves(execution, workspace, first, last)
            if execution.straight[workspace.trees[first]]:
                run_straight(execution, workspace, rows, leaves)
            else:
                _run_batch(execution, workspace, rows, (first, last, leaves, layers + 1))
            first = last


@kernel
def _run_batch(execution: Execution, workspace: Workspace, rows: Rows, batch: tuple[int, int, int, int]) -> None:
    """Compute one batch of trees: (first tree, last tree, leaves, rows of a leaf)."""
    first_tree, last_tree, leaves, stride = batch
    width, levels = workspace.loss.shape[1], execution.node.shape[0]
    for first in range(0, rows.loss.shape[1], width):
        _gather(workspace.loss, workspace.leaves[:leaves], rows.loss, first, stride)
        _clear_carry(execution, workspace, leaves, stride)
        row = leaves * stride
        for level in range(levels):
            order_members(execution, workspace, first_tree, last_tree, level)
            nodes, row = list_nodes(execution, workspace, level, (leaves, stride, row))
            begin_layers(execution, workspace, nodes, stride)
            add_up(workspace.loss, workspace.total, workspace.nodes[:nodes], workspace.children)
            add_up_carry(workspace.carry, execution.carrying, workspace.nodes[:nodes], workspace.children)
            pay_plain(execution, workspace, nodes, stride)
            pay_carrying_nodes(execution, workspace, nodes, stride)
            pay_across_layers(execution, workspace, nodes, stride)
        if execution.allocation == 1:
            _allocate_by_input(workspace, nodes, stride)
        if rows.net:
            _take_from_input(workspace.loss, workspace.leaves[:leaves], stride)
        _write(execution, workspace, rows, (leaves, stride, first))


@kernel
def _read_event(execution: Execution, workspace: Workspace, number: Int32, begin: int, end: int) -> int:
    """The number of trees that rows ``begin:end`` touch; marks their leaves."""
    mark, touched = workspace.mark, workspace.touched
    trees = 0
    for row in range(begin, end):
        tree = execution.tree[number[row]]
        mark[execution.place[number[row]]] = row + 1
        if touched[tree] == 0:
            workspace.trees[trees] = tree
            trees += 1
        touched[tree] += 1
    return trees


@kernel
def _end_of_batch(execution: Execution, workspace: Workspace, first: int, trees: int) -> int:
    """The tree after those, from ``first`` on, that are computed together: one, or as many as fit."""
    levels, capacity = execution.node.shape[0], workspace.loss.shape[0] - SINGLE_ROWS
    last, leaves, layers = first, 0, 1
    while last < trees:
        tree = workspace.trees[last]
        leaves += workspace.touched[tree]
        layers = max(layers, execution.tree_layers[tree])
        fits = leaves <= BATCH_LEAVES and leaves * rows_of_leaf(levels, layers) <= capacity
        fits &= execution.straight[tree] == execution.straight[workspace.trees[first]]
        if not fits and last > first:
            break
        last += 1
    return last


@kernel
def _list_leaves(execution: Execution, workspace: Workspace, first: int, last: int) -> tuple[int, int]:
    """(leaves, most layers) of trees ``first:last``; lists the leaves in tree order and clears their marks."""
    leaves, mark, local = workspace.leaves, workspace.mark, workspace.local
    count, layers = 0, 1
    for j in range(first, last):
        tree = workspace.trees[j]
        workspace.touched[tree] = 0
        layers = max(layers, execution.tree_layers[tree])
        for k in range(execution.tree_start[tree], execution.tree_start[tree + 1]):
            local[k] = -1
            if mark[k] > 0:
                leaves[count]["given"] = mark[k] - 1
                leaves[count]["place"] = k
                local[k] = count
                mark[k] = 0
                count += 1
    return count, layers


@kernel
def _gather(loss: Float32, leaves: Records, given: Float32, first: int, stride: int) -> None:
    """Copy the batch's losses, from column ``first`` on, to the leaves' first and last rows; NaN is no loss."""
    columns, begin = min(loss.shape[1], given.shape[1] - first), np.uint64(first)
    for i in range(leaves.shape[0]):
        source, row, kept = leaves[i]["given"], i * stride, (i + 1) * stride - 1
        leaves[i]["layers"] = 1
        for c in range(columns):
            x = given[source, begin + np.uint64(c)]
            loss[row, c] = x if x == x else ZERO
        for c in range(columns, loss.shape[1]):
            loss[row, c] = ZERO
        for c in range(loss.shape[1]):
            loss[kept, c] = loss[row, c]


@kernel
def _clear_carry(execution: Execution, workspace: Workspace, leaves: int, stride: int) -> None:
    """Nothing has been deducted yet from the leaves that carry deductibles."""
    carry = workspace.carry
    for i in range(leaves):
        if execution.carrying[execution.node[0, workspace.leaves[i]["place"]]]:
            for k in range(3):
                for c in range(carry.shape[2]):
                    carry[k, i * stride, c] = ZERO


@kernel
def _allocate_by_input(workspace: Workspace, nodes: int, stride: int) -> None:
    """Allocate each top node's losses in proportion to its leaves' losses as they came (rule 1)."""
    loss, total, members = workspace.loss, workspace.total, workspace.members
    for s in range(nodes):
        node = workspace.nodes[s]
        if node["end"] - node["begin"] == 1:
            continue
        total[:] = 0.0
        for m in range(node["begin"], node["end"]):
            _add_row(loss, (members[m] + 1) * stride - 1, total)
        for p in range(node["layers"]):
            for m in range(node["begin"], node["end"]):
                row = members[m] * stride
                for c in range(total.shape[0]):
                    paid = loss[node["row"] + p, c]
                    loss[row + p, c] = loss[row + stride - 1, c] * (paid / total[c]) if paid != ZERO else ZERO


@inlined
def _add_row(loss: Float32, row: int, total: Float64) -> None:
    for c in range(total.shape[0]):
        total[c] += loss[row, c]


@kernel
def _take_from_input(loss: Float32, leaves: Records, stride: int) -> None:
    """Turn what each layer pays into what remains after it."""
    for i in range(leaves.shape[0]):
        before = (i + 1) * stride - 1
        for row in range(i * stride, i * stride + leaves[i]["layers"]):
            for c in range(loss.shape[1]):
                loss[row, c] = max(loss[before, c] - loss[row, c], ZERO)
            before = row


@kernel
def _write(execution: Execution, workspace: Workspace, rows: Rows, tile: tuple[int, int, int]) -> None:
    """Copy the outputs of leaves, or top nodes, to their rows of the result; ``tile`` is (leaves, stride, column)."""
    loss, result = workspace.loss, rows.result
    start, layer = execution.output_start, execution.output_layer
    leaves, stride, first = tile
    count, begin = min(loss.shape[1], result.shape[1] - first), np.uint64(first)
    for i in range(leaves):
        leaf = workspace.leaves[i]
        emitter = rows.emitter[leaf["given"]]
        if emitter < 0:
            continue
        row, layers = i * stride, leaf["layers"]
        if execution.allocation == 0:
            row, layers = leaf["node_row"], leaf["node_layers"]
        for output in range(start[emitter], start[emitter + 1]):
            p, target = layer[output], rows.offset[leaf["given"]] + output - start[emitter]
            source = row + (p if p < layers else 0)
            for c in range(count):
                result[target, begin + np.uint64(c)] = loss[source, c]
            if first == 0:
                result[target, DEVIATION] = result[target, CHANCE] = ZERO
