"""Which terms bit: what each node of a portfolio's financial programme received, and what it let through."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from oasis_kernel.model.engine import EngineOptions
from oasis_kernel.model.exposure import Float64, Int32, Int64, PreparedExposure
from oasis_kernel.model.losses import SPECIAL, LossBlock
from oasis_kernel.prepare.execution_structure import find_nodes
from oasis_kernel.prepare.executions import insured_execution
from oasis_kernel.prepare.places import Places
from oasis_kernel.prepare.programme_text import ProfilesOfLevel, level_profiles
from oasis_kernel.prepare.term_words import Terms, has_terms
from oasis_kernel.prepare.terms import CompiledTerms
from oasis_kernel.prepare.truncation import up_to_level
from oasis_kernel.questions.term_effects import effect
from oasis_kernel.steps.insured import Insured

SCHEMA = pa.schema(
    [
        ("loss_factor", pa.float64()),
        ("PortNumber", pa.string()),
        ("AccNumber", pa.string()),
        ("level", pa.int32()),
        ("level_name", pa.string()),
        ("node", pa.int32()),
        ("LocNumber", pa.string()),
        ("coverages", pa.string()),
        ("perils", pa.string()),
        ("PolNumber", pa.string()),
        ("layer", pa.int32()),
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


@dataclass(frozen=True)
class Node:
    """A node with terms, in one layer, or in all where the terms apply across layers."""

    number: int
    layer: int | None
    items: Int64  # 0-based, those in the layer
    terms: Terms


def term_losses(
    exposure: PreparedExposure,
    compiled: CompiledTerms,
    ground_up: LossBlock,
    factors: Sequence[float],
    options: EngineOptions,
) -> pa.Table:
    """What went into every node with terms, what came out, and the term that made the difference.

    Columns as ``SCHEMA``, by loss factor, account, level, node, layer. ``before`` and ``after`` sum the node's items.
    LocNumber is null for nodes of several locations, perils for all, layer and PolNumber for terms that all layers
    share or that there is only one layer of. Nodes that no loss reaches
    are left out, and so are those without terms.
    """
    nodes = find_nodes(compiled.programme, len(exposure.items))
    below = LayeredLosses(np.zeros(1, np.int32), ground_up.loss[:, None, SPECIAL:].astype(np.float64))
    rows: list[dict[str, Any]] = []
    places = Places(exposure.item_map, compiled.output_map)
    for level, name in enumerate(compiled.level_names, 1):
        above = _losses_at(exposure, compiled, ground_up, level, options)
        number = nodes.of_leaf[level - 1] - nodes.first[level - 1] + 1
        for node in _nodes(number, above, level_profiles(compiled, level)):
            before = below.of(node.items, node.layer).sum(axis=0)
            after = above.of(node.items, node.layer).sum(axis=0)
            layer = node.layer if len(above.layers) > 1 else None
            place = {"level": level, "level_name": name, "node": node.number, **places.of(node.items, layer)}
            for factor, given, left in zip(factors, before.tolist(), after.tolist(), strict=True):
                if given > 0:
                    word = effect(node.terms, given, left)
                    rows.append({"loss_factor": factor, **place, "before": given, "after": left, "effect": word})
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


def _nodes(number: Int64, above: LayeredLosses, profiles: ProfilesOfLevel) -> Iterator[Node]:
    """The nodes of a level that have terms, layer by layer; [item] ``number`` is the node of each item."""
    layers_of: dict[int, list[int]] = {}
    for node, layer in profiles:
        layers_of.setdefault(node, []).append(layer)
    order = np.argsort(number, kind="stable")
    starts = np.flatnonzero(np.diff(number[order], prepend=-1))
    present = ~np.isnan(above.loss[:, :, 0])
    for items in np.split(order, starts[1:]):
        node = int(number[items[0]])
        there = above.layers[present[items].any(axis=0)].tolist()
        own = layers_of.get(node, [])
        if len(own) == 1 and there != own:
            if has_terms(profiles[node, own[0]]):
                yield Node(node, None, items, profiles[node, own[0]])
            continue
        for layer in own:
            if layer in there and has_terms(profiles[node, layer]):
                within = items[present[items][:, np.searchsorted(above.layers, layer)]]
                yield Node(node, layer, within, profiles[node, layer])
