"""Losses of straight trees: up once through their nodes, down once to their outputs.

A tree is straight when losses follow their nodes level by level (allocation rule 2), each node adds up nodes of the
level below that stand side by side, and nothing is carried over or applied to the sum of layers. Then no node looks at
a leaf again after its first level. So nodes add up losses where the step before left them, and keep what each layer
pays and by which factor its leaves follow; an output is its leaf's loss times the factors above it, lowest first.
The bits are those of the passes of ``programme_run``, without their copies of every loss.

Rows of ``Workspace.loss``: for each node what its layers pay, then their factors; the last three are what remains of a
leaf's loss after its layers, ones, and that loss as it came.
"""

import numpy as np

from oasis_kernel._jit import inlined, kernel
from oasis_kernel.kernels.programme_run_arrays import Execution, Float32, Float64, Rows, Workspace
from oasis_kernel.kernels.programme_run_pay import pay_record
from oasis_kernel.kernels.terms import Payment
from oasis_kernel.model.losses import CHANCE, DEVIATION

EXCESS = int(Payment.EXCESS)
ZERO = np.float32(0)
TINY = np.finfo(np.float32).tiny


# i = leaf, s = node (all levels, lowest first), p = layer, r = row, c = column, t = record of terms
@kernel
def run_straight(execution: Execution, workspace: Workspace, rows: Rows, leaves: int) -> None:
    """Write to ``rows.result`` the losses of a batch of straight trees, whose ``leaves`` are listed in tree order."""
    levels = execution.node.shape[0]
    for first in range(0, rows.loss.shape[1], workspace.loss.shape[1]):
        before, nodes = _add_up_leaves(execution, workspace, rows, leaves, first)
        begin, end = 0, nodes
        _pay(execution, workspace, begin, end)
        for level in range(1, levels):
            before, nodes = _add_up_nodes(execution, workspace, level, (begin, end, before))
            begin, end = end, end + nodes
            _pay(execution, workspace, begin, end)
        _descend(execution, workspace, rows, leaves, first)


@kernel
def _add_up_leaves(execution: Execution, workspace: Workspace, rows: Rows, leaves: int, first: int) -> tuple[int, int]:
    """(next free row, number of nodes) of the first level: each node's layers are the sum of its leaves' losses."""
    of_place, layers, leaf, nodes = execution.node[0], execution.layers, workspace.leaves, workspace.nodes
    loss, total, given = workspace.loss, workspace.total, rows.given
    columns, number = rows.loss.shape[1], 0
    row, end = 0, 0
    while end < leaves:
        begin, node = end, of_place[leaf[end]["place"]]
        _clear(total)
        while end < leaves and of_place[leaf[end]["place"]] == node:
            _add_given(given, leaf[end]["given"] * columns + first, columns - first, total)
            leaf[end]["node_row"] = number
            end += 1
        count = max(layers[node], 1)
        nodes[number]["node"], nodes[number]["row"], nodes[number]["layers"] = node, row, count
        nodes[number]["begin"], nodes[number]["end"] = begin, end
        for p in range(count):
            _round(total, loss, row + p)
        row += 2 * count
        number += 1
    return row, number


@kernel
def _add_up_nodes(
    execution: Execution, workspace: Workspace, level: int, below: tuple[int, int, int]
) -> tuple[int, int]:
    """(next free row, number of nodes) of a level above; ``below`` is (first node, node after, free row) of the last.

    A node of one child has all its layers; a child without a layer counts with its first.
    """
    of_place, layers, leaf, nodes = execution.node[level], execution.layers, workspace.leaves, workspace.nodes
    loss, total = workspace.loss, workspace.total
    child, last, row = below
    number = last
    while child < last:
        first, node = child, of_place[leaf[nodes[child]["begin"]]["place"]]
        while child < last and of_place[leaf[nodes[child]["begin"]]["place"]] == node:
            nodes[child]["parent"] = number
            child += 1
        count = layers[node] if child - first > 1 else max(layers[node], nodes[first]["layers"])
        nodes[number]["node"], nodes[number]["row"], nodes[number]["layers"] = node, row, count
        nodes[number]["begin"], nodes[number]["end"] = nodes[first]["begin"], nodes[child - 1]["end"]
        for p in range(count):
            _clear(total)
            for s in range(first, child):
                _add_row(loss, nodes[s]["row"] + (p if p < nodes[s]["layers"] else 0), total)
            _round(total, loss, row + p)
        row += 2 * count
        number += 1
    return row, number - last


@kernel
def _pay(execution: Execution, workspace: Workspace, begin: int, end: int) -> None:
    """Apply the terms of nodes ``begin:end``: what their layers pay, and the factors by which their leaves follow."""
    terms, terms_range, first_terms = execution.terms, execution.terms_range, execution.first_terms
    layers, nodes = execution.layers, workspace.nodes
    loss, carry, paid = workspace.loss, workspace.carry, workspace.paid
    for s in range(begin, end):
        node, row, count = nodes[s]["node"], nodes[s]["row"], nodes[s]["layers"]
        for p in range(layers[node]):
            r, place = row + p, first_terms[node] + p
            if terms_range[place, 0] < terms_range[place, 1]:
                for t in range(terms_range[place, 0], terms_range[place, 1]):
                    if terms[t]["payment"] == EXCESS:
                        share = terms[t]["share"]
                        _pay_excess(loss, r, (terms[t]["rate"], terms[t]["excess"], terms[t]["cap"], share), paid)
                    else:
                        pay_record(terms, t, loss, r, carry, paid)
                _keep(paid, loss, r, r + count)


@inlined
def _pay_excess(
    loss: Float32, r: int, record: tuple[np.float32, np.float32, np.float32, np.float32], paid: Float32
) -> None:
    """As ``pay`` for the commonest form: a function of one loop is compiled without counting references."""
    rate, excess, cap, share = record
    for c in range(paid.shape[0]):
        paid[c] = min(max(loss[r, c] * rate - excess, ZERO), cap) * share


@kernel
def _descend(execution: Execution, workspace: Workspace, rows: Rows, leaves: int, first: int) -> None:
    """Write the outputs of the batch's leaves, or what remains after each layer."""
    start, layer, leaf = execution.output_start, execution.output_layer, workspace.leaves
    loss, given, result = workspace.loss, rows.given, rows.result
    paid, chain = workspace.paid, workspace.chain
    as_it_came, ones, before = loss.shape[0] - 1, loss.shape[0] - 2, loss.shape[0] - 3
    columns, known, layers = rows.loss.shape[1], -1, 1
    count = min(loss.shape[1], columns - first)
    _fill(loss, ones, np.float32(1))
    for i in range(leaves):
        source = leaf[i]["given"]
        emitter = rows.emitter[source]
        if leaf[i]["node_row"] != known:
            known = leaf[i]["node_row"]
            layers = _list_factors(execution, workspace, known)
        at = source * columns + first
        if at + loss.shape[1] <= given.shape[0]:
            _read(given, at, loss, as_it_came)
        else:
            _read_last(given, at, loss, as_it_came)
        if rows.net:
            _copy_row(loss, as_it_came, before)
        for p in range(layers):
            _follow(loss, (chain[p, 0], chain[p, 1], chain[p, 2], chain[p, 3]), paid)
            for k in range(1 + chain[p, 4], 4, -1):
                _scale(loss, chain[p, k], paid)
            if rows.net:
                _take(loss, before, paid)
            for output in range(start[emitter], start[emitter + 1]):
                if layer[output] == p or (p == 0 and layer[output] >= layers):
                    target = rows.offset[source] + output - start[emitter]
                    _write(paid, result, target, first, count)


@inlined
def _list_factors(execution: Execution, workspace: Workspace, lowest: int) -> int:
    """The number of layers of a first-level node's leaves; lists for each of them the rows that make its losses.

    Rows of ``chain`` are per layer: the row to begin with, the three lowest factors (or ones), how many factors there
    are, then all of them, highest first. A node of one leaf has the leaf's losses itself. The last is the way up.
    """
    nodes, chain, of_node = workspace.nodes, workspace.chain, execution.layers
    terms_range, first_terms = execution.terms_range, execution.first_terms
    levels = execution.node.shape[0]
    path, layers, s = chain.shape[0] - 1, 1, lowest
    as_it_came, ones = workspace.loss.shape[0] - 1, workspace.loss.shape[0] - 2
    for level in range(levels):
        chain[path, level] = s
        layers = max(layers, of_node[nodes[s]["node"]])
        s = nodes[s]["parent"]
    for p in range(layers):
        q, found, paid = p, 0, -1
        for level in range(levels - 1, -1, -1):
            s = chain[path, level]
            node, row = nodes[s]["node"], nodes[s]["row"]
            applies = q < of_node[node] and paid < 0
            place = first_terms[node] + (q if applies else 0)
            if applies and terms_range[place, 0] < terms_range[place, 1]:
                if nodes[s]["end"] - nodes[s]["begin"] == 1:
                    paid = row + q
                else:
                    chain[p, 5 + found] = row + nodes[s]["layers"] + q
                    found += 1
            if applies and q >= (nodes[chain[path, level - 1]]["layers"] if level > 0 else 1):
                q = 0  # the layer begins here, as a copy of the first
        chain[p, 0], chain[p, 4] = paid if paid >= 0 else as_it_came, found
        for k in range(3):
            chain[p, 1 + k] = chain[p, 4 + found - k] if k < found else ones
    return layers


@inlined
def _copy_row(loss: Float32, source: int, target: int) -> None:
    for c in range(loss.shape[1]):
        loss[target, c] = loss[source, c]


@inlined
def _follow(loss: Float32, at: tuple[int, int, int, int], paid: Float32) -> None:
    """Write to ``paid`` a row and three rows of factors multiplied, in the order given."""
    begin, lowest, second, third = at
    for c in range(paid.shape[0]):
        paid[c] = loss[begin, c] * loss[lowest, c] * loss[second, c] * loss[third, c]


@inlined
def _scale(loss: Float32, r: int, paid: Float32) -> None:
    for c in range(paid.shape[0]):
        paid[c] *= loss[r, c]


@inlined
def _take(loss: Float32, before: int, paid: Float32) -> None:
    """Turn what a layer pays into what remains after it, of what the layers before left."""
    for c in range(paid.shape[0]):
        paid[c] = max(loss[before, c] - paid[c], ZERO)
        loss[before, c] = paid[c]


@inlined
def _write(paid: Float32, result: Float32, target: int, first: int, count: int) -> None:
    """Copy a tile of an output to its place; deviation and chance do not run through terms."""
    begin = np.uint64(first)
    for c in range(count):
        result[target, begin + np.uint64(c)] = paid[c]
    if first == 0:
        result[target, DEVIATION] = result[target, CHANCE] = ZERO


@inlined
def _read(given: Float32, at: int, loss: Float32, r: int) -> None:
    """Copy a leaf's losses to a row; NaN is no loss. Columns beyond the leaf's are of no use, whatever they hold."""
    begin = np.uint64(at)
    for c in range(loss.shape[1]):
        x = given[begin + np.uint64(c)]
        loss[r, c] = x if x == x else ZERO


@inlined
def _read_last(given: Float32, at: int, loss: Float32, r: int) -> None:
    """As ``_read`` where the block's losses end within the row."""
    begin, size = np.uint64(at), np.uint64(given.shape[0])
    for c in range(loss.shape[1]):
        x = given[begin + np.uint64(c)] if begin + np.uint64(c) < size else ZERO
        loss[r, c] = x if x == x else ZERO


@inlined
def _add_given(given: Float32, at: int, count: int, total: Float64) -> None:
    """Add a leaf's losses, as ``_read``."""
    begin = np.uint64(at)
    if at + total.shape[0] <= given.shape[0]:
        for c in range(total.shape[0]):
            x = given[begin + np.uint64(c)]
            total[c] += x if x == x else ZERO
    else:
        for c in range(count):
            x = given[begin + np.uint64(c)]
            total[c] += x if x == x else ZERO


@inlined
def _clear(total: Float64) -> None:
    for c in range(total.shape[0]):
        total[c] = 0.0


@inlined
def _add_row(loss: Float32, r: int, total: Float64) -> None:
    for c in range(total.shape[0]):
        total[c] += loss[r, c]


@inlined
def _round(total: Float64, loss: Float32, r: int) -> None:
    for c in range(total.shape[0]):
        loss[r, c] = total[c]


@inlined
def _fill(loss: Float32, r: int, value: np.float32) -> None:
    for c in range(loss.shape[1]):
        loss[r, c] = value


@inlined
def _keep(paid: Float32, loss: Float32, r: int, factors: int) -> None:
    """Put what is paid in the place of row ``r``, and the factors in a row of their own: nothing is paid of no loss."""
    for c in range(paid.shape[0]):
        loss[factors, c] = paid[c] / max(loss[r, c], TINY)
        loss[r, c] = paid[c]
