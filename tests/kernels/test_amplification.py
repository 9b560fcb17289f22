import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from oasis_kernel.kernels.amplification import Amplification, amplify, event_factors
from oasis_kernel.model.losses import CHANCE, EXPOSURE, SPECIAL


def factors(listed: list[tuple[int, int, float]], event: int, ids: int, otherwise: float = 1.0) -> list[float]:
    events, amplifications, values = (list(part) for part in zip(*sorted(listed, key=lambda row: row[0]), strict=True))
    out = np.full(ids, np.nan)
    table = Amplification(True, np.array(events, "i4"), np.array(amplifications, "i4"), np.array(values), otherwise)
    event_factors(table, event, out)
    return out.tolist()


@given(
    listed=st.lists(st.tuples(st.integers(1, 5), st.integers(1, 6), st.floats(0.5, 3)), min_size=1, max_size=30),
    event=st.integers(0, 6),
)
@settings(deadline=None, max_examples=50)
def test_is_a_dictionary(listed: list[tuple[int, int, float]], event: int) -> None:
    plain = {(e, a): f for e, a, f in sorted(listed, key=lambda row: row[0])}  # of equal pairs the last counts
    assert factors(listed, event, 5) == [plain.get((event, a), 1.0) for a in range(5)]


def test_what_is_not_listed_takes_the_uniform_factor() -> None:
    assert factors([(1, 1, 2.0)], 2, 3, otherwise=1.25) == [1.25] * 3


def test_every_column_is_multiplied_and_not_a_number_becomes_0() -> None:
    loss = np.ones((3, SPECIAL + 3), np.float32)
    loss[1, SPECIAL + 1] = np.nan
    amplify(loss, 1, 1.1, False)
    assert loss[1].tolist() == [np.float32(1.1)] * (SPECIAL + 1) + [0.0, np.float32(1.1)]
    assert (loss[[0, 2]] == 1).all()


def test_fixed_leaves_exposure_and_chance() -> None:
    loss = np.ones((1, SPECIAL + 3), np.float32)
    amplify(loss, 0, 2.0, True)
    assert loss[0, [EXPOSURE, CHANCE]].tolist() == [1, 1]
    assert (np.delete(loss[0], [EXPOSURE, CHANCE]) == 2).all()
