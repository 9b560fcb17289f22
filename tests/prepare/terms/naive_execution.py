"""What a programme pays, in plain Python and double precision, one loss per item: the twin of the kernels.

Losses are allocated back to items level by level (allocation rule 2). A node's loss and what it carries over (what was
deducted, cut off above a limit, and left below a limit) are the sums of those of its items; a node with one item gives
it what it has, others share out in proportion. Source: the Oasis financial
module; where its implementation forgets what layers carry over (layers that first appear above several items), this
one does not.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import replace
from math import copysign

import numpy as np
from prepare.terms.naive_rules import State, apply_terms

from oasis_kernel.model.terms import Leaves, Programme

INERT_TOLERANCE = 1.2e-7


def execute(
    programme: Programme, leaves: Leaves, ground_up: Sequence[float], hit: Collection[int] | None = None
) -> dict[int, float]:
    """The loss of each output, by output id, for one ground-up loss per item; ``hit``: items (from 0) of the event."""
    hit = range(len(ground_up)) if hit is None else hit
    layers = [[State(float(loss))] for loss in ground_up]
    layer_ids = [[1] for _ in ground_up]
    profiles = _profiles(programme)
    for all_items, policies in nodes_in_order(programme):
        items = [item for item in all_items if item in hit]
        if not items:
            continue
        rows = [profiles[profile] for _, profile in policies]
        value = _value(leaves, all_items)
        terms = [_prepared(rule, value) for rule in rows]
        count = max(len(layers[item]) for item in items)
        if len(terms) > count or count > 1:
            for item in items:
                layers[item] += [layers[item][0]] * (max(len(terms), count) - len(layers[item]))
        if len(terms) >= count:
            for item in items:
                layer_ids[item] = [layer for layer, _ in policies]
        if len(terms) < count:
            _apply(layers, [(item, layer) for item in items for layer in range(count)], terms[0])
        else:
            for layer, term in enumerate(terms):
                _apply(layers, [(item, layer) for item in items], term)
    return _outputs(programme, layers, layer_ids)


def nodes_in_order(programme: Programme) -> list[tuple[list[int], list[tuple[int, int]]]]:
    """Level by level, the 0-based items of each node and the (layer, profile) of its layers."""
    profile_of = defaultdict(list)
    for level, node, layer, profile in sorted(
        zip(
            programme.policy_level_id.tolist(),
            programme.policy_agg_id.tolist(),
            programme.policy_layer_id.tolist(),
            programme.policy_profile_id.tolist(),
            strict=True,
        )
    ):
        profile_of[level, node].append((layer, profile))
    below: dict[int, set[int]] = {}
    found = []
    for level in sorted(set(programme.level_id.tolist())):
        here: dict[int, set[int]] = defaultdict(set)
        of_level = programme.level_id == level
        links = zip(programme.from_agg_id[of_level].tolist(), programme.to_agg_id[of_level].tolist(), strict=True)
        for source, node in links:
            here[node] |= {abs(source) - 1} if source < 0 or not below else below[source]
        found += [(sorted(here[node]), profile_of[level, node]) for node in sorted(here) if profile_of[level, node]]
        below = here
    return found


def _profiles(programme: Programme) -> dict[int, list[dict[str, float]]]:
    names = programme.profile.dtype.names
    profiles: dict[int, list[dict[str, float]]] = defaultdict(list)
    for row in np.sort(programme.profile, order=["profile_id", "step_id"]):
        profiles[int(row["profile_id"])].append({name: row[name].item() for name in names})
    return profiles


def _value(leaves: Leaves, items: list[int]) -> float:
    return float(
        sum(leaves.coverage_tiv[coverage - 1] for coverage in {int(leaves.coverage_id[item]) for item in items})
    )


def _outputs(programme: Programme, layers: list[list[State]], layer_ids: list[list[int]]) -> dict[int, float]:
    """The loss of each output; one of a layer that no node of its item knows has none."""
    losses = {}
    for output, leaf, layer in zip(
        programme.output_id.tolist(), programme.output_agg_id.tolist(), programme.output_layer_id.tolist(), strict=True
    ):
        item = leaf - 1
        known = layer in layer_ids[item]
        losses[output] = layers[item][layer_ids[item].index(layer)].loss if known else 0.0
    return losses


def _prepared(rows: list[dict[str, float]], value: float) -> list[dict[str, float]]:
    """A profile with its shares of insured value turned into amounts; empty when it does nothing."""
    prepared = [_prepare_row(dict(row), value) for row in rows]
    return [] if any(_is_inert(row) for row in prepared) else prepared


def _prepare_row(row: dict[str, float], value: float) -> dict[str, float]:
    rule = int(row["calcrule_id"])
    if rule in (4, 6, 18):
        row["deductible1"] *= value
        rule = {4: 1, 6: 12, 18: 2}[rule]
    elif rule == 9:
        row["deductible1"] *= row["limit1"]
        rule = 1
    elif rule == 15 and row["limit1"] >= 1:
        rule = 12
    elif rule in (27, 29, 30, 31):
        _prepare_payout(row, rule, value)
        rule = 27
    elif rule in (28, 37, 38):
        _prepare_trigger(row, value)
        row["scale1"] += 1
        rule = 281 if rule == 28 and row["payout_start"] == 0 else rule
    elif rule == 32:
        row["scale1"] += 1
    row["calcrule_id"] = rule
    return row


def _prepare_trigger(row: dict[str, float], value: float) -> None:
    row["trigger_start"] *= value
    row["trigger_end"] = float("inf") if row["trigger_end"] == 1 else row["trigger_end"] * value


def _prepare_payout(row: dict[str, float], rule: int, value: float) -> None:
    _prepare_trigger(row, value)
    scale = {27: value, 29: value, 30: row["limit1"], 31: 1.0}[rule]
    paid = max(row["payout_start"] * scale - row["deductible1"], 0.0)
    paid = min(paid, row["limit1"]) if rule == 27 else paid
    row["payout_start"] = (paid + min(paid * row["scale2"], row["limit2"])) * (1 + row["scale1"])


def _is_inert(row: dict[str, float]) -> bool:
    rule, none = row["calcrule_id"], row["deductible1"] <= INERT_TOLERANCE
    return bool(
        rule == 100
        or (rule in (12, 16) and none)
        or (rule == 15 and abs(row["limit1"] - 1) <= INERT_TOLERANCE)
        or (rule == 34 and none and row["attachment1"] <= INERT_TOLERANCE and abs(row["share1"] - 1) <= INERT_TOLERANCE)
    )


def _apply(layers: list[list[State]], places: list[tuple[int, int]], terms: list[dict[str, float]]) -> None:
    """Applies a profile to the sum of some items' losses, and allocates what is left to them."""
    if not terms:
        return
    before = State(0.0)
    for item, layer in places:
        before += layers[item][layer]
    after = apply_terms(before, terms)
    if len(places) == 1:
        ((item, layer),) = places
        layers[item][layer] = after
        return
    for item, layer in places:
        part = layers[item][layer]
        shared = _allocated(part, before, after)
        if before.loss == 0 and after.deducted > before.deducted:  # it all came from what is over limits
            shared = replace(shared, deducted=part.deducted + part.over - shared.over)
        layers[item][layer] = shared


def _allocated(part: State, before: State, after: State) -> State:
    """One item's share of what a node's terms did."""
    deducted, over, under = _factors(before, after)
    refund = deducted < 0
    back = deducted * (part.deducted if under == 0 else part.under) if refund else 0.0
    kept = (
        after.loss / (before.loss - (after.deducted - before.deducted)) if refund else _ratio(after.loss, before.loss)
    )
    over_now = -over * part.over if _decreases(over) else part.over + over * (part.loss - back)
    if refund:
        return State((part.loss - back) * kept, part.deducted + back, over_now, -under * part.under)
    under_now = -under * part.under if _decreases(under) else part.under + under * part.loss
    return State(part.loss * kept, part.deducted + deducted * part.loss, over_now, under_now)


def _decreases(factor: float) -> bool:
    """Whether a factor is minus the share that remains; -0 when none does."""
    return copysign(1.0, factor) < 0


def _factors(before: State, after: State) -> tuple[float, float, float]:
    deducted = after.deducted - before.deducted
    refund = min(deducted, 0.0)
    if deducted < 0:
        deducted = deducted / (before.under if after.under > 0 else before.deducted)
    else:
        deducted = _ratio(deducted, before.loss)
    over, under = after.over - before.over, after.under - before.under
    over = over / (before.loss - refund) if over > 0 else (0.0 if over == 0 else -after.over / before.over)
    under = _ratio(under, before.loss) if under > 0 else (0.0 if under == 0 else -after.under / before.under)
    return deducted, over, under


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole > 0 else 0.0
