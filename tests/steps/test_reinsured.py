"""Reinsurance passes on insured losses: what remains, what is ceded, what each contract pays."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from programmes import leaves, one_event, samples

from oasis_kernel.model.exposure import Portfolio
from oasis_kernel.model.losses import LossBlock
from oasis_kernel.model.terms import Contract
from oasis_kernel.prepare.execution import build_execution
from oasis_kernel.prepare.reinsurance import compile_reinsurance
from oasis_kernel.steps.reinsured import Reinsured

QUOTA_SHARE = {"ReinsType": "QS", "CededPercent": 0.25, "PlacedPercent": 1.0, "InuringPriority": 1, "RiskLevel": "SEL"}
EXCESS = {"ReinsType": "CXL", "OccAttachment": 100.0, "OccLimit": 200.0, "PlacedPercent": 0.5, "InuringPriority": 1}


def reinsured(contracts: list[dict], *, outputs: int = 2, compatible: bool = False) -> Reinsured:
    """Contracts that cover all of a portfolio of one account with so many locations."""
    values = leaves([1.0] * outputs)
    executions = [
        (item.inuring_priority, build_execution(item.programme, values, allocation_rule=3, compatible=compatible))
        for item in compiled(contracts, outputs)
    ]
    return Reinsured(executions, compatible=compatible)


def compiled(contracts: list[dict], outputs: int = 2) -> Sequence[Contract]:
    """The passes of such contracts."""
    numbered = [{"ReinsNumber": number, **contract} for number, contract in enumerate(contracts, 1)]
    names = list({name: None for contract in numbered for name in contract})
    info = pa.table({name: [contract.get(name) for contract in numbered] for name in names})
    scope = pa.table({"ReinsNumber": [contract["ReinsNumber"] for contract in numbered]})
    rows = list(range(1, outputs + 1))
    output_map = pa.table(
        {
            "output_id": rows,
            "loc_id": rows,
            "PortNumber": ["1"] * outputs,
            "AccNumber": ["A"] * outputs,
            "PolNumber": ["P"] * outputs,
            "LocNumber": [str(row) for row in rows],
        }
    )
    account = pa.table({"PortNumber": ["1"], "AccNumber": ["A"], "PolNumber": ["P"]})
    portfolio = Portfolio(None, account, info, scope)
    return compile_reinsurance(portfolio, output_map).passes


def test_a_quota_share_cedes_its_share() -> None:
    (losses,) = reinsured([QUOTA_SHARE]).apply(one_event({1: [100, 40], 2: [300, 0]}))
    assert samples(losses.net) == {1: [75, 30], 2: [225, 0]}
    assert samples(losses.ceded) == {1: [25, 10], 2: [75, 0]}


@pytest.mark.parametrize(
    ("compatible", "expected"), [(False, {1: [62.5], 2: [187.5]}), (True, {1: [37.5], 2: [112.5]})]
)
def test_contracts_of_a_priority_see_the_same_losses(compatible: bool, expected: dict[int, list[float]]) -> None:
    """Of 400, the quota share takes 100 and the excess half of 200; the reference writes what the last one takes."""
    contracts = [QUOTA_SHARE, {**EXCESS, "PlacedPercent": 0.75}]
    (losses,) = reinsured(contracts, compatible=compatible).apply(one_event({1: [100], 2: [300]}))
    assert samples(losses.net) == {1: [37.5], 2: [112.5]}
    assert samples(losses.ceded) == expected


def test_a_later_priority_sees_what_remains() -> None:
    step = reinsured([QUOTA_SHARE, {**EXCESS, "InuringPriority": 2}])
    first, second = step.apply(one_event({1: [100], 2: [300]}))
    assert (first.inuring_priority, second.inuring_priority) == (1, 2)
    assert samples(first.net) == {1: [75], 2: [225]}
    assert samples(second.net) == {1: [50], 2: [150]}
    assert samples(second.ceded) == {1: [25], 2: [75]}


def test_risk_levels_of_one_priority_run_one_after_the_other() -> None:
    """LOC before SEL: the excess sees 400 less what the location contract took."""
    per_risk = {
        "ReinsType": "PR",
        "RiskAttachment": 200.0,
        "PlacedPercent": 1.0,
        "InuringPriority": 1,
        "RiskLevel": "LOC",
    }
    step = reinsured([{**EXCESS, "RiskLevel": "SEL"}, per_risk])
    (losses,) = step.apply(one_event({1: [100], 2: [300]}))
    assert samples(losses.net) == {1: [pytest.approx(100 * 2 / 3)], 2: [pytest.approx(200 * 2 / 3)]}
    assert samples(losses.ceded)[1][0] + samples(losses.ceded)[2][0] == pytest.approx(200)


def test_what_each_contract_pays() -> None:
    contracts = [QUOTA_SHARE, EXCESS, {**EXCESS, "InuringPriority": 2}]
    block = one_event({1: [100], 2: [300]})
    paid = reinsured(contracts).recoveries(block, compiled(contracts))
    assert {number: samples(losses) for number, losses in paid.items()} == {
        0: {1: [25], 2: [75]},
        1: {1: [25], 2: [75]},
        2: {1: [12.5], 2: [37.5]},
    }


def test_what_is_ceded_and_what_remains_are_what_there_was() -> None:
    step = reinsured([QUOTA_SHARE, EXCESS, {**EXCESS, "InuringPriority": 3}], outputs=5)
    random = np.random.default_rng(3).random((5, 40), np.float32) * 500
    block = one_event({row + 1: random[row].tolist() for row in range(5)})
    before = block
    for losses in step.apply(block):
        assert (losses.net.loss >= 0).all()
        assert (losses.net.loss <= before.loss).all()
        np.testing.assert_allclose(losses.net.loss + losses.ceded.loss, before.loss, rtol=1e-6)
        before = losses.net
    assert before.row.tolist() == block.row.tolist()


placed = st.sampled_from([0.25, 0.5, 1.0])
money = st.sampled_from([0.0, 50.0, 100.0, 400.0])
contracts_of_each_type = st.one_of(
    st.fixed_dictionaries({"ReinsType": st.just("QS"), "CededPercent": placed, "RiskLimit": money, "OccLimit": money}),
    st.fixed_dictionaries({"ReinsType": st.just("CXL"), "OccAttachment": money, "OccLimit": money}),
)


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.tuples(contracts_of_each_type, placed, st.integers(1, 3)), min_size=1, max_size=4),
    st.lists(st.tuples(*[st.floats(0, 1e4, width=32)] * 4), min_size=3, max_size=3),
)
def test_net_and_ceded_are_gross_whatever_the_contracts(
    chosen: list[tuple[dict, float, int]], losses: list[tuple[float, ...]]
) -> None:
    contracts = [
        {**contract, "PlacedPercent": share, "InuringPriority": priority, "RiskLevel": "SEL"}
        for contract, share, priority in chosen
    ]
    step = reinsured(contracts, outputs=3)
    block = one_event(dict(enumerate(losses, 1)))
    before = block.loss
    for left in step.apply(block):
        net, ceded = left.net.loss, left.ceded.loss
        assert (net >= 0).all()
        assert (ceded >= 0).all()
        assert (net <= before).all()
        np.testing.assert_allclose(net + ceded, before, rtol=1e-6, atol=1e-3)
        before = net


def test_moments_of_insured_losses_are_left_out() -> None:
    block = one_event({1: [100], 2: [300]})
    block.loss[:, [1, 3]] = 9
    (losses,) = reinsured([QUOTA_SHARE]).apply(block)
    assert not losses.net.loss[:, [1, 3]].any()
    assert not losses.ceded.loss[:, [1, 3]].any()


def test_an_empty_block() -> None:
    empty = LossBlock(np.zeros(0, "i4"), np.zeros(1, "i8"), np.zeros(0, "i4"), np.zeros((0, 8), "f4"))
    (losses,) = reinsured([QUOTA_SHARE]).apply(empty)
    assert losses.net.loss.shape == losses.ceded.loss.shape == (0, 8)
