"""One level of a programme: nodes add up what lies below."""

import numpy as np

from oasis_kernel._jit import inlined, kernel
from oasis_kernel.kernels.programme_run_arrays import Bool, Execution, Float32, Float64, Records, Workspace

ZERO = np.float32(0)


# i = leaf, m = member, s = node of the level, p = layer, r = row, c = column, t = record of terms
@kernel
def begin_layers(execution: Execution, workspace: Workspace, nodes: int, stride: int) -> None:
    """Give leaves the layers that begin at this level, as copies of their first."""
    loss, carry, leaves = workspace.loss, workspace.carry, workspace.leaves
    for s in range(nodes):
        node = workspace.nodes[s]
        layers, carrying = execution.layers[node["node"]], execution.carrying[node["node"]]
        for number in range(node["first_child"], node["last_child"]):
            child = workspace.children[number]
            forget = execution.new_layers_forget and child["end"] - child["begin"] > 1
            for m in range(child["begin"], child["end"] if layers > child["layers"] else child["begin"]):
                i = workspace.members[m]
                leaves[i]["layers"] = max(leaves[i]["layers"], layers)
                for p in range(child["layers"], layers):
                    _copy_row(loss, i * stride, i * stride + p)
                    if carrying:
                        _copy_carry(carry, i * stride, i * stride + p, forget)


@inlined
def _copy_row(loss: Float32, source: int, target: int) -> None:
    for c in range(loss.shape[1]):
        loss[target, c] = loss[source, c]


@inlined
def _copy_carry(carry: Float32, source: int, target: int, forget: bool) -> None:
    for k in range(3):
        for c in range(carry.shape[2]):
            carry[k, target, c] = ZERO if forget else carry[k, source, c]


@kernel
def add_up(loss: Float32, total: Float64, nodes: Records, children: Records) -> None:
    """Write each node's layers: the sums of its children's; a child without a layer counts with its first."""
    for s in range(nodes.shape[0]):
        first, last = nodes[s]["first_child"], nodes[s]["last_child"]
        for p in range(nodes[s]["layers"]):
            r = nodes[s]["row"] + p
            if last - first == 1:
                _copy_row(loss, _row_of(children, first, p), r)
                continue
            total[:] = 0.0
            for child in range(first, last):
                source = _row_of(children, child, p)
                for c in range(total.shape[0]):
                    total[c] += loss[source, c]
            for c in range(total.shape[0]):
                loss[r, c] = total[c]


@inlined
def _row_of(children: Records, child: int, p: int) -> int:
    return children[child]["row"] + (p if p < children[child]["layers"] else 0)


@kernel
def add_up_carry(carry: Float32, carrying: Bool, nodes: Records, children: Records) -> None:
    """Write the carry-over of the nodes that carry: the sums of their children's."""
    for s in range(nodes.shape[0]):
        if not carrying[nodes[s]["node"]]:
            continue
        for p in range(nodes[s]["layers"]):
            r = nodes[s]["row"] + p
            for k in range(3):
                for c in range(carry.shape[2]):
                    carry[k, r, c] = ZERO
                for child in range(nodes[s]["first_child"], nodes[s]["last_child"]):
                    source = _row_of(children, child, p)
                    for c in range(carry.shape[2]):
                        carry[k, r, c] += carry[k, source, c]
