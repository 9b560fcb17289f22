"""Moments, quantiles and sample rows against numpy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from oasis_kernel.kernels.curves import PeriodRows
from oasis_kernel.kernels.statistics import (
    accumulated_shares,
    count_sample_rows,
    moments,
    period_sums,
    quantile_losses,
    sample_rows,
)
from oasis_kernel.model.losses import CHANCE, MEAN, SPECIAL

LOSS = st.one_of(st.just(0.0), st.floats(0, 1e9, width=32))


def losses(samples: st.SearchStrategy[int]) -> st.SearchStrategy[np.ndarray]:
    shapes = st.tuples(st.integers(1, 5), samples).map(lambda shape: (shape[0], SPECIAL + shape[1]))
    return shapes.flatmap(lambda shape: hnp.arrays(np.float32, shape, elements=LOSS))


@settings(deadline=None)
@given(losses(st.integers(1, 12)))
def test_moments(loss: np.ndarray) -> None:
    rows, samples = len(loss), loss[:, SPECIAL:].astype(np.float64)
    mean, deviation, positive = np.empty(rows), np.empty(rows), np.empty(rows, np.int64)
    moments(loss, mean, deviation, positive)
    np.testing.assert_allclose(mean, samples.mean(axis=1), rtol=1e-12)
    wanted = samples.std(axis=1, ddof=1) if samples.shape[1] > 1 else np.zeros(rows)
    np.testing.assert_allclose(deviation, wanted, rtol=1e-9, atol=1e-6)
    np.testing.assert_array_equal(positive, (samples > 0).sum(axis=1))


def test_without_samples_the_mean_is_unknown() -> None:
    mean, deviation, positive = np.empty(1), np.empty(1), np.empty(1, np.int64)
    moments(np.ones((1, SPECIAL), np.float32), mean, deviation, positive)
    assert np.isnan(mean[0])
    assert (deviation[0], positive[0]) == (0, 0)


@settings(deadline=None)
@given(losses(st.integers(1, 12)), st.lists(st.floats(0, 1, width=32), min_size=1, max_size=5))
def test_quantiles_are_definition_7(loss: np.ndarray, quantiles: list[float]) -> None:
    found = quantile_losses(loss, np.array(quantiles, np.float32))
    wanted = np.quantile(loss[:, SPECIAL:].astype(np.float64), quantiles, axis=1).T
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=2e-7 * loss.max(initial=1))


@settings(deadline=None)
@given(losses(st.integers(0, 6)))
def test_sample_rows(loss: np.ndarray) -> None:
    special = (CHANCE, MEAN)
    wanted = []
    for m, row in enumerate(loss):
        wanted += [(m, -4, row[CHANCE]), (m, -1, row[MEAN])]
        wanted += [(m, s + 1, x) for s, x in enumerate(row[SPECIAL:]) if x != 0]
    rows = count_sample_rows(loss, len(special))
    source, sample, value = np.empty(rows, np.int64), np.empty(rows, np.int32), np.empty(rows, np.float32)
    sample_rows(loss, np.array(special, np.int32), source, sample, value)
    assert list(zip(source, sample, value, strict=True)) == wanted


@pytest.mark.parametrize("samples", [1, 7, 100])
def test_shares_are_near_their_exact_values(samples: int) -> None:
    positive = np.arange(samples + 1)
    exposure = np.full(samples + 1, 1e6, np.float32)
    chance, mean = np.empty(samples + 1, np.float32), np.empty(samples + 1, np.float32)
    accumulated_shares(positive, exposure, samples, chance, mean)
    np.testing.assert_allclose(chance, positive / samples, rtol=1e-5)
    np.testing.assert_allclose(mean, 1e6 * positive / samples, rtol=1e-5)


def test_period_sums_are_weighted_sums() -> None:
    rng = np.random.default_rng(1)
    aggregate, weight = rng.random((6, 5)), rng.random(4)
    order, period = rng.permutation(6), np.array([1, 3, 4, 1, 2, 4], np.int32)
    rows = PeriodRows(order, np.array([0, 3, 6]), period)
    subsets = np.array([[0, 1], [1, 5], [2, 4]])
    out = np.empty((2, 3, 3))
    period_sums(aggregate, rows, weight, subsets, out)
    for k, (first, last) in enumerate(((0, 3), (3, 6))):
        share = weight[period[first:last] - 1][:, None]
        for b, (left, right) in enumerate(subsets):
            loss = aggregate[order[first:last], left:right]
            wanted = [(share * loss).sum(), (share * loss**2).sum(), ((share * loss).sum(axis=1) ** 2).sum()]
            np.testing.assert_allclose(out[k, b], wanted, rtol=1e-12)
