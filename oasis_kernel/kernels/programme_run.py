"""Losses of events through a financial programme, one tree (account) at a time.

Every leaf (item) lies, at each level, in one node. Only nodes that a loss reaches are visited. A node adds up the nodes
of the level below (or leaves, where the programme restarts from them), applies its terms layer by layer, and allocates
the result back to its leaves in proportion. One layer of one node is one row, samples side by side.
"""

import numpy as np

from oasis_kernel._jit import inlined, kernel
from oasis_kernel.kernels.programme_run_arrays import Execution, Int64, Rows, Visit, Workspace
from oasis_kernel.kernels.programme_run_node import run_node

ZERO = np.float32(0)


# i = present leaf, m = member, p = layer, c = column, k = place of a leaf in tree order
@kernel
def run_programme(execution: Execution, workspace: Workspace, rows: Rows, event_offsets: Int64) -> None:
    """Write to ``rows.result`` the losses of all events (event e: rows ``event_offsets[e]:event_offsets[e + 1]``)."""
    width = workspace.loss.shape[1]
    for e in range(event_offsets.shape[0] - 1):
        trees = _read_event(execution, workspace, rows, event_offsets[e], event_offsets[e + 1])
        for j in range(trees):
            tree = workspace.trees[j]
            leaves = _list_leaves(execution, workspace, tree)
            stride = execution.tree_layers[tree] + 1
            for first in range(0, rows.columns.shape[0], width):
                _gather(execution, workspace, rows, leaves, stride, first)
                _run_levels(execution, workspace, tree, leaves, stride)
                if execution.allocation == 1:
                    _allocate_by_input(execution, workspace, leaves, stride)
                if rows.net:
                    _take_from_input(workspace, leaves, stride)
                _write(execution, workspace, rows, leaves, stride, first)


@inlined
def _read_event(execution: Execution, workspace: Workspace, rows: Rows, begin: int, end: int) -> int:
    """The number of trees that rows ``begin:end`` touch; marks their leaves."""
    trees = 0
    for row in range(begin, end):
        leaf = rows.number[row]
        tree = execution.tree[leaf]
        workspace.mark[execution.place[leaf]] = row + 1
        if workspace.touched[tree] == 0:
            workspace.trees[trees] = tree
            trees += 1
        workspace.touched[tree] += 1
    return trees


@inlined
def _list_leaves(execution: Execution, workspace: Workspace, tree: int) -> int:
    """The number of leaves of ``tree`` that the event touches; lists them in tree order and clears their marks."""
    count = 0
    for k in range(execution.tree_start[tree], execution.tree_start[tree + 1]):
        row = workspace.mark[k]
        workspace.local[k] = -1
        if row > 0:
            workspace.present[count] = row - 1
            workspace.place[count] = k
            workspace.local[k] = count
            workspace.mark[k] = 0
            count += 1
    workspace.touched[tree] = 0
    return count


@inlined
def _gather(execution: Execution, workspace: Workspace, rows: Rows, leaves: int, stride: int, first: int) -> None:
    """Copy the tree's losses, columns ``first`` and on, to the leaves' rows; NaN is no loss."""
    loss, carry = workspace.loss, workspace.carry
    last = min(loss.shape[1], rows.columns.shape[0] - first)
    for i in range(leaves):
        given, row, kept = workspace.present[i], i * stride, (i + 1) * stride - 1
        for c in range(last):
            x = rows.loss[given, rows.columns[first + c]]
            loss[row, c] = x if x == x else ZERO
        for c in range(last, loss.shape[1]):
            loss[row, c] = ZERO
        for c in range(loss.shape[1]):
            loss[kept, c] = loss[row, c]
        if execution.carrying[execution.node[0, workspace.place[i]]]:
            for k in range(3):
                for c in range(loss.shape[1]):
                    carry[k, row, c] = ZERO
        workspace.leaf_layers[i] = 1


@inlined
def _run_levels(execution: Execution, workspace: Workspace, tree: int, leaves: int, stride: int) -> None:
    """Run the tree's nodes, level by level."""
    row = leaves * stride
    for level in range(execution.node.shape[0]):
        _order_members(execution, workspace, tree, leaves, level)
        begin = 0
        while begin < leaves:
            node = execution.node[level, workspace.place[workspace.members[begin]]]
            end = begin + 1
            while end < leaves and execution.node[level, workspace.place[workspace.members[end]]] == node:
                end += 1
            layers = execution.layers[node]
            row += run_node(execution, workspace, Visit(level, node, row, layers, begin, end, stride))
            begin = end


@inlined
def _order_members(execution: Execution, workspace: Workspace, tree: int, leaves: int, level: int) -> None:
    """Put the present leaves of each of the level's nodes side by side."""
    if not execution.shuffled[level, tree]:
        for i in range(leaves):
            workspace.members[i] = i
        return
    count = 0
    for k in range(execution.tree_start[tree], execution.tree_start[tree + 1]):
        i = workspace.local[execution.visit[level, k]]
        if i >= 0:
            workspace.members[count] = i
            count += 1


@inlined
def _allocate_by_input(execution: Execution, workspace: Workspace, leaves: int, stride: int) -> None:
    """Allocate each top node's losses in proportion to its leaves' losses as they came (rule 1)."""
    loss, total, top, begin = workspace.loss, workspace.total, execution.node.shape[0] - 1, 0
    while begin < leaves:
        first = workspace.members[begin]
        node, end = execution.node[top, workspace.place[first]], begin
        total[:] = 0.0
        while end < leaves and execution.node[top, workspace.place[workspace.members[end]]] == node:
            kept = (workspace.members[end] + 1) * stride - 1
            for c in range(total.shape[0]):
                total[c] += loss[kept, c]
            end += 1
        for p in range(execution.layers[node]):
            source = workspace.node_row[first] + p
            for m in range(begin, end):
                row = workspace.members[m] * stride
                for c in range(total.shape[0]):
                    paid = loss[source, c]
                    loss[row + p, c] = loss[row + stride - 1, c] * paid / total[c] if paid != ZERO else ZERO
        begin = end


@inlined
def _take_from_input(workspace: Workspace, leaves: int, stride: int) -> None:
    """Turn what each layer pays into what remains after it."""
    loss = workspace.loss
    for i in range(leaves):
        before = (i + 1) * stride - 1
        for row in range(i * stride, i * stride + workspace.leaf_layers[i]):
            for c in range(loss.shape[1]):
                loss[row, c] = max(loss[before, c] - loss[row, c], ZERO)
            before = row


@inlined
def _write(execution: Execution, workspace: Workspace, rows: Rows, leaves: int, stride: int, first: int) -> None:
    """Copy the outputs of the tree's leaves, or top nodes, to their rows of the result."""
    loss = workspace.loss
    last = min(loss.shape[1], rows.columns.shape[0] - first)
    for i in range(leaves):
        given = workspace.present[i]
        emitter = rows.emitter[given]
        if emitter < 0:
            continue
        row, layers = i * stride, workspace.leaf_layers[i]
        if execution.allocation == 0:
            row, layers = workspace.node_row[i], workspace.node_layers[i]
        begin = execution.output_start[emitter]
        for output in range(begin, execution.output_start[emitter + 1]):
            p, target = execution.output_layer[output], rows.offset[given] + output - begin
            source = row + (p if p < layers else 0)
            for c in range(last):
                rows.result[target, rows.columns[first + c]] = loss[source, c]
            if first == 0:
                for c in rows.others:
                    rows.result[target, c] = ZERO
