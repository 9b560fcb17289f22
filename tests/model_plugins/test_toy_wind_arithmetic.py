"""Arithmetic that is the same everywhere, beside the machine's own."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model_plugins.toy_wind import arithmetic
from model_plugins.toy_wind.damage import beta_distribution

scipy_stats = pytest.importorskip("scipy.stats")


@given(st.lists(st.floats(-700, 700), min_size=1))
@settings(deadline=None)
def test_exp_is_the_exponential(x):
    np.testing.assert_allclose(arithmetic.exp(x), np.exp(x), rtol=4e-16)


@given(st.lists(st.floats(1e-300, 1e300), min_size=1))
@settings(deadline=None)
def test_log_is_the_logarithm(x):
    np.testing.assert_allclose(arithmetic.log(x), np.log(x), rtol=5e-16, atol=5e-16)


@given(st.floats(1e-6, 1e6), st.floats(-4, 4))
@settings(deadline=None)
def test_power_is_the_power(base, exponent):
    np.testing.assert_allclose(arithmetic.power(base, exponent), base**exponent, rtol=1e-13)


@given(st.floats(-720, 720))
@settings(deadline=None)
def test_sine_and_cosine_of_degrees(angle):
    sine, cosine = arithmetic.sine_and_cosine(angle)
    np.testing.assert_allclose([sine, cosine], [np.sin(np.radians(angle)), np.cos(np.radians(angle))], atol=1e-14)


@given(st.floats(-9, 9))
@settings(deadline=None)
def test_normal_distribution_within_its_bounds(x):
    np.testing.assert_allclose(arithmetic.normal_distribution(x), scipy_stats.norm.cdf(x), atol=1e-9)


@given(st.floats(1e-12, 1 - 1e-12))
@settings(deadline=None)
def test_normal_quantile_is_accurate_to_eight_digits(probability):
    np.testing.assert_allclose(
        arithmetic.normal_quantile(probability), scipy_stats.norm.ppf(probability), rtol=2e-9, atol=1e-9
    )


@given(st.floats(0.001, 0.999), st.floats(1e-4, 20), st.floats(1e-2, 20))
@settings(deadline=None)
def test_beta_distribution(x, alpha, beta):
    ours = beta_distribution(np.array([[x]]), np.array([[alpha]]), np.array([[beta]]))
    np.testing.assert_allclose(ours[0, 0], scipy_stats.beta.cdf(x, alpha, beta), atol=1e-9)
