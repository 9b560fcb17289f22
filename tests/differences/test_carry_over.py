"""What terms remember of the deductibles below them, where the reference loses or mixes it up."""

import pytest
from steps.programmes import leaves, one_event, programme, samples

from oasis_kernel.prepare.execution import build_execution
from oasis_kernel.steps.insured import Insured


def deductible(amount: float) -> dict[str, float]:
    return {"calcrule_id": 12, "deductible1": amount}


def maximum(amount: float) -> dict[str, float]:
    return {"calcrule_id": 10, "deductible3": amount}


@pytest.mark.parametrize(("compatible", "expected"), [(True, [215, 65]), (False, [150, 50])])
def test_room_that_a_limit_has_used_up_is_used_up(compatible: bool, expected: list[float]) -> None:
    """A deductible of 100 leaves 225 + 75 of 300 + 100; a limit leaves 150 + 50, and no room for more.

    Above, each item has a maximum deductible of 10. The reference still gives back the 65 and 15 that exceed it, and
    pays 280 where the limit is 200.
    """
    limit = {"calcrule_id": 14, "limit1": 200}
    terms = {(1, 1): [deductible(100)], (2, 1): [limit], (3, 1): [maximum(10)], (3, 2): [maximum(10)]}
    made = programme([[1, 1], [1, 1], [1, 2]], terms, restarts=[3])
    step = Insured(build_execution(made, leaves([1, 1]), compatible=compatible))
    paid = samples(step.apply(one_event({1: [300], 2: [100]})))
    assert [paid[1], paid[2]] == [[pytest.approx(loss)] for loss in expected]


@pytest.mark.parametrize(("compatible", "expected"), [(True, [30, 10]), (False, [75, 25])])
def test_what_is_deducted_from_what_is_over_limits_is_the_items_too(compatible: bool, expected: list[float]) -> None:
    """Of 300 + 100 a limit leaves 75 + 25 with 300 over, and a deductible nothing, with 100 deducted.

    A minimum deductible of 250 takes 150 of what is over. A maximum of 100 then gives back 150, of which 100 fit under
    the deductible that was taken: the node is paid 100. The reference did not tell the items of the 150, and pays 40.
    """
    limit, minimum = {"calcrule_id": 14, "limit1": 100}, {"calcrule_id": 11, "deductible2": 250}
    levels = {(1, 1): [limit], (2, 1): [deductible(1000)], (3, 1): [minimum], (4, 1): [maximum(100)]}
    block = one_event({1: [300], 2: [100]})
    step = Insured(build_execution(programme([[1, 1]] * 4, levels), leaves([1, 1]), compatible=compatible))
    paid = samples(step.apply(block))
    assert [paid[1], paid[2]] == [[pytest.approx(loss)] for loss in expected]
    made = programme([[1, 1]] * 4, levels, top_outputs=True)
    whole = Insured(build_execution(made, leaves([1, 1]), allocation_rule=0, compatible=compatible))
    assert samples(whole.apply(block)) == {1: [100]}


def test_items_that_restart_into_layers_keep_their_own_deductibles() -> None:
    """The reference keeps what several items remember in one place, and pays 144.32 and 161.82 of 100 and 100.

    A deductible of 100 takes 60, 20 and 20 of 300, 100 and 100. A maximum of 90 gives back 10: 246, 82 and 82 remain,
    54, 18 and 18 are deducted. In layers with maxima of 10 and 40, item 1 gets back 44 and 14, items 2 and 3 together
    26 and nothing.
    """
    bounds = [maximum(10), maximum(40)]
    terms = {(1, 1): [deductible(100)], (2, 1): [maximum(90)], (3, 1): bounds, (3, 2): bounds}
    made = programme([[1, 1, 1], [1, 1, 1], [1, 2, 2]], terms, restarts=[3])
    step = Insured(build_execution(made, leaves([1, 1, 1]), compatible=False))
    paid = samples(step.apply(one_event({1: [300], 2: [100], 3: [100]})))
    assert {output: round(loss, 3) for output, (loss,) in paid.items()} == {1: 290, 2: 260, 3: 95, 4: 82, 5: 95, 6: 82}
