"""The working table of the compiler, and how its rows take the terms of layers.

A row is an item, later an item in a layer. Rows stay one per item as long as an account's layers have the same terms.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from oasis_kernel.model.exposure import Int64
from oasis_kernel.prepare.terms.keys import spans

NO_POLICY = -1
NO_OFFER = -1
NOT_LAYERED = 0
PASS_THROUGH_PROFILE = 1


@dataclass(frozen=True)
class Rows:
    """Items in layers, after some level."""

    item: Int64  # 0-based
    node: Int64  # 1-based node of the last level; of the items themselves before the first
    layer: Int64  # 1-based; NOT_LAYERED while a level is at work, for rows whose layers are not told apart yet
    policy: Int64  # code of PolNumber; NO_POLICY as long as no account term has met the item

    def __len__(self) -> int:
        return len(self.item)

    def take(self, rows: npt.NDArray[np.integer] | npt.NDArray[np.bool_]) -> "Rows":
        """The given rows, in the given order."""
        return Rows(self.item[rows], self.node[rows], self.layer[rows], self.policy[rows])


@dataclass(frozen=True)
class Offers:
    """What the layers of a node offer: rows ``start[c]:start[c + 1]`` belong to combination c of key and value."""

    start: Int64  # [combinations + 1]
    layer: Int64
    policy: Int64
    profile: Int64


@dataclass(frozen=True)
class Layered:
    """Rows after a level, before the node of the level takes the place of the last one's."""

    rows: Rows
    to_node: Int64
    profile: Int64


def unlayered(rows: Rows) -> Rows:
    """The rows with NOT_LAYERED for those whose node has had no second layer yet."""
    has_layers = np.zeros(int(rows.node.max(initial=0)) + 1, bool)
    has_layers[rows.node[rows.layer > 1]] = True
    return Rows(rows.item, rows.node, np.where(has_layers[rows.node], rows.layer, NOT_LAYERED), rows.policy)


def take_layers(rows: Rows, to_node: Int64, combination: Int64, offers: Offers, keep_layers: bool) -> Layered:
    """The rows with the terms that are offered to them.

    A row that is not layered takes every layer on offer; a layered one only its own, of its own policy if it has met
    one (below a policy layer without terms it may not have). Layers that turn out to have the
    same terms everywhere in a node are one again, unless ``keep_layers``.

    combination  [rows] of the offers; NO_OFFER where no terms apply
    """
    source, offer = _pair(rows, combination, offers)
    has_offer = offer != NO_OFFER
    at = np.where(has_offer, offer, 0)
    is_layered = rows.layer[source] != NOT_LAYERED
    layer = np.where(is_layered, rows.layer[source], np.where(has_offer, _take(offers.layer, at), 1))
    policy = _policies(rows.take(source), is_layered, layer, np.where(has_offer, _take(offers.policy, at), NO_POLICY))
    profile = np.where(has_offer, _take(offers.profile, at), NO_OFFER)
    taken = Rows(rows.item[source], rows.node[source], layer, policy)
    if not keep_layers and len(source) > len(rows):
        kept = _told_apart(taken, to_node[source], profile, is_layered)
        taken, source, profile = taken.take(kept), source[kept], profile[kept]
    return Layered(taken, to_node[source], np.where(profile == NO_OFFER, PASS_THROUGH_PROFILE, profile))


def _take(column: Int64, at: Int64) -> Int64:
    return column[at] if len(column) else np.zeros(len(at), np.int64)


def _pair(rows: Rows, combination: Int64, offers: Offers) -> tuple[Int64, Int64]:
    """Every (row, offer) pair, NO_OFFER for a row that takes none."""
    matched = np.flatnonzero(combination != NO_OFFER)
    source, place = spans(np.diff(offers.start)[combination[matched]])
    offer = offers.start[combination[matched]][source] + place
    source = matched[source]
    layered = rows.layer[source] != NOT_LAYERED
    own_policy = (offers.policy[offer] == rows.policy[source]) | (rows.policy[source] == NO_POLICY)
    own = (offers.layer[offer] == rows.layer[source]) & own_policy
    source, offer = source[~layered | own], offer[~layered | own]
    without = np.ones(len(rows), bool)
    without[source] = False
    source = np.concatenate([source, np.flatnonzero(without)])
    offer = np.concatenate([offer, np.full(int(without.sum()), NO_OFFER)])
    order = np.argsort(source, kind="stable")
    return source[order], offer[order]


def _policies(before: Rows, is_layered: npt.NDArray[np.bool_], layer: Int64, offered: Int64) -> Int64:
    """The policy of each row: that of its layer where layers appear, otherwise the first that the item has met."""
    newly = np.zeros(int(before.item.max(initial=-1)) + 1, bool)
    newly[before.item[~is_layered & (layer > 1)]] = True
    takes = ~is_layered & (newly[before.item] | (before.policy == NO_POLICY)) & (offered != NO_POLICY)
    return np.where(takes, offered, before.policy)


def _told_apart(rows: Rows, to_node: Int64, profile: Int64, is_layered: npt.NDArray[np.bool_]) -> Int64:
    """The rows that stay when layers with the same terms are put together again."""
    plain = pd.DataFrame({"item": rows.item, "profile": profile, "layer": rows.layer})[~is_layered]
    of_item = plain.groupby("item")["profile"]
    spread = (of_item.transform("max") != of_item.transform("min")).to_numpy()
    in_layered_node = np.isin(to_node[~is_layered], to_node[is_layered])
    plain["layer"] = plain["layer"].where(spread | in_layered_node, NOT_LAYERED)
    return np.sort(np.concatenate([np.flatnonzero(is_layered), plain.drop_duplicates().index.to_numpy()]))
