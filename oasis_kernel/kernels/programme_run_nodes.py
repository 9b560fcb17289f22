"""Which nodes of a level the losses of a batch reach, and what each of them adds up."""

from oasis_kernel._jit import kernel
from oasis_kernel.kernels.programme_run_arrays import Execution, Workspace


# j = tree the event touches, i = leaf, k = its place in tree order, m = member, s = node of the level
@kernel
def order_members(execution: Execution, workspace: Workspace, first: int, last: int, level: int) -> None:
    """Put the leaves of each of the level's nodes side by side, tree by tree."""
    members, local = workspace.members, workspace.local
    count = 0
    for j in range(first, last):
        tree = workspace.trees[j]
        shuffled = execution.shuffled[level, tree]
        for k in range(execution.tree_start[tree], execution.tree_start[tree + 1]):
            i = local[execution.visit[level, k] if shuffled else k]
            if i >= 0:
                members[count] = i
                count += 1


@kernel
def list_nodes(execution: Execution, workspace: Workspace, level: int, batch: tuple[int, int, int]) -> tuple[int, int]:
    """(number of nodes, next free row) of a level; ``batch`` is (leaves, rows of a leaf, first free row)."""
    of_place, layers, restarts = execution.node[level], execution.layers, execution.restarts[level]
    leaves, members, nodes, children = workspace.leaves, workspace.members, workspace.nodes, workspace.children
    count, stride, row = batch
    s, child, begin = 0, 0, 0
    while begin < count:
        node = of_place[leaves[members[begin]]["place"]]
        end = begin + 1
        while end < count and of_place[leaves[members[end]]["place"]] == node:
            end += 1
        last, m = child, begin
        while m < end:
            i = members[m]
            children[last]["begin"] = m
            m += 1
            if level == 0 or restarts[leaves[i]["place"]]:
                children[last]["row"], children[last]["layers"] = i * stride, leaves[i]["layers"]
            else:
                below = leaves[i]["node_row"]
                children[last]["row"], children[last]["layers"] = below, leaves[i]["node_layers"]
                while m < end and leaves[members[m]]["node_row"] == below:
                    m += 1
            children[last]["end"] = m
            last += 1
        rows = layers[node] if last - child > 1 else max(layers[node], children[child]["layers"])
        nodes[s]["node"], nodes[s]["row"], nodes[s]["layers"] = node, row, rows
        nodes[s]["begin"], nodes[s]["end"] = begin, end
        nodes[s]["first_child"], nodes[s]["last_child"] = child, last
        for m in range(begin, end):
            leaves[members[m]]["node_row"], leaves[members[m]]["node_layers"] = row, rows
        row += rows
        s, child, begin = s + 1, last, end
    return s, row
