"""One node of a programme: add up what lies below, apply terms, allocate back to the leaves."""

import numpy as np

from oasis_kernel._jit import inlined
from oasis_kernel.kernels.calc_rules import pay, pay_step
from oasis_kernel.kernels.carry_over import (
    LOSS_FACTOR,
    allocate_carrying,
    allocation_factors,
    pay_carrying,
)
from oasis_kernel.kernels.programme_run_arrays import Execution, Float32, Visit, Workspace
from oasis_kernel.kernels.terms import Deduction, Payment, Terms

FIRST_STEP = int(Payment.STEP_AMOUNT)
NO_DEDUCTION = int(Deduction.NONE)
ZERO = np.float32(0)


# i = present leaf, m = member, p = layer, r = row, c = column, t = record of terms, v = the node's Visit
@inlined
def run_node(execution: Execution, workspace: Workspace, v: Visit) -> int:
    """The number of rows the node takes; fills them and brings its leaves up to date."""
    children = _find_children(execution, workspace, v)
    carrying = execution.carrying[v.node]
    rows = v.layers if children > 1 else max(v.layers, workspace.child_layers[0])
    for p in range(rows):
        _add_up(workspace, v.row + p, p, children)
        if carrying:
            _add_up_carry(workspace, v.row + p, p, children)
    first = execution.first_terms[v.node]
    if execution.cross_layer[v.node]:
        _pay_across_layers(execution, workspace, v, first)
    else:
        for p in range(v.layers):
            begin, end = execution.terms_range[first + p, 0], execution.terms_range[first + p, 1]
            if begin < end:
                _pay_layer(execution, workspace, v, p, begin, end)
    for m in range(v.begin, v.end):
        i = workspace.members[m]
        workspace.node_row[i] = v.row
        workspace.node_layers[i] = rows
    return rows


@inlined
def _find_children(execution: Execution, workspace: Workspace, v: Visit) -> int:
    """The number of children: lists their rows, and gives their leaves the layers that begin at this node."""
    count, m = 0, v.begin
    while m < v.end:
        i = workspace.members[m]
        end = m + 1
        if v.level == 0 or execution.restarts[v.level, workspace.place[i]]:
            row, layers = i * v.stride, workspace.leaf_layers[i]
        else:
            row, layers = workspace.node_row[i], workspace.node_layers[i]
            while end < v.end and workspace.node_row[workspace.members[end]] == row:
                end += 1
        workspace.child_row[count] = row
        workspace.child_layers[count] = layers
        if v.layers > layers:
            forget = execution.new_layers_forget and end - m > 1
            for other in range(m, end):
                _begin_layers(workspace, v, workspace.members[other], layers, execution.carrying[v.node], forget)
        count += 1
        m = end
    return count


@inlined
def _begin_layers(workspace: Workspace, v: Visit, i: int, first: int, carrying: bool, forget: bool) -> None:
    """Copy leaf ``i``'s first layer to the node's layers ``first`` and on."""
    loss, carry, source = workspace.loss, workspace.carry, i * v.stride
    for p in range(first, v.layers):
        for c in range(loss.shape[1]):
            loss[source + p, c] = loss[source, c]
        if carrying:
            for k in range(3):
                for c in range(loss.shape[1]):
                    carry[k, source + p, c] = ZERO if forget else carry[k, source, c]
    workspace.leaf_layers[i] = max(workspace.leaf_layers[i], v.layers)


@inlined
def _add_up(workspace: Workspace, r: int, p: int, children: int) -> None:
    """Write to row ``r`` the sum of the children's layer ``p``; a child without that layer counts with its first."""
    loss, total = workspace.loss, workspace.total
    if children == 1:
        source = _layer_row(workspace, 0, p)
        for c in range(loss.shape[1]):
            loss[r, c] = loss[source, c]
        return
    total[:] = 0.0
    for child in range(children):
        source = _layer_row(workspace, child, p)
        for c in range(total.shape[0]):
            total[c] += loss[source, c]
    for c in range(total.shape[0]):
        loss[r, c] = total[c]


@inlined
def _layer_row(workspace: Workspace, child: int, p: int) -> int:
    return workspace.child_row[child] + (p if p < workspace.child_layers[child] else 0)


@inlined
def _add_up_carry(workspace: Workspace, r: int, p: int, children: int) -> None:
    carry = workspace.carry
    for k in range(3):
        for c in range(carry.shape[2]):
            carry[k, r, c] = ZERO
        for child in range(children):
            source = _layer_row(workspace, child, p)
            for c in range(carry.shape[2]):
                carry[k, r, c] += carry[k, source, c]


@inlined
def _pay_layer(execution: Execution, workspace: Workspace, v: Visit, p: int, begin: int, end: int) -> None:
    """Apply records of terms ``begin:end`` to the node's layer ``p`` and allocate the result."""
    r = v.row + p
    if execution.carrying[v.node]:
        _remember(workspace, r)
        _apply(execution.terms, begin, end, workspace.loss, r, workspace.carry, workspace.paid)
        _share_out_carrying(execution, workspace, v, p)
        return
    for t in range(begin, end):
        if execution.terms[t].payment < FIRST_STEP:
            pay(execution.terms, t, workspace.loss, r, workspace.paid)
        else:
            pay_step(execution.terms, t, workspace.loss, r, workspace.carry, workspace.paid)
    _share_out(execution, workspace, v, p)


@inlined
def _apply(terms: Terms, begin: int, end: int, loss: Float32, r: int, carry: Float32, paid: Float32) -> None:
    """Write to ``paid`` what records ``begin:end`` pay of ``loss[r]``, and bring ``carry[:, r]`` up to date."""
    for t in range(begin, end):
        if terms[t].payment >= FIRST_STEP:
            pay_step(terms, t, loss, r, carry, paid)
        elif terms[t].deduction == NO_DEDUCTION:
            pay(terms, t, loss, r, paid)
        else:
            pay_carrying(terms, t, loss, r, carry, paid)


@inlined
def _remember(workspace: Workspace, r: int) -> None:
    """Keep row ``r``'s loss and carry-over as they are before its terms."""
    for c in range(workspace.received.shape[0]):
        workspace.received[c] = workspace.loss[r, c]
        for k in range(3):
            workspace.before[k, c] = workspace.carry[k, r, c]


@inlined
def _share_out(execution: Execution, workspace: Workspace, v: Visit, p: int) -> None:
    """Allocate what layer ``p`` pays to the node's leaves, in proportion to their losses."""
    loss, paid, factors = workspace.loss, workspace.paid, workspace.factors
    r = v.row + p
    if v.end - v.begin == 1:
        _copy(paid, loss, workspace.members[v.begin] * v.stride + p)
    elif execution.scatters:
        for c in range(paid.shape[0]):
            factors[LOSS_FACTOR, c] = paid[c] / loss[r, c] if paid[c] != ZERO else ZERO
        for m in range(v.begin, v.end):
            q = workspace.members[m] * v.stride + p
            for c in range(paid.shape[0]):
                loss[q, c] *= factors[LOSS_FACTOR, c]
    _copy(paid, loss, r)


@inlined
def _copy(source: Float32, loss: Float32, r: int) -> None:
    for c in range(source.shape[0]):
        loss[r, c] = source[c]


@inlined
def _share_out_carrying(execution: Execution, workspace: Workspace, v: Visit, p: int) -> None:
    """As ``_share_out``, with what was deducted and what is over and under limits."""
    loss, carry, r = workspace.loss, workspace.carry, v.row + p
    if v.end - v.begin == 1:
        q = workspace.members[v.begin] * v.stride + p
        _copy(workspace.paid, loss, q)
        for k in range(3):
            for c in range(loss.shape[1]):
                carry[k, q, c] = carry[k, r, c]
    elif execution.scatters:
        allocation_factors(workspace.received, workspace.paid, workspace.before, carry, r, workspace.factors)
        for m in range(v.begin, v.end):
            allocate_carrying(workspace.factors, loss, carry, workspace.members[m] * v.stride + p)
    _copy(workspace.paid, loss, r)


@inlined
def _pay_across_layers(execution: Execution, workspace: Workspace, v: Visit, first: int) -> None:
    """Apply the node's terms to the sum of its layers, and share the result among layers, then leaves."""
    begin, end = execution.terms_range[first, 0], execution.terms_range[first, 1]
    if begin == end:
        return
    carrying = execution.carrying[v.node]
    _merge_layers(workspace, v, carrying)
    merged, merged_carry = workspace.merged, workspace.merged_carry
    _apply(execution.terms, begin, end, merged, 0, merged_carry, workspace.paid)
    shares = workspace.layer_factors
    allocation_factors(workspace.received, workspace.paid, workspace.before, merged_carry, 0, shares)
    for p in range(v.layers):
        r = v.row + p
        if carrying:
            _remember(workspace, r)
            allocate_carrying(shares, workspace.loss, workspace.carry, r)
            for c in range(workspace.paid.shape[0]):
                workspace.paid[c] = workspace.loss[r, c]
            _share_out_carrying(execution, workspace, v, p)
        else:
            for c in range(workspace.paid.shape[0]):
                workspace.paid[c] = workspace.loss[r, c] * shares[LOSS_FACTOR, c]
            _share_out(execution, workspace, v, p)


@inlined
def _merge_layers(workspace: Workspace, v: Visit, carrying: bool) -> None:
    """Write the sum of the node's layers to ``merged`` and ``merged_carry``, and remember it."""
    merged, merged_carry = workspace.merged, workspace.merged_carry
    merged[:] = ZERO
    merged_carry[:] = ZERO
    for p in range(v.layers):
        for c in range(merged.shape[1]):
            merged[0, c] += workspace.loss[v.row + p, c]
            if carrying:
                for k in range(3):
                    merged_carry[k, 0, c] += workspace.carry[k, v.row + p, c]
    for c in range(merged.shape[1]):
        workspace.received[c] = merged[0, c]
        for k in range(3):
            workspace.before[k, c] = merged_carry[k, 0, c]
