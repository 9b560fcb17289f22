"""Amounts in one currency: which fields are amounts, and what happens to them."""

import pyarrow as pa
import pytest

from oasis_kernel.model import fields as f
from oasis_kernel.prepare.currency import Rates, converted, currencies_without_rate, is_amount

RATES = Rates({("USD", "GBP"): 0.8, ("GBP", "EUR"): 1.25})


def test_a_rate_is_its_opposites_inverse() -> None:
    assert RATES.rate("USD", "GBP") == 0.8
    assert RATES.rate("EUR", "GBP") == 0.8
    assert RATES.rate("GBP", "GBP") == 1.0
    assert RATES.rate("USD", "EUR") is None


@pytest.mark.parametrize(
    "name",
    [
        *("BuildingTIV", "BITIV", "LocDed1Building", "PolMaxDed6All", "LayerLimit", "LayerAggAttachment", "RiskLimit"),
        *("OccAttachment", "PolLimitCBI", "PolDed", "PayOutLimitBuilding", "TriggerBuildingEnd", "LocNetPremium"),
    ],
)
def test_amounts(name: str) -> None:
    assert is_amount(name)


@pytest.mark.parametrize(
    "name", ["Latitude", "LayerParticipation", "LocDedType1Building", "ReinsFXrate", "AggPeriod", "BIWaitingPeriod"]
)
def test_no_amounts(name: str) -> None:
    assert not is_amount(name)


def test_flat_terms_are_converted_and_shares_are_not() -> None:
    table = pa.table(
        {
            "LocCurrency": ["GBP", "USD", "USD", None],
            "BuildingTIV": [100.0, 100.0, None, 100.0],
            "LocDed1Building": [10.0, 10.0, 0.1, 10.0],
            "LocDedType1Building": pa.array([0, None, 2, 0], pa.int32()),
            "LocMinDed1Building": [5.0, 5.0, 5.0, 5.0],
        }
    )
    out = converted(table, f.LOCATION_CURRENCY, "GBP", RATES).to_pydict()
    assert out["BuildingTIV"] == [100.0, 80.0, None, 100.0]
    assert out["LocDed1Building"] == [10.0, 8.0, 0.1, 10.0]
    assert out["LocMinDed1Building"] == [5.0, 4.0, 4.0, 5.0]
    assert out["LocCurrency"] == ["GBP", "GBP", "GBP", None]
    assert out["OriginalCurrency"] == ["GBP", "USD", "USD", None]
    assert out["RateOfExchange"] == [1.0, 0.8, 0.8, 1.0]


def test_a_cyber_policy_may_have_a_currency_for_its_limits() -> None:
    table = pa.table(
        {
            "AccCurrency": ["GBP", "USD"],
            "LimitCurrency": ["USD", None],
            "PolLimitCBI": [100.0, 100.0],
            "LayerLimit": [100.0, 100.0],
        }
    )
    out = converted(table, f.ACCOUNT_CURRENCY, "GBP", RATES).to_pydict()
    assert out["PolLimitCBI"] == [80.0, 80.0]
    assert out["LayerLimit"] == [100.0, 80.0]
    assert out["LimitCurrency"] == ["GBP", None]


def test_currencies_without_a_rate_are_named_with_their_field() -> None:
    table = pa.table({"AccCurrency": ["GBP", "JPY"], "DedCurrency": ["CHF", "GBP"]})
    without = currencies_without_rate(table, f.ACCOUNT_CURRENCY, "GBP", RATES)
    assert without == [("AccCurrency", "JPY"), ("DedCurrency", "CHF")]
