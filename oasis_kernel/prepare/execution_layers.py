"""Layers of a programme: how many each node works on, which nodes work on their sum, which layers are written."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from oasis_kernel.model.exposure import Int64
from oasis_kernel.model.terms import Programme
from oasis_kernel.prepare.execution_structure import Nodes, Policies


@dataclass(frozen=True)
class Layers:
    """The layers of a programme's nodes and of its leaves' outputs."""

    count: Int64  # [node] layers the node works on
    cross: npt.NDArray[np.bool_]  # [node] its terms apply to the sum of its layers
    source: Int64  # [leaf] the node whose layers are the layers of the leaf's outputs


def find_layers(programme: Programme, nodes: Nodes, policies: Policies, compatible: bool) -> Layers:
    """The layers of a programme.

    Layers begin at some level and stay; a node with fewer, at the levels that the programme names (or at the top if it
    names none), has its terms on the sum of the layers below. The reference follows layers edge by edge, which is the
    same except for two shapes of programme, where it is wrong: several nodes below a top node with fewer layers (all
    but the first lose their outputs of layers 2 and on), and a restart from items above nodes without layers (their
    terms apply to a multiple of the loss). ``compatible`` keeps that, but not for a programme that names its levels
    across layers: the reference has no such levels.
    """
    unusual = nodes.restarts[1:].any() or _has_fewer_above(nodes, policies)
    if compatible and unusual and policies.count.max(initial=1) > 1 and not programme.cross_layer_levels:
        return _layers_edge_by_edge(programme, nodes, policies)
    count = np.maximum(policies.count, 1)
    of_leaf = np.ones(nodes.of_leaf.shape[1], "i8")
    for of_level in nodes.of_leaf:
        np.maximum.at(count, of_level, of_leaf)
        of_leaf = count[of_level]
    level = np.searchsorted(nodes.first, np.arange(nodes.count), "right")  # 1-based, as in the programme
    across = np.isin(level, programme.cross_layer_levels or (nodes.levels,))
    return Layers(count, across & (count > np.maximum(policies.count, 1)), _sources(nodes, policies))


def _has_fewer_above(nodes: Nodes, policies: Policies) -> bool:
    own = policies.count[nodes.of_leaf]
    return bool((own[1:] < own[:-1]).any())


def _sources(nodes: Nodes, policies: Policies) -> Int64:
    """From the top, the last node of each leaf that has more layers than those above it."""
    source = nodes.of_leaf[-1].copy()
    for of_level in nodes.of_leaf[-2::-1]:
        more = policies.count[of_level] > policies.count[source]
        source = np.where(more, of_level, source)
    return source


def _layers_edge_by_edge(programme: Programme, nodes: Nodes, policies: Policies) -> Layers:
    """The layers as the reference finds them: from the top, along the rows of the programme.

    A child takes its parent's layers unless it has more; then the root above becomes a node across layers, and the
    parent takes the child's number. Leaves are numbered after the nodes.
    """
    child, parent = _edges(programme, nodes)
    root = np.arange(nodes.count)
    for below, above in zip(child.tolist(), parent.tolist(), strict=True):  # levels descend: roots are known above
        if below < nodes.count:
            root[below] = root[above]
    layers = [*policies.count.tolist(), *[0] * nodes.of_leaf.shape[1]]
    source = list(range(len(layers)))
    cross = np.zeros(nodes.count, np.bool_)
    for below, above in zip(child.tolist(), parent.tolist(), strict=True):
        if layers[below] <= layers[above]:
            layers[below], source[below] = layers[above], source[above]
        else:
            top = int(root[above])
            cross[top] |= layers[top] < layers[below]
            layers[above] = layers[below]
    cross &= policies.count > 0
    count = np.where(cross, layers[: nodes.count], np.maximum(policies.count, 1))
    first = np.array(source[nodes.count :])
    return Layers(count, cross, np.where(first < nodes.count, first, nodes.of_leaf[0]))


def _edges(programme: Programme, nodes: Nodes) -> tuple[Int64, Int64]:
    """(child, parent) of the programme's rows, levels from the top, rows as given.

    A programme whose first level has one item in each node, of the same number, has those nodes for leaves.
    """
    level = programme.level_id.astype("i8") - 1
    given, parent = programme.from_agg_id.astype("i8"), programme.to_agg_id - 1 + nodes.first[level]
    same = bool((programme.from_agg_id == programme.to_agg_id)[level == 0].all())
    leaf = np.abs(given) - 1 + (0 if same else nodes.count)
    child = np.where((given < 0) | (level == 0), leaf, given - 1 + nodes.first[np.maximum(level - 1, 0)])
    order = np.argsort(-level, kind="stable")
    if same:
        order = order[level[order] > 0]
        leaf_rows = np.arange(nodes.of_leaf.shape[1])
        child = np.concatenate([child[order], leaf_rows + nodes.count])
        return child, np.concatenate([parent[order], nodes.of_leaf[0]])
    return child[order], parent[order]
