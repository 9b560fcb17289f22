"""One level of a programme: nodes apply their terms and allocate the result to their leaves.

Three passes over the level's nodes, each on its own kind: nodes without carry-over, nodes that carry deductibles, nodes
whose terms apply to the sum of their layers.
"""

import numpy as np

from oasis_kernel._jit import inlined, kernel
from oasis_kernel.kernels.calc_rules import pay, pay_step
from oasis_kernel.kernels.carry_over import LOSS_FACTOR, allocate_carrying, allocation_factors, pay_carrying
from oasis_kernel.kernels.programme_run_arrays import Execution, Float32, Int32, Workspace
from oasis_kernel.kernels.terms import Deduction, Payment, Terms

FIRST_STEP = int(Payment.STEP_AMOUNT)
NO_DEDUCTION = int(Deduction.NONE)
ZERO = np.float32(0)
TINY = np.finfo(np.float32).tiny


# m = member, s = node of the level, p = layer, r = row, c = column, t = record of terms
@kernel
def pay_plain(execution: Execution, workspace: Workspace, nodes: int, stride: int) -> None:
    """Apply the terms of the nodes that carry nothing over."""
    terms, terms_range, first_terms = execution.terms, execution.terms_range, execution.first_terms
    plain, layers, scatters = execution.plain, execution.layers, execution.scatters
    loss, carry, paid, factors = workspace.loss, workspace.carry, workspace.paid, workspace.factors
    reached, members = workspace.nodes, workspace.members
    for s in range(nodes):
        node, begin, end = reached[s]["node"], reached[s]["begin"], reached[s]["end"]
        for p in range(layers[node] if plain[node] else 0):
            r, place = reached[s]["row"] + p, first_terms[node] + p
            if terms_range[place, 0] < terms_range[place, 1]:
                for t in range(terms_range[place, 0], terms_range[place, 1]):
                    pay_record(terms, t, loss, r, carry, paid)
                if end - begin == 1:
                    _put_row(paid, loss, members[begin] * stride + p)
                elif scatters:
                    _loss_factors(loss, r, paid, factors)
                    _scale_leaves(loss, factors, members, (begin, end, p, stride))
                _put_row(paid, loss, r)


@inlined
def pay_record(terms: Terms, t: int, loss: Float32, r: int, carry: Float32, paid: Float32) -> None:
    """Write to ``paid`` [c] what record ``t`` pays of ``loss[r]`` where nothing is carried over."""
    if terms[t]["payment"] < FIRST_STEP:
        pay(terms, t, loss, r, paid)
    else:
        pay_step(terms, t, loss, r, carry, paid)


@inlined
def _loss_factors(loss: Float32, r: int, paid: Float32, factors: Float32) -> None:
    for c in range(paid.shape[0]):
        factors[LOSS_FACTOR, c] = paid[c] / max(loss[r, c], TINY)  # nothing is paid of no loss


@inlined
def _scale_leaves(loss: Float32, factors: Float32, members: Int32, at: tuple[int, int, int, int]) -> None:
    """Multiply a layer of leaves by the loss factors; ``at`` is (first member, member after, layer, rows of a leaf)."""
    begin, end, p, stride = at
    for m in range(begin, end):
        q = members[m] * stride + p
        for c in range(loss.shape[1]):
            loss[q, c] *= factors[LOSS_FACTOR, c]


@inlined
def _put_row(source: Float32, loss: Float32, r: int) -> None:
    for c in range(source.shape[0]):
        loss[r, c] = source[c]


@kernel
def pay_carrying_nodes(execution: Execution, workspace: Workspace, nodes: int, stride: int) -> None:
    """Apply the terms of the nodes through which deductibles are carried."""
    terms, terms_range, first_terms = execution.terms, execution.terms_range, execution.first_terms
    carrying, cross_layer, scatters = execution.carrying, execution.cross_layer, execution.scatters
    loss, carry, paid, factors = workspace.loss, workspace.carry, workspace.paid, workspace.factors
    received, before, reached, members = workspace.received, workspace.before, workspace.nodes, workspace.members
    for s in range(nodes):
        node, begin, end = reached[s]["node"], reached[s]["begin"], reached[s]["end"]
        for p in range(execution.layers[node] if carrying[node] and not cross_layer[node] else 0):
            r, place = reached[s]["row"] + p, first_terms[node] + p
            if terms_range[place, 0] < terms_range[place, 1]:
                _remember(loss, carry, r, received, before)
                apply_terms(terms, (terms_range[place, 0], terms_range[place, 1], r), loss, carry, paid)
                if end - begin == 1:
                    _put_carrying_row(paid, r, loss, carry, members[begin] * stride + p)
                elif scatters:
                    allocation_factors(received, paid, before, carry, r, factors, execution.shares_as_reference)
                    for m in range(begin, end):
                        allocate_carrying(factors, loss, carry, members[m] * stride + p)
                _put_row(paid, loss, r)


@inlined
def apply_terms(terms: Terms, at: tuple[int, int, int], loss: Float32, carry: Float32, paid: Float32) -> None:
    """Write to ``paid`` [c] what records pay of a row, and bring its carry-over up to date; ``at``: from, to, row."""
    begin, end, r = at
    for t in range(begin, end):
        if terms[t]["deduction"] == NO_DEDUCTION:
            pay_record(terms, t, loss, r, carry, paid)
        else:
            pay_carrying(terms, t, loss, r, carry, paid)


@inlined
def _remember(loss: Float32, carry: Float32, r: int, received: Float32, before: Float32) -> None:
    """Keep row ``r``'s loss and carry-over as they are before its terms."""
    for c in range(received.shape[0]):
        received[c] = loss[r, c]
    for k in range(3):
        for c in range(received.shape[0]):
            before[k, c] = carry[k, r, c]


@inlined
def _put_carrying_row(paid: Float32, r: int, loss: Float32, carry: Float32, q: int) -> None:
    """Give the only leaf, row ``q``, what its node has, row ``r``."""
    _put_row(paid, loss, q)
    for k in range(3):
        for c in range(paid.shape[0]):
            carry[k, q, c] = carry[k, r, c]


@kernel
def pay_across_layers(execution: Execution, workspace: Workspace, nodes: int, stride: int) -> None:
    """Apply the terms of the nodes that work on the sum of their layers; share the result among layers, then leaves."""
    for s in range(nodes):
        node = workspace.nodes[s]["node"]
        place = execution.first_terms[node]
        if execution.cross_layer[node] and execution.terms_range[place, 0] < execution.terms_range[place, 1]:
            if execution.carrying[node]:
                _pay_merged_carrying(execution, workspace, s, stride)
            else:
                _pay_merged(execution, workspace, s, stride)


@kernel
def _pay_merged(execution: Execution, workspace: Workspace, s: int, stride: int) -> None:
    loss, paid, factors = workspace.loss, workspace.paid, workspace.factors
    row, begin, end = workspace.nodes[s]["row"], workspace.nodes[s]["begin"], workspace.nodes[s]["end"]
    node = workspace.nodes[s]["node"]
    layers, place = execution.layers[node], execution.first_terms[node]
    merged = loss.shape[0] - 1
    _merge_layers(loss, row, layers)
    for t in range(execution.terms_range[place, 0], execution.terms_range[place, 1]):
        pay_record(execution.terms, t, loss, merged, workspace.carry, paid)
    _loss_factors(loss, merged, paid, factors)
    for p in range(layers):
        for c in range(paid.shape[0]):
            loss[row + p, c] *= factors[LOSS_FACTOR, c]
        if execution.scatters or end - begin == 1:
            _scale_leaves(loss, factors, workspace.members, (begin, end, p, stride))


@kernel
def _pay_merged_carrying(execution: Execution, workspace: Workspace, s: int, stride: int) -> None:
    loss, carry, paid, factors = workspace.loss, workspace.carry, workspace.paid, workspace.factors
    row, begin, end = workspace.nodes[s]["row"], workspace.nodes[s]["begin"], workspace.nodes[s]["end"]
    node = workspace.nodes[s]["node"]
    layers, place = execution.layers[node], execution.first_terms[node]
    merged, shares = loss.shape[0] - 1, workspace.layer_factors
    _merge_layers(loss, row, layers)
    for k in range(3):
        _merge_layers(carry[k], row, layers)
    _remember(loss, carry, merged, workspace.received, workspace.before)
    terms_range = execution.terms_range
    apply_terms(execution.terms, (terms_range[place, 0], terms_range[place, 1], merged), loss, carry, paid)
    as_reference = execution.shares_as_reference
    allocation_factors(workspace.received, paid, workspace.before, carry, merged, shares, as_reference)
    for p in range(layers):
        _remember(loss, carry, row + p, workspace.received, workspace.before)
        allocate_carrying(shares, loss, carry, row + p)
        for c in range(paid.shape[0]):
            paid[c] = loss[row + p, c]
        if end - begin == 1:
            _put_carrying_row(paid, row + p, loss, carry, workspace.members[begin] * stride + p)
        elif execution.scatters:
            allocation_factors(workspace.received, paid, workspace.before, carry, row + p, factors, as_reference)
            for m in range(begin, end):
                allocate_carrying(factors, loss, carry, workspace.members[m] * stride + p)


@inlined
def _merge_layers(rows: Float32, first: int, layers: int) -> None:
    """Write to the last row the sum of ``layers`` rows."""
    merged = rows.shape[0] - 1
    for c in range(rows.shape[1]):
        rows[merged, c] = ZERO
    for r in range(first, first + layers):
        for c in range(rows.shape[1]):
            rows[merged, c] += rows[r, c]
