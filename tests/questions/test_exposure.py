"""Deterministic losses: by hand, against a naive twin, and level by level."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import oasis_kernel as ok
from oasis_kernel.errors import InvalidInput, OasisError, Severity
from oasis_kernel.model.exposure import Coverages, Portfolio
from oasis_kernel.model.losses import EXPOSURE, MAXIMUM, SPECIAL
from oasis_kernel.model.terms import PROFILE_DTYPE
from oasis_kernel.prepare.deterministic import deterministic_keys
from oasis_kernel.questions.exposure import exposure_losses
from oasis_kernel.questions.term_effects import effect, has_terms
from oasis_kernel.steps.deterministic import deterministic_losses

LOCATION = {
    "PortNumber": ["P", "P"],
    "AccNumber": ["A", "A"],
    "LocNumber": ["1", "2"],
    "CountryCode": ["GB", "GB"],
    "LocPerilsCovered": ["WTC;WSS", "WTC"],
    "BuildingTIV": [1_000_000.0, 500_000.0],
    "OtherTIV": [0.0, 0.0],
    "ContentsTIV": [200_000.0, 0.0],
    "BITIV": [0.0, 0.0],
    "LocCurrency": ["GBP", "GBP"],
    "LocPeril": ["AA1", "AA1"],
    "LocDed6All": [10_000.0, 10_000.0],
}
ACCOUNT = {
    "PortNumber": ["P", "P"],
    "AccNumber": ["A", "A"],
    "AccCurrency": ["GBP", "GBP"],
    "PolNumber": ["one", "one"],
    "PolPerilsCovered": ["AA1", "AA1"],
    "LayerNumber": [1, 2],
    "LayerParticipation": [0.5, 1.0],
    "LayerLimit": [100_000.0, 1_000_000.0],
    "LayerAttachment": [0.0, 100_000.0],
}
CONTRACT = {
    "ReinsNumber": [7],
    "ReinsLayerNumber": [1],
    "ReinsName": ["quota"],
    "ReinsPeril": ["AA1"],
    "ReinsInceptionDate": ["2020-01-01"],
    "ReinsExpiryDate": ["2020-12-31"],
    "CededPercent": [0.2],
    "RiskLimit": [0.0],
    "RiskAttachment": [0.0],
    "OccLimit": [0.0],
    "OccAttachment": [0.0],
    "InuringPriority": [1],
    "ReinsType": ["QS"],
    "PlacedPercent": [1.0],
    "ReinsCurrency": ["GBP"],
    "RiskLevel": ["SEL"],
}
SCOPE = {"ReinsNumber": [7], "PortNumber": ["P"]}


def portfolio(*, account: bool = True, reinsurance: bool = False, **location: Sequence[object]) -> Portfolio:
    files = {"location": pa.table({**LOCATION, **location})}
    if account:
        files["account"] = pa.table(ACCOUNT)
    if reinsurance:
        files |= {"ri_info": pa.table(CONTRACT), "ri_scope": pa.table(SCOPE)}
    return ok.read_portfolio(**files)


def test_insured_net_and_ceded_by_hand() -> None:
    result = ok.exposure(portfolio(reinsurance=True), [0.1, 1.0])
    totals = result.totals.to_pylist()
    # 0.1: 120,000 + 50,000, less 10,000 each: 150,000; half of the first 100,000, and all above.
    assert totals[0] == pytest.approx(
        {
            "loss_factor": 0.1,
            "tiv": 1.7e6,
            "loss_gul": 170_000,
            "loss_il": 100_000,
            "loss_ri": 80_000,
            "loss_rl": 20_000,
        }
    )
    # 1: 1,680,000; the second layer's limit is reached.
    assert totals[1]["loss_il"] == pytest.approx(50_000 + 1_000_000)
    assert result.contracts.to_pylist()[0] == pytest.approx(
        {
            "loss_factor": 0.1,
            "InuringPriority": 1,
            "RiskLevel": "SEL",
            "ReinsNumber": 7,
            "ReinsType": "QS",
            "recovery": 20_000,
        }
    )


def test_ground_up_counts_once_however_many_layers_insure_it() -> None:
    result = ok.exposure(portfolio())
    for level in ("portfolio", "account", "policy", "location", "coverage"):
        assert sum(result.table(level)["loss_gul"].to_pylist()) == pytest.approx(1_700_000), level
    assert result.table("layer")["loss_gul"].to_pylist() == pytest.approx([1_700_000, 1_700_000])
    assert result.table("item").num_rows == 10  # 5 items in 2 layers


def test_compatible_counts_ground_up_once_a_layer_as_the_reference_does() -> None:
    result = ok.exposure(portfolio(), options={"compatible": True})
    assert result.table("location")["loss_gul"].to_pylist() == pytest.approx([2_400_000, 1_000_000])


def test_every_level_adds_up() -> None:
    result = ok.exposure(portfolio(reinsurance=True), [0.5, 0.03, 1.0])
    assert result.totals["loss_factor"].to_pylist() == [0.5, 0.03, 1.0]
    for level in result.levels:
        table = result.table(level)
        for name in ("loss_il", "loss_ri", "loss_rl"):
            for factor, total in zip(result.factors, result.totals[name].to_pylist(), strict=True):
                mine = [row[name] for row in table.to_pylist() if row["loss_factor"] == factor]
                assert sum(mine) == pytest.approx(total), (level, name)


def test_a_peril_that_a_location_does_not_cover_leaves_it_without_loss() -> None:
    table = ok.exposure(portfolio(), perils=["WSS"]).table()
    assert table["LocNumber"].to_pylist() == ["1"]
    assert table["loss_gul"].to_pylist() == [1_200_000]


def test_without_an_account_there_is_ground_up_and_a_note() -> None:
    result = ok.exposure(portfolio(account=False), explain=True)
    assert result.losses == ("loss_gul",)
    assert result.terms.num_rows == result.contracts.num_rows == 0
    assert [finding.severity for finding in result.findings if "ground-up losses only" in finding.message] == [
        Severity.NOTE
    ]
    with pytest.raises(
        OasisError, match="level must be one of portfolio, account, location, coverage, item, got 'policy'"
    ):
        result.table("policy")


@pytest.mark.parametrize("factors", [[], [-1.0], [float("nan")], [float("inf")]])
def test_factors_that_cannot_be(factors: list[float]) -> None:
    with pytest.raises(InvalidInput, match="loss factor: must be a number of at least 0"):
        ok.exposure(portfolio(), factors)


def test_a_portfolio_without_value() -> None:
    nothing = portfolio(BuildingTIV=[0.0, 0.0], ContentsTIV=[0.0, 0.0])
    with pytest.raises(InvalidInput, match="must insure a value somewhere"):
        ok.exposure(nothing)


def test_net_losses_need_an_allocation_to_items() -> None:
    with pytest.raises(InvalidInput, match="kernel_alloc_rule_ri must be 1, 2 or 3"):
        ok.exposure(portfolio(reinsurance=True), options={"kernel_alloc_rule_ri": 0})


def test_what_terms_took_ends_in_the_insured_loss() -> None:
    result = exposure_losses(portfolio(), [0.05, 0.1, 1.0], explain=True)
    terms = result.terms.to_pylist()
    top = max(row["level"] for row in terms)
    for factor, insured in zip(result.factors, result.totals["loss_il"].to_pylist(), strict=True):
        last = [row["after"] for row in terms if row["level"] == top and row["loss_factor"] == factor]
        assert sum(last) == pytest.approx(insured)
    first = [row for row in terms if row["level"] == 1 and row["loss_factor"] == 0.1]
    assert [row["terms"] for row in first] == ["deductible 10,000"] * 2
    assert [(row["before"], row["after"]) for row in first] == [
        (pytest.approx(120_000), pytest.approx(110_000)),
        (pytest.approx(50_000), pytest.approx(40_000)),
    ]
    layers = [(row["PolNumber"], row["layer"]) for row in terms if row["level"] == 2 and row["loss_factor"] == 1.0]
    assert layers == [("one", 1), ("one", 2)]


def test_the_programme_in_words() -> None:
    text = exposure_losses(portfolio(reinsurance=True), explain=True).programme
    assert text.splitlines()[-2:] == [
        "Reinsurance, inuring priority 1, risk level SEL",
        "  contract 7, QS: cedes 20 %, placed 100 %, covers 10 of 10 outputs",
    ]
    assert "Level 1: location all" in text
    assert text.count("deductible 10,000") == 2
    assert "1,000,000 excess of 100,000" in text


def profile(rule: int, **terms: float) -> np.ndarray:
    row = np.zeros(1, PROFILE_DTYPE)
    row["calcrule_id"] = rule
    for name, value in terms.items():
        row[name] = value
    return row


@pytest.mark.parametrize(
    ("terms", "before", "after", "did"),
    [
        (profile(12, deductible1=100), 500, 400, "deductible takes 100"),
        (profile(12, deductible1=100), 80, 0, "deductible of 100 takes all"),
        (profile(1, deductible1=100, limit1=300), 500, 300, "deductible takes 100; limit of 300 reached"),
        (profile(14, limit1=300), 200, 200, "below the limit of 300"),
        (profile(14), 200, 0, "excluded"),
        (profile(3, deductible1=100, limit1=300), 90, 0, "loss is within the franchise of 100"),
        (profile(20, deductible1=100), 500, 0, "loss is above 100: nothing is paid"),
        (profile(16, deductible1=0.1), 500, 450, "deductible of 10 % of the loss takes 50"),
        (profile(15, limit1=0.5), 500, 250, "limit of 50 % of the loss reached"),
        (profile(10, deductible3=100), 500, 560, "deductible (maximum 100) gives back 60"),
        (profile(11, deductible2=100), 500, 500, "deductible (minimum 100) takes nothing more"),
        (profile(8, deductible2=100, limit1=300), 500, 300, "deductible (minimum 100); limit of 300 reached"),
        (
            profile(111, deductible2=100, share1=0.5),
            500,
            200,
            "deductible (minimum 100) takes 100; share of 50 %",
        ),
        (
            profile(2, attachment1=100, limit1=200, share1=0.5),
            500,
            100,
            "attachment takes 100; limit of 200 reached; share of 50 %",
        ),
        (profile(34, attachment1=100, share1=1), 500, 400, "attachment takes 100"),
        (profile(27, step_id=1, trigger_start=0.1, payout_start=0.05, limit1=900), 500, 50, "pays 50 by its steps"),
        (profile(32, step_id=1, trigger_start=1000, payout_start=1, limit1=900), 500, 0, "no step is triggered"),
        (profile(14, step_id=1), 500, 0, "excluded"),
    ],
)
def test_what_terms_did_in_words(terms: np.ndarray, before: float, after: float, did: str) -> None:
    assert has_terms(terms)
    assert effect(terms, before, after) == did


@pytest.mark.parametrize("terms", [profile(100), profile(34, share1=1), profile(200, share1=1)])
def test_terms_that_are_none(terms: np.ndarray) -> None:
    assert not has_terms(terms)
    assert effect(terms, 500, 500) == "takes nothing"


@given(
    coverages=st.lists(st.tuples(st.floats(1, 1e6), st.integers(1, 4)), min_size=1, max_size=8),
    factors=st.lists(st.floats(0, 2), min_size=1, max_size=3),
)
@settings(deadline=None, max_examples=50)
def test_ground_up_losses_are_shares_of_values(coverages: list[tuple[float, int]], factors: list[float]) -> None:
    tiv = np.array([value for value, _ in coverages], np.float32)
    coverage_id = np.repeat(np.arange(len(tiv)) + 1, [items for _, items in coverages]).astype(np.int32)
    block = deterministic_losses(coverage_id, Coverages(tiv, np.ones(len(tiv), np.int32)), factors)
    for row, coverage in enumerate(coverage_id - 1):
        share = float(tiv[coverage]) / coverages[coverage][1]
        assert block.loss[row, EXPOSURE] == block.loss[row, MAXIMUM] == np.float32(share)
        assert block.loss[row, SPECIAL:].tolist() == [np.float32(share * factor) for factor in factors]


PERILS = {"WTC": ["WTC"], "WSS": ["WSS"], "WW2": ["WEC", "WTC"], "QEQ": ["QEQ"]}


@given(
    covered=st.lists(st.lists(st.sampled_from(sorted(PERILS)), min_size=1, max_size=3), min_size=1, max_size=5),
    asked=st.lists(st.sampled_from(sorted(PERILS)), max_size=2),
)
@settings(deadline=None, max_examples=50)
def test_keys_are_every_location_peril_and_coverage(covered: list[list[str]], asked: list[str]) -> None:
    table = pa.table(
        {"loc_id": pa.array(range(1, len(covered) + 1)), "LocPerilsCovered": [";".join(codes) for codes in covered]}
    )
    wanted = {peril for code in asked or PERILS for peril in PERILS[code]}
    naive = [
        (location, peril, coverage)
        for location, codes in enumerate(covered, 1)
        for peril in sorted({peril for code in codes for peril in PERILS[code]} & wanted)
        for coverage in (1, 2, 3, 4)
    ]
    if not naive:
        with pytest.raises(InvalidInput, match="LocPerilsCovered must cover"):
            deterministic_keys(Portfolio(table), asked)
        return
    keys = deterministic_keys(Portfolio(table), asked)
    assert (
        list(zip(*(keys[name].to_pylist() for name in ("loc_id", "peril_id", "coverage_type")), strict=True)) == naive
    )
