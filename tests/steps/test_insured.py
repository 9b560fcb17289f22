"""Programmes on blocks of losses: allocation, layers, carry-over, order, and the reference's defects."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from programmes import NOTHING, leaves, one_event, programme, samples

from oasis_kernel.model.losses import LossBlock
from oasis_kernel.model.terms import Programme
from oasis_kernel.prepare.execution import build_execution
from oasis_kernel.steps.insured import Insured

LIMIT_1000 = {"calcrule_id": 14, "limit1": 1000}


def insured(terms: Programme, values: list[float], rule: int = 2, compatible: bool = True) -> Insured:
    return Insured(build_execution(terms, leaves(values), allocation_rule=rule, compatible=compatible))


@pytest.mark.parametrize(("rule", "expected"), [(0, {1: [1000]}), (1, {1: [625], 2: [375]}), (2, {1: [250], 2: [750]})])
def test_losses_are_allocated_as_the_rule_says(rule: int, expected: dict[int, list[float]]) -> None:
    terms = {(1, 1): [{"calcrule_id": 12, "deductible1": 4000}], (2, 1): [LIMIT_1000]}
    made = programme([[1, 2], [1, 1]], terms, top_outputs=rule == 0)
    assert samples(insured(made, [5000, 3000], rule).apply(one_event({1: [5000], 2: [3000]}))) == expected


def test_rules_2_and_3_are_the_same() -> None:
    made = programme([[1, 1]], {(1, 1): [LIMIT_1000]})
    block = one_event({1: [5000, 200], 2: [3000, 100]})
    ours, theirs = (insured(made, [1, 1], rule).apply(block) for rule in (2, 3))
    assert (ours.loss == theirs.loss).all()


def test_layers_and_what_remains_after_each() -> None:
    layers = [
        {"calcrule_id": 2, "limit1": 100, "share1": 1},
        {"calcrule_id": 2, "attachment1": 100, "limit1": 300, "share1": 0.5},
    ]
    made = programme([[1, 1]], {(1, 1): layers})
    block = one_event({1: [300], 2: [100]})
    step = insured(made, [1, 1])
    assert samples(step.apply(block)) == {1: [75], 2: [112.5], 3: [25], 4: [37.5]}
    assert samples(step.remaining(block)) == {1: [225], 2: [112.5], 3: [75], 4: [37.5]}


def test_what_remains_is_not_known_without_allocation() -> None:
    made = programme([[1, 1], [1, 1]], {}, top_outputs=True)
    with pytest.raises(ValueError, match="needs allocation rule 1, 2 or 3, got 0"):
        insured(made, [1, 1], rule=0).remaining(one_event({1: [1]}))


def test_terms_across_layers_are_shared_by_layer() -> None:
    layers = [
        {"calcrule_id": 2, "limit1": 100, "share1": 1},
        {"calcrule_id": 2, "attachment1": 100, "limit1": 300, "share1": 1},
    ]
    made = programme([[1, 1], [1, 1]], {(1, 1): layers, (2, 1): [{"calcrule_id": 114, "limit1": 200, "share1": 0.5}]})
    for compatible in (True, False):
        paid = samples(insured(made, [1, 1], compatible=compatible).apply(one_event({1: [300], 2: [100]})))
        np.testing.assert_allclose([paid[k][0] for k in (1, 2, 3, 4)], [18.75, 56.25, 6.25, 18.75])


def test_rows_come_in_the_order_of_the_items_then_layers() -> None:
    made = programme([[1, 1, 1]], {(1, 1): [{"calcrule_id": 100}, {"calcrule_id": 100}]})
    block = one_event({3: [30], 1: [10]})
    assert insured(made, [1, 1, 1]).apply(block).row.tolist() == [4, 5, 0, 1]


def test_outputs_without_a_number_are_not_written() -> None:
    made = programme([[1, 1]], {(1, 1): [{"calcrule_id": 100}, {"calcrule_id": 34, "attachment1": 5, "share1": 1}]})
    keep = made.output_layer_id == 2
    fields = {name: getattr(made, f"output_{name}")[keep] for name in ("id", "agg_id", "layer_id")}
    last = Programme(**{**made.__dict__, **{f"output_{name}": column for name, column in fields.items()}})
    block = one_event({1: [10], 2: [10]})
    assert samples(insured(last, [1, 1]).apply(block)) == {2: [7.5], 4: [7.5]}


def test_moments_are_zero_and_not_a_number_is_no_loss() -> None:
    block = one_event({1: [np.nan, 10.0]})
    block.loss[:, [1, 3]] = 5
    paid = insured(programme([[1]], {}), [1]).apply(block)
    assert paid.loss.tolist() == [[0, 0, 0, 0, 0, 0, 10]]


def test_restarts_take_the_losses_that_were_allocated() -> None:
    """Items 1, 2 are together at level 1, items 1, 3 and item 2 at level 2."""
    limit = {"calcrule_id": 14, "limit1": 100}
    made = programme([[1, 1, 2], [1, 2, 1]], {(1, 1): [limit], (2, 1): [{"calcrule_id": 12, "deductible1": 10}]}, [2])
    assert samples(insured(made, [1, 1, 1]).apply(one_event({1: [150], 2: [50], 3: [25]}))) == {
        1: [67.5],
        2: [25.0],
        3: [22.5],
    }


@pytest.mark.parametrize(("compatible", "expected"), [(True, 6000), (False, 7800)])
def test_layers_that_begin_above_a_shared_node_keep_what_was_deducted(compatible: bool, expected: float) -> None:
    """The reference forgets what was deducted from items in layers after the first, and loses losses with it.

    Two items of 4,000, each with a deductible of 1,000, then together; the second layer has a maximum deductible of
    200, which gives back 1,800 of the 2,000.
    """
    deductible = [{"calcrule_id": 12, "deductible1": 1000}]
    terms = {(1, 1): deductible, (1, 2): deductible, (3, 1): [NOTHING, {"calcrule_id": 10, "deductible3": 200}]}
    step = insured(programme([[1, 2], [1, 1], [1, 1]], terms), [1, 1], compatible=compatible)
    paid = samples(step.apply(one_event({1: [4000], 2: [4000]})))
    assert paid[1][0] + paid[3][0] == pytest.approx(6000)
    assert paid[2][0] + paid[4][0] == pytest.approx(expected)


@pytest.mark.parametrize(("compatible", "expected"), [(True, 40), (False, 30)])
def test_rule_21_knows_the_insured_value(compatible: bool, expected: float) -> None:
    """The reference forgets it: a deductible of 1 % of 1,000 is then 0."""
    made = programme([[1]], {(1, 1): [{"calcrule_id": 21, "deductible1": 0.01, "deductible3": 1e9}]})
    paid = samples(insured(made, [1000], compatible=compatible).apply(one_event({1: [40]})))
    assert paid == {1: [expected]}


@pytest.mark.parametrize(("compatible", "expected"), [(True, 44), (False, 40)])
def test_rule_38_knows_the_insured_value(compatible: bool, expected: float) -> None:
    """The reference forgets it when no other step asks for it: a trigger at half of 1,000 is then at 0."""
    extra = {"calcrule_id": 38, "step_id": 2, "trigger_start": 0.5, "trigger_end": 1, "scale2": 0.1, "limit2": 9}
    made = programme([[1]], {(1, 1): [[{"calcrule_id": 14, "step_id": 1, "limit1": 1e9}, extra]]})
    paid = samples(insured(made, [1000], compatible=compatible).apply(one_event({1: [40]})))
    assert paid == {1: [expected]}


@pytest.mark.parametrize(("compatible", "expected"), [(True, [150, 50]), (False, [75, 25])])
def test_restarts_without_allocation(compatible: bool, expected: list[float]) -> None:
    """With allocation rules 0 and 1 the reference restarts from losses as they came: a limit of 100 has no effect."""
    made = programme([[1, 1], [1, 2]], {(1, 1): [{"calcrule_id": 14, "limit1": 100}]}, [2], top_outputs=True)
    paid = samples(insured(made, [1, 1], rule=0, compatible=compatible).apply(one_event({1: [150], 2: [50]})))
    assert [paid[1][0], paid[2][0]] == expected


@pytest.mark.parametrize("compatible", [True, False])
def test_two_nodes_under_terms_across_layers(compatible: bool) -> None:
    """The reference writes only the first layer of the second node's items."""
    layers = [{"calcrule_id": 2, "limit1": 100, "share1": 1}, {"calcrule_id": 34, "attachment1": 100, "share1": 1}]
    terms = {(1, 1): layers, (1, 2): layers, (2, 1): [{"calcrule_id": 200, "share1": 0.5}]}
    step = insured(programme([[1, 2], [1, 1]], terms), [1, 1], compatible=compatible)
    paid = samples(step.apply(one_event({1: [300], 2: [400]})))
    assert paid == ({1: [50], 2: [100], 3: [50]} if compatible else {1: [50], 2: [100], 3: [50], 4: [150]})


@pytest.mark.parametrize(("compatible", "expected"), [(True, 200), (False, 100)])
def test_layers_above_a_restart(compatible: bool, expected: float) -> None:
    """The reference applies terms below the restart to the loss times the number of layers above it."""
    layers = [NOTHING, {"calcrule_id": 34, "attachment1": 1e6, "share1": 1}]
    terms = {(1, 1): [{"calcrule_id": 34, "attachment1": 200, "share1": 1}], (2, 1): layers, (2, 2): layers}
    step = insured(programme([[1, 1], [1, 2]], terms, [2]), [1, 1], compatible=compatible)
    assert samples(step.apply(one_event({1: [300]}))) == {1: [expected], 2: [0]}


amounts = st.floats(0, 1e5, width=32)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(amounts, amounts), min_size=3, max_size=3), st.permutations([1, 2, 3]))
def test_the_order_of_rows_changes_nothing(losses: list[tuple[float, float]], order: list[int]) -> None:
    terms = {(1, 1): [{"calcrule_id": 7, "deductible1": 100, "deductible3": 500, "limit1": 9000}], (2, 1): [LIMIT_1000]}
    step = insured(programme([[1, 1, 2], [1, 1, 1]], terms), [1, 1, 1])
    first = samples(step.apply(one_event({item: losses[item - 1] for item in (1, 2, 3)})))
    again = samples(step.apply(one_event({item: losses[item - 1] for item in order})))
    assert first == again


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(amounts, amounts), min_size=4, max_size=4))
def test_what_items_get_is_what_their_top_node_pays(losses: list[tuple[float, float]]) -> None:
    terms = {
        (1, 1): [{"calcrule_id": 12, "deductible1": 300}],
        (1, 2): [{"calcrule_id": 16, "deductible1": 0.1}],
        (2, 1): [{"calcrule_id": 13, "deductible1": 50, "deductible2": 200, "deductible3": 400}],
        (3, 1): [{"calcrule_id": 2, "deductible1": 10, "limit1": 5000, "share1": 0.5}],
    }
    levels = [[1, 1, 2, 2], [1, 1, 1, 1], [1, 1, 1, 1]]
    block = one_event(dict(enumerate(losses, 1)))
    whole = insured(programme(levels, terms, top_outputs=True), [1] * 4, rule=0).apply(block).loss.sum(axis=0)
    for rule in (1, 2):
        step = insured(programme(levels, terms), [1] * 4, rule)
        paid, left = step.apply(block), step.remaining(block)
        np.testing.assert_allclose(paid.loss.sum(axis=0), whole, rtol=1e-5, atol=1e-2)
        assert (paid.loss >= 0).all()
        np.testing.assert_allclose(np.maximum(block.loss - paid.loss, 0), left.loss, atol=1e-2)


def test_threads_share_an_execution() -> None:
    random = np.random.default_rng(4)
    items, events = 60, 20
    holders = [(np.arange(items) // 2 + 1).tolist(), (np.arange(items) // 6 + 1).tolist()]
    terms = {
        (2, node): [{"calcrule_id": 7, "deductible1": 10 * node, "deductible3": 50, "limit1": 300}]
        for node in range(1, 11)
    }
    step = insured(programme(holders, terms), [1] * items)
    loss = random.random((items * events, 25), np.float32) * 100
    loss[:, [1, 3]] = 0
    rows = np.tile(np.arange(items, dtype="i4"), events)
    block = LossBlock(np.arange(events, dtype="i4"), np.arange(events + 1) * items, rows, loss)
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(step.apply, [block] * 8))
    assert all((other.loss == found[0].loss).all() for other in found)


def test_wide_blocks_run_in_tiles() -> None:
    terms = {(1, 1): [{"calcrule_id": 7, "deductible1": 10, "deductible2": 20, "deductible3": 50, "limit1": 300}]}
    step = insured(programme([[1, 1]], terms), [1, 1])
    many = np.random.default_rng(5).random((2, 700), np.float32) * 400
    wide = step.apply(one_event({1: many[0].tolist(), 2: many[1].tolist()})).loss
    for column in (0, 130, 699):
        narrow = step.apply(one_event({1: [float(many[0, column])], 2: [float(many[1, column])]})).loss
        assert (narrow[:, -1] == wide[:, 5 + column]).all()


def test_an_empty_block_has_no_losses() -> None:
    step = insured(programme([[1, 1]], {}), [1, 1])
    empty = LossBlock(np.zeros(0, "i4"), np.zeros(1, "i8"), np.zeros(0, "i4"), np.zeros((0, 8), "f4"))
    assert step.apply(empty).loss.shape == (0, 8)


def test_scratch_grows_with_samples_up_to_the_widest_tile() -> None:
    step = insured(programme([[1, 1]], {}), [1, 1])
    assert step.scratch_bytes(10) < step.scratch_bytes(123) == step.scratch_bytes(1275)
