"""The OED fields the engine reads, each typed once: name, dtype, unit, meaning.

A ``Field`` is its own OED name, so that ``location[BUILDING_TIV]`` needs no quotes. Source: Open Exposure Data
standard (ods_tools' schema, which a test compares with this table). Fields that are not listed are read as well,
under their OED names and types; they are listed here when code mentions them.
"""

from collections.abc import Mapping
from typing import Literal

import pyarrow as pa

DType = Literal["text", "int32", "int64", "float64"]

#: What a dtype is in an Arrow table.
ARROW: Mapping[DType, pa.DataType] = {
    "text": pa.string(),
    "int32": pa.int32(),
    "int64": pa.int64(),
    "float64": pa.float64(),
}


class Field(str):
    """A column's name that knows its dtype, its unit and what it means."""

    __slots__ = ("doc", "dtype", "unit")
    dtype: DType
    unit: str
    doc: str

    def __new__(cls, name: str, dtype: DType, unit: str, doc: str) -> "Field":
        """The field called ``name``."""
        field = super().__new__(cls, name)
        field.dtype, field.unit, field.doc = dtype, unit, doc
        return field

    def __getnewargs__(self) -> tuple[str, DType, str, str]:  # type: ignore[override]
        """What a copy or a pickle is made of."""
        return str(self), self.dtype, self.unit, self.doc


MONEY = "currency"  # the unit of an amount: the row's currency, or the reporting currency

# Identities
PORTFOLIO_NUMBER = Field("PortNumber", "text", "", "portfolio")
ACCOUNT_NUMBER = Field("AccNumber", "text", "", "account, unique in its portfolio")
LOCATION_NUMBER = Field("LocNumber", "text", "", "location, unique in its account")
POLICY_NUMBER = Field("PolNumber", "text", "", "policy, unique in its account")
LAYER_NUMBER = Field("LayerNumber", "int64", "", "layer of a policy; blank is 1")
CONDITION_TAG = Field("CondTag", "text", "", "the conditions a location is subject to")
OED_VERSION = Field("OEDVersion", "text", "", "version of the standard a file follows")

# Location
COUNTRY_CODE = Field("CountryCode", "text", "", "ISO 3166 alpha-2 country, or an OED offshore code")
AREA_CODE = Field("AreaCode", "text", "", "state, province or CRESTA zone of the country")
LATITUDE = Field("Latitude", "float64", "degree", "north positive, -90 to 90")
LONGITUDE = Field("Longitude", "float64", "degree", "east positive, -180 to 180")
OCCUPANCY_CODE = Field("OccupancyCode", "int64", "", "OED occupancy; blank is 1000, unknown")
CONSTRUCTION_CODE = Field("ConstructionCode", "int64", "", "OED construction; blank is 5000, unknown")
NUMBER_OF_BUILDINGS = Field(
    "NumberOfBuildings", "int64", "building", "buildings of the location; blank and 0 count as 1"
)
IS_AGGREGATE = Field("IsAggregate", "int32", "", "1: the buildings are separate risks; blank is 0")
CORRELATION_GROUP = Field("CorrelationGroup", "int64", "", "locations to be correlated with each other")
LOCATION_PERILS_COVERED = Field("LocPerilsCovered", "text", "", "perils covered, separated by ';'")
LOCATION_PERIL = Field("LocPeril", "text", "", "perils the location's terms apply to, separated by ';'")

# Insured values
BUILDING_TIV = Field("BuildingTIV", "float64", MONEY, "insured value of the building")
OTHER_TIV = Field("OtherTIV", "float64", MONEY, "insured value of other structures")
CONTENTS_TIV = Field("ContentsTIV", "float64", MONEY, "insured value of the contents")
BI_TIV = Field("BITIV", "float64", MONEY, "insured value of business interruption, of a year")
ANNUAL_REVENUE = Field(
    "AnnualRevenue", "float64", MONEY, "revenue of the insured: the value at risk of cyber coverages"
)

# Currency
LOCATION_CURRENCY = Field("LocCurrency", "text", "", "ISO 4217 currency of a location's amounts")
ACCOUNT_CURRENCY = Field("AccCurrency", "text", "", "ISO 4217 currency of an account's amounts")
REINSURANCE_CURRENCY = Field("ReinsCurrency", "text", "", "ISO 4217 currency of a contract's amounts")
ANNUAL_REVENUE_CURRENCY = Field("AnnualRevenueCurrency", "text", "", "ISO 4217 currency of the revenue, if another")
LIMIT_CURRENCY = Field("LimitCurrency", "text", "", "ISO 4217 currency of a cyber policy's limits, if another")
DEDUCTIBLE_CURRENCY = Field("DedCurrency", "text", "", "ISO 4217 currency of a cyber policy's deductibles, if another")
ORIGINAL_CURRENCY = Field("OriginalCurrency", "text", "", "currency before conversion")
RATE_OF_EXCHANGE = Field("RateOfExchange", "float64", "reporting per original", "rate the row was converted at")

# Account
ACCOUNT_PERIL = Field("AccPeril", "text", "", "perils the account's terms apply to")
POLICY_PERILS_COVERED = Field("PolPerilsCovered", "text", "", "perils the policy covers")
POLICY_PERIL = Field("PolPeril", "text", "", "perils the policy's terms apply to")
CONDITION_PERIL = Field("CondPeril", "text", "", "perils the condition's terms apply to")
CONDITION_NUMBER = Field("CondNumber", "text", "", "condition")
CONDITION_PRIORITY = Field("CondPriority", "int64", "", "order of a location's conditions, innermost first; blank is 1")
CONDITION_CLASS = Field("CondClass", "int32", "", "1: what is outside the layer's conditions is excluded from it")
STEP_TRIGGER_TYPE = Field("StepTriggerType", "int32", "", "which coverages trigger a step policy; blank or 0: no steps")
STEP_NUMBER = Field("StepNumber", "int32", "", "step of a step policy, from 1")
POLICY_INCEPTION = Field("PolInceptionDate", "text", "date", "first day of the policy, YYYY-MM-DD")
POLICY_EXPIRY = Field("PolExpiryDate", "text", "date", "last day of the policy, YYYY-MM-DD")
LOCATION_INCEPTION = Field("LocInceptionDate", "text", "date", "first day of cover, YYYY-MM-DD")
LOCATION_EXPIRY = Field("LocExpiryDate", "text", "date", "last day of cover, YYYY-MM-DD")
COMPLETION_DATE = Field("CompletionDate", "text", "date", "when construction is complete, YYYY-MM-DD")
TRIGGER_TYPE = Field("TriggerType", "int32", "", "0: a step's trigger is an amount")
PAY_OUT_TYPE = Field("PayOutType", "int32", "", "0: a step's pay-out is an amount")

# Reinsurance
REINSURANCE_NUMBER = Field("ReinsNumber", "int64", "", "contract")
REINSURANCE_PERIL = Field("ReinsPeril", "text", "", "perils the contract covers")
REINSURANCE_INCEPTION = Field("ReinsInceptionDate", "text", "date", "first day of the contract, YYYY-MM-DD")
REINSURANCE_EXPIRY = Field("ReinsExpiryDate", "text", "date", "last day of the contract, YYYY-MM-DD")

# Ours, beside the OED columns of a portfolio
LOC_ID = Field("loc_id", "int64", "", "1-based rank of (PortNumber, AccNumber, LocNumber)")
LOC_IDX = Field("loc_idx", "int64", "", "0-based record of the location file")
ACC_ID = Field("acc_id", "int64", "", "1-based rank of (PortNumber, AccNumber)")
ACC_IDX = Field("acc_idx", "int64", "", "0-based record of the account file")

LOCATION_KEY = (PORTFOLIO_NUMBER, ACCOUNT_NUMBER, LOCATION_NUMBER)
ACCOUNT_KEY = (PORTFOLIO_NUMBER, ACCOUNT_NUMBER)
PERIL_FIELDS = (
    LOCATION_PERILS_COVERED,
    LOCATION_PERIL,
    ACCOUNT_PERIL,
    POLICY_PERILS_COVERED,
    POLICY_PERIL,
    CONDITION_PERIL,
    REINSURANCE_PERIL,
)
PERIODS_OF_COVER = (
    (LOCATION_INCEPTION, LOCATION_EXPIRY),
    (POLICY_INCEPTION, POLICY_EXPIRY),
    (REINSURANCE_INCEPTION, REINSURANCE_EXPIRY),
)
CURRENCY_FIELDS = (
    LOCATION_CURRENCY,
    ACCOUNT_CURRENCY,
    REINSURANCE_CURRENCY,
    ANNUAL_REVENUE_CURRENCY,
    LIMIT_CURRENCY,
    DEDUCTIBLE_CURRENCY,
)

#: The field that holds the insured value of each OED coverage type (7 to 15: cyber).
TIV_OF_COVERAGE: Mapping[int, Field] = {
    1: BUILDING_TIV,
    2: OTHER_TIV,
    3: CONTENTS_TIV,
    4: BI_TIV,
    **dict.fromkeys(range(7, 16), ANNUAL_REVENUE),
}

#: Arrow field metadata: the value OED gives a blank, as text (text fields without one: ''). Tables keep blanks null.
DEFAULT_METADATA = b"oed_default"


def default_of(field: pa.Field) -> str | None:
    """The value OED gives a blank in this column, as text; None for numbers without a default and foreign columns."""
    stored = (field.metadata or {}).get(DEFAULT_METADATA)
    return None if stored is None else stored.decode()
