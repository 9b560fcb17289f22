"""Programmes prepared for running: what is refused, and how nodes, trees and layers are found."""

import numpy as np
import pytest

from oasis_kernel.errors import InvalidInput
from oasis_kernel.model.terms import PROFILE_DTYPE, Leaves, Programme
from oasis_kernel.prepare.execution import build_execution


def programme(
    edges: list[tuple[int, int, int]], policies: list[tuple[int, int, int, int]], profiles: list[dict[str, float]]
) -> Programme:
    """A programme of rows as in the files; every item and layer of the policies has an output."""
    table = np.zeros(len(profiles), PROFILE_DTYPE)
    for number, profile in enumerate(profiles):
        for name, value in profile.items():
            table[number][name] = value
    items = max(abs(child) for child, level, _ in edges if level == 1)
    layers = max(layer for _, _, layer, _ in policies)
    outputs = np.array([(item, layer) for item in range(1, items + 1) for layer in range(1, layers + 1)], "i4")
    number = np.arange(1, len(outputs) + 1, dtype="i4")
    return Programme(*np.array(edges, "i4").T, *np.array(policies, "i4").T, table, number, *outputs.T)


def items(count: int, value: float = 100.0) -> Leaves:
    return Leaves(np.arange(1, count + 1, dtype="i4"), np.full(count, value, "f4"))


PASS = {"profile_id": 1, "calcrule_id": 100}


def test_a_rule_that_the_standard_does_not_define_is_refused() -> None:
    made = programme([(1, 1, 1)], [(1, 1, 1, 1)], [{"profile_id": 1, "calcrule_id": 99}])
    with pytest.raises(InvalidInput) as refused:
        build_execution(made, items(1))
    assert str(refused.value) == (
        "fm_profile: calcrule_id must be a rule of the Oasis standard in profile 1, got 99. "
        "Use a rule of the standard's list of calculation rules"
    )


def test_an_item_without_a_path_is_refused() -> None:
    made = programme([(1, 1, 1), (2, 1, 2), (1, 2, 1)], [(1, 1, 1, 1), (1, 2, 1, 1), (2, 1, 1, 1)], [PASS])
    with pytest.raises(InvalidInput, match="must lie in a node at level 2, got 'item 2'"):
        build_execution(made, items(2))


def test_an_item_in_two_nodes_of_a_level_is_refused() -> None:
    edges = [(1, 1, 1), (1, 2, 1), (-1, 2, 2)]
    made = programme(edges, [(1, 1, 1, 1), (2, 1, 1, 1), (2, 2, 1, 1)], [PASS])
    with pytest.raises(InvalidInput, match="must lie in one node at level 2, got 'item 1'"):
        build_execution(made, items(1))


def test_a_policy_without_its_profile_is_refused() -> None:
    made = programme([(1, 1, 1)], [(1, 1, 1, 5)], [PASS])
    with pytest.raises(InvalidInput, match="profile_id must be a profile of fm_profile, got 5"):
        build_execution(made, items(1))


def test_a_profile_that_needs_the_insured_value_is_prepared_for_each_node() -> None:
    """Items 1 and 2 share a coverage, which counts once."""
    profile = {"profile_id": 1, "calcrule_id": 4, "deductible1": 0.1, "limit1": 50}
    made = programme([(1, 1, 1), (2, 1, 1), (3, 1, 2)], [(1, 1, 1, 1), (1, 2, 1, 1)], [profile])
    leaves = Leaves(np.array([1, 1, 2], "i4"), np.array([1000, 70], "f4"))
    execution = build_execution(made, leaves)
    of_node = execution.terms_range[execution.first_terms, 0]
    assert execution.terms["deductible"][of_node].tolist() == [100, 7]
    assert execution.terms["rule"][of_node].tolist() == [1, 1]


@pytest.mark.parametrize(
    "profile",
    [
        {"calcrule_id": 100},
        {"calcrule_id": 12},
        {"calcrule_id": 16},
        {"calcrule_id": 15, "limit1": 1},
        {"calcrule_id": 34, "share1": 1},
    ],
)
def test_terms_without_effect_are_skipped(profile: dict[str, float]) -> None:
    made = programme([(1, 1, 1)], [(1, 1, 1, 1)], [{"profile_id": 1, **profile}])
    execution = build_execution(made, items(1))
    assert execution.terms_range[:, 0].tolist() == execution.terms_range[:, 1].tolist()


def test_accounts_are_trees() -> None:
    edges = [(1, 1, 1), (2, 1, 2), (3, 1, 1), (1, 2, 1), (2, 2, 2)]
    policies = [(1, 1, 1, 1), (1, 2, 1, 1), (2, 1, 1, 1), (2, 2, 1, 1)]
    execution = build_execution(programme(edges, policies, [PASS]), items(3))
    assert execution.tree.tolist() == [0, 1, 0]
    assert execution.tree_start.tolist() == [0, 2, 3]
    assert execution.place.tolist() == [0, 2, 1]
    assert not execution.shuffled.any()


def test_items_that_meet_after_a_restart_are_one_tree() -> None:
    """Items 1, 2 together, then items 2, 3: one tree, whose second level visits item 1, then 2 and 3."""
    edges = [(1, 1, 1), (2, 1, 1), (3, 1, 2), (-1, 2, 1), (-2, 2, 2), (-3, 2, 2)]
    policies = [(1, 1, 1, 1), (1, 2, 1, 1), (2, 1, 1, 1), (2, 2, 1, 1)]
    execution = build_execution(programme(edges, policies, [PASS]), items(3))
    assert execution.tree.tolist() == [0, 0, 0]
    assert execution.restarts.tolist() == [[True] * 3, [True] * 3]


def test_deductibles_are_carried_only_below_terms_that_look_at_them() -> None:
    edges = [(1, 1, 1), (2, 1, 2), (1, 2, 1), (2, 2, 2), (1, 3, 1), (2, 3, 2)]
    policies = [(level, node, 1, 2 if (level, node) == (2, 1) else 1) for level in (1, 2, 3) for node in (1, 2)]
    bounded = {"profile_id": 2, "calcrule_id": 10, "deductible3": 10}
    execution = build_execution(programme(edges, policies, [PASS, bounded]), items(2))
    assert execution.carrying.tolist() == [True, False, True, False, False, False]


def test_allocation_rule_0_writes_top_nodes() -> None:
    made = programme([(1, 1, 1), (2, 1, 1), (1, 2, 1)], [(1, 1, 1, 1), (2, 1, 1, 1)], [PASS])
    execution = build_execution(made, items(2), allocation_rule=0)
    assert execution.output_start.tolist() == [0, 0, 1]
    assert execution.allocation == 0
