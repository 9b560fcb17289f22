"""The tables by event (SELT, MELT, QELT) and by occurrence (SPLT, MPLT, QPLT), chunk by chunk.

Rows follow the reference's order: by event, then summary, then sample (or type, or quantile), then occurrence in
the order of the model's file.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from oasis_kernel.formats.ord_batches import Columns, batch_of
from oasis_kernel.formats.ord_occurrence import Occurrences
from oasis_kernel.kernels.statistics import (
    accumulated_shares,
    count_sample_rows,
    moments,
    quantile_losses,
    sample_rows,
)
from oasis_kernel.model.exposure import Float32, Int64
from oasis_kernel.model.hazard import EventRates
from oasis_kernel.model.losses import CHANCE, EXPOSURE, MAXIMUM, MEAN, SummaryLosses
from oasis_kernel.model.results import DEFAULT_QUANTILES, SampleType

#: At most so many rows of losses are expanded to table rows at once.
ROWS_AT_ONCE = 65_536
#: Perspectives whose sample tables carry the number of affected risks (SampleId -4).
WITH_RISKS = ("gul", "il")


@dataclass(frozen=True)
class EventContext:
    """What the tables by event and occurrence need beside the losses."""

    perspective: str
    occurrences: Occurrences | None = None
    quantiles: Float32 | None = None
    rates: EventRates | None = None


def event_table(name: str, chunks: Iterable[SummaryLosses], context: EventContext) -> Iterator[pa.RecordBatch]:
    """The record batches of SELT, MELT, QELT, SPLT, MPLT or QPLT for chunks of whole events, ascending."""
    for losses in chunks:
        yield from event_rows(name, losses, context)


def event_rows(name: str, losses: SummaryLosses, context: EventContext) -> Iterator[pa.RecordBatch]:
    """The record batches of one table for one chunk."""
    for first in range(0, len(losses.event_id), ROWS_AT_ONCE):
        rows = slice(first, first + ROWS_AT_ONCE)
        piece = SummaryLosses(losses.event_id[rows], losses.summary_id[rows], losses.loss[rows])
        batch = batch_of(name, _MAKERS[name](piece, context))
        if batch.num_rows:
            yield batch


def _samples(losses: SummaryLosses, special: tuple[int, ...]) -> tuple[Int64, npt.NDArray[np.int32], Float32]:
    """Which row, which sample and what loss, for the special columns and the samples that are not 0."""
    rows = count_sample_rows(losses.loss, len(special))
    source, sample, loss = np.empty(rows, np.int64), np.empty(rows, np.int32), np.empty(rows, np.float32)
    sample_rows(losses.loss, np.array(special, np.int32), source, sample, loss)
    return source, sample, loss


def _selt(losses: SummaryLosses, context: EventContext) -> Columns:
    special = (CHANCE, MEAN) if context.perspective in WITH_RISKS else (MEAN,)
    source, sample, loss = _samples(losses, special)
    return {
        "EventId": losses.event_id[source],
        "SummaryId": losses.summary_id[source],
        "SampleId": sample,
        "Loss": loss,
        "ImpactedExposure": np.where(loss != 0, losses.loss[source, EXPOSURE], np.float32(0)),
    }


def _splt(losses: SummaryLosses, context: EventContext) -> Columns:
    base, sample, loss = _samples(losses, (MEAN,))
    source, happened = _occurrences(context).rows(losses.event_id[base])
    rows, loss = base[source], loss[source]
    return _when(context, losses, rows, happened) | {
        "SampleId": sample[source],
        "Loss": loss,
        "ImpactedExposure": np.where(loss > 0, losses.loss[rows, EXPOSURE], np.float32(0)),
    }


def _melt(losses: SummaryLosses, context: EventContext) -> Columns:
    losses = _exposed(losses)
    samples = losses.samples
    mean, deviation, positive = _moments(losses)
    exposure = losses.loss[:, EXPOSURE]
    with np.errstate(invalid="ignore"):
        chance = positive / np.float64(samples)
    zero = np.zeros(len(mean))
    return {
        "EventId": np.repeat(losses.event_id, 2),
        "SummaryId": np.repeat(losses.summary_id, 2),
        "SampleType": np.tile(np.array(list(SampleType), np.int32), len(mean)),
        "EventRate": np.repeat(_rates(losses, context.rates), 2),
        "ChanceOfLoss": _pairs(zero, chance),
        "MeanLoss": _pairs(losses.loss[:, MEAN], mean),
        "SDLoss": _pairs(zero, deviation),
        "MaxLoss": np.repeat(losses.loss[:, MAXIMUM], 2),
        "FootprintExposure": np.repeat(exposure, 2),
        "MeanImpactedExposure": _pairs(exposure, exposure * chance),
        "MaxImpactedExposure": _pairs(exposure, np.where(positive > 0, exposure, 0)),
    }


def _mplt(losses: SummaryLosses, context: EventContext) -> Columns:
    mean, deviation, positive = _moments(losses)
    analytical = losses.loss[:, MEAN] > 0
    sampled = (mean > 0) | (deviation > 0)
    base = np.flatnonzero(_pairs(analytical, sampled))  # row 2 k: analytical of k, row 2 k + 1: samples of k
    source, happened = _occurrences(context).rows(losses.event_id[base // 2])
    chosen = base[source]
    exposure = losses.loss[:, EXPOSURE]
    chance, impacted = np.empty(len(mean), np.float32), np.empty(len(mean), np.float32)
    accumulated_shares(positive, exposure, losses.samples, chance, impacted)
    zero = np.zeros(len(mean))
    columns = {
        "SampleType": np.tile(np.array(list(SampleType), np.int32), len(mean)),
        "ChanceOfLoss": _pairs(zero, chance),
        "MeanLoss": _pairs(losses.loss[:, MEAN], mean),
        "SDLoss": _pairs(zero, deviation),
        "MaxLoss": np.repeat(losses.loss[:, MAXIMUM], 2),
        "FootprintExposure": np.repeat(exposure, 2),
        "MeanImpactedExposure": _pairs(exposure, impacted),
        "MaxImpactedExposure": _pairs(exposure, np.where(positive > 0, exposure, 0)),
    }
    return _when(context, losses, chosen // 2, happened) | {name: value[chosen] for name, value in columns.items()}


def _qelt(losses: SummaryLosses, context: EventContext) -> Columns:
    losses = _exposed(losses)
    quantiles = _quantiles(losses, context)
    return {
        "EventId": np.repeat(losses.event_id, len(quantiles)),
        "SummaryId": np.repeat(losses.summary_id, len(quantiles)),
        "Quantile": np.tile(quantiles, len(losses.event_id)),
        "Loss": _quantile_losses(losses, quantiles).ravel(),
    }


def _qplt(losses: SummaryLosses, context: EventContext) -> Columns:
    quantiles = _quantiles(losses, context)
    source, happened = _occurrences(context).rows(losses.event_id)
    when = _when(context, losses, np.repeat(source, len(quantiles)), np.repeat(happened, len(quantiles)))
    return when | {
        "Quantile": np.tile(quantiles, len(source)),
        "Loss": _quantile_losses(losses, quantiles)[source].ravel(),
    }


_MAKERS: dict[str, Callable[[SummaryLosses, EventContext], Columns]] = {
    "SELT": _selt,
    "MELT": _melt,
    "QELT": _qelt,
    "SPLT": _splt,
    "MPLT": _mplt,
    "QPLT": _qplt,
}


def _occurrences(context: EventContext) -> Occurrences:
    assert context.occurrences is not None, "tables by period are refused before any loss without occurrences"
    return context.occurrences


def _when(context: EventContext, losses: SummaryLosses, rows: Int64, happened: Int64) -> dict[str, npt.ArrayLike]:
    """The columns that say what happened when: ``happened`` are occurrences of the events of ``rows``."""
    occurrences = _occurrences(context)
    period = occurrences.period[happened]
    date = occurrences.date[happened]
    return {
        "Period": period,
        "PeriodWeight": occurrences.weight[period - 1],
        "EventId": losses.event_id[rows],
        **{name: date[:, k] for k, name in enumerate(("Year", "Month", "Day", "Hour", "Minute"))},
        "SummaryId": losses.summary_id[rows],
    }


def _exposed(losses: SummaryLosses) -> SummaryLosses:
    """The rows whose exposure is above 0: the only ones that MELT and QELT show."""
    kept = losses.loss[:, EXPOSURE] > 0
    if kept.all():
        return losses
    return SummaryLosses(losses.event_id[kept], losses.summary_id[kept], losses.loss[kept])


def _moments(losses: SummaryLosses) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], Int64]:
    rows = len(losses.event_id)
    mean, deviation, positive = np.empty(rows), np.empty(rows), np.empty(rows, np.int64)
    moments(losses.loss, mean, deviation, positive)
    return mean, deviation, positive


def _pairs(first: npt.NDArray[np.generic], second: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
    """Both alternately: analytical, sample, analytical, sample..."""
    return np.stack((first, second), axis=1).ravel()


def _rates(losses: SummaryLosses, rates: EventRates | None) -> npt.NDArray[np.float64]:
    if rates is None or not len(rates.event_id):
        return np.full(len(losses.event_id), np.nan)
    place = np.minimum(np.searchsorted(rates.event_id, losses.event_id), len(rates.event_id) - 1)
    return np.where(rates.event_id[place] == losses.event_id, rates.rate[place], np.nan)


def _quantiles(losses: SummaryLosses, context: EventContext) -> Float32:
    """The quantiles asked for; none where there are no samples to take them of."""
    if not losses.samples:
        return np.empty(0, np.float32)
    listed = DEFAULT_QUANTILES if context.quantiles is None else context.quantiles
    return np.asarray(listed, np.float32)


def _quantile_losses(losses: SummaryLosses, quantiles: Float32) -> Float32:
    if not len(quantiles):
        return np.empty((len(losses.event_id), 0), np.float32)
    return quantile_losses(losses.loss, quantiles)
