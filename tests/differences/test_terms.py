"""Terms that the standard leaves open, or has no rule for."""

import pytest
from prepare.terms.small_portfolios import compiled, total

from oasis_kernel.errors import InvalidInput

STEP = {"StepTriggerType": 1, "StepNumber": 1, "TriggerType": 2, "PayOutType": 2, "TriggerBuildingEnd": 1}
STEP |= {"PayOutBuildingStart": 0.5, "PayOutLimitBuilding": 30_000}


def test_a_row_without_steps_applies_though_no_step_has_its_peril() -> None:
    """A loss of 1,000,000 of wind less a deductible of 10,000; the steps are for earthquakes."""
    accounts = [{**STEP, "PolPeril": "QEQ"}, {"PolPeril": "WTC", "PolDed6All": 10_000}]
    assert total([{"BuildingTIV": 1_000_000.0}], accounts) == 990_000


@pytest.mark.parametrize("code", [1, 3, 4, 5, 6])
def test_deductibles_of_a_year_and_residential_ones_are_refused(code: int) -> None:
    with pytest.raises(InvalidInput) as refused:
        compiled([{"LocDed6All": 1_000.0, "LocDedCode6All": code}])
    (finding,) = refused.value.findings
    assert (finding.file, finding.row, finding.field, finding.value) == ("location.csv", 2, "LocDedCode6All", code)


def test_minimum_and_maximum_deductibles_are_amounts_whatever_the_type() -> None:
    """A share of 10 % of 100,000 is 10,000; a minimum of 15,000 and a maximum of 500 are 15,000 and 500."""
    share = {"LocDed6All": 0.1, "LocDedType6All": 2}
    assert total([share]) == 90_000
    assert total([{**share, "LocMinDed6All": 15_000}]) == 85_000
    assert total([{**share, "LocMaxDed6All": 500}]) == 99_500
