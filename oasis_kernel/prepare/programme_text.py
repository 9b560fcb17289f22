"""A financial programme in words: levels, nodes, and what each node's terms do.

``policy layer 1 of A11111: 30 % of 5,000,000 excess of 500,000``
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from oasis_kernel.model import fields as f
from oasis_kernel.model.exposure import Int64
from oasis_kernel.model.terms import Programme
from oasis_kernel.prepare.profile_text import terms_in_words
from oasis_kernel.prepare.terms.keys import spans
from oasis_kernel.prepare.terms.levels import LAYER_LEVEL, LOCATION_LEVELS

COVERAGE_NAMES = {
    1: "buildings", 2: "other structures", 3: "contents", 4: "business interruption",
    7: "business interruption (cyber)", 8: "contingent business interruption", 9: "digital assets", 10: "extortion",
    11: "financial fraud", 12: "incident response", 13: "liability", 14: "regulation", 15: "errors and omissions",
}  # fmt: skip
SITE_LEVELS = frozenset(level.name for level in LOCATION_LEVELS)
MANY = 4  # places that are listed by name before they are counted


@dataclass(frozen=True)
class NodeTerms:
    """The terms of one layer of one node."""

    level: int  # from 1
    level_name: str
    node: int
    layer: int
    place: str  # account, location and coverages the node is about
    terms: str
    items: tuple[int, ...]  # 1-based
    restarts: bool  # takes its items' losses anew, because the level before has grouped them otherwise
    layers: int  # of the node

    @property
    def subject(self) -> str:
        """What the terms are about, below the level's heading: ``layer 1 of A11111``."""
        return (
            f"layer {self.layer} of {self.place}"
            if self.layers > 1 or self.level_name == "policy layer"
            else self.place
        )

    def __str__(self) -> str:
        """One line: ``location all of location 3 of A11111: deductible 1,000``."""
        if self.level_name == LAYER_LEVEL.name:
            return f"policy {self.subject}: {self.terms}"
        return f"{self.level_name} of {self.subject}: {self.terms}"


def node_terms(programme: Programme, level_names: Sequence[str], output_map: pa.Table) -> Iterator[NodeTerms]:
    """Every layer of every node, level by level.

    output_map  agg_id, AccNumber, LocNumber (unless without locations), peril_id and coverage_type_id of each output
    """
    places = _Places(output_map)
    profiles = _by_profile(programme)
    for level, (pairs, restarts) in enumerate(_items_of_nodes(programme), 1):
        node, item = pairs[np.argsort(pairs[:, 0], kind="stable")].T
        policies = _policies_of(programme, level)
        layers = np.bincount(policies[:, 0])
        is_site = level_names[level - 1] in SITE_LEVELS
        for number, layer, profile in policies.tolist():
            items = item[np.searchsorted(node, number) : np.searchsorted(node, number, "right")]
            yield NodeTerms(
                level=level,
                level_name=level_names[level - 1],
                node=number,
                layer=layer,
                place=places.of(items, is_site),
                terms=terms_in_words(profiles[profile]),
                items=tuple(items.tolist()),
                restarts=number in restarts,
                layers=int(layers[number]),
            )


def programme_text(
    programme: Programme, level_names: Sequence[str], output_map: pa.Table, *, most: int | None = None
) -> str:
    """The programme as lines of text, a heading for each level.

    most  Nodes printed of each level; the others are counted. Nodes without terms are counted only.
    """
    lines: list[str] = []
    found = list(node_terms(programme, level_names, output_map))
    for level, name in enumerate(level_names, 1):
        of_level = [node for node in found if node.level == level]
        with_terms = [node for node in of_level if node.terms != terms_in_words(None)]
        shown = with_terms if most is None else with_terms[:most]
        lines.append(f"Level {level}: {name}")
        lines += [f"  {node.subject}: {node.terms}" for node in shown]
        if len(with_terms) > len(shown):
            lines.append(f"  ... and {len(with_terms) - len(shown):,} more")
        if len(of_level) > len(with_terms):
            lines.append(f"  {len(of_level) - len(with_terms):,} without terms")
    return "\n".join(lines)


def _by_profile(programme: Programme) -> dict[int, npt.NDArray[np.void]]:
    profile = np.sort(programme.profile, order=["profile_id", "step_id"])
    number, start = np.unique(profile["profile_id"], return_index=True)
    return dict(zip(number.tolist(), np.split(profile, start[1:]), strict=True))


def _policies_of(programme: Programme, level: int) -> Int64:
    """The (node, layer, profile) rows of a level, by node, then layer."""
    columns = (programme.policy_agg_id, programme.policy_layer_id, programme.policy_profile_id)
    policies = np.stack(columns, axis=1)[programme.policy_level_id == level].astype(np.int64)
    return policies[np.lexsort((policies[:, 1], policies[:, 0]))]


def _items_of_nodes(programme: Programme) -> Iterator[tuple[Int64, frozenset[int]]]:
    """Level by level: the (node, item) pairs, and the nodes that restart from items."""
    pairs: Int64 | None = None
    for level in np.unique(programme.level_id):
        of_level = programme.level_id == level
        links = np.stack([programme.from_agg_id, programme.to_agg_id], axis=1)[of_level].astype(np.int64)
        source, target = links.T
        pairs = np.stack([target, np.abs(source)], axis=1) if pairs is None else _next_level(pairs, source, target)
        yield pairs, frozenset(target[source < 0].tolist())


def _next_level(pairs: Int64, source: Int64, target: Int64) -> Int64:
    """The (node, item) pairs of a level from those of the one before."""
    node, item = pairs[np.argsort(pairs[:, 0], kind="stable")].T
    linked = source > 0
    first = np.searchsorted(node, source[linked])
    row, place = spans(np.searchsorted(node, source[linked], "right") - first)
    nodes = np.concatenate([target[linked][row], target[~linked]])
    return np.stack([nodes, np.concatenate([item[first[row] + place], -source[~linked]])], axis=1)


class _Places:
    """Names of groups of items."""

    def __init__(self, output_map: pa.Table):
        item = output_map["agg_id"].to_numpy().astype(np.int64)
        known, first = np.unique(item, return_index=True)
        self._row = np.zeros(int(known.max(initial=0)) + 1, np.int64)
        self._row[known] = np.arange(len(known))
        names = (f.ACCOUNT_NUMBER, f.LOCATION_NUMBER, "coverage_type_id", "peril_id")
        self._columns = {
            name: np.array([str(value) for value in output_map[name].to_pylist()], dtype=object)[first]
            for name in names
            if name in output_map.column_names
        }
        self._account = np.unique(self._columns[f.ACCOUNT_NUMBER], return_inverse=True)[1]
        location = self._columns.get(f.LOCATION_NUMBER, np.full(len(known), ""))
        self._location = np.unique(location.astype(str), return_inverse=True)[1] + self._account * (len(known) + 1)

    def of(self, items: Int64, is_site: bool) -> str:
        """``buildings of location 3 of A11111``: what the items have in common.

        The location goes without saying where the items are the whole account's, unless ``is_site``.
        """
        row = self._row[items]
        accounts = _listed(self._distinct(f.ACCOUNT_NUMBER, row), "accounts")
        of_account = np.isin(self._account, self._account[row])
        if len(row) == of_account.sum() and not is_site:
            return accounts
        parts = []
        of_location = np.isin(self._location, self._location[row])
        if len(row) < of_location.sum():
            parts += self._narrowed(row, np.flatnonzero(of_location))
        if is_site or of_location.sum() < of_account.sum():
            parts.append(_listed([f"location {name}" for name in self._distinct(f.LOCATION_NUMBER, row)], "locations"))
        return " of ".join([*parts, accounts])

    def _narrowed(self, row: Int64, whole: Int64) -> list[str]:
        """Coverages and perils, where they are not all of those of the items' locations."""
        coverages, perils = self._distinct("coverage_type_id", row), self._distinct("peril_id", row)
        parts = []
        if perils != self._distinct("peril_id", whole):
            parts.append(_listed(perils, "perils"))
        if coverages != self._distinct("coverage_type_id", whole):
            parts.append(_listed([COVERAGE_NAMES.get(int(coverage), coverage) for coverage in coverages], "coverages"))
        return [" on ".join(parts)] if parts else ["one building"]

    def _distinct(self, name: str, row: Int64) -> list[str]:
        return sorted(set(self._columns[name][row].tolist())) if name in self._columns else []


def _listed(names: Sequence[str], kind: str) -> str:
    return " and ".join(names) if len(names) <= MANY else f"{len(names):,} {kind}"
