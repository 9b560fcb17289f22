"""Which outputs of a programme documented defects of the reference may change (docs/reference/differences.md)."""

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np
from parity.fm_cases import perils_of
from random_insurance import Files, Record

from oasis_kernel.model.terms import Programme

#: Calculation rules with a minimum or maximum deductible, and with steps that pay an amount (they carry it too).
BOUNDED = frozenset({7, 8, 10, 11, 13, 19, 26, 35, 36})
#: Rules that the reference runs without the insured value that they need.
WITHOUT_VALUE = frozenset({21, 38})
SHARED = 100  # rules of the account level: 100 more


@dataclass(frozen=True)
class Node:
    """One node on the way of an item: how many items share it, the layers it names, their rules."""

    level: int
    agg_id: int
    items: int
    layers: int
    rules: frozenset[int]
    restarts: bool

    @property
    def is_bounded(self) -> bool:
        """Whether it has a minimum or maximum deductible."""
        return bool({rule - SHARED if rule > SHARED else rule for rule in self.rules} & BOUNDED)


def ways(programme: Programme) -> dict[int, list[Node]]:
    """The nodes that each item passes, from the first level up; by 0-based item."""
    rules, layers = _rules(programme), _layer_counts(programme)
    members, anew = _members(programme)
    found: dict[int, list[Node]] = defaultdict(list)
    for (level, agg_id), items in sorted(members.items()):
        key = (level, agg_id)
        node = Node(level, agg_id, len(items), max(layers.get(key, 0), 1), frozenset(rules.get(key, ())), anew[key])
        for item in items:
            found[item].append(node)
    return found


def known(programme: Programme, allocation_rule: int, compatible: bool) -> dict[int, frozenset[str]]:
    """The documented differences that may show in each 0-based item's insured losses: its own, and its account's."""
    found = ways(programme)
    of_account: dict[Node, set[str]] = defaultdict(set)
    for way in found.values():
        of_way = _without_switch if compatible else _by_default
        of_account[way[-1]] |= of_way(way, allocation_rule)
    return {item: frozenset(of_account[way[-1]]) for item, way in found.items()}


def _without_switch(way: list[Node], allocation_rule: int) -> set[str]:
    """What ``compatible`` does not reproduce: the reference's losses depend on other items or accounts.

    Items taken anew into layers; with allocation rule 1, fewer layers at the top, where another account has terms.
    """
    found = {"Q18/Q21"} if _restarts(way) and _layers_begin(way) is not None else set()
    if allocation_rule == 1 and way[-1].layers < max(node.layers for node in way):
        found.add("Q18")
    return found


def _by_default(way: list[Node], allocation_rule: int) -> set[str]:
    found = _without_switch(way, allocation_rule)
    begin = _layers_begin(way)
    if begin is not None and way[begin].items > 1 and any(node.is_bounded for node in way[begin:]):
        found.add("Q4")
    if any(node.rules & WITHOUT_VALUE for node in way):
        found.add("Q5")
    if begin is not None and way[-1].layers < max(node.layers for node in way):
        found.add("Q18")
    if _restarts(way) and allocation_rule in (0, 1):
        found.add("Q19")
    if _restarts(way) and any(node.is_bounded for node in way):
        found.add("Q20")
    if sum(node.is_bounded for node in way) > 1:
        found.add("Q23")
    return found


def _layers_begin(way: list[Node]) -> int | None:
    return next((place for place, node in enumerate(way) if node.layers > 1), None)


def _restarts(way: list[Node]) -> bool:
    return any(node.restarts for node in way if node.level > 1)


def _rules(programme: Programme) -> dict[tuple[int, int], set[int]]:
    of_profile: dict[int, set[int]] = defaultdict(set)
    for row in programme.profile:
        of_profile[int(row["profile_id"])].add(int(row["calcrule_id"]))
    found: dict[tuple[int, int], set[int]] = defaultdict(set)
    for level, agg_id, profile in zip(
        programme.policy_level_id, programme.policy_agg_id, programme.policy_profile_id, strict=True
    ):
        found[int(level), int(agg_id)] |= of_profile[int(profile)]
    return found


def _layer_counts(programme: Programme) -> dict[tuple[int, int], int]:
    keys = np.stack([programme.policy_level_id, programme.policy_agg_id, programme.policy_layer_id], 1)
    found: dict[tuple[int, int], int] = defaultdict(int)
    for level, agg_id, _ in np.unique(keys, axis=0):
        found[int(level), int(agg_id)] += 1
    return found


def _members(programme: Programme) -> tuple[dict[tuple[int, int], frozenset[int]], dict[tuple[int, int], bool]]:
    """(the 0-based items of each node, whether the node takes items anew)."""
    found: dict[tuple[int, int], frozenset[int]] = defaultdict(frozenset)
    anew: dict[tuple[int, int], bool] = defaultdict(bool)
    order = np.argsort(programme.level_id, kind="stable")
    for source, level, node in zip(
        programme.from_agg_id[order], programme.level_id[order], programme.to_agg_id[order], strict=True
    ):
        key = int(level), int(node)
        from_item = level == 1 or source < 0
        found[key] |= {abs(int(source)) - 1} if from_item else found[int(level) - 1, int(source)]
        anew[key] |= bool(source < 0)
    return found, anew


#: Levels before the steps, in order: file, prefix, suffixes, field of the peril filter.
BEFORE_STEPS = [
    (file, prefix, suffixes, field)
    for file, prefix, field in (("location", "Loc", "LocPeril"), ("account", "Cond", "CondPeril"))
    for suffixes in (("1Building", "2Other", "3Contents", "4BI"), ("5PD",), ("6All",))
] + [("account", "Pol", suffixes, "PolPeril") for suffixes in (("1Building", "2Other", "3Contents", "4BI"), ("5PD",))]


def idle_level_before_steps(files: Files, perils: Collection[str]) -> bool:
    """Whether the last level with terms before a step policy's has none for the items' ``perils`` (Q25)."""
    if not any(record.get("StepTriggerType") for record in files["account"]):
        return False
    idle = False
    for file, prefix, suffixes, field in BEFORE_STEPS:
        filters = list(_filters(files.get(file, []), prefix, suffixes, field))
        if filters:
            idle = not any(perils_of(filter_) & set(perils) for filter_ in filters)
    return idle


def default_conditions_of_several_levels(files: Files) -> bool:
    """Whether the conditions of all accounts are the default one, with terms of several levels (Q26)."""
    tags = {str(record.get("CondTag") or "0") for record in files["account"]}
    levels = [levels for levels in BEFORE_STEPS if levels[1] == "Cond"]
    given = [list(_filters(files["account"], prefix, suffixes, field)) for _, prefix, suffixes, field in levels]
    return tags == {"0"} and sum(map(bool, given)) > 1


def _filters(records: list[Record], prefix: str, suffixes: tuple[str, ...], field: str) -> Iterator[str]:
    """The peril filters of the records that share an account or location with terms of a level."""
    key = ("PortNumber", "AccNumber", "LocNumber", "CondTag")
    terms = [
        any(value for name, value in record.items() if name.startswith(prefix) and name.endswith(suffixes))
        for record in records
    ]
    with_terms = {tuple(record.get(name) for name in key) for record, has in zip(records, terms, strict=True) if has}
    for record in records:
        if tuple(record.get(name) for name in key) in with_terms:
            yield str(record.get(field, ""))
