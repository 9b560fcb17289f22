import hashlib
from math import floor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oasis_kernel.errors import OasisError
from oasis_kernel.kernels import normal_tables
from oasis_kernel.kernels.correlation import Copula, Correlations, correlate, lookups, normal_scores

EPS, BASE = [0.3, 0.01, 0.99], [0.6, 0.02, 0.5]
PUBLISHED = {
    False: [0.3820949573550062, 0.0010658339978411508, 0.9741943399350539],
    True: [0.38208083565422674, 0.0010656335029001303, 0.9741931609610212],
}


def correlated(common: list[float], own: list[float], rho: float, truncates: bool) -> list[float]:
    copula = Copula(normal_tables.load(), truncates)
    room = lookups(len(own))
    score, uniform = np.zeros((1, len(own))), np.array([own])
    normal_scores(np.array([common]), copula, room, score)
    correlations = Correlations(np.zeros(1, np.int32), np.array([rho], np.float32))
    correlate(score, np.zeros(1, np.int32), correlations, copula, room, uniform)
    return uniform[0].tolist()


def plain(common: float, own: float, rho: float, truncates: bool) -> float:
    """The standard's lookup for one number, in plain Python."""
    quantile, cumulative = normal_tables.load()

    def look_up(table: np.ndarray, position: float, blends: bool) -> float:
        if not blends:
            return float(table[min(max(int(position), 0), len(table) - 1)])
        below = min(max(floor(position), 0), len(table) - 2)
        return float(table[below] + (position - floor(position)) * (table[below + 1] - table[below]))

    def score(u: float) -> float:
        position = (u - normal_tables.LOWEST) * normal_tables.QUANTILES_PER_UNIT
        return look_up(quantile, position, not truncates and (u < 0.025 or u > 1 - 0.025))

    weight = np.float32(rho)
    z = float(np.sqrt(weight)) * score(common) + float(np.sqrt(1.0 - np.float64(weight))) * score(own)
    return look_up(cumulative, (z + normal_tables.REACH) * normal_tables.CUMULATIVES_PER_UNIT, not truncates)


@pytest.mark.parametrize("truncates", [False, True])
def test_published_numbers(truncates: bool) -> None:
    assert correlated(EPS, BASE, 0.7, truncates) == PUBLISHED[truncates]


uniform = st.floats(0, 1) | st.sampled_from([0.0, 1.0, 0.025, 0.975, 1e-17, 1 - 1e-16])


@given(
    pairs=st.lists(st.tuples(uniform, uniform), min_size=1, max_size=40), rho=st.floats(0, 1), truncates=st.booleans()
)
@settings(deadline=None, max_examples=60)
def test_is_the_plain_lookup(pairs: list[tuple[float, float]], rho: float, truncates: bool) -> None:
    common, own = (list(side) for side in zip(*pairs, strict=True))
    assert correlated(common, own, rho, truncates) == [plain(c, o, rho, truncates) for c, o in pairs]


def test_each_row_has_its_own_factor_and_independent_rows_are_left_alone() -> None:
    copula, room = Copula(normal_tables.load(), False), lookups(4 * 2)
    common = np.array([[0.5, -1.0], [2.0, 0.3]])
    own = np.array([[0.1, 0.9], [0.2, 0.8], [0.3, 0.7], [0.4, 0.6]])
    correlations = Correlations(np.array([1, -1, 0], np.int32), np.array([0.5, 0.0, 1.0], np.float32))
    uniforms = own.copy()
    correlate(common, np.array([2, 1, 0, 1], np.int32), correlations, copula, room, uniforms)
    assert uniforms[1].tolist() == own[1].tolist()
    assert uniforms[3].tolist() == own[3].tolist()
    np.testing.assert_allclose(uniforms[0], [0.69146246, 0.15865525], rtol=1e-6)  # wholly the factor's: N(common)
    assert not np.isin(uniforms[2], own).any()


def test_tables_are_the_references() -> None:
    tables = normal_tables.load()
    assert hashlib.sha256(tables.quantile.tobytes()).hexdigest() == normal_tables.QUANTILE_SHA256
    assert hashlib.sha256(tables.cumulative.tobytes()).hexdigest() == normal_tables.CUMULATIVE_SHA256
    assert tables.quantile[[0, 25000, -1]].tolist() == [-8.222082216130435, -1.9599635567877272, 8.209536151601387]
    assert tables.cumulative[500000] == 0.5000079788535867
    assert normal_tables.load() is tables


def test_a_damaged_table_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(normal_tables, "QUANTILE_SHA256", "0" * 64)
    with pytest.raises(OasisError, match=r"normal_tables\.xz is damaged"):
        normal_tables.load.__wrapped__()
