"""Portfolios in which random tests found our numbers or the reference's to be wrong, each as small as it could be made.

They need no reference: the numbers are worked out by hand.
"""

from collections.abc import Callable
from pathlib import Path

import pytest
from both_engines import write_files

from oasis_kernel.model.engine import EngineOptions
from oasis_kernel.questions.exposure import exposure_losses

STEP = {"StepTriggerType": 1, "TriggerType": 2, "TriggerBuildingStart": 0, "PayOutBuildingStart": 0.01}
FIRST = {**STEP, "StepNumber": 1, "PayOutType": 3, "TriggerBuildingEnd": 0.01, "PayOutLimitBuilding": 4}
SECOND = {
    **STEP,
    "StepNumber": 2,
    "PayOutType": 2,
    "TriggerBuildingStart": 0.01,
    "TriggerBuildingEnd": 1,
    "PayOutLimitBuilding": 50_000,
}


LOCATION = {
    "PortNumber": "1",
    "AccNumber": "A",
    "LocNumber": "1",
    "CountryCode": "GB",
    "LocCurrency": "GBP",
    "LocPerilsCovered": "WTC",
    "BuildingTIV": 100_000,
    "OtherTIV": 0,
    "ContentsTIV": 0,
    "BITIV": 0,
}
ACCOUNT = {
    "PortNumber": "1",
    "AccNumber": "A",
    "AccCurrency": "GBP",
    "PolNumber": "P",
    "PolPerilsCovered": "AA1",
    "PolPeril": "AA1",
    "AccPeril": "AA1",
}
Insured = Callable[..., float]


@pytest.fixture
def insured(tmp_path: Path) -> Insured:
    """What a building of 100,000 pays in all, with the fields of its location and of its account's records."""

    def losses(location: dict, accounts: list[dict], factor: float = 1.0, compatible: bool = False) -> float:
        files = {"location": [LOCATION | location], "account": [ACCOUNT | record for record in accounts]}
        options = EngineOptions.model_validate({"compatible": compatible})
        found = exposure_losses(write_files(tmp_path / "portfolio", files), [factor], ["WW2"], options)
        return found.totals["loss_il"][0].as_py()

    return losses


@pytest.mark.parametrize("compatible", [True, False])
@pytest.mark.parametrize("steps", [[FIRST, SECOND], [SECOND, FIRST]])
def test_steps_that_pay_by_limit_and_by_value_follow_each_other(
    insured: Insured, steps: list[dict], compatible: bool
) -> None:
    """A loss of half the value is in the second step, which pays 1 % of it. Ours paid nothing: steps ran by rule."""
    assert insured({}, steps, 0.5, compatible) == pytest.approx(1_000)


@pytest.mark.parametrize("compatible", [True, False])
def test_a_condition_of_another_peril_leaves_the_steps_alone(insured: Insured, compatible: bool) -> None:
    """Q25. The reference forgets the steps and pays the whole 50,000."""
    condition = {"CondTag": "1", "CondNumber": "1", "CondPeril": "WEC", "CondDed6All": 10}
    accounts = [{**FIRST, **condition}, {**SECOND, **condition}]
    assert insured({"CondTag": "1"}, accounts, 0.5, compatible) == pytest.approx(1_000)


@pytest.mark.parametrize("compatible", [True, False])
def test_account_terms_count_once_where_only_some_items_have_layers(insured: Insured, compatible: bool) -> None:
    """Q24. The building has one layer, as no policy has terms for it: 100,000, and 10,000 and 9,000 of the other.

    The account keeps a tenth of each. The reference gives it two sets of terms for one layer, and one layer nothing.
    """
    policies = [{"PolNumber": "P1"}, {"PolNumber": "P2", "PolDed2Other": 1_000}]
    tenth = {"AccDed6All": 0.1, "AccDedType6All": 1}
    accounts = [{**policy, "LayerNumber": number, **tenth} for number, policy in enumerate(policies, 1)]
    assert insured({"OtherTIV": 10_000}, accounts, compatible=compatible) == pytest.approx(107_100)


def test_a_deductible_below_policies_of_different_perils_is_taken_once(insured: Insured) -> None:
    """Q18. The reference takes 240 twice from some of the items, which ones depends on what else an event hits."""
    accounts = [{"PolNumber": "P1", "PolPeril": "", "PolMinDed6All": 1_624}, {"PolNumber": "P2", "PolPeril": "WEC"}]
    location = {"LocPerilsCovered": "WW2", "LocPeril": "AA1", "BITIV": 24_700, "LocDed6All": 240}
    assert insured(location, accounts) == pytest.approx(124_460)


@pytest.mark.parametrize("compatible", [True, False])
def test_an_account_pays_the_same_beside_another_with_account_terms(tmp_path: Path, compatible: bool) -> None:
    """Q18. With allocation rule 1 the reference pays less of an account with layers beside one with account terms."""
    options = EngineOptions.model_validate({"compatible": compatible, "kernel_alloc_rule_il": 1})
    layers = [{"PolNumber": "P1", "PolMinDed5PD": 1_370}, {"PolNumber": "P2", "PolDed4BI": 68}]
    layered = [ACCOUNT | layer | {"LayerNumber": number} for number, layer in enumerate(layers, 1)]
    other = {"AccNumber": "B", "PolNumber": "P3", "LayerNumber": 1}
    files = {"location": [LOCATION | {"ContentsTIV": 300, "BITIV": 90_000}], "account": layered}
    both = {
        "location": [*files["location"], LOCATION | {"AccNumber": "B"}],
        "account": [*layered, ACCOUNT | other | {"AccMinDed6All": 333}],
    }
    paid = []
    for name, portfolio in {"alone": files, "beside": both}.items():
        found = exposure_losses(write_files(tmp_path / name, portfolio), [0.3], ["WW2"], options).table("account")
        paid.append(found["loss_il"][0].as_py())
    assert paid[0] == pytest.approx(paid[1])


def test_the_default_condition_covers_what_its_first_level_does_not(tmp_path: Path) -> None:
    """Q26. 100 of the property damage, then 1,000 of all 149,900. The reference takes all of it from the building."""
    terms = {"CondTag": "0", "CondNumber": "0", "CondPriority": 1, "CondPeril": "AA1"}
    account = ACCOUNT | terms | {"CondDed5PD": 100, "CondDed6All": 1_000}
    files = {"location": [LOCATION | {"BITIV": 50_000, "CondTag": "0"}], "account": [account]}
    found = exposure_losses(write_files(tmp_path / "portfolio", files), [1.0], ["WW2"]).table("coverage")
    building = 99_900 * (1 - 1_000 / 149_900)
    assert found["loss_il"].to_pylist() == pytest.approx([building, 148_900 - building])


def test_a_shared_limit_of_the_loss_has_its_rule_with_both_bounds_and_no_deductible(insured: Insured) -> None:
    """Q27. Of 9,000 at most half of the loss is paid, and four fifths of that. The reference refuses it."""
    bounds = {"AccMinDed6All": 1_000, "AccMaxDed6All": 2_000}
    limit = {"AccLimit6All": 0.5, "AccLimitType6All": 1, "AccParticipation": 0.8}
    paid = insured({"BuildingTIV": 10_000}, [bounds | limit])
    assert paid == pytest.approx(4_000)
