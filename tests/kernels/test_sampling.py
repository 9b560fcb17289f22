from math import sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oasis_kernel.kernels.damage import Bins, cumulative_tables, damage_bins
from oasis_kernel.kernels.distributions import ONE_OF_MODEL, Rows
from oasis_kernel.kernels.sampling import Sampling, Tile, ends, sample_one
from oasis_kernel.model.losses import SPECIAL

F4, F8 = np.float32, np.float64


def one_row(table: list[float], bins: Bins, uniforms: list[float], scale: float, **how: object) -> list[float]:
    """The losses of one row that is sampled from one table (C_1, C_2, ...)."""
    samples = len(uniforms)
    zero = np.zeros(1, np.int32)
    rows = Rows(zero, np.array([ONE_OF_MODEL], np.int32), np.array([1]), np.array([len(table)], np.int32), zero, zero,
                zero, zero, zero, zero)  # fmt: skip
    loss = np.full((2, SPECIAL + samples), np.nan, F4)
    sampling = Sampling(
        bins,
        bool(how.get("curved", True)),
        how.get("ceiling", np.inf),
        F4(how.get("threshold", 0)),
        bool(how.get("keeps", False)),
    )
    found = np.zeros((1, samples), np.int32)
    tile = Tile(0, 1, 0, 1, loss, np.array([float(scale)]), found, ends(samples))
    slots = np.concatenate([[np.nan, 0], table]).astype(F4)
    sample_one(rows, ONE_OF_MODEL, slots, sampling, np.array([uniforms], F8), tile)
    assert np.isnan(loss[0]).all()
    assert np.isnan(loss[1, :SPECIAL]).all()
    return loss[1, SPECIAL:].tolist()


def bins_of(*rows: tuple[float, float, float]) -> Bins:
    lower, upper, middle = (np.array(column, F4) for column in zip(*rows, strict=True))
    return damage_bins(lower, upper, middle, np.zeros(len(rows), np.int32))


@pytest.mark.parametrize(
    ("bin_row", "below", "above", "uniform", "expected"),
    [
        ((0.1, 0.2, 0.15), 0.3, 0.5, 0.37, 13499.999813735456),
        ((0.1, 0.2, 0.14), 0.3, 0.5, 0.37, 12404.268805556076),
        ((0.1, 0.2, 0.16), 0.3, 0.5, 0.37, 14999.999361112585),
        ((0.1, 0.1, 0.1), 0.3, 0.5, 0.37, 10000.000149011612),
        ((0.9, 1.0, 0.95), 0.98, 1.0, 1.02, 110000.01192094033),
    ],
)
@pytest.mark.parametrize("curved", [True, False])
def test_published_samples(
    bin_row: tuple, below: float, above: float, uniform: float, expected: float, curved: bool
) -> None:
    bins = bins_of((0, 0, 0), bin_row)
    if curved or bins.kind[1] != 2:
        assert one_row([below, above], bins, [uniform], 1e5, curved=curved) == [F4(expected)]


def test_fixed_stops_at_the_end_of_the_last_bin() -> None:
    bins = bins_of((0, 0, 0), (0.9, 1.0, 0.95))
    assert one_row([0.98, 1.0], bins, [1.02], 100, ceiling=0.0) == [100]


def test_small_samples_become_0_unless_allocation_is_to_see_them() -> None:
    bins = bins_of((0, 0, 0), (0, 1, 0.5))
    assert one_row([0.5, 1.0], bins, [0.6, 0.9], 100, threshold=50) == [0, 80]
    assert one_row([0.5, 1.0], bins, [0.6, 0.9], 100, threshold=50, keeps=True) == [20, 80]


def plain_sample(table: list[np.float32], bins: Bins, u: float, scale: float) -> np.float32:
    """One sample in plain Python, in the order the standard works."""
    k = sum(F8(c) < u for c in table[:-1])
    low, high, middle = bins.lower[k], bins.upper[k], bins.middle[k]
    below, above = table[k - 1] if k else F4(0), table[k]
    width = F4(high - low)
    if width == 0:
        return F4(scale * F8(high))
    height, offset, place = F4(above - below), F8(u) - F8(below), F8(F4((middle - low) / width))
    if abs(place - 0.5) <= 5e-6:
        return F4(scale * (F8(low) + offset * F8(width) / F8(height)))
    a = 3 * F8(height) / F8(F4(width * width)) * (2 * place - 1)
    b = 2 * F8(height) / F8(width) * (2 - 3 * place)
    root = sqrt(max(b * b + 4 * a * offset, 0))
    return F4(scale * (F8(low) + (2 * offset / (b + root) if b > 0 else (root - b) / (2 * a))))


@st.composite
def dictionaries(draw: st.DrawFn) -> tuple[Bins, list[np.float32]]:
    count = draw(st.integers(2, 60))
    cuts = np.linspace(0, 1, count + 1).astype(F4)
    shares = draw(st.lists(st.sampled_from([0.5, 0.5, 0.35, 0.6, 0.66]), min_size=count, max_size=count))
    rows = [(0.0, 0.0, 0.0)] if draw(st.booleans()) else []
    rows += [(low, high, low + F4(s) * (high - low)) for low, high, s in zip(cuts, cuts[1:], shares, strict=False)]
    chances = draw(st.lists(st.sampled_from([0.0, 0.5, 1.0, 2.0]), min_size=len(rows), max_size=len(rows)))
    pdf = np.array([*chances[:-1], 1.0], F4)
    pdf = (pdf / pdf.sum()).astype(F4)
    table, length = np.zeros(len(pdf) + 1, F4), np.zeros(1, np.int32)
    cumulative_tables(pdf, table, length)
    return bins_of(*rows), list(table[1 : 1 + length[0]])


@given(
    model=dictionaries(),
    uniforms=st.lists(st.floats(1e-6, 1.0), min_size=1, max_size=40),
    scale=st.sampled_from([1.0, 1e5]),
)
@settings(deadline=None, max_examples=150)
def test_is_the_plain_sample(model: tuple, uniforms: list[float], scale: float) -> None:
    bins, table = model
    expected = [plain_sample(table, bins, u, scale) for u in uniforms]
    expected = [max(value, F4(0)) for value in expected]
    assert one_row(table, bins, uniforms, scale) == expected
    if not (bins.kind == 2).any():
        assert one_row(table, bins, uniforms, scale, curved=False) == expected
