"""Reinsurance contracts to passes: what is covered, which terms apply, and what is said about broken inputs."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from oasis_kernel.errors import InvalidInput, Severity
from oasis_kernel.model.exposure import Portfolio
from oasis_kernel.model.terms import Contract
from oasis_kernel.prepare.reinsurance import Reinsurance, compile_reinsurance

NO_LOSS, PASS_THROUGH = 1, 2
#: Three locations of two accounts; the second account has two policies.
LOCATIONS = [
    {"loc_id": 1, "AccNumber": "A", "LocNumber": "1", "LocGroup": "north", "CountryCode": "GB"},
    {"loc_id": 2, "AccNumber": "A", "LocNumber": "2", "LocGroup": "south", "CountryCode": "GB"},
    {"loc_id": 3, "AccNumber": "B", "LocNumber": "1", "LocGroup": "north", "CountryCode": "FR"},
]
ACCOUNTS = [
    {"AccNumber": "A", "PolNumber": "P", "LOB": "1", "PolInceptionDate": "2024-03-01", "AccCurrency": "GBP"},
    {"AccNumber": "B", "PolNumber": "Q", "LOB": "2", "PolInceptionDate": "2023-12-31", "AccCurrency": "GBP"},
    {"AccNumber": "B", "PolNumber": "R", "LOB": "2", "PolInceptionDate": "2024-06-30", "AccCurrency": "GBP"},
]
#: output id -> (location, policy).
OUTPUTS = [(1, "P"), (2, "P"), (3, "Q"), (3, "R")]
CONTRACT = {"ReinsNumber": 1, "ReinsType": "QS", "CededPercent": 0.5, "PlacedPercent": 1.0, "InuringPriority": 1}


def table(rows: list[dict[str, Any]]) -> pa.Table:
    names = list({name: None for row in rows for name in row})
    return pa.table({name: [row.get(name) for row in rows] for name in names})


def compile_contracts(contracts: list[dict], scope: list[dict], **portfolio: Any) -> Reinsurance:
    locations = [{"PortNumber": "1", **row} for row in LOCATIONS]
    accounts = [{"PortNumber": "1", **row} for row in ACCOUNTS]
    rows = [
        {**{name: locations[loc - 1][name] for name in ("PortNumber", "AccNumber", "LocNumber")}, "loc_id": loc}
        | {"PolNumber": policy, "output_id": number}
        for number, (loc, policy) in enumerate(OUTPUTS, 1)
    ]
    tables = {"location": table(locations), "account": table(accounts), **portfolio}
    names = {"account": "acc.csv", "ri_info": "ri_info.csv", "ri_scope": "ri_scope.csv"}
    given = Portfolio(**tables, reinsurance_info=table(contracts), reinsurance_scope=table(scope), sources=names)
    return compile_reinsurance(given, table(rows))


def covered(contract: Contract, layer: int = 1) -> list[int]:
    """Outputs (1-based) that a layer covers."""
    return (np.flatnonzero(contract.contract_of[:, layer - 1] >= 0) + 1).tolist()


def terms(contract: Contract, level: int, layer: int = 1) -> list[tuple[float, ...]]:
    """(rule, attachment, limit, shares) of a level's nodes, in the order of the nodes."""
    made = contract.programme
    chosen = (made.policy_level_id == level) & (made.policy_layer_id == layer)
    profiles = made.policy_profile_id[chosen][np.argsort(made.policy_agg_id[chosen])]
    names = ["calcrule_id", "attachment1", "limit1", "share1", "share2"]
    return [tuple(made.profile[number - 1][names].tolist()) for number in profiles]


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ({}, [1, 2, 3, 4]),
        ({"PortNumber": "1"}, [1, 2, 3, 4]),
        ({"PortNumber": "1", "AccNumber": "A"}, [1, 2]),
        ({"PortNumber": "1", "AccNumber": "B", "PolNumber": "R"}, [4]),
        ({"PortNumber": "1", "AccNumber": "A", "LocNumber": "2"}, [2]),
        ({"LocGroup": "north"}, [1, 3, 4]),
        ({"CountryCode": "FR"}, [3, 4]),
        ({"LOB": "1"}, [1, 2]),
        ({"CountryCode": "GB", "LocGroup": "north"}, [1]),
    ],
)
def test_scope_covers_what_has_all_its_values(scope: dict, expected: list[int]) -> None:
    (contract,) = compile_contracts([CONTRACT], [{"ReinsNumber": 1, **scope}]).passes
    assert covered(contract) == expected


@pytest.mark.parametrize(
    ("level", "scope", "risks"),
    [
        ("LOC", {"PortNumber": "1", "AccNumber": "A", "LocNumber": "2"}, 3),
        ("LGR", {"LocGroup": "south"}, 2),
        ("POL", {"PortNumber": "1", "AccNumber": "A", "PolNumber": "P"}, 3),
        ("ACC", {"PortNumber": "1", "AccNumber": "A"}, 2),
        ("SEL", {"PortNumber": "1"}, 1),
    ],
)
def test_risks_of_each_level(level: str, scope: dict, risks: int) -> None:
    contract = {**CONTRACT, "ReinsType": "PR", "RiskLevel": level, "RiskAttachment": 10.0, "OccLimit": 99.0}
    (made,) = compile_contracts([contract], [{"ReinsNumber": 1, **scope}]).passes
    assert made.risk_level == level
    assert len(terms(made, 2)) == risks
    assert terms(made, 2).count((24, 10, np.float32(9_999_999_999_999.0), 0.5, 1)) == 1
    assert terms(made, 3) == [(24, 0, 99, 1, 1)]


def test_coarser_scope_names_all_finer_risks() -> None:
    contract = {**CONTRACT, "ReinsType": "PR", "RiskLevel": "LOC", "RiskAttachment": 10.0}
    (made,) = compile_contracts([contract], [{"ReinsNumber": 1, "PortNumber": "1", "AccNumber": "A"}]).passes
    assert [rule for rule, *_ in terms(made, 2)] == [24, 24, 14]
    assert covered(made) == [1, 2]


@pytest.mark.parametrize(
    ("kind", "risk", "programme"),
    [
        ("FAC", (24, 10, 20, 0.5, 0.8), (12, 0, 0, 0, 0)),
        ("PR", (24, 10, 20, 0.5, 1), (24, 30, 40, 1, 0.8)),
        ("QS", (24, 0, 20, 0.5, 1), (23, 0, 40, 0, 0.8)),
        ("SS", (24, 10, 20, 0.25, 1), (23, 0, 40, 0, 0.8)),
        ("CXL", (12, 0, 0, 0, 0), (24, 30, 40, 0.5, 0.8)),
    ],
)
def test_terms_of_each_type(kind: str, risk: tuple[float, ...], programme: tuple[float, ...]) -> None:
    amounts = {"RiskAttachment": 10.0, "RiskLimit": 20.0, "OccAttachment": 30.0, "OccLimit": 40.0, "PlacedPercent": 0.8}
    contract = {**CONTRACT, **amounts, "ReinsType": kind, "RiskLevel": "ACC"}
    scope = {"ReinsNumber": 1, "PortNumber": "1", "AccNumber": "A", "CededPercent": 0.25}
    (made,) = compile_contracts([contract], [scope]).passes
    np.testing.assert_allclose(terms(made, 2)[0], risk, rtol=1e-6)
    np.testing.assert_allclose(terms(made, 3)[0], programme, rtol=1e-6)


def test_facultative_contracts_share_layers_and_come_first() -> None:
    facultative = {**CONTRACT, "ReinsType": "FAC", "RiskLevel": "LOC"}
    contracts = [{**CONTRACT, "RiskLevel": "LOC"}] + [{**facultative, "ReinsNumber": number} for number in (2, 3, 4)]
    one, two = ({"PortNumber": "1", "AccNumber": "A", "LocNumber": number} for number in "12")
    scope = [{"ReinsNumber": 1}] + [{"ReinsNumber": number, **row} for number, row in ((2, one), (3, two), (4, one))]
    (made,) = compile_contracts(contracts, scope).passes
    assert made.contract_of.tolist() == [[1, 3, 0], [2, -1, 0], [-1, -1, 0], [-1, -1, 0]]
    assert made.reinsurance_number == {0: 1, 1: 2, 2: 3, 3: 4}
    assert set(made.programme.output_layer_id) == {3}


def test_a_pass_for_each_priority_and_risk_level_with_contracts() -> None:
    kinds = [(2, "SEL"), (1, "ACC"), (1, "LOC"), (2, "LGR"), (2, None)]
    contracts = [
        {**CONTRACT, "ReinsNumber": number, "InuringPriority": priority, "RiskLevel": level}
        for number, (priority, level) in enumerate(kinds)
    ]
    made = compile_contracts(contracts, [{"ReinsNumber": number} for number in range(5)]).passes
    assert [(item.inuring_priority, item.risk_level) for item in made] == [
        (1, "LOC"),
        (1, "ACC"),
        (2, "LGR"),
        (2, "SEL"),
    ]


def test_risks_attaching_covers_policies_that_incept_within_the_contract() -> None:
    dates = {"AttachmentBasis": "RA", "ReinsInceptionDate": "2024-01-01", "ReinsExpiryDate": "2024-06-30"}
    (made,) = compile_contracts([{**CONTRACT, **dates}], [{"ReinsNumber": 1}]).passes
    assert covered(made) == [1, 2, 4]
    (made,) = compile_contracts([{**CONTRACT, **dates, "AttachmentBasis": "LO"}], [{"ReinsNumber": 1}]).passes
    assert covered(made) == [1, 2, 3, 4]


def test_a_policy_without_a_date_cannot_attach() -> None:
    dates = {"AttachmentBasis": "RA", "ReinsInceptionDate": "2024-01-01", "ReinsExpiryDate": "2024-06-30"}
    account = table([{"PortNumber": "1", "AccNumber": "A", "PolNumber": "P"}])
    with pytest.raises(InvalidInput) as refused:
        compile_contracts([{**CONTRACT, **dates}], [{"ReinsNumber": 1, "AccNumber": "A"}], account=account)
    assert str(refused.value) == (
        "acc.csv row 2: PolInceptionDate must be given for policy 'P' of account 'A', which a contract with "
        "AttachmentBasis RA covers. Give the policy's inception date, or use AttachmentBasis LO"
    )


def test_a_contract_that_covers_nothing_is_noticed() -> None:
    contracts = [CONTRACT, {**CONTRACT, "ReinsNumber": 2}]
    scope = [{"ReinsNumber": 1}, {"ReinsNumber": 2, "AccNumber": "nobody", "PortNumber": "1"}]
    (finding,) = compile_contracts(contracts, scope).findings
    assert finding.severity == Severity.WARNING
    assert str(finding) == (
        "ri_info.csv row 3: ReinsNumber covers nothing: no scope row of this QS contract names a risk of the "
        "portfolio, got 2. Check its scope: a risk at level SEL is named by PortNumber"
    )


BROKEN = [
    ({"ReinsType": "XYZ"}, "ReinsType must be one of FAC, PR, QS, SS, CXL, got 'XYZ'"),
    ({"ReinsType": None}, "ReinsType must be one of FAC, PR, QS, SS, CXL."),
    ({"ReinsType": "AXL"}, "ReinsType needs losses by year, but contracts are applied event by event, got 'AXL'"),
    ({"RiskLevel": "TOWN"}, "RiskLevel must be one of LOC, LGR, POL, ACC, SEL, got 'TOWN'"),
    ({"InuringPriority": 0}, "InuringPriority must be a whole number from 1, got 0"),
    ({"InuringPriority": None}, "InuringPriority must be a whole number from 1"),
    ({"CededPercent": 25.0}, "CededPercent must lie between 0 and 1, got 25.0"),
    ({"PlacedPercent": -0.1}, "PlacedPercent must lie between 0 and 1, got -0.1"),
    ({"TreatyShare": 2.0}, "TreatyShare must lie between 0 and 1, got 2.0"),
    ({"OccLimit": -1.0}, "OccLimit must not be negative, got -1.0"),
    ({"RiskAttachment": -1.0}, "RiskAttachment must not be negative, got -1.0"),
    ({"AttachmentBasis": "XX"}, "AttachmentBasis must be RA or LO, got 'XX'"),
    ({"AttachmentBasis": "RA"}, "ReinsInceptionDate must be given with AttachmentBasis RA"),
    ({"ReinsInceptionDate": "31/12/2024"}, "ReinsInceptionDate must be a date, got '31/12/2024'"),
    (
        {"ReinsInceptionDate": "2024-12-31", "ReinsExpiryDate": "2024-01-01"},
        "ReinsExpiryDate must not lie before ReinsInceptionDate, got '2024-01-01'",
    ),
    ({"ReinsCurrency": "POUNDS"}, "ReinsCurrency must be an ISO 4217 currency code, got 'POUNDS'"),
    ({"ReinsNumber": None}, "ReinsNumber must not be blank"),
]


@pytest.mark.parametrize(("change", "sentence"), BROKEN, ids=lambda value: value if isinstance(value, str) else "")
def test_broken_contracts_are_refused(change: dict, sentence: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        compile_contracts([{**CONTRACT, "ReinsNumber": 7}, {**CONTRACT, **change}], [{"ReinsNumber": 1}])
    finding = next(finding for finding in refused.value.findings if sentence in str(finding))
    assert str(finding).startswith(f"ri_info.csv row 3: {sentence}")
    assert finding.remedy


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"TreatyShare": 0.5}, "TreatyShare is not applied, got 0.5"),
        ({"UseReinsDates": "Y"}, "UseReinsDates is not applied: a contract covers events of any date, got 'Y'"),
        (
            {"ReinsCurrency": "USD"},
            "ReinsCurrency is not a currency of the losses (GBP), and amounts are used as they stand, got 'USD'",
        ),
    ],
)
def test_what_is_not_applied_is_noticed(change: dict, sentence: str) -> None:
    (finding,) = compile_contracts([{**CONTRACT, **change}], [{"ReinsNumber": 1}]).findings
    assert finding.severity == Severity.WARNING
    assert str(finding).startswith(f"ri_info.csv row 2: {sentence}")


def test_a_contract_given_twice_is_noticed() -> None:
    (finding,) = compile_contracts([CONTRACT, CONTRACT], [{"ReinsNumber": 1}]).findings
    assert "row 3: ReinsNumber is given twice with the same terms; both apply, got 1" in str(finding)


@pytest.mark.parametrize(
    ("contract", "scope", "sentence"),
    [
        ({}, {"ReinsNumber": 9}, "ReinsNumber must be the number of a contract, got 9"),
        ({}, {"ReinsNumber": 1, "CededPercent": 40.0}, "CededPercent must lie between 0 and 1, got 40.0"),
        (
            {"ReinsType": "FAC", "RiskLevel": "LOC"},
            {"ReinsNumber": 1, "PortNumber": "1", "AccNumber": "A"},
            "LocNumber must be given for a FAC contract with RiskLevel LOC",
        ),
        (
            {"ReinsType": "SS", "RiskLevel": "ACC"},
            {"ReinsNumber": 1, "PortNumber": "1", "AccNumber": "A", "LocNumber": "2"},
            "LocNumber must be blank for a SS contract with RiskLevel ACC, got '2'",
        ),
    ],
)
def test_broken_scope_is_refused(contract: dict, scope: dict, sentence: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        compile_contracts([{**CONTRACT, **contract}], [scope])
    assert [str(finding).startswith(f"ri_scope.csv row 2: {sentence}") for finding in refused.value.findings] == [True]


def test_scope_without_info_is_refused() -> None:
    portfolio = Portfolio(None, None, None, table([{"ReinsNumber": 1}]), sources={"ri_scope": "ri_scope.csv"})
    with pytest.raises(InvalidInput, match="ri_info: is missing, so that no contract can be applied"):
        compile_reinsurance(portfolio, pa.table({"output_id": [1]}))


def test_a_portfolio_without_locations() -> None:
    rows = [{"output_id": 1, "loc_id": 1, "PortNumber": "1", "AccNumber": "A", "PolNumber": "P"}]
    account = table([{"PortNumber": "1", "AccNumber": "A", "PolNumber": "P"}])
    portfolio = Portfolio(None, account, table([CONTRACT]), table([{"ReinsNumber": 1, "AccNumber": "A"}]))
    (made,) = compile_reinsurance(portfolio, table(rows)).passes
    assert made.programme.output_id.tolist() == [1]
