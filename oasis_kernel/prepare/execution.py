"""A financial programme prepared for running: what is known before the first loss is worked out once, here."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from oasis_kernel.errors import Finding, InvalidInput
from oasis_kernel.kernels.programme_run_arrays import Execution
from oasis_kernel.kernels.terms import Deduction, Payment
from oasis_kernel.model.exposure import Float64, Int64
from oasis_kernel.model.terms import Leaves, Programme
from oasis_kernel.prepare.execution_layers import Layers, find_layers
from oasis_kernel.prepare.execution_structure import (
    Nodes,
    Policies,
    Trees,
    find_carrying,
    find_nodes,
    find_policies,
    find_trees,
)
from oasis_kernel.prepare.execution_terms import is_inert, needs_value, prepare_terms

#: Rules 3 and 2 are the same.
ALLOCATION = {0: 0, 1: 1, 2: 2, 3: 2}


@dataclass(frozen=True)
class NodeTerms:
    """Records of terms, and which of them apply to each layer of each node."""

    records: npt.NDArray[np.void]  # TERMS_DTYPE
    first: Int64  # [node] -> row of ``range``
    range: Int64  # [row, 2] from, to (record); equal for no terms
    node: Int64  # [row]


def build_execution(
    programme: Programme, leaves: Leaves, *, allocation_rule: int = 2, compatible: bool = False
) -> Execution:
    """The programme as arrays that kernels run.

    allocation_rule  0: top nodes' losses; 1: allocated to items by their losses as they came; 2 or 3: allocated level
                     by level.
    compatible       The reference's defects as they are. Otherwise they are put right:

    * layers that begin above a shared node forget what was deducted below (minimum and maximum deductibles);
    * items keep what their node has used up of the amounts over and under limits, and are not told what a node
      without loss deducts from what is over limits;
    * some programmes with layers lose outputs or count losses several times: see ``execution_layers``;
    * rules 21 and 38 do not know the insured value, so that their deductible or trigger is 0;
    * allocation rules 0 and 1 restart from ground-up losses where the programme regroups items.

    Not touched by ``compatible``: the minimum deductible that counts its nominal deductible without taking it
    (``kernels.carry_over``) is reproduced.

    Raises InvalidInput for a calculation rule that the standard does not define, and for items without a path.
    """
    allocation = ALLOCATION[allocation_rule]
    nodes = find_nodes(programme, len(leaves.coverage_id))
    policies, trees = find_policies(programme, nodes), find_trees(nodes)
    layers = find_layers(programme, nodes, policies, compatible)
    terms = _terms_of_nodes(programme, leaves, nodes, policies, layers.count, compatible)
    carrying = find_carrying(nodes, _needs_carry(terms, nodes.count))
    emitters, output_layer, output_number = _outputs(programme, nodes, policies, layers, allocation)
    plain = ~(carrying | layers.cross)
    straight = _straight(nodes, trees, plain) & (allocation == 2)
    tree_layers, tree_rows = _tree_sizes(nodes, trees, layers.count, straight)
    return Execution(
        terms=terms.records,
        place=_int32(trees.place),
        tree=_int32(trees.of_leaf),
        tree_start=_int32(trees.start),
        tree_layers=_int32(tree_layers),
        tree_rows=tree_rows,
        straight=straight,
        node=_int32(nodes.of_leaf[:, trees.leaf]),
        restarts=np.ascontiguousarray(nodes.restarts[:, trees.leaf]),
        visit=_int32(trees.visit),
        shuffled=np.ascontiguousarray(trees.shuffled),
        layers=_int32(layers.count),
        cross_layer=layers.cross,
        carrying=carrying,
        plain=plain,
        first_terms=_int32(terms.first),
        terms_range=_int32(terms.range),
        output_start=_int32(emitters),
        output_layer=_int32(output_layer),
        output_number=_int32(output_number),
        allocation=allocation,
        scatters=allocation == 2 or _restarts_from_allocated(programme, nodes, compatible),
        new_layers_forget=compatible,
        shares_as_reference=compatible,
    )


def _restarts_from_allocated(programme: Programme, nodes: Nodes, compatible: bool) -> bool:
    """Whether leaves must follow their nodes, whatever the allocation rule, because nodes above take leaves anew."""
    as_reference = compatible and not programme.cross_layer_levels  # the reference has no levels across layers to name
    return not as_reference and bool(nodes.restarts[1:].any())


def _int32(values: npt.NDArray[np.integer]) -> npt.NDArray[np.int32]:
    return np.ascontiguousarray(values, dtype=np.int32)


def _terms_of_nodes(
    programme: Programme, leaves: Leaves, nodes: Nodes, policies: Policies, layers: Int64, compatible: bool
) -> NodeTerms:
    """The prepared terms of every layer of every node. A profile that needs the insured value is prepared per node."""
    first = np.concatenate([[0], np.cumsum(layers)])
    node = np.repeat(np.arange(nodes.count), layers)
    profile_id = _profiles_of_layers(policies, node, np.arange(len(node)) - first[node])
    profile = programme.profile[np.argsort(programme.profile["profile_id"], kind="stable")]
    begin, end = (np.searchsorted(profile["profile_id"], profile_id, side) for side in ("left", "right"))
    _refuse_missing(profile_id[(profile_id > 0) & (end == begin)])
    needing = np.concatenate([[0], np.cumsum(needs_value(profile, compatible))])
    by_value = needing[end] > needing[begin]
    # A pair as one number: np.unique over rows of two sorts them byte by byte, ten times slower.
    variant = profile_id * (nodes.count + 1) + np.where(by_value, node + 1, 0)
    _, chosen, which = np.unique(variant, return_index=True, return_inverse=True)
    lengths = (end - begin)[chosen]
    start = np.concatenate([[0], np.cumsum(lengths)])
    owner = np.repeat(np.arange(len(chosen)), lengths)
    step = np.arange(start[-1]) - start[owner]
    insured = _insured_values(leaves, nodes) if by_value.any() else np.zeros(nodes.count)
    value = np.where(by_value[chosen], insured[node[chosen]], 0.0)
    records = prepare_terms(profile[begin[chosen][owner] + step], value[owner], step == 0)
    inert = np.zeros(len(chosen), np.bool_)
    np.logical_or.at(inert, owner, is_inert(records))
    ranges = np.stack([start[:-1], np.where(inert, start[:-1], start[1:])], 1)
    return NodeTerms(records, first[:-1], ranges[which], node)


def _profiles_of_layers(policies: Policies, node: Int64, layer: Int64) -> Int64:
    """The profile of each (node, layer): its own, or that of the node's first layer; 0 for none."""
    count = policies.count[node]
    policy = policies.start[node] + np.where(layer < count, layer, 0)
    return np.where(count > 0, policies.profile_id[np.where(count > 0, policy, 0)], 0).astype("i8")


def _refuse_missing(profile_id: Int64) -> None:
    if len(profile_id):
        remedy = "Define the profile, or let the policy name another"
        message = "must be a profile of fm_profile"
        raise InvalidInput(Finding("fm_policytc", message, field="profile_id", value=int(profile_id[0]), remedy=remedy))


def _insured_values(leaves: Leaves, nodes: Nodes) -> Float64:
    """The insured value of each node: that of the distinct coverages of its items; [node]."""
    value = np.zeros(nodes.count)
    coverages = len(leaves.coverage_tiv)
    for of_level in nodes.of_leaf:
        pairs = np.unique(of_level * coverages + leaves.coverage_id - 1)  # node, then coverage
        value += np.bincount(pairs // coverages, leaves.coverage_tiv[pairs % coverages], nodes.count)
    return value


def _needs_carry(terms: NodeTerms, nodes: int) -> npt.NDArray[np.bool_]:
    """Which nodes have terms that look at deductibles below; bool [node]."""
    looks = (terms.records["deduction"] == Deduction.BOUNDED_FLAT) | (
        terms.records["deduction"] == Deduction.BOUNDED_SHARE
    )
    looks |= terms.records["payment"] == Payment.STEP_AMOUNT
    before = np.concatenate([[0], np.cumsum(looks)])
    needs = np.zeros(nodes, np.bool_)
    np.logical_or.at(needs, terms.node, before[terms.range[:, 1]] > before[terms.range[:, 0]])
    return needs


def _outputs(
    programme: Programme, nodes: Nodes, policies: Policies, layers: Layers, allocation: int
) -> tuple[Int64, Int64, Int64]:
    """(start by emitter, layer, number) of the outputs of leaves or, with allocation rule 0, of top nodes."""
    if allocation == 0:
        emitter = np.arange(nodes.first[-2], nodes.count)
        agg_id, source = emitter - nodes.first[-2] + 1, emitter
    else:
        emitter = np.arange(nodes.of_leaf.shape[1])
        agg_id, source = emitter + 1, layers.source
    count = policies.count[source]
    owner = np.repeat(np.arange(len(emitter)), count)
    layer = np.arange(len(owner)) - np.repeat(np.cumsum(count) - count, count)
    layer_id = policies.layer_id[policies.start[source][owner] + layer].astype("i8")
    number = _output_numbers(programme, agg_id[owner], layer_id)
    written = number > 0
    counts = np.bincount(emitter[owner[written]], minlength=(nodes.count if allocation == 0 else len(emitter)))
    return np.concatenate([[0], np.cumsum(counts)]), layer[written], number[written] - 1


def _output_numbers(programme: Programme, agg_id: Int64, layer_id: Int64) -> Int64:
    """The output of each (agg_id, layer_id), the last row counts; 0 where there is none."""
    width = int(max(programme.output_layer_id.max(initial=0), layer_id.max(initial=0))) + 1
    known = programme.output_agg_id.astype("i8") * width + programme.output_layer_id
    order = np.argsort(known, kind="stable")
    wanted = agg_id * width + layer_id
    at = np.searchsorted(known[order], wanted, "right") - 1
    found = (at >= 0) & (known[order][at] == wanted)
    return np.where(found, programme.output_id[order][at], 0).astype("i8")


def _straight(nodes: Nodes, trees: Trees, plain: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Which trees have only ``plain`` nodes, each of which adds up what stands side by side one level below; [tree]."""
    bent: npt.NDArray[np.bool_] = np.any(trees.shuffled, axis=0, keepdims=True)[0]
    for level, of_level in enumerate(nodes.of_leaf):
        aside = nodes.restarts[level] & (level > 0)
        bent[trees.of_leaf[aside | ~plain[of_level]]] = True
    return ~bent


def _tree_sizes(nodes: Nodes, trees: Trees, layers: Int64, straight: npt.NDArray[np.bool_]) -> tuple[Int64, Int64]:
    """(most layers, rows of loss) of each tree: its leaves' and nodes' rows; its nodes' rows twice if ``straight``."""
    tree_of_node = np.zeros(nodes.count, "i8")
    held = np.zeros(nodes.count, np.bool_)
    for of_level in nodes.of_leaf:
        tree_of_node[of_level] = trees.of_leaf
        held[of_level] = True
    most = np.ones(len(trees.start) - 1, "i8")
    np.maximum.at(most, tree_of_node[held], layers[held])
    nodes_held = np.bincount(tree_of_node[held], minlength=len(most)).astype("i8")
    return most, np.where(straight, 2 * nodes_held * most, np.diff(trees.start) * (most + 1) + nodes_held * most)
