"""The levels of a direct programme, in processing order, and the OED fields that feed each of them.

Source: Open Exposure Data, financial fields (``Loc``, ``Cond``, ``Pol``, ``Layer``, ``Acc``); the order of levels is
that of the Oasis financial module.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from oasis_kernel.model import fields as f

#: Numeric terms of a level, under the names used throughout this package.
DEDUCTIBLE = "deductible"
MINIMUM_DEDUCTIBLE = "minimum_deductible"
MAXIMUM_DEDUCTIBLE = "maximum_deductible"
LIMIT = "limit"
ATTACHMENT = "attachment"
SHARE = "share"
DEDUCTIBLE_CODE = "deductible_code"
DEDUCTIBLE_TYPE = "deductible_type"
LIMIT_CODE = "limit_code"
LIMIT_TYPE = "limit_type"

AMOUNTS = (DEDUCTIBLE, MINIMUM_DEDUCTIBLE, MAXIMUM_DEDUCTIBLE, ATTACHMENT, LIMIT, SHARE)
CODES = (DEDUCTIBLE_CODE, DEDUCTIBLE_TYPE, LIMIT_CODE, LIMIT_TYPE)

PROPERTY_DAMAGE = (1, 2, 3)
PROPERTY = (1, 2, 3, 4)
CYBER = tuple(range(7, 16))
EVERY_COVERAGE = PROPERTY + CYBER

#: OED's suffix of a property coverage type, and its cyber counterpart.
SUFFIX = {1: "1Building", 2: "2Other", 3: "3Contents", 4: "4BI"}
CYBER_SUFFIX = dict(zip(CYBER, ("NPBI", "CBI", "DIAS", "EXT", "FIN", "INRE", "LIA", "REG", "ENO"), strict=True))

#: Types 1 (share of the loss), 2 (share of the insured value), 3 (days of business interruption); 0 is an amount.
OF_LOSS, OF_VALUE, OF_DAYS = 1, 2, 3

#: What a blank means, where it is not 0.
BLANK_MEANS = {
    "LayerParticipation": 1.0,
    "AccParticipation": 1.0,
    "BIPOI": 365.0,
    "BIWaitingPeriodType": 3.0,
    "BIPOIType": 3.0,
}
#: Amounts that a file without the column has all the same, and that are no term by themselves.
ABSENT_MEANS = {SHARE: 1.0}

ITEM, LOCATION, CONDITION, POLICY, LAYER, ACCOUNT = "item", "location", "condition", "policy", "layer", "account"


@dataclass(frozen=True)
class TermGroup:
    """Coverages whose losses are taken together at a level, and the fields that hold their terms."""

    coverages: tuple[int, ...]
    fields: Mapping[str, str]  # term -> OED field


@dataclass(frozen=True)
class Level:
    """One level of the programme."""

    id: int
    name: str
    family: str  # item, location, condition, policy, layer or account
    key: tuple[str, ...]  # what a node is made of, beside its term group and peril filter
    groups: tuple[TermGroup, ...]
    peril_field: str | None = None

    @property
    def source(self) -> Literal["location", "account"]:
        """The OED table that holds the level's terms."""
        return "location" if self.family in (ITEM, LOCATION) else "account"

    @property
    def is_cross_layer(self) -> bool:
        """Whether the terms apply to the sum of an account's layers."""
        return self.family == ACCOUNT

    @property
    def fields(self) -> tuple[str, ...]:
        """Every OED field of the level."""
        return tuple(field for group in self.groups for field in group.fields.values())


def _terms(prefix: str, suffix: str) -> dict[str, str]:
    return {
        DEDUCTIBLE: f"{prefix}Ded{suffix}",
        DEDUCTIBLE_CODE: f"{prefix}DedCode{suffix}",
        DEDUCTIBLE_TYPE: f"{prefix}DedType{suffix}",
        MINIMUM_DEDUCTIBLE: f"{prefix}MinDed{suffix}",
        MAXIMUM_DEDUCTIBLE: f"{prefix}MaxDed{suffix}",
        LIMIT: f"{prefix}Limit{suffix}",
        LIMIT_CODE: f"{prefix}LimitCode{suffix}",
        LIMIT_TYPE: f"{prefix}LimitType{suffix}",
    }


def _by_coverage(prefix: str) -> tuple[TermGroup, ...]:
    return tuple(TermGroup((coverage,), _terms(prefix, suffix)) for coverage, suffix in SUFFIX.items())


def _property_damage(prefix: str) -> tuple[TermGroup, ...]:
    return (TermGroup(PROPERTY_DAMAGE, _terms(prefix, "5PD")),)


def _all(prefix: str, coverages: tuple[int, ...] = PROPERTY, **more: str) -> tuple[TermGroup, ...]:
    return (TermGroup(coverages, {**_terms(prefix, "6All"), **more}),)


def _family(family: str, prefix: str, first: int, key: tuple[str, ...], peril_field: str) -> tuple[Level, ...]:
    levels = (("coverage", _by_coverage(prefix)), ("property damage", _property_damage(prefix)), ("all", _all(prefix)))
    return tuple(
        Level(first + step, f"{family} {name}", family, key, groups, peril_field)
        for step, (name, groups) in enumerate(levels)
    )


_INTERRUPTION = TermGroup(
    (4,),
    {
        DEDUCTIBLE: "BIWaitingPeriod",
        DEDUCTIBLE_TYPE: "BIWaitingPeriodType",
        LIMIT: "BIPOI",
        LIMIT_TYPE: "BIPOIType",
    },
)
_CYBER = tuple(
    TermGroup((coverage,), {DEDUCTIBLE: f"PolDed{suffix}", LIMIT: f"PolLimit{suffix}"})
    for coverage, suffix in CYBER_SUFFIX.items()
)
_LAYER = TermGroup(EVERY_COVERAGE, {ATTACHMENT: "LayerAttachment", LIMIT: "LayerLimit", SHARE: "LayerParticipation"})

SITE, ACCOUNT_KEY = (f.LOC_ID, "risk_id"), (f.ACC_ID,)

LOCATION_LEVELS = (
    Level(1, "item", ITEM, SITE, (_INTERRUPTION,)),
    *_family(LOCATION, "Loc", 2, SITE, f.LOCATION_PERIL),
)
CONDITION_LEVELS = _family(CONDITION, "Cond", 5, (f.ACC_ID, f.CONDITION_TAG), f.CONDITION_PERIL)
_POLICY_COVERAGE, _POLICY_DAMAGE, _POLICY_ALL = _family(POLICY, "Pol", 8, ACCOUNT_KEY, f.POLICY_PERIL)
POLICY_ALL = replace(_POLICY_ALL, groups=(*_POLICY_ALL.groups, TermGroup(CYBER, {DEDUCTIBLE: "PolDed"})))
POLICY_LEVELS = (
    replace(_POLICY_COVERAGE, groups=(*_POLICY_COVERAGE.groups, *_CYBER)),
    _POLICY_DAMAGE,
    POLICY_ALL,
)
LAYER_LEVEL = Level(11, "policy layer", LAYER, ACCOUNT_KEY, (_LAYER,))
_ACCOUNT_COVERAGE, _ACCOUNT_DAMAGE, _ACCOUNT_ALL = _family(ACCOUNT, "Acc", 12, ACCOUNT_KEY, f.ACCOUNT_PERIL)
#: The reference declares these levels without supporting them; they are processed here as account all is.
EXTENDED_LEVELS = (_ACCOUNT_COVERAGE, _ACCOUNT_DAMAGE)
ACCOUNT_LEVELS = (
    *EXTENDED_LEVELS,
    replace(_ACCOUNT_ALL, groups=_all("Acc", EVERY_COVERAGE, **{SHARE: "AccParticipation"})),
)
LEVELS = (*LOCATION_LEVELS, *CONDITION_LEVELS, *POLICY_LEVELS, LAYER_LEVEL, *ACCOUNT_LEVELS)
