import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from oasis_kernel.kernels.damage import (
    CHANCE_OF_LOSS,
    LINEAR,
    MEAN_DAMAGE,
    MOMENTS,
    POINT,
    QUADRATIC,
    SECOND_MOMENT,
    Aggregates,
    certain_moments,
    cumulative_tables,
    damage_bins,
    damage_scale,
    deviation,
    effective_table,
    mix,
)

F4, F8 = np.float32, np.float64
weights = st.sampled_from([0.0, 0.0, 0.1, 0.25, 0.3]) | st.floats(0, 0.5, width=32)


def plain_cumulative(terms: list[list[np.float32]]) -> list[np.float32]:
    """The cumulative sums of groups of terms: in double, stored in single, cut where complete, tail trimmed."""
    total, out = F8(0), []
    for group in terms:
        for term in group:
            total += F8(term)
        out.append(F4(total))
        if total >= 0.999999940:
            break
    while len(out) > 1 and out[-1] == out[-2]:
        out.pop()
    return out


def tables(pdf: np.ndarray) -> list[list[np.float32]]:
    rows, bins = pdf.shape
    table, length = np.full(rows * (bins + 1), np.nan, F4), np.zeros(rows, np.int32)
    cumulative_tables(pdf.reshape(-1), table, length)
    slots = table.reshape(rows, bins + 1)
    assert (slots[:, 0] == 0).all()
    return [slot[1 : 1 + n].tolist() for slot, n in zip(slots, length, strict=True)]


@given(pdf=arrays(F4, st.tuples(st.integers(1, 6), st.integers(1, 12)), elements=weights))
@settings(deadline=None, max_examples=100)
def test_cumulative_tables(pdf: np.ndarray) -> None:
    assert tables(pdf) == [plain_cumulative([[p] for p in row]) for row in pdf]


def test_a_complete_sum_drops_what_follows() -> None:
    assert tables(np.array([[0.5, 0.5, 0.25]], F4)) == [[0.5, 1.0]]
    assert tables(np.array([[0.5, 0.25, 0.0]], F4)) == [[0.5, 0.75]]
    assert tables(np.zeros((1, 3), F4)) == [[0.0]]


@given(
    pdf=arrays(F4, st.tuples(st.integers(1, 5), st.integers(1, 9)), elements=weights),
    chances=arrays(F4, 5, elements=weights),
)
@settings(deadline=None, max_examples=100)
def test_effective_table(pdf: np.ndarray, chances: np.ndarray) -> None:
    rows, bins = pdf.shape
    table = np.zeros(bins + 4, F4)
    first = np.arange(rows) * bins
    length = effective_table(pdf.reshape(-1), first, chances, rows, bins, table, 2)
    expected = plain_cumulative([[F4(pdf[h, d] * chances[h]) for h in range(rows)] for d in range(bins)])
    assert table[3 : 3 + length].tolist() == expected


def test_moments_take_each_bin_at_its_middle() -> None:
    table = np.array([0, 0.25, 0.5, 1.0], F4)
    moments = np.zeros((1, MOMENTS))
    certain_moments(table, np.array([3], np.int32), np.array([0, 0.5, 1.0], F4), moments)
    assert moments[0, MEAN_DAMAGE] == 0.25 * 0.5 + 0.5
    assert moments[0, SECOND_MOMENT] == 0.25 * 0.25 + 0.5
    assert moments[0, CHANCE_OF_LOSS] == 0.75
    certain_moments(table, np.array([3], np.int32), np.array([0.1, 0.5, 1.0], F4), moments)
    assert moments[0, CHANCE_OF_LOSS] == 1.0  # the first bin is a loss
    assert deviation(0.5, 0.3, 10.0) == pytest.approx(np.sqrt(5))
    assert deviation(0.5, 0.2, 10.0) == 0.0  # never the root of a negative number


@pytest.mark.parametrize(
    ("damage_type", "upper", "tiv", "scale"),
    [
        (0, 1.0, 730.0, 730),
        (0, 1.1, 730.0, 1),
        (1, 9.0, 730.0, 730),
        (2, 0.5, 730.0, 1),
        (3, 9.0, 730.0, 2),
        (2, 0.5, 0.0, 0),
    ],
)
def test_scale_follows_the_damage_type(damage_type: int, upper: float, tiv: float, scale: float) -> None:
    assert damage_scale(damage_type, F4(upper), F8(tiv)) == scale


def test_kinds_of_bins() -> None:
    lower, upper = np.array([0, 0, 0.5, 1], F4), np.array([0, 0.5, 1, 1], F4)
    bins = damage_bins(lower, upper, np.array([0, 0.25, 0.6, 1], F4), np.zeros(4, np.int32))
    assert bins.kind.tolist() == [POINT, LINEAR, QUADRATIC, POINT]


def mixture(pdfs: np.ndarray, share: list[float]) -> list[float]:
    """The mixture of member pdfs [m, d] at intensity 2 of 3."""
    members, bins = pdfs.shape
    cube = np.full((members, 3, bins), 0.77, F4)
    cube[:, 1] = pdfs
    block = Aggregates(np.array([0, members], np.int32), np.arange(members, dtype=np.int32), np.array(share, F4))
    out = np.full(bins + 2, np.nan, F4)
    mix(cube.reshape(-1), block, 0, (bins, 3 * bins), bins, out, 1)
    assert np.isnan(out[[0, -1]]).all()
    return out[1:-1].tolist()


@given(
    pdfs=arrays(F4, st.tuples(st.integers(1, 4), st.integers(2, 6)), elements=weights),
    share=st.lists(st.sampled_from([0.0, 0.2, 0.5, 1.0]), min_size=4, max_size=4),
)
@settings(deadline=None, max_examples=100)
def test_mixtures(pdfs: np.ndarray, share: list[float]) -> None:
    used = [F4(w) for w in share[: len(pdfs)]]
    out, total = np.zeros(pdfs.shape[1], F4), F8(0)
    for row, weight in zip(pdfs, used, strict=True):
        if weight > 0:
            total += F8(weight)
            parts = row if (row > 0).any() else np.eye(1, len(row), dtype=F4)[0]
            out = (out.astype(F8) + parts.astype(F8) * F8(weight)).astype(F4)
    if total > 0:
        expected = (out.astype(F8) / total).astype(F4)
    else:
        expected = pdfs[0] * 0
        for row in pdfs:
            expected = expected + row
        expected = expected * (F4(1) / F4(len(pdfs)))
    assert mixture(pdfs, share[: len(pdfs)]) == expected.tolist()
