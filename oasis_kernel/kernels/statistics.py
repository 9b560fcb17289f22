"""Moments and quantiles of sampled losses, which samples carry a loss, and the sums that averages are made of."""

import numpy as np

from oasis_kernel._jit import kernel
from oasis_kernel.kernels.curves import PeriodRows
from oasis_kernel.model.exposure import Float32, Float64, Int32, Int64
from oasis_kernel.model.losses import MEAN, SPECIAL


# m = summaries of events, s = samples, q = quantiles
@kernel
def moments(loss: Float32, out_mean: Float64, out_deviation: Float64, out_positive: Int64) -> None:
    """Write mean, standard deviation and number of positive samples of each row.

    loss   [m, SPECIAL + s]
    out_*  [m]

    Two passes in float64, in sample order; the deviation divides by s - 1 and is 0 below two samples. Without
    samples the mean is nan.
    """
    samples = loss.shape[1] - SPECIAL
    for m in range(loss.shape[0]):
        total = 0.0
        positive = 0
        for s in range(SPECIAL, SPECIAL + samples):
            total += np.float64(loss[m, s])
            positive += loss[m, s] > 0
        mean = total / samples if samples else np.nan
        squares = 0.0
        for s in range(SPECIAL, SPECIAL + samples):
            squares += (np.float64(loss[m, s]) - mean) ** 2
        out_mean[m] = mean
        out_deviation[m] = np.sqrt(squares / (samples - 1)) if samples > 1 else 0.0
        out_positive[m] = positive


def quantile_losses(loss: Float32, quantiles: Float32) -> Float32:
    """The sample losses at some quantiles, by linear interpolation (Hyndman and Fan's definition 7).

    loss       [m, SPECIAL + s] with s >= 1
    quantiles  [q] in [0, 1]
    returns    [m, q]

    Zero losses count. The interpolation runs in float32, as the reference's does.
    """
    ordered = np.sort(loss[:, SPECIAL:], axis=1)
    samples = ordered.shape[1]
    position = (samples - 1) * quantiles.astype(np.float64) + 1
    below = position.astype(np.int64)
    fraction = (position - below).astype(np.float32)
    low = ordered[:, below - 1]
    step = ordered[:, np.minimum(below, samples - 1)] - low
    return step * fraction + low


@kernel
def accumulated_shares(
    positive: Int64, exposure: Float32, samples: int, out_chance: Float32, out_mean: Float32
) -> None:
    """Write the chance of loss and the mean impacted exposure of each row, as the period loss table carries them.

    positive   [m] samples with a loss
    exposure   [m]
    out_*      [m]

    Both are sums of 1 / samples and exposure / samples over the positive samples, kept in float32 at each step: the
    reference's rounding, which shows in the fourth decimal only for very many samples.
    """
    for m in range(len(positive)):
        chance = np.float32(0.0)
        mean = np.float32(0.0)
        for _ in range(positive[m]):
            chance = np.float32(np.float64(chance) + 1.0 / samples)
            mean = np.float32(np.float64(mean) + np.float64(exposure[m]) / samples)
        out_chance[m] = chance
        out_mean[m] = mean


@kernel
def count_sample_rows(loss: Float32, leading: int) -> int:
    """The number of rows of a sample table: ``leading`` for each row of ``loss``, and one for each sample not 0."""
    rows = leading * loss.shape[0]
    for m in range(loss.shape[0]):
        for s in range(SPECIAL, loss.shape[1]):
            rows += loss[m, s] != 0
    return rows


@kernel
def sample_rows(loss: Float32, special: Int32, out_source: Int64, out_sample: Int32, out_loss: Float32) -> None:
    """Write the rows of a sample table: for each row of ``loss`` its special columns, then its samples that are not 0.

    loss        [m, SPECIAL + s]
    special     columns such as MEAN that lead each row's samples; their sample number is -1 - column
    out_source  [rows] row of ``loss``
    out_sample  [rows] sample number, from 1
    out_loss    [rows]
    """
    n = 0
    for m in range(loss.shape[0]):
        for column in special:
            out_source[n] = m
            out_sample[n] = MEAN - 1 - column
            out_loss[n] = loss[m, column]
            n += 1
        for s in range(SPECIAL, loss.shape[1]):
            if loss[m, s] != 0:
                out_source[n] = m
                out_sample[n] = s - SPECIAL + 1
                out_loss[n] = loss[m, s]
                n += 1


# k = summaries, p = rows of a summary, b = subsets of samples
@kernel
def period_sums(aggregate: Float64, rows: PeriodRows, weight: Float64, subsets: Int64, out: Float64) -> None:
    """Write weighted sums over periods and samples of each summary and subset: of losses, of squares, and of squares
    of a period's sum over the subset.

    aggregate  [rows, 1 + s]
    weight     [periods] with mean 1
    subsets    [b, 2] first and last + 1 column of ``aggregate``
    out        [k, b, 3]
    """
    for k in range(len(rows.offsets) - 1):
        for b in range(len(subsets)):
            total = squares = by_period = 0.0
            for p in range(rows.offsets[k], rows.offsets[k + 1]):
                share = weight[rows.period[p] - 1]
                in_period = 0.0
                for c in range(subsets[b, 0], subsets[b, 1]):
                    loss = aggregate[rows.order[p], c]
                    in_period += loss * share
                    squares += loss * loss * share
                total += in_period
                by_period += in_period * in_period
            out[k, b, 0] = total
            out[k, b, 1] = squares
            out[k, b, 2] = by_period
