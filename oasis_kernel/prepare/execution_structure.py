"""Who lies in whom: the nodes, trees and layers of a programme, as arrays over its leaves."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from oasis_kernel.errors import Finding, InvalidInput
from oasis_kernel.model.exposure import Int32, Int64
from oasis_kernel.model.terms import Programme

Bool = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Nodes:
    """The nodes of a programme, numbered level by level. Leaves are not nodes."""

    first: Int64  # [level + 1] number of the level's first node; level 0 is the programme's level 1
    of_leaf: Int64  # [level, leaf] the node that holds the leaf
    restarts: Bool  # [level, leaf] that node adds up the leaf itself, not its node of the level below

    @property
    def count(self) -> int:
        """The number of nodes."""
        return int(self.first[-1])

    @property
    def levels(self) -> int:
        """The number of levels."""
        return len(self.of_leaf)


@dataclass(frozen=True)
class Policies:
    """The layers of terms of each node: rows ``start[n]:start[n + 1]``, by layer id."""

    start: Int64  # [node + 1]
    layer_id: Int32  # [row]
    profile_id: Int32  # [row]

    @property
    def count(self) -> Int64:
        """The number of layers of terms of each node; [node]."""
        return np.diff(self.start)


@dataclass(frozen=True)
class Trees:
    """Leaves that share terms, directly or not. k is a leaf's place in tree order."""

    place: Int64  # [leaf] -> k
    leaf: Int64  # [k]
    of_leaf: Int64  # [leaf] its tree
    start: Int64  # [tree + 1] -> k
    visit: Int64  # [level, k] places in the order that puts the leaves of one node side by side
    shuffled: Bool  # [level, tree] that order is not the tree order


def find_nodes(programme: Programme, leaves: int) -> Nodes:
    """The node of each leaf at each level.

    Raises InvalidInput when a leaf has no node, or two, at some level.
    """
    levels = int(programme.level_id.max())
    sizes = [int(programme.to_agg_id[programme.level_id == level].max(initial=0)) for level in range(1, levels + 1)]
    first = np.concatenate([[0], np.cumsum(sizes)]).astype("i8")
    of_leaf = np.full((levels, leaves), -1, "i8")
    restarts = np.zeros((levels, leaves), np.bool_)
    for level in range(levels):
        rows = programme.level_id == level + 1
        child, node = programme.from_agg_id[rows].astype("i8"), programme.to_agg_id[rows] - 1 + first[level]
        if level == 0:
            child = -np.abs(child)
        else:
            parent = np.full(first[level] - first[level - 1], -1, "i8")
            parent[child[child > 0] - 1] = node[child > 0]
            of_leaf[level] = parent[of_leaf[level - 1] - first[level - 1]]
        again = -child[child < 0] - 1
        _refuse(of_leaf[level, again] >= 0, again, level, "must lie in one node")
        of_leaf[level, again] = node[child < 0]
        restarts[level, again] = True
        _refuse(of_leaf[level] < 0, np.arange(leaves), level, "must lie in a node")
    return Nodes(first, of_leaf, restarts)


def _refuse(wrong: Bool, leaf: Int64, level: int, message: str) -> None:
    if wrong.any():
        raise InvalidInput(
            Finding(
                file="fm_programme",
                field="from_agg_id",
                message=f"{message} at level {level + 1}",
                value=f"item {int(leaf[wrong][0]) + 1}",
                remedy="Link every item, once, at every level: through its node of the level below, or as -item",
            )
        )


def find_policies(programme: Programme, nodes: Nodes) -> Policies:
    """The layers of terms of each node, by layer id."""
    node = nodes.first[programme.policy_level_id - 1] + programme.policy_agg_id - 1
    order = np.lexsort((programme.policy_layer_id, node))
    start = np.searchsorted(node[order], np.arange(nodes.count + 1))
    return Policies(start, programme.policy_layer_id[order], programme.policy_profile_id[order])


def find_trees(nodes: Nodes) -> Trees:
    """The trees of a programme, and the order in which their leaves are visited."""
    label = _components(nodes)
    _, of_leaf = np.unique(label, return_inverse=True)
    leaf = np.lexsort((*nodes.of_leaf, of_leaf))
    place = np.empty_like(leaf)
    place[leaf] = np.arange(len(leaf))
    start = np.searchsorted(of_leaf[leaf], np.arange(of_leaf.max(initial=-1) + 2))
    visit = np.empty_like(nodes.of_leaf)
    order = np.arange(len(leaf))
    for level, of_level in enumerate(nodes.of_leaf):
        order = _side_by_side(order, of_level[leaf], of_leaf[leaf])
        visit[level] = order
    moved = visit != np.arange(len(leaf))
    shuffled = np.add.reduceat(moved, start[:-1], axis=1) > 0 if len(leaf) else np.zeros((nodes.levels, 0), np.bool_)
    return Trees(place, leaf, of_leaf, start, visit, shuffled)


def _components(nodes: Nodes) -> Int64:
    """A number for each leaf, equal for leaves that share a node at any level."""
    label = nodes.of_leaf[-1].copy()
    while nodes.restarts[1:].any():
        before = label.copy()
        for of_level in nodes.of_leaf:
            smallest = np.full(nodes.count, nodes.count, "i8")
            np.minimum.at(smallest, of_level, label)
            label = smallest[of_level]
        if np.array_equal(label, before):
            break
    return label


def _side_by_side(order: Int64, node: Int64, tree: Int64) -> Int64:
    """``order`` changed as little as puts the places of one node side by side."""
    met, first, of_place = np.unique(node[order], return_index=True, return_inverse=True)
    del met
    return order[np.lexsort((first[of_place], tree[order]))]


def find_carrying(nodes: Nodes, needs_carry: Bool) -> Bool:
    """Which nodes carry deductibles: those whose terms need it, and all below them; bool [node]."""
    carrying = needs_carry.copy()
    of_leaf = np.zeros(nodes.of_leaf.shape[1], np.bool_)
    for of_level in nodes.of_leaf[::-1]:
        np.logical_or.at(carrying, of_level, of_leaf)
        of_leaf = carrying[of_level]
    return carrying
