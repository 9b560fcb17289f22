"""A financial programme as text: its levels, the nodes of each, and their terms in words."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from oasis_kernel.model.exposure import Int64, Portfolio
from oasis_kernel.model.terms import Contract
from oasis_kernel.prepare.execution_structure import find_nodes
from oasis_kernel.prepare.places import Places
from oasis_kernel.prepare.reinsurance import Reinsurance
from oasis_kernel.prepare.term_words import Terms, amount, has_terms, percent, terms_in_words
from oasis_kernel.prepare.terms import CompiledTerms

#: How a place is told, in order.
PLACE_WORDS = {
    "AccNumber": "account",
    "LocNumber": "location",
    "coverages": "of",
    "perils": "perils",
    "PolNumber": "policy",
    "layer": "layer",
}
#: Terms of a contract: OED field, words, and how its value is told.
_CONTRACT_TERMS = (
    ("CededPercent", "cedes", percent),
    ("RiskAttachment", "above", amount),
    ("RiskLimit", "up to", amount),
    ("OccAttachment", "per occurrence above", amount),
    ("OccLimit", "per occurrence up to", amount),
    ("PlacedPercent", "placed", percent),
)

ProfilesOfLevel = Mapping[tuple[int, int], Terms]  # (node, layer id) -> rows of terms


def programme_text(compiled: CompiledTerms, item_map: pa.Table, most: int | None = None) -> str:
    """The programme, level by level: one line for each node and layer with terms, nodes without terms counted.

    most  list at most so many nodes of a level; None: all
    """
    nodes = find_nodes(compiled.programme, item_map.num_rows)
    places = Places(item_map, compiled.output_map)
    lines = [f"{item_map.num_rows:,} items, {compiled.output_map.num_rows:,} outputs"]
    for level, name in enumerate(compiled.level_names, 1):
        number = nodes.of_leaf[level - 1] - nodes.first[level - 1] + 1
        told = list(_nodes(number, level_profiles(compiled, level), places))
        count = len(np.unique(number))
        without = count - len({node for node, _ in told})
        nodes_there = f"{count:,} node" + ("s" if count > 1 else "")
        lines.append(f"Level {level}, {name}: {nodes_there}" + (f", {without:,} without terms" if without else ""))
        lines += [f"  {line}" for _, line in told[:most]]
        if most is not None and len(told) > most:
            lines.append(f"  ... and {len(told) - most:,} more")
    return "\n".join(lines)


def reinsurance_text(portfolio: Portfolio, reinsurance: Reinsurance) -> str:
    """The contracts in the order they apply, with their terms and how many outputs of the insurance they cover."""
    if portfolio.reinsurance_info is None:
        return ""
    rows = portfolio.reinsurance_info.to_pylist()
    lines = []
    for contract in reinsurance.passes:
        lines.append(f"Reinsurance, inuring priority {contract.inuring_priority}, risk level {contract.risk_level}")
        lines += [f"  {_contract(contract, row, rows[row])}" for row in contract.reinsurance_number]
    return "\n".join(lines)


def level_profiles(compiled: CompiledTerms, level: int) -> ProfilesOfLevel:
    """The rows of terms of each node and layer of a level (levels from 1)."""
    programme = compiled.programme
    profile = programme.profile[np.argsort(programme.profile["profile_id"], kind="stable")]
    rows = np.flatnonzero(programme.policy_level_id == level)
    wanted = programme.policy_profile_id[rows]
    begin = np.searchsorted(profile["profile_id"], wanted, "left").tolist()
    end = np.searchsorted(profile["profile_id"], wanted, "right").tolist()
    keys = zip(programme.policy_agg_id[rows].tolist(), programme.policy_layer_id[rows].tolist(), strict=True)
    return {key: profile[first:last] for key, first, last in zip(keys, begin, end, strict=True)}


def place_words(place: Mapping[str, Any]) -> str:
    """A place as ``account 12, location 23, of building``."""
    return ", ".join(f"{word} {place[name]}" for name, word in PLACE_WORDS.items() if place.get(name) is not None)


def _nodes(number: Int64, profiles: ProfilesOfLevel, places: Places) -> Iterator[tuple[int, str]]:
    """The nodes with terms, by node and layer, each with its line."""
    order = np.argsort(number, kind="stable")
    starts = np.flatnonzero(np.diff(number[order], prepend=-1))
    items_of = {int(number[items[0]]): items for items in np.split(order, starts[1:])}
    layers = len({layer for _, layer in profiles})
    for (node, layer), terms in sorted(profiles.items(), key=lambda entry: entry[0]):
        if has_terms(terms) and node in items_of:
            place = places.of(items_of[node], layer if layers > 1 else None)
            yield node, f"{place_words(place)}: {terms_in_words(terms)}"


def _contract(contract: Contract, row: int, fields: Mapping[str, Any]) -> str:
    covered = int((contract.contract_of == row).any(axis=1).sum())
    terms = [f"{words} {tell(fields[name])}" for name, words, tell in _CONTRACT_TERMS if fields.get(name)]
    of = f"covers {covered:,} of {len(contract.contract_of):,} outputs"
    return f"contract {contract.reinsurance_number[row]}, {fields['ReinsType']}: {'; '.join([*terms, of])}"
