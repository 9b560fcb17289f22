"""Losses of periods, and the exceedance curves and averages that come of them."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from oasis_kernel._jit import inlined, kernel
from oasis_kernel.model.exposure import Float32, Float64, Int32, Int64
from oasis_kernel.model.losses import MEAN, SPECIAL

#: Fibonacci hashing of the low bits of a key: 2^32 over the golden ratio, so that the product fits in 63 bits.
LOW_BITS = 0x7FFFFFFF
SPREAD = 0x9E3779B1

#: What a curve has at a listed return period: no row, a loss, or a loss and a tail value at risk.
NOTHING, LOSS_ONLY, LOSS_AND_TAIL = range(3)


class PeriodTable(NamedTuple):
    """Losses by (summary, period), kept sparse: an open-addressing index and the rows it points to.

    Column 0 of the losses is the mean damage, columns 1.. the samples. Either loss array may have no columns.
    """

    key: Int64  # [2^k] summary * (periods + 1) + period; -1 free
    place: Int64  # [2^k] row of the key
    summary: Int32  # [rows]
    period: Int32  # [rows]
    aggregate: Float64  # [rows, 1 + s] sum over the period's occurrences
    largest: Float32  # [rows, 1 + s] the largest occurrence
    used: Int64  # [1] rows in use


class PeriodRows(NamedTuple):
    """The rows of a table by summary, then period: those of summary k are ``order[offsets[k]:offsets[k + 1]]``."""

    order: Int64  # [rows] into the table
    offsets: Int64  # [k + 1]
    period: Int32  # [rows] in the order of ``order``


class Curves(NamedTuple):
    """Values of several curves: curve k's are ``offsets[k]:offsets[k + 1]``, ascending when sorted."""

    loss: Float32  # [n]
    period: Int32  # [n], or [0] where periods weigh the same
    offsets: Int64  # [k + 1]


class Weights(NamedTuple):
    """Weights of periods for curves: those a curve uses, and those it does not, are of its summary's periods."""

    weight: Float64  # [periods] what a value in a period adds to the exceedance probability
    used: Int32  # [n] periods that each summary uses, ascending
    offsets: Int64  # [summaries + 1]
    curves: int  # curves of each summary


# t = occurrences, m = summaries of events, c = mean damage and samples
@inlined
def find_row(table: PeriodTable, summary: int, period: int, periods: int) -> int:
    """The row of (summary, period), taken into use if it is new."""
    key = np.int64(summary) * (periods + 1) + period
    mask = len(table.key) - 1
    probe = (((key ^ key >> 31) & LOW_BITS) * SPREAD >> 20) & mask
    while table.key[probe] != key:
        if table.key[probe] == -1:
            row = table.used[0]
            table.used[0] = row + 1
            table.key[probe] = key
            table.place[probe] = row
            table.summary[row] = summary
            table.period[row] = period
            table.aggregate[row] = 0.0
            table.largest[row] = 0.0
            return row
        probe = (probe + 1) & mask
    return table.place[probe]


@kernel
def add_periods(
    source: Int64, period: Int32, summary_id: Int32, loss: Float32, periods: int, table: PeriodTable
) -> None:
    """Add losses to the periods they happen in, one occurrence after the other.

    source      [t] row of ``loss`` that happens
    period      [t] in which period
    summary_id  [m]
    loss        [m, SPECIAL + s]
    table       must have room for t more rows, and twice as many keys as rows
    """
    for t in range(len(source)):
        m = source[t]
        row = find_row(table, summary_id[m], period[t], periods)
        for c in range(table.aggregate.shape[1]):
            table.aggregate[row, c] += loss[m, SPECIAL + c - 1 if c else MEAN]
        for c in range(table.largest.shape[1]):
            table.largest[row, c] = max(table.largest[row, c], loss[m, SPECIAL + c - 1 if c else MEAN])


# k = curves or summaries, n = values of all curves, p = rows of a summary, r = return periods
@kernel
def mean_damage_values(source: npt.NDArray[np.floating], rows: PeriodRows, zeros: bool, out: Curves) -> int:
    """Write the mean damage of each period to curve k of summary k; zero losses too if ``zeros``. Returns n."""
    n = 0
    out.offsets[0] = 0
    for k in range(len(rows.offsets) - 1):
        for p in range(rows.offsets[k], rows.offsets[k + 1]):
            loss = np.float32(source[rows.order[p], 0])
            if loss > 0 or zeros:
                n = put(out, n, loss, rows.period[p])
        out.offsets[k + 1] = n
    return n


@kernel
def pooled_values(source: npt.NDArray[np.floating], rows: PeriodRows, out: Curves) -> int:
    """Write every positive sample of every period to curve k of summary k. Returns the number written."""
    n = 0
    out.offsets[0] = 0
    for k in range(len(rows.offsets) - 1):
        for p in range(rows.offsets[k], rows.offsets[k + 1]):
            for c in range(1, source.shape[1]):
                loss = np.float32(source[rows.order[p], c])
                if loss > 0:
                    n = put(out, n, loss, rows.period[p])
        out.offsets[k + 1] = n
    return n


@kernel
def sample_mean_values(source: npt.NDArray[np.floating], rows: PeriodRows, out: Curves) -> int:
    """Write the mean over samples of every period with a positive sample to curve k of summary k. Returns n."""
    samples = source.shape[1] - 1
    n = 0
    out.offsets[0] = 0
    for k in range(len(rows.offsets) - 1):
        for p in range(rows.offsets[k], rows.offsets[k + 1]):
            total = 0.0
            for c in range(1, samples + 1):
                total += float(np.float32(source[rows.order[p], c]))
            if total > 0:
                n = put(out, n, np.float32(total / samples), rows.period[p])
        out.offsets[k + 1] = n
    return n


@kernel
def per_sample_values(source: npt.NDArray[np.floating], rows: PeriodRows, out: Curves) -> int:
    """Write the positive losses of sample s of summary k to curve k * samples + s. Returns the number written."""
    samples = source.shape[1] - 1
    n = 0
    out.offsets[0] = 0
    for k in range(len(rows.offsets) - 1):
        for c in range(1, samples + 1):
            for p in range(rows.offsets[k], rows.offsets[k + 1]):
                loss = np.float32(source[rows.order[p], c])
                if loss > 0:
                    n = put(out, n, loss, rows.period[p])
            out.offsets[k * samples + c] = n
    return n


@inlined
def put(out: Curves, n: int, loss: np.float32, period: int) -> int:
    """Value n of ``out``, and the number that follows."""
    out.loss[n] = loss
    if len(out.period):
        out.period[n] = period
    return n + 1


@kernel
def sort_with_periods(curves: Curves) -> None:
    """Sort each curve's losses, ascending, and take their periods along.

    The order of equal losses decides their return periods where periods have weights. It is that of numba's argsort
    on values by period and sample, because it is the reference's.
    """
    for k in range(len(curves.offsets) - 1):
        first, last = curves.offsets[k], curves.offsets[k + 1]
        order = np.argsort(curves.loss[first:last])
        curves.loss[first:last] = curves.loss[first:last][order]
        curves.period[first:last] = curves.period[first:last][order]


@kernel
def per_sample_means(per_sample: Curves, samples: int, out: Curves) -> int:
    """Write to curve k the mean over samples of their largest, second largest... losses, and return n.

    per_sample  sorted ascending; curve k * samples + s is sample s of summary k
    out         sorted ascending; a sample with fewer losses counts as 0 there
    """
    n = 0
    out.offsets[0] = 0
    for k in range(len(out.offsets) - 1):
        longest = 0
        for s in range(k * samples, (k + 1) * samples):
            longest = max(longest, per_sample.offsets[s + 1] - per_sample.offsets[s])
        for rank in range(longest, 0, -1):
            total = 0.0
            for s in range(k * samples, (k + 1) * samples):
                if per_sample.offsets[s + 1] - per_sample.offsets[s] >= rank:
                    total += per_sample.loss[per_sample.offsets[s + 1] - rank]
            n = put(out, n, np.float32(total / samples), 0)
        out.offsets[k + 1] = n
    return n


class Walk(NamedTuple):
    """Where a curve's walk down its losses stands: rank i, its loss and return period, and those before."""

    rank: int
    loss: float
    return_period: float
    loss_before: float
    return_period_before: float
    tail: float  # mean of the losses before
    top: float  # the longest return period there is


class Found(NamedTuple):
    """What curves have at the listed return periods."""

    loss: Float32  # [k, r]
    tail: Float32  # [k, r] tail value at risk
    status: npt.NDArray[np.int8]  # [k, r] NOTHING, LOSS_ONLY or LOSS_AND_TAIL; starts as NOTHING


@inlined
def settle(walk: Walk, wanted: Int32, r: int, k: int, out: Found) -> int:
    """The first return period that the walk down curve k has not reached; writes those it has.

    Between two points of the curve the loss is interpolated linearly in the return period; a loss of 0 is not. Each
    further return period at one point continues the tail's running mean with the loss of the one before, as the
    standard's reference implementation does.
    """
    mean = walk.tail
    divisor = walk.rank
    while r < len(wanted) and wanted[r] >= walk.return_period:
        if wanted[r] <= walk.top:
            found = walk.loss
            if found != 0 and walk.return_period != wanted[r]:
                slope = (walk.loss_before - found) / (walk.return_period_before - walk.return_period)
                found = (wanted[r] - walk.return_period) * slope + found
            mean -= (mean - found) / divisor
            divisor += 1
            out.loss[k, r] = found
            out.tail[k, r] = mean
            out.status[k, r] = LOSS_AND_TAIL
        r += 1
    return r


@inlined
def settle_rest(top: float, wanted: Int32, r: int, k: int, out: Found) -> None:
    """The return periods that no point of curve k reaches have loss 0 and no tail."""
    while r < len(wanted):
        if wanted[r] <= top:
            out.loss[k, r] = 0.0
            out.status[k, r] = LOSS_ONLY
        r += 1


@kernel
def losses_at(curves: Curves, top: float, wanted: Int32, out: Found) -> None:
    """Write each curve's loss and tail value at risk at the ``wanted`` return periods, where periods weigh the same.

    curves    sorted ascending
    top       the longest return period, that of the largest loss; the i-th largest has top / i
    wanted    [r] strictly descending

    Below the return period of the smallest loss the curve is 0, and the tail averages over those zeros.
    """
    for k in range(len(curves.offsets) - 1):
        first, last = curves.offsets[k], curves.offsets[k + 1]
        if first == last:
            continue
        r = 0
        total = before = 0.0
        for i in range(1, last - first + 1):
            if r == len(wanted):
                break
            loss = np.float64(curves.loss[last - i])
            if wanted[r] >= top / i:
                tail = total / (i - 1) if i > 1 else 0.0
                earlier = top / (i - 1) if i > 1 else 0.0
                r = settle(Walk(i, loss, top / i, before, earlier, tail, top), wanted, r, k, out)
            total += loss
            before = loss
        while r < len(wanted) and wanted[r] > 0:
            i = max(np.int64(top / wanted[r]), last - first + 1)
            while top / i > wanted[r]:
                i += 1
            r = settle(Walk(i, 0.0, top / i, 0.0, 0.0, total / (i - 1), top), wanted, r, k, out)
        settle_rest(top, wanted, r, k, out)


@kernel
def weighted_losses_at(curves: Curves, weights: Weights, wanted: Int32, out: Found) -> None:
    """Write each curve's loss and tail value at risk at the ``wanted`` return periods, where periods have weights.

    curves    sorted ascending
    weights   the return period of a loss is 1 / (sum of the weights down to it)
    wanted    [r] strictly descending

    A loss of weight 0 is passed over. Below the smallest loss come the periods that the summary does not use, in
    order; below those the curve is 0 without tail.
    """
    for k in range(len(curves.offsets) - 1):
        r = 0
        rank = 1
        total = before = earlier = top = probability = 0.0
        for n in range(curves.offsets[k + 1] - 1, curves.offsets[k] - 1, -1):
            weight = weights.weight[curves.period[n] - 1]
            if weight == 0:
                continue
            loss = np.float64(curves.loss[n])
            probability += weight
            if rank == 1:
                top = 1 / probability + 0.0001  # the reference's allowance for rounding
            tail = total / (rank - 1) if rank > 1 else 0.0
            r = settle(Walk(rank, loss, 1 / probability, before, earlier, tail, top), wanted, r, k, out)
            total += loss
            before, earlier = loss, 1 / probability
            rank += 1
        if rank > 1:
            walk = Walk(rank, 0.0, 1 / probability, 0.0, 0.0, total, top)
            r = walk_unused(walk, weights, wanted, r, k, out)
            settle_rest(top, wanted, r, k, out)


@kernel
def walk_unused(walk: Walk, weights: Weights, wanted: Int32, r: int, k: int, out: Found) -> int:
    """The first return period not reached after the periods without loss, which follow ``walk`` in order.

    ``walk.tail`` is the sum, not the mean, of the losses above.
    """
    summary = k // weights.curves
    used, last_used = weights.offsets[summary], weights.offsets[summary + 1]
    probability = 1 / walk.return_period
    rank = walk.rank
    for period in range(1, len(weights.weight) + 1):
        if r == len(wanted):
            break
        if used < last_used and weights.used[used] == period:
            used += 1
            continue
        probability += weights.weight[period - 1]
        tail = walk.tail / (rank - 1) if rank > 1 else 0.0
        r = settle(Walk(rank, 0.0, 1 / probability, 0.0, 0.0, tail, walk.top), wanted, r, k, out)
        rank += 1
    return r


class Points(NamedTuple):
    """Every point of some curves, by curve, from the largest loss down."""

    return_period: Float32  # [n]
    loss: Float32  # [n]
    tail: Float32  # [n]
    offsets: Int64  # [k + 1]


@kernel
def curve_points(curves: Curves, top: float, weight: Float64, out: Points) -> int:
    """Write every loss of each curve with its return period and tail value at risk, and return the number written.

    curves  sorted ascending
    top     the longest return period, where ``weight`` is empty
    weight  [periods] as in ``Weights``; a loss of weight 0 makes no point
    """
    n = 0
    out.offsets[0] = 0
    for k in range(len(curves.offsets) - 1):
        rank = 0
        total = probability = 0.0
        for v in range(curves.offsets[k + 1] - 1, curves.offsets[k] - 1, -1):
            if len(weight):
                if weight[curves.period[v] - 1] == 0:
                    continue
                probability += weight[curves.period[v] - 1]
            rank += 1
            total += float(curves.loss[v])
            out.return_period[n] = 1 / probability if len(weight) else top / rank
            out.loss[n] = curves.loss[v]
            out.tail[n] = total / rank
            n += 1
        out.offsets[k + 1] = n
    return n
