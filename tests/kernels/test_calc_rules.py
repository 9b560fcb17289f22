"""Calculation rules: the kernels beside their twins, and numbers worked out by hand."""

import numpy as np
import pytest
from calc_rule_twins import CARRYING, PAYING, SHARED, Terms, steps, twin
from hypothesis import given, settings
from hypothesis import strategies as st

from oasis_kernel.kernels.programme_run_pay import apply_terms
from oasis_kernel.model.terms import PROFILE_DTYPE
from oasis_kernel.prepare.execution_terms import prepare_terms

ALL_RULES = [*PAYING, *CARRYING, *SHARED]
OF_LOSS = (5, 16, 17, 19, 26, 33, 35)
LIMIT_OF_LOSS = (5, 15, 35, 36)


def run(
    rows: list[dict[str, float]], losses: list[float], carried: tuple[float, ...] = (0, 0, 0), value: float = 0
) -> tuple[np.ndarray, np.ndarray]:
    """(paid [c], carried [3, c]) of the kernel for the rows of one profile."""
    profile = np.zeros(len(rows), PROFILE_DTYPE)
    for number, row in enumerate(rows):
        for name, given_value in row.items():
            profile[name][number] = given_value
    profile["profile_id"] = 1
    first = np.arange(len(rows)) == 0
    terms = prepare_terms(profile, np.full(len(rows), float(value)), first)
    loss = np.array([losses], "f4")
    carry = np.zeros((3, 1, len(losses)), "f4")
    carry[:, 0, :] = np.array(carried, "f4")[:, None]
    paid = np.empty(len(losses), "f4")
    apply_terms(terms, (0, len(rows), 0), loss, carry, paid)
    assert (loss == np.array([losses], "f4")).all()
    return paid, carry[:, 0]


amounts = st.floats(0, 1000, width=32).map(lambda amount: np.float32(round(amount, 1)))
shares = st.sampled_from([0.0, 0.05, 0.25, 0.5, 0.9, 1.0]).map(np.float32)


@st.composite
def rule_and_terms(draw: st.DrawFn, rules: list[int]) -> tuple[int, Terms]:
    rule = draw(st.sampled_from(rules))
    base = rule - 100 if rule in SHARED else rule
    deductible = draw(shares if base in OF_LOSS else amounts)
    limit = draw(st.sampled_from([0.1, 0.5, 0.9]) if base in LIMIT_OF_LOSS else amounts)
    bounds = sorted([draw(amounts), draw(amounts)])
    return rule, Terms(deductible, *bounds, draw(amounts), np.float32(limit), draw(shares), draw(shares), draw(shares))


@settings(deadline=None, max_examples=400)
@given(rule_and_terms(ALL_RULES), st.lists(amounts, min_size=1, max_size=20))
def test_what_is_paid_is_the_twins(chosen: tuple[int, Terms], losses: list[float]) -> None:
    rule, terms = chosen
    paid, _ = run([terms.profile(rule)], losses)
    expected = [twin(rule, float(x), terms)[0] for x in losses]
    np.testing.assert_allclose(paid, expected, rtol=2e-5, atol=2e-3)


@settings(deadline=None, max_examples=400)
@given(rule_and_terms([*CARRYING]), st.lists(amounts, min_size=1, max_size=20), st.tuples(amounts, amounts, amounts))
def test_what_is_carried_is_the_twins(
    chosen: tuple[int, Terms], losses: list[float], carried: tuple[float, float, float]
) -> None:
    rule, terms = chosen
    paid, after = run([terms.profile(rule)], losses, carried)
    for c, x in enumerate(losses):
        expected = twin(rule, float(x), terms, tuple(map(float, carried)))
        if close_to_a_bound(rule, float(x), terms, float(carried[0])):
            continue
        np.testing.assert_allclose([paid[c], *after[:, c]], expected, rtol=2e-5, atol=2e-3)


def close_to_a_bound(rule: int, x: float, t: Terms, deducted: float) -> bool:
    """Whether rounding decides which side of a bound the sum of deductibles falls."""
    nominal = x * t.d if rule in OF_LOSS else t.d
    return min(abs(deducted + nominal - t.m), abs(deducted + nominal - t.M)) < 1e-2


@settings(deadline=None)
@given(rule_and_terms(ALL_RULES), st.lists(amounts, min_size=1, max_size=20))
def test_terms_pay_at_most_the_loss_and_at_least_nothing(chosen: tuple[int, Terms], losses: list[float]) -> None:
    rule, terms = chosen
    paid, after = run([terms.profile(rule)], losses)
    assert (paid >= 0).all()
    assert (paid <= np.array(losses, "f4") * (1 + 1e-6)).all()
    assert (after >= -1e-3).all()


@settings(deadline=None, max_examples=200)
@given(st.data())
def test_steps_pay_what_their_twins_pay(data: st.DataObject) -> None:
    rule = data.draw(st.sampled_from([27, 28, 29, 30, 31, 32, 37]))
    value, losses = 1000.0, [float(x) for x in data.draw(st.lists(amounts, min_size=1, max_size=10))]
    rows = []
    for number, (start, end) in enumerate([(0.0, 0.1), (0.1, 0.5), (0.5, 1.0)], 1):
        row = {"calcrule_id": rule, "step_id": number, "trigger_start": start, "trigger_end": end}
        row["payout_start"] = 100.0 * number if rule == 31 else start + 0.05
        if rule == 32:
            row["trigger_start"] = 200.0 * number
        row |= {"deductible1": 0.0 if rule == 32 else data.draw(st.sampled_from([0.0, 40.0]))}
        row |= {"limit1": data.draw(st.sampled_from([50.0, 2000.0])), "limit2": data.draw(st.sampled_from([0.0, 7.0]))}
        row |= {"scale1": data.draw(st.sampled_from([0.0, 0.1])), "scale2": data.draw(st.sampled_from([0.0, 0.15]))}
        rows.append(row)
    paid, _ = run(rows, losses, value=value)
    np.testing.assert_allclose(paid, [steps(rule, x, rows, value) for x in losses], rtol=1e-5, atol=1e-3)


HAND_WORKED = [
    # rule, terms, losses, paid
    (1, Terms(d=10, L=50), [5, 10, 40, 60, 100], [0, 0, 30, 50, 50]),
    (2, Terms(d=10, A=20, L=50, s1=0.5), [30, 50, 100], [0, 10, 25]),
    (3, Terms(d=10, L=50), [5, 10, 11, 80], [0, 0, 11, 50]),
    (4, Terms(d=0.01, L=50), [5, 40, 100], [0, 30, 50]),
    (5, Terms(d=0.25, L=0.5), [100], [50]),
    (6, Terms(d=0.01), [5, 40], [0, 30]),
    (7, Terms(d=10, m=20, M=30, L=50), [15, 40, 100], [0, 20, 50]),
    (8, Terms(d=10, m=20, L=50), [15, 40, 100], [0, 20, 50]),
    (9, Terms(d=0.1, L=50), [5, 40, 100], [0, 35, 50]),
    (10, Terms(d=10, M=30), [5, 40], [0, 30]),
    (11, Terms(d=10, m=20), [15, 40], [0, 20]),
    (12, Terms(d=10), [5, 10, 40], [0, 0, 30]),
    (13, Terms(d=10, m=20, M=30), [15, 40], [0, 20]),
    (14, Terms(L=50), [40, 60], [40, 50]),
    (15, Terms(d=10, L=0.5), [5, 15, 20, 100], [0, 5, 10, 50]),
    (16, Terms(d=0.25), [100], [75]),
    (17, Terms(d=0.25, A=20, L=50, s1=0.5), [20, 40, 200], [0, 5, 25]),
    (18, Terms(d=0.01, A=20, L=50, s1=0.5), [30, 50, 100], [0, 10, 25]),
    (19, Terms(d=0.1, m=20, M=30), [100, 250, 400], [80, 225, 370]),
    (20, Terms(d=10), [5, 10, 11], [5, 10, 0]),
    (21, Terms(d=0.01, m=5, M=30), [5, 40], [0, 30]),
    (22, Terms(L=50, s1=0.5, s2=0.5, s3=0.5), [80, 200], [10, 12.5]),
    (23, Terms(L=50, s2=0.5, s3=0.5), [40, 200], [10, 12.5]),
    (24, Terms(A=10, L=50, s1=0.5, s2=0.5), [20, 60, 200], [0, 10, 25]),
    (25, Terms(s1=0.5, s2=0.5, s3=0.5), [80], [10]),
    (26, Terms(d=0.1, m=20, M=30, L=200), [100, 400], [80, 200]),
    (33, Terms(d=0.25, L=50), [40, 100], [30, 50]),
    (33, Terms(d=1, L=50), [40], [0]),
    (34, Terms(d=10, A=20, s1=0.5), [30, 50], [0, 10]),
    (35, Terms(d=0.1, m=20, M=30, L=0.5), [100, 400], [50, 200]),
    (36, Terms(d=10, m=20, M=30, L=0.5), [30, 100], [10, 50]),
    (39, Terms(d=10), [10, 11], [0, 11]),
    (40, Terms(d=10, L=50), [5, 40, 100], [0, 30, 50]),
    (41, Terms(L=50), [40, 60], [40, 50]),
    (100, Terms(), [40], [40]),
    (112, Terms(d=10, s1=0.5), [40], [15]),
    (200, Terms(s1=0.25), [40], [10]),
]


@pytest.mark.parametrize(("rule", "terms", "losses", "expected"), HAND_WORKED, ids=lambda value: str(value)[:20])
def test_rules_worked_by_hand(rule: int, terms: Terms, losses: list[float], expected: list[float]) -> None:
    paid, _ = run([terms.profile(rule)], losses, value=1000)
    np.testing.assert_allclose(paid, expected, rtol=1e-6)


def test_conditional_cover_pays_on_what_the_steps_before_paid() -> None:
    first = {"calcrule_id": 28, "step_id": 1, "payout_start": 0.5, "trigger_end": 1.0}
    extra = {"step_id": 2, "trigger_end": 1.0, "scale2": 0.1, "limit2": 4.0}
    np.testing.assert_allclose(run([first, {"calcrule_id": 28, **extra}], [60, 100], value=1000)[0], [33, 54])
    np.testing.assert_allclose(run([first, {"calcrule_id": 38, **extra}], [60, 100], value=1000)[0], [33, 54])


def test_a_step_amount_is_paid_on_a_loss_that_deductibles_took_whole() -> None:
    row = {"calcrule_id": 27, "step_id": 1, "payout_start": 0.05, "limit1": 2000.0, "trigger_end": 1.0}
    assert run([row], [0.0], (10, 0, 0), value=1000)[0].tolist() == [50.0]
    assert run([row], [0.0], (0, 0, 0), value=1000)[0].tolist() == [0.0]


def test_a_minimum_met_from_over_the_limit_leaves_the_nominal_deductible_in_the_loss() -> None:
    """The reference's slip (see ``carry_over``), kept: 20 are counted as deducted, none taken from the loss of 100."""
    paid, after = run([Terms(d=5, m=20).profile(11)], [100.0], (0.0, 50.0, 0.0))
    assert paid.tolist() == [100.0]
    assert after[:, 0].tolist() == [20.0, 35.0, 0.0]
