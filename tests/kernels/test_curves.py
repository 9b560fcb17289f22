"""Period losses against dictionaries, and curves against the standard's walk, step by step."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from oasis_kernel.kernels.curves import (
    LOSS_AND_TAIL,
    LOSS_ONLY,
    NOTHING,
    Curves,
    Found,
    PeriodTable,
    Points,
    Weights,
    add_periods,
    curve_points,
    losses_at,
    per_sample_means,
    weighted_losses_at,
)
from oasis_kernel.model.losses import MEAN, SPECIAL

LOSS = st.one_of(st.just(0.0), st.sampled_from([1.0, 2.0, 5.5]), st.floats(0.125, 1e6, width=32))
RETURN_PERIODS = st.sets(st.integers(1, 60), max_size=8).map(lambda r: np.array(sorted(r, reverse=True), np.int32))


def walk(points: list[tuple[float, float]], wanted: np.ndarray, top: float) -> dict[int, tuple[float, float | None]]:
    """Loss and tail at return periods, from (return period, loss) points downwards; return period 0: no point left."""
    found: dict[int, tuple[float, float | None]] = {}
    pending = list(wanted)
    tail = 0.0
    before = (0.0, 0.0)
    for i, (return_period, loss) in enumerate(points, start=1):
        running, divisor = tail, i
        while pending and pending[0] >= return_period:
            r = pending.pop(0)
            if r > top:
                continue
            value = loss
            if return_period == 0 or loss == 0:
                value = 0.0
            elif r != return_period:
                value = (r - return_period) * (before[1] - loss) / (before[0] - return_period) + loss
            if return_period == 0:
                found[int(r)] = (value, None)
                continue
            running -= (running - value) / divisor
            divisor += 1
            found[int(r)] = (value, running)
        tail -= (tail - loss) / i
        before = (return_period, loss)
    return found


def empty_found(curves: int, wanted: np.ndarray) -> Found:
    shape = (curves, len(wanted))
    return Found(np.zeros(shape, np.float32), np.zeros(shape, np.float32), np.full(shape, NOTHING, np.int8))


def check(found: Found, k: int, wanted: np.ndarray, expected: dict[int, tuple[float, float | None]]) -> None:
    for r, return_period in enumerate(wanted):
        if int(return_period) not in expected:
            assert found.status[k, r] == NOTHING
            continue
        loss, tail = expected[int(return_period)]
        assert found.status[k, r] == (LOSS_ONLY if tail is None else LOSS_AND_TAIL)
        np.testing.assert_allclose(found.loss[k, r], loss, rtol=1e-6, atol=1e-6)
        if tail is not None:
            np.testing.assert_allclose(found.tail[k, r], tail, rtol=1e-6, atol=1e-6)


@settings(deadline=None)
@given(st.lists(st.lists(LOSS, max_size=30), min_size=1, max_size=4), st.integers(30, 50), RETURN_PERIODS)
def test_losses_at_return_periods(lists: list[list[float]], periods: int, wanted: np.ndarray) -> None:
    ordered = [np.sort(np.array(values, np.float32)) for values in lists]
    offsets = np.cumsum([0, *(len(values) for values in ordered)])
    found = empty_found(len(lists), wanted)
    losses_at(Curves(np.concatenate(ordered), np.empty(0, np.int32), offsets), float(periods), wanted, found)
    for k, values in enumerate(ordered):
        losses = [*map(float, values[::-1]), *([0.0] * 100)] if len(values) else []
        points = [(periods / i, loss) for i, loss in enumerate(losses, start=1)]
        check(found, k, wanted, walk(points, wanted, periods))


@settings(deadline=None)
@given(st.data(), st.integers(1, 12), RETURN_PERIODS)
def test_weighted_losses_at_return_periods(data: st.DataObject, periods: int, wanted: np.ndarray) -> None:
    weight = np.array(data.draw(st.lists(st.sampled_from([0.0, 0.01, 0.1, 0.05]), min_size=periods, max_size=periods)))
    used = data.draw(st.lists(st.integers(1, periods), unique=True).map(sorted))
    losses = np.array(data.draw(st.lists(LOSS, min_size=len(used), max_size=len(used))), np.float32)
    order = np.argsort(losses, kind="stable")
    period = np.array(used, np.int32)
    curves = Curves(losses[order], period[order], np.array([0, len(used)]))
    found = empty_found(1, wanted)
    weighted_losses_at(curves, Weights(weight, period, np.array([0, len(used)]), 1), wanted, found)
    points, probability = [], 0.0
    for n in order[::-1]:
        if weight[used[n] - 1]:
            probability += weight[used[n] - 1]
            points.append((1 / probability, float(losses[n])))
    top = points[0][0] + 0.0001 if points else 0.0
    for p in range(1, periods + 1):
        if p not in used and points:
            probability += weight[p - 1]
            points.append((1 / probability, 0.0))
    if points:
        points.append((0.0, 0.0))
    check(found, 0, wanted, walk(points, wanted, top))


@settings(deadline=None)
@given(st.lists(LOSS, max_size=12), st.booleans())
def test_points(values: list[float], weighted: bool) -> None:
    losses = np.sort(np.array(values, np.float32))
    n = len(losses)
    weight = np.linspace(0, 0.05, max(n, 1)) if weighted else np.empty(0)
    period = np.arange(1, n + 1, dtype=np.int32)
    points = Points(np.empty(n, np.float32), np.empty(n, np.float32), np.empty(n, np.float32), np.empty(2, np.int64))
    count = curve_points(Curves(losses, period, np.array([0, n])), 50.0, weight, points)
    kept = [k for k in range(n - 1, -1, -1) if not weighted or weight[k] > 0]
    shares = np.cumsum(weight[kept]) if weighted else np.arange(1, len(kept) + 1) / 50
    assert count == len(kept)
    np.testing.assert_allclose(points.return_period[:count], 1 / shares, rtol=1e-6)
    np.testing.assert_array_equal(points.loss[:count], losses[kept])
    running = np.cumsum(losses[kept].astype(np.float64)) / np.arange(1, len(kept) + 1)
    np.testing.assert_allclose(points.tail[:count], running, rtol=1e-6)


@settings(deadline=None)
@given(st.lists(st.lists(LOSS.filter(bool), max_size=6), min_size=3, max_size=3))
def test_per_sample_means_rank_by_rank(samples: list[list[float]]) -> None:
    ordered = [np.sort(np.array(values, np.float32)) for values in samples]
    offsets = np.cumsum([0, *(len(values) for values in ordered)])
    out = Curves(np.empty(offsets[-1], np.float32), np.empty(0, np.int32), np.empty(2, np.int64))
    n = per_sample_means(Curves(np.concatenate(ordered), out.period, offsets), 3, out)
    dense = np.zeros((3, max(map(len, samples))), np.float64)
    for s, values in enumerate(ordered):
        dense[s, : len(values)] = values[::-1]
    np.testing.assert_allclose(out.loss[:n][::-1], dense.mean(axis=0), rtol=1e-6)
    assert out.offsets.tolist() == [0, n]


@settings(deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 60), st.integers(1, 9), st.integers(1, 500))
def test_period_table_adds_and_keeps_the_largest(seed: int, times: int, summaries: int, periods: int) -> None:
    rng = np.random.default_rng(seed)
    loss = rng.random((20, SPECIAL + 2)).astype(np.float32)
    summary = rng.integers(1, summaries + 1, 20).astype(np.int32)
    source, period = rng.integers(0, 20, times), rng.integers(1, periods + 1, times).astype(np.int32)
    keys = 1 << max(int(2 * times).bit_length(), 2)
    table = PeriodTable(
        np.full(keys, -1, np.int64), np.empty(keys, np.int64), np.empty(times, np.int32), np.empty(times, np.int32),
        np.empty((times, 3)), np.empty((times, 3), np.float32), np.zeros(1, np.int64),
    )  # fmt: skip
    add_periods(source, period, summary, loss, periods, table)
    total: dict[tuple[int, int], np.ndarray] = {}
    largest: dict[tuple[int, int], np.ndarray] = {}
    for m, p in zip(source, period, strict=True):
        value = loss[m, [MEAN, SPECIAL, SPECIAL + 1]]
        key = (int(summary[m]), int(p))
        total[key] = total.get(key, 0.0) + value.astype(np.float64)
        largest[key] = np.maximum(largest.get(key, 0), value)
    used = table.used[0]
    found = list(zip(table.summary[:used].tolist(), table.period[:used].tolist(), strict=True))
    assert found == list(total)
    for row, key in enumerate(found):
        np.testing.assert_array_equal(table.aggregate[row], total[key])
        np.testing.assert_array_equal(table.largest[row], largest[key])
