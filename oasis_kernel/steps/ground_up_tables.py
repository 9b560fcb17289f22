"""A portfolio and a model's data as the arrays that the ground-up kernel reads: made once, checked once."""

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from oasis_kernel.errors import Finding, InvalidInput
from oasis_kernel.kernels.allocation import NONE
from oasis_kernel.kernels.amplification import Amplification
from oasis_kernel.kernels.correlation import Copula, Correlations
from oasis_kernel.kernels.damage import QUADRATIC, damage_bins
from oasis_kernel.kernels.distributions import Curves, Mode
from oasis_kernel.kernels.draws import Draws, Factors, Randomness
from oasis_kernel.kernels.ground_up import GroundUpModel, Settlement
from oasis_kernel.kernels.normal_tables import load
from oasis_kernel.kernels.sampling import Sampling
from oasis_kernel.kernels.touch_order import Exposure
from oasis_kernel.model.exposure import Coverages, Float32, Int32, Int64, Items, UInt64
from oasis_kernel.model.hazard import (
    AggregateVulnerability,
    ConditionalVulnerability,
    DamageBins,
    IntensityBins,
    LossFactors,
    Vulnerability,
)
from oasis_kernel.model.options import GroundUpOptions
from oasis_kernel.steps.ground_up_curves import ItemCurves, curve_tables, item_curves
from oasis_kernel.steps.ground_up_dependency import dependency


@dataclass(frozen=True)
class DamageModel:
    """What a model's data say about damage and losses."""

    damage_bins: DamageBins
    vulnerability: Vulnerability
    aggregates: AggregateVulnerability | None = None
    conditional: ConditionalVulnerability | None = None
    intensity_bins: IntensityBins | None = None  # given: footprints are dynamic
    loss_factors: LossFactors | None = None


@dataclass(frozen=True)
class Portfolio:
    """A portfolio on a model, for the kernel, and what finding its runs needs."""

    model: GroundUpModel
    areaperil_id: UInt64  # ascending, those of the items
    distributions: Int64  # [area peril] how many distributions its items have
    amplifications: int  # the largest amplification id
    hazards_of_draw: int  # the most hazard draws that the items of one damage draw have


def prepare(items: Items, coverages: Coverages, model: DamageModel, options: GroundUpOptions) -> Portfolio:
    """The arrays of ``items`` on ``model``.

    Raises InvalidInput for an unknown vulnerability, a damage bin beyond the dictionary, a correlation outside
    [0, 1], and coverage dependencies that do not form a forest inside area perils.
    """
    _check_correlations(items)
    links = dependency(items, coverages, options)
    order = np.lexsort((items.vulnerability_id, items.areaperil_id)).astype(np.int64)  # stable: then by item
    placed = _in_order(items, order)
    areaperil_id, first, areaperil = np.unique(placed.areaperil_id, return_index=True, return_inverse=True)
    curves = item_curves(placed, order, links.source[order] >= 0, model)
    peril = _peril_rows(placed, model.intensity_bins)
    chosen, distribution = distinct(peril, placed.intensity_adjustment, placed.vulnerability_id, areaperil)
    randomness, draw, hazard_draw = _randomness(placed, curves, options)
    mode = Mode(
        effective=options.effective_damageability,
        dynamic=model.intensity_bins is not None,
        depends=bool(links.applies),
        fixed=options.quirks == "fixed",
    )
    exposure = Exposure(
        first_item=np.append(first, len(order)).astype(np.int64),
        item=_int32(order),
        coverage=_int32(placed.coverage_id - 1),
        distribution=distribution,
        draw=draw,
        hazard_draw=hazard_draw,
        amplification=_int32(placed.amplification_id),
        source=links.positions(order),
        return_period=_int32(placed.return_period),
        tiv=coverages.tiv.astype(np.float32).astype(np.float64),
        first_dependent=links.first_dependent,
        dependent=links.dependent,
        source_coverage=links.source_coverage,
    )
    return Portfolio(
        model=GroundUpModel(
            exposure=exposure,
            curves=_curves(curves, _int32(placed.intensity_adjustment), peril, chosen, model, mode),
            sampling=_sampling(model.damage_bins, mode, options),
            mode=mode,
            randomness=randomness,
            settlement=_settlement(model.loss_factors, options),
        ),
        areaperil_id=areaperil_id.astype(np.uint64),
        distributions=np.bincount(areaperil[chosen], minlength=len(areaperil_id)).astype(np.int64),
        amplifications=int(items.amplification_id.max(initial=0)),
        hazards_of_draw=_most_partners(draw, hazard_draw),
    )


def _most_partners(draw: Int32, hazard_draw: Int32) -> int:
    """The most different hazard draws that stand beside one damage draw; both by position."""
    pairs = np.unique(draw.astype(np.int64) << 32 | hazard_draw)
    return int(np.bincount(pairs >> 32).max(initial=0))


def _in_order(items: Items, order: Int64) -> Items:
    """The items in another order."""
    columns = {column.name: getattr(items, column.name) for column in fields(items)}
    moved: dict[str, Any] = {name: value[order] for name, value in columns.items() if isinstance(value, np.ndarray)}
    return replace(items, **moved)


def _sampling(given: DamageBins, mode: Mode, options: GroundUpOptions) -> Sampling:
    bins = damage_bins(
        _single(given.bin_from), _single(given.bin_to), _single(given.interpolation), _int32(given.damage_type)
    )
    return Sampling(
        bins=bins,
        curved=bool((bins.kind == QUADRATIC).any()),
        ceiling=0.0 if mode.fixed else np.inf,
        threshold=np.float32(options.threshold),
        keeps_small=options.allocation_rule != NONE,
    )


def distinct(*columns: npt.NDArray[np.generic]) -> tuple[Int64, Int32]:
    """One position of each distinct row of ``columns``, and which of them each row is (equal rows, equal numbers)."""
    order = np.lexsort(columns)
    changes = np.zeros(len(order), bool)
    for column in columns:
        ordered = column[order]
        changes[1:] |= ordered[1:] != ordered[:-1]
    number = np.empty(len(order), np.int32)
    number[order] = np.cumsum(changes)
    changes[:1] = True
    return order[changes].astype(np.int64), number


def _check_correlations(items: Items) -> None:
    for field in ("damage_correlation", "hazard_correlation"):
        value = getattr(items, field)
        wrong = np.flatnonzero(~((value >= 0) & (value <= 1)))
        if len(wrong):
            raise InvalidInput(Finding("items", f"must lie between 0 and 1 (item {wrong[0] + 1})", field=field,
                                       value=float(value[wrong[0]]), rule="correlation",
                                       remedy="Correct the model's correlation settings"))  # fmt: skip


def _peril_rows(placed: Items, dictionary: IntensityBins | None) -> Int32:
    """The row of the intensity dictionary of each position; a peril it does not know takes the first row."""
    if dictionary is None:
        return np.zeros(len(placed), np.int32)
    row = np.minimum(np.searchsorted(dictionary.peril_code, placed.peril_code), len(dictionary.peril_code) - 1)
    return _int32(np.where(dictionary.peril_code[row] == placed.peril_code, row, 0))


def _randomness(placed: Items, curves: ItemCurves, options: GroundUpOptions) -> tuple[Randomness, Int32, Int32]:
    """What is drawn, and which draw and hazard draw each position uses."""
    groups = placed.peril_correlation_group
    compatible = options.quirks == "compatible"
    damage_weight = _weights(placed.damage_correlation, groups, options.damage_correlation, compatible)
    hazard_weight = _weights(placed.hazard_correlation, groups, options.hazard_correlation, compatible)
    factor = np.unique(groups[(damage_weight > 0) | (hazard_weight > 0)]).astype(np.int64)
    stretch = np.ones(len(placed))
    for vulnerability, value in options.vulnerability_adjustments.items():
        stretch[(placed.vulnerability_id == vulnerability) & ~curves.aggregate] = np.float64(np.float32(value))
    damage, draw = _draws(placed.group_id, groups, damage_weight, stretch, factor)
    hazard, hazard_draw = _draws(placed.hazard_group_id, groups, hazard_weight, np.ones(len(placed)), factor)
    randomness = Randomness(
        generator=int(options.random_generator),
        damage=damage,
        hazard=hazard,
        factors=Factors(factor, bool(compatible and (groups == 0).any())),
        copula=Copula(load(), options.copula_mode == "trunc"),
    )
    return randomness, draw, hazard_draw


def _weights(value: Float32, group: Int32, applies: bool, compatible: bool) -> Float32:
    """The correlation of each item; 0 where it does not apply. Group 0 correlates in compatible mode only."""
    if not applies:
        return np.zeros(len(value), np.float32)
    return _single(value if compatible else np.where(group == 0, np.float32(0), value))


def _draws(
    group: npt.NDArray[np.generic], correlation_group: Int32, weight: Float32, stretch: npt.NDArray[np.float64],
    factor: Int64,
) -> tuple[Draws, Int32]:  # fmt: skip
    """The distinct draws, and which one each item uses."""
    correlated = np.where(weight > 0, correlation_group, -1)
    chosen, number = distinct(stretch, weight, correlated, group)
    row = np.where(weight[chosen] > 0, np.searchsorted(factor, correlation_group[chosen]), -1)
    correlations = Correlations(_int32(row), _single(weight[chosen]))
    return Draws(group[chosen].astype(np.int64), correlations, stretch[chosen].copy()), number


def _curves(
    curves: ItemCurves, adjustment: Int32, peril: Int32, chosen: Int64, model: DamageModel, mode: Mode
) -> Curves:
    """The kernel's view of vulnerability; ``chosen`` is a position of each distribution."""
    tables = curve_tables(model.damage_bins, model.vulnerability, model.conditional, forgives_silence=mode.fixed)
    intensities = model.vulnerability.probability.shape[1]
    return Curves(
        intensities=intensities,
        damages=tables.damages,
        probability=tables.probability,
        conditional=tables.conditional,
        source_bins=tables.source_bins,
        table=tables.table,
        length=tables.length,
        moments=tables.moments,
        aggregates=curves.aggregates,
        curve=_int32(curves.curve[chosen]),
        conditional_curve=_int32(curves.conditional[chosen]),
        adjustment=adjustment[chosen],
        peril=peril[chosen],
        bin_of=_bin_of(model.intensity_bins, intensities),
        middle=_single(model.damage_bins.interpolation),
    )


def _bin_of(dictionary: IntensityBins | None, intensities: int) -> Int32:
    if dictionary is None:
        return np.zeros((1, 1), np.int32)
    bin_of = _int32(dictionary.bin_of)
    wrong = bin_of[(bin_of < 1) | (bin_of > intensities)]
    if len(wrong):
        raise InvalidInput(Finding("intensity_bin_dict.csv", f"must lie between 1 and {intensities}",
                                   field="intensity_bin", value=int(wrong[0]), rule="known intensity bin",
                                   remedy="Correct the dictionary, or the vulnerability file"))  # fmt: skip
    return bin_of


def _settlement(factors: LossFactors | None, options: GroundUpOptions) -> Settlement:
    none = np.zeros(0, np.int32)
    otherwise = options.uniform_factor or 1.0
    amplification = Amplification(options.amplification, none, none, np.zeros(0), float(otherwise))
    if options.amplification and factors is not None and not options.uniform_factor:
        change = (factors.factor.astype(np.float64) - 1.0) * options.secondary_factor
        amplification = Amplification(True, _int32(factors.event_id), _int32(factors.amplification_id),
                                      np.maximum(1.0 + change, 0.0), 1.0)  # fmt: skip
    fixed = options.quirks == "fixed"
    return Settlement(int(options.allocation_rule), np.float32(options.threshold), fixed, amplification)


def _int32(values: npt.NDArray[np.generic]) -> Int32:
    return np.ascontiguousarray(values, np.int32)


def _single(values: npt.NDArray[np.generic]) -> Float32:
    return np.ascontiguousarray(values, np.float32)
