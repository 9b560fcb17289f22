"""Terms that cannot be used are refused by file, row, field and value; odd ones are pointed out."""

import pytest
from prepare.terms.small_portfolios import compiled, portfolio, total

from oasis_kernel.errors import Finding, InvalidInput, Severity
from oasis_kernel.model.exposure import Portfolio
from oasis_kernel.prepare.terms import TermOptions, compile_programme


def refusal(locations: list[dict], accounts: list[dict]) -> Finding:
    with pytest.raises(InvalidInput) as refused:
        compiled(locations, accounts)
    return refused.value.findings[0]


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        ({"PolDed6All": 1_000, "PolDedCode6All": 1}, "PolDedCode6All"),
        ({"PolLimit6All": 1_000, "PolLimitCode6All": 1}, "PolLimitCode6All"),
        ({"PolDed6All": 1_000, "PolDedCode6All": 2, "PolMinDed6All": 5}, "PolDedCode6All"),
        ({"PolDed6All": 0.1, "PolDedType6All": 1, "PolLimit6All": 0.1, "PolLimitType6All": 3}, "PolDedType6All"),
        ({"LayerAttachment": -5}, "LayerAttachment"),
        ({"LayerLimit": "much"}, "LayerLimit"),
        ({"PolDed6All": 1, "PolPeril": "WTC;ZZ9"}, "PolPeril"),
        ({"StepTriggerType": 4, "StepNumber": 1}, "StepTriggerType"),
        ({"StepTriggerType": 1, "StepNumber": 1, "TriggerType": 2, "PayOutType": 7}, "PayOutType"),
    ],
)
def test_account_terms_without_a_rule_are_refused(terms: dict, field: str) -> None:
    found = refusal([{}], [terms])
    assert (found.file, found.field, found.row) == ("account.csv", field, None if field == "PolPeril" else 2)
    assert found.value is not None
    assert found.remedy


def test_a_waiting_period_needs_a_period_of_indemnity() -> None:
    found = refusal([{"BITIV": 1_000.0, "BIWaitingPeriod": 10}], [{}])
    assert (found.row, found.field) == (2, "BIPOI")


def test_a_blank_period_of_indemnity_is_a_year() -> None:
    locations = [{"BITIV": 36_500.0, "BIWaitingPeriod": 10}, {"BITIV": 36_500.0, "BIWaitingPeriod": 0, "BIPOI": 20}]
    assert total(locations) == 200_000 + 35_500 + 2_000


def test_terms_of_one_location_must_agree() -> None:
    rows = [{"LocNumber": "1", "LocDed6All": 1.0}, {"LocNumber": "1", "LocDed6All": 2.0}]
    found = refusal(rows, [{}])
    assert (found.file, found.field) == ("location.csv", "LocDed6All")


def test_filters_of_one_layer_must_not_overlap() -> None:
    layers = [{"PolPeril": "WTC", "PolDed6All": 1}, {"PolPeril": "AA1", "PolDed6All": 2}]
    found = refusal([{}], layers)
    assert (found.row, found.field, found.value) == (3, "PolPeril", "AA1")


def test_a_location_needs_its_account() -> None:
    found = refusal([{}, {"AccNumber": "B"}], [{}])
    assert str(found).startswith("location.csv row 3: AccNumber must be an account of account.csv, got 'B'")


def test_insured_losses_need_an_account_file() -> None:
    small = portfolio([{}], [{}])
    _, items = compiled([{}])
    with pytest.raises(InvalidInput, match="needs an account file"):
        compile_programme(Portfolio(small.location, None), items)


@pytest.mark.parametrize(
    ("location", "account", "field"),
    [
        ({"LocPeril": "", "LocDed6All": 1_000.0}, {}, "LocPeril"),
        ({"LocMinDed6All": 5.0, "LocDed6All": 0.1, "LocDedType6All": 2}, {}, "LocMinDed6All"),
        ({}, {"LayerParticipation": 0}, "LayerParticipation"),
        ({}, {"CondClass": 1, "CondPeril": "", "LayerLimit": 5}, "CondPeril"),
        ({}, {"AccParticipation": 0}, "AccParticipation"),
    ],
)
def test_odd_terms_are_pointed_out(location: dict, account: dict, field: str) -> None:
    terms, _ = compiled([location], [account])
    assert [(finding.severity, finding.field, finding.row) for finding in terms.findings] == [
        (Severity.WARNING, field, 2)
    ]


def test_account_terms_of_later_layers_are_pointed_out() -> None:
    terms, _ = compiled([{}], [{"AccDed6All": 5}, {"PolNumber": "P2", "AccDed6All": 6}])
    assert [(finding.field, finding.row) for finding in terms.findings] == [("AccDed6All", 3)]


def test_an_account_without_a_location_is_left_out() -> None:
    terms, _ = compiled([{}], [{}, {"AccNumber": "B", "LayerLimit": 5}])
    assert terms.level_names == ("policy layer",)
    assert len(terms.programme.profile) == 1


def test_a_custom_aggregation_groups_by_other_keys() -> None:
    locations = [{"LocGroup": group} for group in ("G", "G", "H")]
    options = TermOptions(aggregation={10: ("acc_id", "LocGroup")})
    terms, _ = compiled(locations, [{"PolDed6All": 1_000}], options)
    nodes = terms.programme.to_agg_id[terms.programme.level_id == 1]
    assert len(set(nodes.tolist())) == 2
