"""Vulnerability for the ground-up kernel: cumulative tables made once, and which curve each item takes."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from oasis_kernel.errors import Finding, InvalidInput
from oasis_kernel.kernels.damage import CHANCE_OF_LOSS, MOMENTS, Aggregates, certain_moments, cumulative_tables
from oasis_kernel.model.exposure import Float32, Float64, Int32, Int64, Items, UInt64
from oasis_kernel.model.hazard import (
    AggregateVulnerability,
    ConditionalVulnerability,
    DamageBins,
    Vulnerability,
)

if TYPE_CHECKING:
    from oasis_kernel.steps.ground_up_tables import DamageModel


@dataclass(frozen=True)
class CurveTables:
    """Every (curve, intensity) and (conditional curve, source bin) as probabilities, a cumulative table, moments."""

    damages: int
    source_bins: int
    probability: Float32
    conditional: Float32
    table: Float32
    length: Int32
    moments: Float64


@dataclass(frozen=True)
class ItemCurves:
    """Which curve each item position takes."""

    curve: Int32  # row of the vulnerability, or ~block of the aggregates
    aggregate: npt.NDArray[np.bool_]
    conditional: Int32  # row of the conditional vulnerability; -1: driven by hazard
    aggregates: Aggregates


def curve_tables(
    bins: DamageBins, vulnerability: Vulnerability, conditional: ConditionalVulnerability | None, forgives_silence: bool
) -> CurveTables:
    """The tables of a model's vulnerability. InvalidInput when it reaches beyond the damage bin dictionary.

    ``forgives_silence``: a table without any probability has no chance of loss; else its chance is 1.
    """
    curves, intensities, damages = vulnerability.probability.shape
    if damages > len(bins.bin_to):
        raise InvalidInput(Finding("vulnerability", f"must have at most the {len(bins.bin_to)} bins of the dictionary",
                                   field="damage_bin_id", value=damages, rule="known damage bin",
                                   remedy="Correct the damage bin dictionary, or the vulnerability file"))  # fmt: skip
    probability = np.ascontiguousarray(vulnerability.probability, np.float32).reshape(-1)
    driven = _conditional(conditional, bins, damages)
    both = np.concatenate([probability, driven.reshape(-1)])
    slots = curves * intensities + driven.shape[0] * driven.shape[1]
    table = np.zeros(slots * (damages + 1), np.float32)
    length = np.zeros(slots, np.int32)
    cumulative_tables(both, table, length)
    moments = np.zeros((slots, MOMENTS))
    certain_moments(table, length, np.ascontiguousarray(bins.interpolation, np.float32), moments)
    if forgives_silence:
        moments[table[np.arange(slots) * (damages + 1) + length] == 0, CHANCE_OF_LOSS] = 0.0
    return CurveTables(damages, driven.shape[1], probability, driven.reshape(-1), table, length, moments)


def _conditional(conditional: ConditionalVulnerability | None, bins: DamageBins, damages: int) -> Float32:
    """[curve, source bin, damage bin], as wide as the vulnerability; a silent source bin means no damage."""
    if conditional is None:
        return np.zeros((0, 0, damages), np.float32)
    given = np.array(conditional.probability, np.float32)
    if given.shape[1] != len(bins.bin_to) or given[:, :, damages:].any() or given.shape[2] < damages:
        raise InvalidInput(Finding("conditional_vulnerability", "must have the dictionary's source damage bins and "
                                   f"the vulnerability's {damages} damage bins", value=given.shape[1:],
                                   rule="known damage bin", remedy="Correct that file"))  # fmt: skip
    given = np.ascontiguousarray(given[:, :, :damages])
    silent = given.sum(axis=2) == 0
    if silent.any() and (bins.bin_from[0] != 0 or bins.bin_to[0] != 0):
        curve, source = np.argwhere(silent)[0]
        raise InvalidInput(Finding("conditional_vulnerability", "leaves a source damage bin without damage "
                                   f"(vulnerability {conditional.vulnerability_id[curve]}), which needs damage bin 1 "
                                   "to be no damage", field="source_damage_bin", value=int(source + 1),
                                   rule="complete conditional vulnerability",
                                   remedy="Give that source damage bin a distribution"))  # fmt: skip
    given[silent, 0] = 1.0
    return given


def item_curves(placed: Items, order: Int64, dependent: npt.NDArray[np.bool_], model: "DamageModel") -> ItemCurves:
    """The curve of each position. InvalidInput for an unknown vulnerability, or one unfit for a dependent item.

    ``placed`` are the items in visiting ``order``, ``dependent`` says which of them depend on another's damage.
    """
    wanted = placed.vulnerability_id
    none = np.zeros(0, np.int32)
    aggregate_id = none if model.aggregates is None else model.aggregates.aggregate_id
    conditional_id = none if model.conditional is None else model.conditional.vulnerability_id
    aggregate = np.isin(wanted, aggregate_id)
    driven = np.isin(wanted, conditional_id) & ~aggregate
    _check_dependents(order, wanted, dependent, aggregate, driven)
    curve = np.zeros(len(wanted), np.int32)
    plain = ~aggregate & ~driven
    curve[plain] = rows_of(model.vulnerability.vulnerability_id, wanted[plain], "vulnerability")
    conditional = np.full(len(wanted), -1, np.int32)
    conditional[driven] = np.searchsorted(conditional_id, wanted[driven])
    blocks = Aggregates(np.zeros(1, np.int32), none, np.zeros(0, np.float32))
    if model.aggregates is not None and aggregate.any():
        pair = np.stack([placed.areaperil_id[aggregate], wanted[aggregate].astype(np.uint64)], axis=1)
        pairs, block = np.unique(pair, axis=0, return_inverse=True)
        curve[aggregate] = ~block.reshape(-1).astype(np.int32)
        blocks = _aggregates(pairs[:, 0], pairs[:, 1].astype(np.int32), model.aggregates, model.vulnerability)
    return ItemCurves(curve, aggregate, conditional, blocks)


def rows_of(known: Int32, wanted: Int32, file: str) -> npt.NDArray[np.intp]:
    """The row of each wanted id among the ``known`` (ascending). InvalidInput for an id that is not there."""
    row = np.minimum(np.searchsorted(known, wanted), max(len(known) - 1, 0))
    missing = known[row] != wanted if len(known) else np.ones(len(wanted), bool)
    if missing.any():
        raise InvalidInput(Finding(file, "must hold every vulnerability that items use", field="vulnerability_id",
                                   value=int(wanted[np.flatnonzero(missing)[0]]), rule="known vulnerability",
                                   remedy="Add it to the model's vulnerability, or correct the lookup"))  # fmt: skip
    return row


def _check_dependents(
    order: Int64, wanted: Int32, dependent: npt.NDArray[np.bool_], aggregate: npt.NDArray[np.bool_],
    driven: npt.NDArray[np.bool_],
) -> None:  # fmt: skip
    """A dependent item needs a conditional vulnerability, and only it may have one."""
    rules = (
        (dependent & aggregate, "must not be an aggregate for an item that depends on another coverage"),
        (dependent & ~aggregate & ~driven, "must be conditional for an item that depends on another coverage"),
        (~dependent & driven, "must not be conditional for an item that depends on no other"),
    )
    findings = [
        Finding("items", f"{rule} (item {order[np.flatnonzero(wrong)[0]] + 1})", field="vulnerability_id",
                value=int(wanted[np.flatnonzero(wrong)[0]]), rule="coverage dependency",
                remedy="Correct the lookup, conditional_vulnerability or the coverage dependency settings")
        for wrong, rule in rules
        if wrong.any()
    ]  # fmt: skip
    if findings:
        raise InvalidInput(findings)


def _aggregates(
    areaperil: UInt64, aggregate: Int32, model: AggregateVulnerability, vulnerability: Vulnerability
) -> Aggregates:
    """The members and weights of each (area peril, aggregate); a weight that is not listed is 0, the last counts."""
    row = np.searchsorted(model.aggregate_id, aggregate)
    counts = (model.offsets[row + 1] - model.offsets[row]).astype(np.int64)
    offsets = np.concatenate([[0], np.cumsum(counts)])
    inside = np.arange(offsets[-1]) - np.repeat(offsets[:-1], counts)
    member_id = model.member[np.repeat(model.offsets[row].astype(np.int64), counts) + inside]
    member = rows_of(vulnerability.vulnerability_id, member_id, "vulnerability")
    places = np.unique(model.weight_areaperil)
    listed = np.searchsorted(places, model.weight_areaperil).astype(np.int64) << 32 | model.weight_vulnerability
    place = np.repeat(areaperil, counts)
    known = np.isin(place, places)
    wanted = np.searchsorted(places, place).astype(np.int64) << 32 | member_id
    at = np.searchsorted(listed, wanted, side="right") - 1
    found = known & (at >= 0)
    found[found] = listed[at[found]] == wanted[found]
    weight = np.zeros(len(member_id), np.float32)
    weight[found] = model.weight[at[found]]
    return Aggregates(offsets.astype(np.int32), member.astype(np.int32), weight)
