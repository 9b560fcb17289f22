"""Which terms bit: what each node of a portfolio's financial programme received, and what it let through."""

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from oasis_kernel.model import fields as f
from oasis_kernel.model.engine import EngineOptions
from oasis_kernel.model.exposure import Float64, Int32, Int64, PreparedExposure
from oasis_kernel.model.losses import SPECIAL, LossBlock
from oasis_kernel.model.terms import Programme
from oasis_kernel.prepare.executions import insured_execution
from oasis_kernel.prepare.programme_text import node_terms
from oasis_kernel.prepare.terms import CompiledTerms
from oasis_kernel.prepare.truncation import up_to_level
from oasis_kernel.questions.term_effects import effect, has_terms
from oasis_kernel.steps.insured import Insured

SCHEMA = pa.schema(
    [
        ("loss_factor", pa.float64()),
        ("PortNumber", pa.string()),
        ("AccNumber", pa.string()),
        ("level", pa.int32()),
        ("level_name", pa.string()),
        ("node", pa.int32()),
        ("place", pa.string()),
        ("PolNumber", pa.string()),
        ("layer", pa.int32()),
        ("terms", pa.string()),
        ("before", pa.float64()),
        ("after", pa.float64()),
        ("effect", pa.string()),
    ]
)


@dataclass(frozen=True)
class LayeredLosses:
    """Losses of items between two levels of a programme."""

    layers: Int32  # [k] layer ids, ascending
    loss: Float64  # [item, k, factor]; nan where an item is not in a layer

    def of(self, items: Int64, layer: int | None) -> Float64:
        """The items' losses in a layer, in the first there is for items not yet layered, or in all; [item, factor]."""
        loss = self.loss[items]
        if layer is None:
            return np.nansum(loss, axis=1)
        there = np.flatnonzero(self.layers == layer)
        first = np.isnan(loss[:, :, 0]).argmin(axis=1)
        chosen = loss[np.arange(len(items)), first]
        if not len(there):
            return chosen
        own = loss[:, there[0]]
        return np.where(np.isnan(own), chosen, own)

    def shares_terms(self, items: Int64, layers: int) -> bool:
        """Whether a node with terms of so many layers has them for all the layers that its items are in."""
        there = int((~np.isnan(self.loss[items, :, 0])).any(axis=0).sum())
        return len(self.layers) == 1 or (layers == 1 and there > 1)

    def inside(self, items: Int64, layer: int | None) -> Int64:
        """Those of the items that are in a layer."""
        if layer is None:
            return items
        at = np.searchsorted(self.layers, layer)
        return items[~np.isnan(self.loss[items, at, 0])]


def term_losses(
    exposure: PreparedExposure,
    compiled: CompiledTerms,
    ground_up: LossBlock,
    factors: Sequence[float],
    options: EngineOptions,
) -> pa.Table:
    """What went into every node with terms, what came out, and the term that made the difference.

    Columns as ``SCHEMA``, by loss factor, account, level, node, layer. ``before`` and ``after`` sum the node's items;
    ``layer`` is null for terms that all layers share or that there is only one layer of, and then so is PolNumber.
    Nodes that no loss reaches are left out, and so are those without terms.
    """
    owners = _Owners(compiled.output_map)
    ground_up_losses = ground_up.loss[:, None, SPECIAL:].astype(np.float64)
    below = LayeredLosses(np.zeros(1, np.int32), ground_up_losses)
    rows: list[dict[str, Any]] = []
    nodes = node_terms(compiled.programme, compiled.level_names, compiled.output_map)
    for level, of_level in itertools.groupby(nodes, key=lambda node: node.level):
        above = _losses_at(exposure, compiled, ground_up, level, options)
        profiles = _profiles(compiled.programme, level)
        layers_of = Counter(node for node, _ in profiles)
        for node in of_level:
            terms = profiles[node.node, node.layer]
            if not has_terms(terms):
                continue
            items = np.array(node.items) - 1
            layer = None if above.shares_terms(items, layers_of[node.node]) else node.layer
            items = above.inside(items, layer)
            before, after = (losses.of(items, layer).sum(axis=0).tolist() for losses in (below, above))
            place = {**owners.of(items, layer), "level": level, "level_name": node.level_name, "node": node.node}
            place |= {"place": node.place, "terms": node.terms, "layer": layer}
            rows += [
                {"loss_factor": factor, **place, "before": given, "after": left, "effect": effect(terms, given, left)}
                for factor, given, left in zip(factors, before, after, strict=True)
                if given > 0
            ]
        below = above
    keys = ("loss_factor", "PortNumber", "AccNumber", "level", "node", "layer")
    return pa.Table.from_pylist(rows, SCHEMA).sort_by([(key, "ascending") for key in keys])


def _losses_at(
    exposure: PreparedExposure, compiled: CompiledTerms, ground_up: LossBlock, level: int, options: EngineOptions
) -> LayeredLosses:
    """The losses of items above a level: what the programme pays if it ends there."""
    items = len(exposure.items)
    programme, layers = up_to_level(compiled.programme, level, items)
    # Losses of items are asked for: what top nodes pay is allocated back, whatever the analysis does.
    by_item = options.model_copy(update={"allocation_rule_il": options.allocation_rule_il or 2})
    paid = Insured(insured_execution(programme, exposure, by_item)).apply(ground_up)
    loss = np.full((items * len(layers), paid.samples), np.nan)
    loss[paid.row] = paid.loss[:, SPECIAL:]
    return LayeredLosses(layers, loss.reshape(items, len(layers), paid.samples))


def _profiles(programme: Programme, level: int) -> dict[tuple[int, int], npt.NDArray[np.void]]:
    """The rows of terms of each (node, layer id) of a level."""
    profile = programme.profile[np.argsort(programme.profile["profile_id"], kind="stable")]
    rows = np.flatnonzero(programme.policy_level_id == level)
    wanted = programme.policy_profile_id[rows]
    begin = np.searchsorted(profile["profile_id"], wanted, "left").tolist()
    end = np.searchsorted(profile["profile_id"], wanted, "right").tolist()
    keys = zip(programme.policy_agg_id[rows].tolist(), programme.policy_layer_id[rows].tolist(), strict=True)
    return {key: profile[first:last] for key, first, last in zip(keys, begin, end, strict=True)}


class _Owners:
    """The account of items, and the policy of their layer."""

    def __init__(self, output_map: pa.Table):
        names = ("agg_id", "layer_id", *f.ACCOUNT_KEY, f.POLICY_NUMBER)
        self._account: dict[int, tuple[str, str]] = {}
        self._policy: dict[tuple[int, int], str] = {}
        for item, layer, portfolio, account, policy in zip(
            *(output_map[name].to_pylist() for name in names), strict=True
        ):
            self._account[item - 1] = portfolio, account
            self._policy[item - 1, layer] = policy

    def of(self, items: Int64, layer: int | None) -> dict[str, str | None]:
        """PortNumber, AccNumber and, in a layer, PolNumber."""
        first = int(items[0])
        portfolio, account = self._account[first]
        policy = None if layer is None else self._policy.get((first, layer))
        return {f.PORTFOLIO_NUMBER: portfolio, f.ACCOUNT_NUMBER: account, f.POLICY_NUMBER: policy}
