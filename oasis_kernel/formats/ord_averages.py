"""Average annual losses and their convergence: PALT, ALT (means only) and ALCT."""

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from oasis_kernel.formats.ord_batches import batch_of
from oasis_kernel.formats.ord_occurrence import Occurrences
from oasis_kernel.formats.ord_period_losses import PeriodLosses
from oasis_kernel.kernels.statistics import period_sums
from oasis_kernel.model.exposure import Float64, Int32, Int64
from oasis_kernel.model.results import SampleType


def sample_subsets(samples: int) -> Int64:
    """The subsets [b, 2] of sample columns whose means ALCT compares: first and last + 1, samples from column 1.

    Sizes 1, 2, 4, .. over different samples (1, 2-3, 4-7, ..) as far as they fit, then all samples.
    """
    bounds = []
    size = 1
    while samples > 1 and 2 * size - 1 <= samples:
        bounds.append((size, 2 * size))
        size *= 2
    bounds.append((1, samples + 1))
    return np.array(bounds, np.int64)


def _sums(losses: PeriodLosses, occurrences: Occurrences, subsets: Int64) -> Float64:
    out = np.empty((len(losses.summary_id), len(subsets), 3))
    weight = occurrences.weight * occurrences.periods if occurrences.weighted else np.ones(occurrences.periods)
    period_sums(losses.aggregate, losses.rows, weight, subsets, out)
    return out


def _mean_and_deviation(sums: Float64, observations: npt.ArrayLike) -> tuple[Float64, Float64]:
    """Mean and standard deviation [k, b] over periods and samples; periods without loss count."""
    n = np.asarray(observations, np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = sums[..., 0] / n
        variance = (sums[..., 1] - sums[..., 0] ** 2 / n) / (n - 1)
    return mean, np.sqrt(_not_below_zero(variance))


def _not_below_zero(variance: Float64) -> Float64:
    """A variance without the tiny negative values that rounding leaves; nan stays nan."""
    return np.where(variance < 0, 0.0, variance)


def average_losses(
    losses: PeriodLosses, occurrences: Occurrences
) -> Iterator[tuple[SampleType, Int32, Float64, Float64]]:
    """For each sample type: summaries, mean annual losses and standard deviations [k]."""
    samples = losses.aggregate.shape[1] - 1
    subsets = np.array([(0, 1), (1, samples + 1)], np.int64)
    sums = _sums(losses, occurrences, subsets)
    counts = np.array([occurrences.periods, occurrences.periods * samples])
    mean, deviation = _mean_and_deviation(sums, counts)
    for b, sample_type in enumerate(SampleType):
        yield sample_type, losses.summary_id, mean[:, b], deviation[:, b]


def palt_batches(losses: PeriodLosses, occurrences: Occurrences) -> Iterator[tuple[SampleType, pa.RecordBatch]]:
    """PALT's rows of each sample type; the table has all analytical rows before the first sample row."""
    for sample_type, summary_id, mean, deviation in average_losses(losses, occurrences):
        columns = {"SummaryId": summary_id, "SampleType": sample_type, "MeanLoss": mean, "SDLoss": deviation}
        yield sample_type, batch_of("PALT", columns)


def alt_batch(losses: PeriodLosses, occurrences: Occurrences) -> pa.RecordBatch:
    """The rows of the table of means only: both sample types of a summary, then the next summary."""
    found = list(average_losses(losses, occurrences))
    return batch_of(
        "ALT",
        {
            "SummaryId": np.repeat(losses.summary_id, len(found)),
            "SampleType": np.tile([sample_type for sample_type, *_ in found], len(losses.summary_id)),
            "MeanLoss": np.stack([mean for _, _, mean, _ in found], axis=1).ravel(),
        },
    )


def normal_quantile(confidence: float) -> float:
    """The half-width of a two-sided normal interval, in standard deviations.

    Abramowitz and Stegun, Handbook of Mathematical Functions (1965), 26.2.23: right to 4.5e-4.
    """
    t = math.sqrt(-2 * math.log(1 - (1 + confidence) / 2))
    above = 2.515517 + 0.802853 * t + 0.010328 * t**2
    below = 1 + 1.432788 * t + 0.189269 * t**2 + 0.001308 * t**3
    return t - above / below


def alct_batch(
    losses: PeriodLosses, occurrences: Occurrences, confidence: float, summaries: tuple[int, int]
) -> pa.RecordBatch:
    """ALCT's rows of the summaries ``first:last``: one for each subset of the samples.

    A summary without any occurrence has rows too, of zeros and nan.
    """
    samples = losses.aggregate.shape[1] - 1
    subsets = sample_subsets(samples)
    sums = np.zeros((summaries[1] - summaries[0], len(subsets), 3))
    sums[losses.summary_id - summaries[0]] = _sums(losses, occurrences, subsets)
    size = (subsets[:, 1] - subsets[:, 0]).astype(np.float64)
    periods = occurrences.periods
    mean, deviation = _mean_and_deviation(sums, size * periods)
    with np.errstate(invalid="ignore", divide="ignore"):
        by_period = sums[..., 2] / size**2
        damage = (sums[..., 1] - size * by_period) / (size * periods - size) / (size * periods)
        hazard = size * (by_period - periods * mean * mean) / (periods - 1) / (size * periods)
        damage_error, hazard_error = np.sqrt(damage), np.sqrt(hazard)  # an estimate below 0 has no root: nan
        width = damage_error * normal_quantile(confidence)
        relative, relative_hazard = damage_error / mean, hazard_error / mean
    columns = {
        "SummaryId": np.repeat(np.arange(*summaries), len(subsets)),
        "MeanLoss": mean,
        "SDLoss": deviation,
        "SampleSize": np.tile(size, summaries[1] - summaries[0]),
        "LowerCI": np.where(width > 0, mean - width, 0),
        "UpperCI": np.where(width > 0, mean + width, 0),
        "StandardError": damage_error,
        "RelativeError": relative,
        "VarElementHaz": hazard,
        "StandardErrorHaz": hazard_error,
        "RelativeErrorHaz": relative_hazard,
        "VarElementVuln": damage,
        "StandardErrorVuln": damage_error,
        "RelativeErrorVuln": relative,
    }
    return batch_of("ALCT", {name: np.ravel(value) for name, value in columns.items()})
