"""The levels of a programme, one after the other, over the items."""

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from oasis_kernel.model.exposure import Float64, Int64
from oasis_kernel.model.terms import Programme
from oasis_kernel.prepare.terms.amounts import needs_value
from oasis_kernel.prepare.terms.conflicts import check_profiles
from oasis_kernel.prepare.terms.extraction import TermRows
from oasis_kernel.prepare.terms.items import InsuredItems
from oasis_kernel.prepare.terms.keys import codes, distinct_rows
from oasis_kernel.prepare.terms.layers import (
    NO_OFFER,
    NO_POLICY,
    PASS_THROUGH_PROFILE,
    Layered,
    Rows,
    take_layers,
    unlayered,
)
from oasis_kernel.prepare.terms.levels import EXTENDED_LEVELS, LAYER, Level
from oasis_kernel.prepare.terms.matching import NO_TERMS, Match, match_items
from oasis_kernel.prepare.terms.profiles import Profiled, make_profiles, pass_through_profile

Links = npt.NDArray[np.int64]  # [n, columns]


@dataclass
class Assembly:
    """A programme under construction."""

    items: InsuredItems
    rows: Rows = field(init=False)
    level_names: list[str] = field(default_factory=list)
    _cross_layer: dict[int, Level] = field(default_factory=dict)
    _profiles: list[npt.NDArray[np.void]] = field(default_factory=lambda: [pass_through_profile()])
    _programme: list[Links] = field(default_factory=list)
    _policies: list[Links] = field(default_factory=list)

    def __post_init__(self) -> None:
        item = np.arange(len(self.items))
        ones = np.ones(len(item), np.int64)
        self.rows = Rows(item, item + 1, ones, np.full(len(item), NO_POLICY))

    def add_level(self, level: Level, terms: TermRows | None) -> None:
        """Adds the level, if it has terms that apply to an item.

        The policy layer is always added, so that every account has one node that its layers come from.
        """
        layered = None if terms is None else self._layered(level, terms)
        if layered is not None:
            self._emit(level, layered, self._restarts(layered))
        elif level.family == LAYER:
            self._add_pass_through(level)

    def _layered(self, level: Level, terms: TermRows) -> Layered | None:
        """The rows with the level's terms; None when they apply to no item."""
        match = match_items(terms, self.items)
        if not len(match.rows):
            return None
        rows = unlayered(self.rows)
        to_node = self._nodes(level, match, rows)
        combination, profiled = self._profiled(level, terms, match, rows, to_node)
        if not len(profiled.profile):
            return None
        self._profiles.append(profiled.profile)
        keep_layers = level.family == LAYER or level.is_cross_layer
        layered = take_layers(rows, to_node, combination, profiled.offers, keep_layers)
        check_profiles(level, terms.source.records, layered, profiled)
        return layered

    def _add_pass_through(self, level: Level) -> None:
        to_node = codes(*(self.items.keys[name][self.rows.item] for name in level.key)) + 1
        profile = np.full(len(self.rows), PASS_THROUGH_PROFILE)
        self._emit(level, Layered(self.rows, to_node, profile), np.zeros(len(self.rows), bool))

    def _nodes(self, level: Level, match: Match, rows: Rows) -> Int64:
        """The 1-based node of each row. Items without terms keep the grouping they have; at layers, their account's."""
        key = match.item_key[rows.item]
        has_terms = key != NO_TERMS
        at = np.where(has_terms, key, 0)
        without = np.full(len(rows), 0) if level.family == LAYER else -rows.node
        group = np.where(has_terms, match.group[at], 0 if level.family == LAYER else without)
        of_filter = np.where(has_terms, match.filter[at], -1)
        columns = [self.items.keys[name][rows.item] for name in level.key]
        kind = [] if level.family == LAYER else [has_terms, group, of_filter]
        return codes(*columns, *kind) + 1

    def _profiled(
        self, level: Level, terms: TermRows, match: Match, rows: Rows, to_node: Int64
    ) -> tuple[Int64, Profiled]:
        """The level's profiles, and the combination of join key and insured value that each row is under."""
        key = match.item_key[rows.item]
        has_terms = key != NO_TERMS
        value = self._values(terms, match, rows, to_node)[to_node]
        combination = np.full(len(rows), NO_OFFER)
        if has_terms.any():
            combination[has_terms] = codes(key[has_terms], value[has_terms])
        first = np.unique(combination[has_terms], return_index=True)[1]
        after = int(self._profiles[-1]["profile_id"].max())
        profiled = make_profiles(level, terms, match, key[has_terms][first], value[has_terms][first], after)
        return combination, profiled

    def _values(self, terms: TermRows, match: Match, rows: Rows, to_node: Int64) -> Float64:
        """The insured value of each node with terms that depend on it, 0 for the others, [nodes + 1].

        Every building of a location counts once, with all its coverages of the node's group, modelled or not.
        """
        value = np.zeros(int(to_node.max(initial=0)) + 1)
        needs = np.zeros(len(match.start) - 1, bool)
        needs[match.rows["key"].to_numpy()[needs_value(match.rows)]] = True
        key = match.item_key[rows.item]
        row = np.flatnonzero((key != NO_TERMS) & needs[np.where(key == NO_TERMS, 0, key)])
        if not len(row):
            return value
        item = rows.item[row]
        building = self.items.keys.get("building_id", np.ones(len(self.items), np.int64))[item]
        once = np.unique(codes(to_node[row], self.items.location[item], building), return_index=True)[1]
        group = match.group[key[row[once]]]
        for number in np.unique(group):
            of_group = once[group == number]
            of_location = self.items.value_of(terms.coverages[int(number)])
            np.add.at(value, to_node[row[of_group]], of_location[self.items.location[item[of_group]]])
        return value

    def _restarts(self, layered: Layered) -> npt.NDArray[np.bool_]:
        """Rows whose node takes its items anew, because a node below has been split."""
        once = distinct_rows(layered.rows.node, layered.to_node)
        below, above = layered.rows.node[once], layered.to_node[once]
        is_split = np.bincount(below) > 1
        restarts: npt.NDArray[np.bool_] = np.isin(layered.to_node, above[is_split[below]])
        return restarts

    def _emit(self, level: Level, layered: Layered, restarts: npt.NDArray[np.bool_]) -> None:
        self.level_names.append(level.name)
        number = np.full(len(layered.to_node), len(self.level_names))
        rows = layered.rows
        below = np.where(restarts, -(rows.item + 1), rows.node)
        self._programme.append(
            np.stack([below, number, layered.to_node], axis=1)[distinct_rows(below, layered.to_node)]
        )
        counts = np.ones(len(rows), bool)
        if level.is_cross_layer:
            self._cross_layer[len(self.level_names)] = level
            counts = rows.layer == 1
        policies = np.stack([number, layered.to_node, rows.layer, layered.profile], axis=1)[counts]
        self._policies.append(policies[distinct_rows(*policies[:, 1:].T)])
        self.rows = replace(rows, node=layered.to_node)

    def programme(self) -> tuple[Programme, Rows]:
        """The programme, and its outputs in order: by item, then layer."""
        outputs = self.rows.take(np.lexsort((self.rows.layer, self.rows.item)))
        links, policies = np.concatenate(self._programme), np.concatenate(self._policies)
        from_agg_id, level_id, to_agg_id = (column.astype(np.int32) for column in links.T)
        policy_level, policy_agg, policy_layer, policy_profile = (column.astype(np.int32) for column in policies.T)
        number = np.arange(1, len(outputs) + 1, dtype=np.int32)
        is_extended = any(level in EXTENDED_LEVELS for level in self._cross_layer.values())
        return Programme(
            from_agg_id=from_agg_id,
            level_id=level_id,
            to_agg_id=to_agg_id,
            policy_level_id=policy_level,
            policy_agg_id=policy_agg,
            policy_layer_id=policy_layer,
            policy_profile_id=policy_profile,
            profile=np.concatenate(self._profiles),
            output_id=number,
            output_agg_id=(outputs.item + 1).astype(np.int32),
            output_layer_id=outputs.layer.astype(np.int32),
            cross_layer_levels=tuple(self._cross_layer) if is_extended else (),
        ), outputs
