"""What holds of any programme: bounds, sums, order, and the way losses move with terms."""

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from parity.fm_programmes import RandomProgramme
from programmes import leaves, one_event, programme

from oasis_kernel.model.losses import SPECIAL, LossBlock
from oasis_kernel.prepare.execution import build_execution
from oasis_kernel.steps.insured import Insured

seeds = st.integers(0, 100_000)
checked = settings(deadline=None, max_examples=40)


def insured(made: RandomProgramme, rule: int = 2) -> Insured:
    return Insured(build_execution(made.programme(rule), made.leaves, allocation_rule=rule))


def by_output(block: LossBlock) -> dict[tuple[int, int], np.ndarray]:
    """Losses by (event, output)."""
    event = np.repeat(block.event_id, np.diff(block.offsets))
    return {(int(e), int(row)): loss for e, row, loss in zip(event, block.row, block.loss, strict=True)}


def by_event_and_layer(block: LossBlock, layers: int, counted: int) -> np.ndarray:
    """Sums over items or top nodes, [event, layer, column], of the first ``counted`` of ``layers``."""
    sums = np.zeros((len(block.event_id), layers, block.loss.shape[1]))
    event = np.repeat(np.arange(len(block.event_id)), np.diff(block.offsets))
    np.add.at(sums, (event, block.row % layers), block.loss)
    return sums[:, :counted]


@checked
@given(seeds)
def test_an_item_is_paid_at_most_its_loss_in_each_layer(seed: int) -> None:
    made = RandomProgramme(seed, bounded=False)
    losses = made.losses()
    given_losses, paid = by_output(losses), by_output(insured(made).apply(losses))
    for (event, output), loss in paid.items():
        gross = given_losses[event, output // made.layers]
        assert (loss >= 0).all()
        assert (loss <= gross * (1 + 1e-5) + 1e-3).all()


@checked
@given(seeds, st.booleans())
def test_what_remains_is_the_loss_less_what_layers_pay(seed: int, bounded: bool) -> None:
    made = RandomProgramme(seed, bounded=bounded)
    step, losses = insured(made), made.losses()
    gross, paid, left = by_output(losses), by_output(step.apply(losses)), by_output(step.remaining(losses))
    assert paid.keys() == left.keys()
    runs = np.delete(np.arange(losses.loss.shape[1]), [1, 3])  # deviation and chance have no terms
    for (event, output), remains in left.items():
        layer = output % made.layers
        before = left[event, output - 1] if layer else gross[event, output // made.layers]
        assert (remains >= 0).all()
        assert (remains[runs] <= before[runs]).all()
        np.testing.assert_allclose(remains[runs], np.maximum(before - paid[event, output], 0)[runs], rtol=1e-6)


@checked
@given(seeds, st.booleans(), st.sampled_from([1, 2, 3]))
def test_items_are_paid_what_their_top_nodes_are_paid(seed: int, bounded: bool, rule: int) -> None:
    made = RandomProgramme(seed, bounded=bounded)
    losses = made.losses()
    whole = by_event_and_layer(insured(made, 0).apply(losses), made.top_layers, made.top_layers)
    parts = by_event_and_layer(insured(made, rule).apply(losses), made.layers, made.top_layers)
    np.testing.assert_allclose(parts, whole, rtol=2e-5, atol=2e-5 * max(1.0, losses.loss.max()))


@checked
@given(seeds, st.booleans(), st.sampled_from([0, 1, 2]))
def test_the_order_of_rows_changes_no_loss(seed: int, bounded: bool, rule: int) -> None:
    made = RandomProgramme(seed, bounded=bounded)
    step, losses = insured(made, rule), made.losses()
    event = np.repeat(np.arange(len(losses.event_id)), np.diff(losses.offsets))
    order = np.lexsort((np.random.default_rng(seed).random(len(event)), event))
    shuffled = LossBlock(losses.event_id, losses.offsets, losses.row[order], losses.loss[order])
    first, again = by_output(step.apply(losses)), by_output(step.apply(shuffled))
    assert first.keys() == again.keys()
    assert all((first[key] == again[key]).all() for key in first)


LOSSES = [0, 1, 40, 99, 100, 101, 250, 500, 999, 1000, 1500, 4000]
amounts = st.sampled_from([0.0, 10.0, 100.0, 250.0, 400.0, 1000.0, 2000.0])
shares = st.sampled_from([0.0, 0.05, 0.1, 0.25, 0.5, 0.9, 1.0])
#: What each term is an amount or a share in; 20 (a loss above its deductible is not paid at all) moves the other way.
OF_LOSS, LIMIT_OF_LOSS = (5, 16, 17, 19, 26, 33, 35), (5, 15, 35, 36)
WITH_DEDUCTIBLE = (1, 2, 3, 5, 7, 8, 10, 11, 12, 13, 15, 16, 17, 19, 26, 33, 34, 35, 36, 39, 40)
WITH_LIMIT = (1, 2, 3, 5, 7, 8, 14, 15, 17, 22, 23, 24, 26, 33, 35, 36, 40, 41)
WITH_ATTACHMENT, WITH_SHARE = (2, 17, 24, 34), (2, 17, 22, 23, 24, 25, 34, 101, 112, 114, 200)
#: Rules with a minimum deductible, with a maximum; 36 ignores a maximum below the deductible itself, 0 is none.
WITH_MINIMUM, WITH_MAXIMUM = (7, 8, 11, 13, 19, 26, 35, 36), (7, 10, 13, 19, 26, 35)


@st.composite
def one_profile(draw: st.DrawFn, rules: tuple[int, ...]) -> dict[str, float]:
    rule = draw(st.sampled_from(rules))
    base = rule - 100 if rule > 100 else rule
    minimum, maximum = sorted([draw(amounts), draw(amounts.filter(bool))])
    maximum = max(maximum, 5.0)
    return {
        "calcrule_id": rule,
        "deductible1": draw(shares if base in OF_LOSS else amounts),
        "deductible2": minimum,
        "deductible3": maximum,
        "attachment1": draw(amounts),
        "limit1": draw(st.sampled_from([0.1, 0.5, 0.9]) if base in LIMIT_OF_LOSS else amounts),
        **{name: draw(shares.filter(bool)) for name in ("share1", "share2", "share3")},
    }


def paid_alone(profile: Mapping[str, float]) -> np.ndarray:
    """What a profile pays of each of LOSSES."""
    step = Insured(build_execution(programme([[1]], {(1, 1): [profile]}), leaves([1000])))
    return step.apply(one_event({1: LOSSES})).loss[0, SPECIAL:]


@pytest.mark.parametrize(
    ("term", "rules", "direction"),
    [
        ("deductible1", WITH_DEDUCTIBLE, -1),
        ("deductible2", WITH_MINIMUM, -1),
        ("deductible3", WITH_MAXIMUM, -1),
        ("attachment1", WITH_ATTACHMENT, -1),
        ("limit1", WITH_LIMIT, 1),
        ("share1", WITH_SHARE, 1),
    ],
)
@checked
@given(data=st.data())
def test_what_is_paid_moves_with_each_term(
    term: str, rules: tuple[int, ...], direction: int, data: st.DataObject
) -> None:
    profile = data.draw(one_profile(rules))
    other = {**profile, term: data.draw(one_profile((int(profile["calcrule_id"]),)))[term]}
    if term in ("deductible2", "deductible3"):
        other["deductible2"], other["deductible3"] = (
            min(other["deductible2"], profile["deductible3"]),
            max(other["deductible3"], profile["deductible2"]),
        )
    low, high = sorted((profile, other), key=lambda chosen: chosen[term])
    more = direction * (paid_alone(high) - paid_alone(low))
    assert (more >= -1e-3).all(), (low, high)


@checked
@given(one_profile(tuple({*WITH_DEDUCTIBLE, *WITH_LIMIT, *WITH_SHARE})))
def test_a_larger_loss_is_paid_no_less(profile: dict[str, float]) -> None:
    assert (np.diff(paid_alone(profile)) >= -1e-3).all()
