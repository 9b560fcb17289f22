import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from oasis_kernel.kernels.allocation import CoverageRows, allocate
from oasis_kernel.model.losses import CHANCE, DEVIATION, EXPOSURE, SPECIAL

F4, F8 = np.float32, np.float64


def allocated(rule: int, loss: np.ndarray, tiv: float, fixed: bool = False) -> np.ndarray:
    """``loss`` with the rule applied to its middle rows."""
    padded = np.concatenate([loss[:1] + 1, loss, loss[:1] + 2])
    coverage, last_row = np.array([1], np.int32), np.array([0, len(loss)], np.int32)
    allocate(rule, padded, CoverageRows(coverage, last_row, np.array([0.0, tiv])), 1, 1, fixed)
    assert (padded[0] == loss[0] + 1).all()
    assert (padded[-1] == loss[0] + 2).all()
    return padded[1:-1]


def plain(rule: int, column: list[np.float32], tiv: float) -> list[np.float32]:
    """One column by the rule, in the order the standard works."""
    column = list(column)
    if rule == 2:
        top = max([F4(0), *column])
        share = F4(F8(top) / column.count(top))
        column = [share if loss == top else F4(0) for loss in column]
    if tiv <= 0:
        return column
    if rule in (1, 2):
        total = F4(0)
        for loss in column:
            total = F4(total + loss)
        return [F4(F8(loss) * (tiv / F8(total))) for loss in column] if total > tiv else column
    if rule == 3:
        undamaged, total = F8(1), F8(0)
        for loss in column:
            undamaged *= 1 - F8(loss) / tiv
            total += F8(loss)
        return [F4(F8(loss) * (tiv * (1 - undamaged)) * (1 / total)) for loss in column] if total > 0 else column
    return column


losses = arrays(F4, st.tuples(st.integers(1, 7), st.integers(SPECIAL, SPECIAL + 9)),
                elements=st.sampled_from([0, 0.5, 1, 33.25, 100]) | st.floats(0, 100, width=32))  # fmt: skip


@given(loss=losses, rule=st.integers(0, 3), tiv=st.sampled_from([0.0, 1.0, 99.99, 100.0, 350.5]))
@settings(deadline=None, max_examples=200)
def test_is_the_plain_rule(loss: np.ndarray, rule: int, tiv: float) -> None:
    mine = allocated(rule, loss, F8(tiv))
    for column in range(loss.shape[1]):
        expected = loss[:, column] if column in (DEVIATION, CHANCE) else plain(rule, loss[:, column], F8(tiv))
        assert mine[:, column].tolist() == list(expected)


def test_totals_run_in_single_precision_in_the_order_of_touch() -> None:
    loss = np.zeros((3, SPECIAL + 1), F4)
    loss[:, SPECIAL] = [2**24, 1, 1]  # in single precision the ones are lost
    assert allocated(1, loss, F8(2**24))[:, SPECIAL].tolist() == [2**24, 1, 1]
    assert allocated(1, loss[::-1].copy(), F8(2**24))[:, SPECIAL].tolist() != [1, 1, 2**24]


@pytest.mark.parametrize("rule", [1, 2, 3])
def test_fixed_leaves_the_exposure(rule: int) -> None:
    loss = np.full((4, SPECIAL + 2), 80, F4)
    loss[:, EXPOSURE] = 25
    assert allocated(rule, loss, F8(100), fixed=True)[:, EXPOSURE].tolist() == [25] * 4
    assert allocated(2, loss, F8(100))[:, EXPOSURE].tolist() == [6.25] * 4  # the reference: divided twice
