"""Elementary functions built from ``+``, ``-``, ``*``, ``/`` and the square root alone.

IEEE 754 fixes the result of those five to the last bit. It does not fix ``exp``, ``log`` or ``pow``, which differ
between CPUs and maths libraries. The model's data are made with the functions below, so that every machine with
IEEE double precision writes the same bytes. They are accurate to about 1e-14 relative, ``normal_quantile`` to 1e-8.
"""

import numpy as np
import numpy.typing as npt

from oasis_kernel.model.exposure import Float64

LOG_2_HIGH = 6.93147180369123816490e-01  # the upper 32 bits of log 2: exact when multiplied by a small integer
LOG_2_LOW = 1.90821492927058770002e-10
_EXP_TERMS = 14
_LOG_TERMS = 12
_SINE_TERMS = 10
_NORMAL_TERMS = 120

#: P. J. Acklam's rational approximation to the normal quantile, centre and tail: numerators, then denominators.
_CENTRE = (-3.969683028665376e01, 2.209460984245205e02, -2.759285104469687e02,
           1.383577518672690e02, -3.066479806614716e01, 2.506628277459239e00)  # fmt: skip
_CENTRE_BELOW = (-5.447609879822406e01, 1.615858368580409e02, -1.556989798598866e02,
                 6.680131188771972e01, -1.328068155288572e01, 1.0)  # fmt: skip
_TAIL = (-7.784894002430293e-03, -3.223964580411365e-01, -2.400758277161838e00,
         -2.549732539343734e00, 4.374664141464968e00, 2.938163982698783e00)  # fmt: skip
_TAIL_BELOW = (7.784695709041462e-03, 3.224671290700398e-01, 2.445134137142996e00, 3.754408661907416e00, 1.0)
_TAIL_STARTS = 0.02425


def exp(x: npt.ArrayLike) -> Float64:
    """e to the power ``x``, for ``x`` in [-700, 700]."""
    x = np.asarray(x, dtype=np.float64)
    power_of_two = np.rint(x / (LOG_2_HIGH + LOG_2_LOW))
    rest = (x - power_of_two * LOG_2_HIGH) - power_of_two * LOG_2_LOW
    series = np.ones_like(rest)
    for k in range(_EXP_TERMS, 0, -1):
        series = 1.0 + series * rest / k
    return np.ldexp(series, power_of_two.astype(np.int32))


def log(x: npt.ArrayLike) -> Float64:
    """The natural logarithm of ``x`` > 0."""
    mantissa, exponent = np.frexp(np.asarray(x, dtype=np.float64))
    small = mantissa < 0.7071067811865476
    mantissa = np.where(small, 2.0 * mantissa, mantissa)
    exponent = exponent - small
    ratio = (mantissa - 1.0) / (mantissa + 1.0)
    square = ratio * ratio
    series = np.zeros_like(ratio)
    for k in range(_LOG_TERMS, -1, -1):
        series = 1.0 / (2 * k + 1) + series * square
    return exponent * LOG_2_HIGH + (2.0 * ratio * series + exponent * LOG_2_LOW)


def power(base: npt.ArrayLike, exponent: Float64 | float) -> Float64:
    """``base`` > 0 raised to ``exponent``."""
    return exp(exponent * log(base))


def sine_and_cosine(angle: npt.ArrayLike) -> tuple[Float64, Float64]:
    """The sine and the cosine of ``angle`` in degrees, for angles within two turns."""
    eighth = np.asarray(angle, dtype=np.float64) * (0.017453292519943295 / 8.0)
    square = eighth * eighth
    sine, cosine = np.ones_like(eighth), np.ones_like(eighth)
    for k in range(2 * _SINE_TERMS, 0, -2):
        sine = 1.0 - sine * square / (k * (k + 1))
        cosine = 1.0 - cosine * square / (k * (k - 1))
    sine = sine * eighth
    for _ in range(3):
        sine, cosine = 2.0 * sine * cosine, cosine * cosine - sine * sine
    return sine, cosine


def normal_distribution(x: npt.ArrayLike) -> Float64:
    """The probability that a standard normal variable is at most ``x``; exactly 0 and 1 beyond six deviations."""
    x = np.asarray(x, dtype=np.float64)
    bounded = np.clip(x, -6.0, 6.0)
    square = bounded * bounded
    series = np.ones_like(bounded)
    for k in range(_NORMAL_TERMS, 0, -1):
        series = 1.0 + series * square / (2 * k + 1)
    centre = 0.5 + 0.3989422804014327 * exp(-0.5 * square) * bounded * series
    return np.where(x >= 6.0, 1.0, np.where(x <= -6.0, 0.0, np.clip(centre, 0.0, 1.0)))


def normal_quantile(probability: npt.ArrayLike) -> Float64:
    """The standard normal quantile of ``probability`` in (0, 1); relative error below 1.2e-9 (Acklam, 2003)."""
    probability = np.asarray(probability, dtype=np.float64)
    lower = np.minimum(probability, 1.0 - probability)
    offset = probability - 0.5
    square = offset * offset
    centre = offset * _polynomial(_CENTRE, square) / _polynomial(_CENTRE_BELOW, square)
    distance = np.sqrt(-2.0 * log(lower))
    tail = _polynomial(_TAIL, distance) / _polynomial(_TAIL_BELOW, distance)
    return np.where(lower >= _TAIL_STARTS, centre, np.where(offset < 0, tail, -tail))


def _polynomial(coefficients: tuple[float, ...], x: Float64) -> Float64:
    value = np.zeros_like(x)
    for coefficient in coefficients:
        value = value * x + coefficient
    return value
