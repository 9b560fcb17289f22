"""What each OED level does to a loss, on portfolios small enough to reckon by hand."""

import pytest
from prepare.terms.small_portfolios import compiled, paid, total

from oasis_kernel.errors import Severity

FULL = {"BuildingTIV": 100_000.0, "OtherTIV": 20_000.0, "ContentsTIV": 50_000.0, "BITIV": 36_500.0}


@pytest.mark.parametrize(
    ("terms", "left"),
    [
        ({}, 206_500),
        ({"LocDed1Building": 1_000}, 205_500),
        ({"LocDed1Building": 0.1, "LocDedType1Building": 1}, 196_500),
        ({"LocDed3Contents": 0.1, "LocDedType3Contents": 2}, 201_500),
        ({"LocDed5PD": 0.1, "LocDedType5PD": 2}, 206_500 - 17_000),
        ({"LocLimit5PD": 100_000}, 136_500),
        ({"LocDed6All": 6_500, "LocLimit6All": 100_000}, 100_000),
        ({"LocLimit4BI": 0.5, "LocLimitType4BI": 2}, 188_250),
        ({"LocDed1Building": 1_000, "LocMinDed6All": 5_000}, 201_500),
        ({"LocDed1Building": 9_000, "LocMaxDed6All": 5_000}, 201_500),
        ({"LocDed6All": 500_000, "LocDedCode6All": 2}, 0),
        ({"LocDed6All": 5_000, "LocDedCode6All": 2}, 206_500),
        ({"LocDed6All": 5_000, "LocDedCode6All": 99}, 0),
        ({"BIWaitingPeriod": 10, "BIPOI": 100}, 206_500 - 36_500 + 10_000),
    ],
)
def test_location_terms(terms: dict, left: float) -> None:
    assert total([{**FULL, **terms}]) == left


@pytest.mark.parametrize(
    ("terms", "left"),
    [
        ({"PolDed1Building": 10_000}, 270_000 - 10_000),
        ({"PolDed5PD": 0.1, "PolDedType5PD": 2}, 270_000 - 23_000),
        ({"PolLimit6All": 100_000}, 100_000),
        ({"LayerParticipation": 0.25}, 67_500),
        ({"LayerAttachment": 70_000, "LayerLimit": 100_000, "LayerParticipation": 0.5}, 50_000),
        ({"LayerAttachment": 70_000}, 200_000),
        ({"AccDed6All": 20_000, "AccParticipation": 0.5}, 125_000),
        ({"AccLimit6All": 90_000}, 90_000),
    ],
)
def test_account_terms(terms: dict, left: float) -> None:
    locations = [{"BuildingTIV": 100_000.0, "ContentsTIV": 30_000.0}, {"BuildingTIV": 100_000.0, "BITIV": 40_000.0}]
    assert total(locations, [terms]) == left


def test_terms_without_their_peril_do_nothing() -> None:
    both = {"LocPerilsCovered": "WW2", "LocDed6All": 10_000.0}
    assert total([{**both, "LocPeril": "WTC"}]) == 90_000
    assert total([{**both, "LocPeril": "WW2"}]) == 90_000
    assert total([{**both, "LocPeril": "XLT"}]) == 100_000


def test_layers_share_an_accounts_loss() -> None:
    layers = [
        {"PolNumber": "P1", "LayerLimit": 60_000, "LayerParticipation": 1},
        {"PolNumber": "P2", "LayerAttachment": 60_000, "LayerLimit": 100_000, "LayerParticipation": 0.5},
    ]
    assert paid([{}, {}], layers) == {
        ("1", 1, "WTC", 1): 30_000,
        ("1", 1, "WTC", 2): 25_000,
        ("2", 1, "WTC", 1): 30_000,
        ("2", 1, "WTC", 2): 25_000,
    }


def test_layers_are_numbered_in_file_order_whatever_their_layer_number() -> None:
    terms, _ = compiled([{}], [{"LayerNumber": 2, "LayerLimit": 1_000}, {"LayerNumber": 1, "LayerLimit": 2_000}])
    outputs = terms.output_map.to_pydict()
    assert (outputs["layer_id"], outputs["acc_idx"]) == ([1, 2], [0, 1])


def test_layers_with_the_same_policy_terms_stay_one_until_they_differ() -> None:
    layers = [{"PolNumber": f"P{number}", "PolDed6All": 1_000, "LayerLimit": number * 10_000} for number in (1, 2)]
    terms, _ = compiled([{}], layers)
    programme = terms.programme
    assert terms.level_names == ("policy all", "policy layer")
    assert (programme.policy_level_id == 1).sum() == 1
    assert (programme.policy_level_id == 2).sum() == 2


def test_a_node_that_is_split_again_starts_from_items() -> None:
    terms, _ = compiled(
        [{"ContentsTIV": 50_000.0, "LocDed6All": 1_000.0}], [{"PolDed1Building": 2_000, "PolDed3Contents": 3_000}]
    )
    of_level = terms.programme.level_id == 2
    assert sorted(terms.programme.from_agg_id[of_level].tolist()) == [-2, -1]


def test_aggregate_locations_divide_amounts_among_their_buildings() -> None:
    divided = {"NumberOfBuildings": 4, "IsAggregate": 1, "LocDed6All": 8_000.0}
    terms, _ = compiled([divided])
    profile = terms.programme.profile
    assert profile["deductible1"][profile["calcrule_id"] == 12].tolist() == [2_000]
    assert total([divided]) == 92_000
    assert total([{**divided, "IsAggregate": 0}]) == 92_000
    assert total([{**divided, "LocDed6All": 0.1, "LocDedType6All": 2}]) == 90_000


def test_account_coverage_and_damage_levels_apply_across_layers() -> None:
    locations = [{"BuildingTIV": 100_000.0, "ContentsTIV": 50_000.0, "BITIV": 50_000.0}]
    every = {"AccDed1Building": 10_000, "AccLimit5PD": 100_000, "AccDed6All": 1_000}
    terms, _ = compiled(locations, [every])
    assert terms.level_names == ("policy layer", "account coverage", "account property damage", "account all")
    assert terms.programme.cross_layer_levels == (2, 3, 4)
    assert any(finding.severity is Severity.NOTE and "does not apply" in finding.message for finding in terms.findings)
    layers = [{"PolNumber": "P1", "LayerLimit": 120_000}, {"PolNumber": "P2", "LayerAttachment": 120_000}]
    for accounts in ([{}], layers):
        assert total(locations, [{**layer, "AccDed1Building": 10_000} for layer in accounts]) == 190_000
        assert total(locations, [{**layer, "AccLimit5PD": 100_000} for layer in accounts]) == 150_000
        assert total(locations, [{**layer, **every} for layer in accounts]) == 149_000


def test_account_all_is_left_to_the_top_of_the_programme() -> None:
    terms, _ = compiled([{}], [{"AccDed6All": 1_000}])
    assert terms.programme.cross_layer_levels == ()


def test_account_terms_reach_items_that_met_no_policy_below_a_layer_without_terms() -> None:
    locations = [{"BITIV": 100_000.0}]
    layers = [{"PolNumber": "P1"}, {"PolNumber": "P2", "PolDed4BI": 0.5, "PolDedType4BI": 1}]
    terms, _ = compiled(locations, [{**layer, "AccDed6All": 0.1, "AccDedType6All": 1} for layer in layers])
    top = terms.programme.policy_level_id == len(terms.level_names)
    assert top.sum() == 1
    profile = terms.programme.profile[terms.programme.policy_profile_id[top][0] - 1]
    assert profile["calcrule_id"] == 116


STEP = {"StepTriggerType": 1, "StepNumber": 1, "TriggerType": 2, "PayOutType": 2, "TriggerBuildingEnd": 1}
STEP |= {"PayOutBuildingStart": 0.5, "PayOutLimitBuilding": 30_000}


def test_a_step_policy_pays_for_its_coverage_and_excludes_the_others() -> None:
    terms = {**STEP, "PolDed6All": 6_500}
    found = paid([FULL], [terms])
    assert {coverage: loss for (_, coverage, _, _), loss in found.items()} == {1: 30_000, 2: 0, 3: 0, 4: 30_000}


def test_beside_steps_a_share_of_value_is_nothing() -> None:
    terms = {**STEP, "PolDed6All": 0.1, "PolDedType6All": 2}
    assert paid([FULL], [terms])[("1", 4, "WTC", 1)] == 36_500
    assert [finding.field for finding in compiled([FULL], [terms])[0].findings] == ["PolDed6All"]
