"""Exceedance curves of period losses: EPT, and PSEPT for each sample.

A curve comes in two blocks of rows, its losses and its tail values at risk, and tables hold the blocks of a
calculation one after the other for all summaries. So the rows of a range of summaries are handed out by block.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from oasis_kernel.formats.ord_batches import batch_of
from oasis_kernel.formats.ord_occurrence import Occurrences
from oasis_kernel.formats.ord_period_losses import PeriodLosses
from oasis_kernel.formats.ord_room import room
from oasis_kernel.kernels.curves import (
    LOSS_AND_TAIL,
    NOTHING,
    Curves,
    Found,
    PeriodRows,
    Points,
    Weights,
    curve_points,
    losses_at,
    mean_damage_values,
    per_sample_means,
    per_sample_values,
    pooled_values,
    sample_mean_values,
    sort_with_periods,
    weighted_losses_at,
)
from oasis_kernel.model.exposure import Float64, Int32
from oasis_kernel.model.results import Basis, Calculation

#: The order of calculations in a table. Those of one sample come before their mean.
ORDER = (
    Calculation.MEAN_DAMAGE,
    Calculation.FULL_UNCERTAINTY,
    Calculation.PER_SAMPLE,
    Calculation.PER_SAMPLE_MEAN,
    Calculation.SAMPLE_MEAN,
)
Requested = frozenset[tuple[Calculation, Basis]]


@dataclass(frozen=True)
class CurveContext:
    """What curves need beside the losses: ``return_periods`` strictly descending, or None for every point."""

    occurrences: Occurrences
    samples: int
    return_periods: Int32 | None = None


@dataclass(frozen=True, order=True)
class Block:
    """A run of rows of a table, in the order of the file."""

    calculation: int  # place in ORDER
    basis: int
    tail: bool


@dataclass(frozen=True)
class _Rows:
    """Rows of one block: curve numbers ascending, return periods and losses."""

    curve: npt.NDArray[np.int64]
    return_period: npt.NDArray[np.generic]
    loss: npt.NDArray[np.generic]


def curve_batches(
    losses: PeriodLosses, requested: Requested, context: CurveContext
) -> Iterator[tuple[str, Block, pa.RecordBatch]]:
    """The table, block and rows of each requested curve of some summaries, in the order of the tables."""
    for place, calculation in enumerate(ORDER):
        for basis in Basis:
            if (calculation, basis) not in requested or not _possible(calculation, context):
                continue
            source = losses.largest if basis == Basis.OCCURRENCE else losses.aggregate
            for tail, rows in enumerate(_blocks(calculation, source, losses.rows, context)):
                if len(rows.curve):
                    name, batch = _batch(calculation, basis + tail, losses.summary_id, rows, context)
                    yield name, Block(place, basis, bool(tail)), batch


def _possible(calculation: Calculation, context: CurveContext) -> bool:
    """Whether there are samples for it, and return periods to average at where periods have weights."""
    if calculation == Calculation.MEAN_DAMAGE:
        return True
    if calculation == Calculation.PER_SAMPLE_MEAN and context.occurrences.weighted:
        return context.samples > 0 and context.return_periods is not None
    return context.samples > 0


def _batch(
    calculation: Calculation, ep_type: int, summary_id: Int32, rows: _Rows, context: CurveContext
) -> tuple[str, pa.RecordBatch]:
    columns = {"EPType": ep_type, "ReturnPeriod": rows.return_period, "Loss": rows.loss}
    if calculation == Calculation.PER_SAMPLE:
        summary, sample = np.divmod(rows.curve, context.samples)
        return "PSEPT", batch_of("PSEPT", columns | {"SummaryId": summary_id[summary], "SampleId": sample + 1})
    return "EPT", batch_of("EPT", columns | {"SummaryId": summary_id[rows.curve], "EPCalc": calculation})


def _blocks(
    calculation: Calculation, source: npt.NDArray[np.floating], rows: PeriodRows, context: CurveContext
) -> Sequence[_Rows]:
    """The rows of losses and, where the calculation has them, of tail values at risk."""
    if calculation == Calculation.PER_SAMPLE_MEAN:
        return _per_sample_mean(source, rows, context)
    curves = _sorted(_VALUES[calculation](source, rows, context), context)
    return _read(calculation, curves, rows, context)


def _read(calculation: Calculation, curves: Curves, rows: PeriodRows, context: CurveContext) -> Sequence[_Rows]:
    """The rows of sorted curves at the listed return periods, or at each of their points."""
    if context.return_periods is None:
        return _all_points(curves, _top(calculation, context), _weight(calculation, context))
    return _listed(_found(calculation, curves, rows, context), context.return_periods)


def _found(calculation: Calculation, curves: Curves, rows: PeriodRows, context: CurveContext) -> Found:
    wanted = context.return_periods
    assert wanted is not None
    shape = (len(curves.offsets) - 1, len(wanted))
    found = Found(np.empty(shape, np.float32), np.empty(shape, np.float32), np.full(shape, NOTHING, np.int8))
    if context.occurrences.weighted:
        weights = _curve_weights(calculation, curves, rows, context)
        weighted_losses_at(curves, weights, wanted, found)
    else:
        losses_at(curves, _top(calculation, context), wanted, found)
    return found


def _listed(found: Found, wanted: Int32) -> Sequence[_Rows]:
    value_curve, value_at = np.nonzero(found.status != NOTHING)
    tail_curve, tail_at = np.nonzero(found.status == LOSS_AND_TAIL)
    return (
        _Rows(value_curve, wanted[value_at], found.loss[value_curve, value_at]),
        _Rows(tail_curve, wanted[tail_at], found.tail[tail_curve, tail_at]),
    )


def _all_points(curves: Curves, top: float, weight: Float64) -> Sequence[_Rows]:
    n = len(curves.loss)
    points = Points(
        np.empty(n, np.float32), np.empty(n, np.float32), np.empty(n, np.float32), np.empty_like(curves.offsets)
    )
    n = curve_points(curves, top, weight, points)
    curve = np.repeat(np.arange(len(points.offsets) - 1), np.diff(points.offsets))
    return (
        _Rows(curve, points.return_period[:n], points.loss[:n]),
        _Rows(curve, points.return_period[:n], points.tail[:n]),
    )


def _per_sample_mean(source: npt.NDArray[np.floating], rows: PeriodRows, context: CurveContext) -> Sequence[_Rows]:
    """EPCalc 3. With weights: the mean of the samples' losses at each return period, of those that have one."""
    per_sample = _sorted(_per_sample(source, rows, context), context)
    summaries = len(rows.offsets) - 1
    if context.occurrences.weighted:
        found = _found(Calculation.PER_SAMPLE, per_sample, rows, context)
        has_loss = (found.status != NOTHING).reshape(summaries, context.samples, found.status.shape[1])
        losses = np.where(has_loss, found.loss.reshape(has_loss.shape), 0).sum(axis=1, dtype=np.float64)
        count = has_loss.sum(axis=1)
        curve, at = np.nonzero(count)
        assert context.return_periods is not None
        return (_Rows(curve, context.return_periods[at], losses[curve, at] / count[curve, at]),)
    means = _room(len(per_sample.loss), summaries, weighted=False)
    n = per_sample_means(per_sample, context.samples, means)
    return _read(Calculation.PER_SAMPLE_MEAN, means._replace(loss=means.loss[:n]), rows, context)


def _room(values: int, curves: int, *, weighted: bool) -> Curves:
    period = room((values if weighted else 0,), np.int32)
    return Curves(room((values,), np.float32), period, np.empty(curves + 1, np.int64))


def _cut(room: Curves, n: int) -> Curves:
    return Curves(room.loss[:n], room.period[:n], room.offsets)


def _mean_damage(source: npt.NDArray[np.floating], rows: PeriodRows, context: CurveContext) -> Curves:
    room = _room(len(rows.order), len(rows.offsets) - 1, weighted=context.occurrences.weighted)
    return _cut(room, mean_damage_values(source, rows, context.return_periods is not None, room))


def _pooled(source: npt.NDArray[np.floating], rows: PeriodRows, context: CurveContext) -> Curves:
    values = len(rows.order) * context.samples
    room = _room(values, len(rows.offsets) - 1, weighted=context.occurrences.weighted)
    return _cut(room, pooled_values(source, rows, room))


def _sample_mean(source: npt.NDArray[np.floating], rows: PeriodRows, context: CurveContext) -> Curves:
    room = _room(len(rows.order), len(rows.offsets) - 1, weighted=context.occurrences.weighted)
    return _cut(room, sample_mean_values(source, rows, room))


def _per_sample(source: npt.NDArray[np.floating], rows: PeriodRows, context: CurveContext) -> Curves:
    values = len(rows.order) * context.samples
    curves = (len(rows.offsets) - 1) * context.samples
    room = _room(values, curves, weighted=context.occurrences.weighted)
    return _cut(room, per_sample_values(source, rows, room))


_VALUES: dict[Calculation, Callable[[npt.NDArray[np.floating], PeriodRows, CurveContext], Curves]] = {
    Calculation.MEAN_DAMAGE: _mean_damage,
    Calculation.FULL_UNCERTAINTY: _pooled,
    Calculation.PER_SAMPLE: _per_sample,
    Calculation.SAMPLE_MEAN: _sample_mean,
}


def _sorted(curves: Curves, context: CurveContext) -> Curves:
    """Each curve's values ascending, in place."""
    if context.occurrences.weighted:
        sort_with_periods(curves)
        return curves
    for first, last in pairwise(curves.offsets.tolist()):
        if last - first > 1:
            curves.loss[first:last].sort()  # numpy's sort of contiguous floats is vectorised, numba's is not
    return curves


def _top(calculation: Calculation, context: CurveContext) -> float:
    """The longest return period, in years."""
    return float(context.occurrences.periods * (context.samples if calculation == Calculation.FULL_UNCERTAINTY else 1))


def _weight(calculation: Calculation, context: CurveContext) -> Float64:
    """What a loss in each period adds to a curve's exceedance probability; empty where periods weigh the same."""
    if not context.occurrences.weighted:
        return np.empty(0)
    share = context.samples if calculation == Calculation.FULL_UNCERTAINTY else 1
    return context.occurrences.weight / share


def _curve_weights(calculation: Calculation, curves: Curves, rows: PeriodRows, context: CurveContext) -> Weights:
    """The weights of the curves' periods, and the periods that each summary's curves use, ascending."""
    per_summary = context.samples if calculation == Calculation.PER_SAMPLE else 1
    summary_of_value = np.repeat(np.arange(len(curves.offsets) - 1) // per_summary, np.diff(curves.offsets))
    stride = context.occurrences.periods + 1
    used = np.unique(summary_of_value * stride + curves.period)
    offsets = np.searchsorted(used // stride, np.arange(len(rows.offsets)))
    return Weights(_weight(calculation, context), (used % stride).astype(np.int32), offsets, per_summary)
