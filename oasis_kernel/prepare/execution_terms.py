"""Profiles of terms, put into the forms of payment that the kernels know (calculation rules of the Oasis standard)."""

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from oasis_kernel.errors import Finding, InvalidInput
from oasis_kernel.kernels.terms import TERMS_DTYPE, Capping, Deduction, Payment
from oasis_kernel.model.exposure import Float32, Float64

Profiles = npt.NDArray[np.void]  # rows of PROFILE_DTYPE
Form = tuple[Float32, Float32, Float32, Float32]  # rate, excess, cap, share

#: Rules whose deductible is a share of the insured value, and what they become when it is an amount.
DEDUCTIBLE_OF_VALUE: Mapping[int, int] = {4: 1, 6: 12, 18: 2, 21: 13}
STEP_RULES = (27, 28, 29, 30, 31, 32, 37, 38)
#: Rules for which the reference works out the insured value. It forgets 21 and 38.
VALUE_RULES = (4, 6, 18, 27, 28, 29, 30, 31, 32, 37)
VALUE_RULES_FORGOTTEN = (21, 38)
#: Two floats this close are equal: what the reference calls a term without effect.
ALMOST = 1.2e-7
INF = np.float32(np.inf)

#: What EXCESS rules pay: min(max(rate x - excess, 0), cap) share.
EXCESS_FORMS: Mapping[int, Callable[[Profiles], tuple[object, object, object, object]]] = {
    1: lambda p: (1, p["deductible1"], p["limit1"], 1),
    2: lambda p: (1, p["deductible1"] + p["attachment1"], p["limit1"], p["share1"]),
    5: lambda p: (_smaller_of_net_and_limit(p), 0, INF, 1),
    12: lambda p: (1, p["deductible1"], INF, 1),
    14: lambda p: (1, 0, p["limit1"], 1),
    16: lambda p: (1 - p["deductible1"], 0, INF, 1),
    17: lambda p: (_net_share(p), p["attachment1"], p["limit1"], p["share1"]),
    22: lambda p: (p["share1"], 0, p["limit1"], p["share2"] * p["share3"]),
    23: lambda p: (1, 0, p["limit1"], p["share2"] * p["share3"]),
    24: lambda p: (p["share1"], p["attachment1"], p["limit1"], p["share2"] * p["share3"]),
    25: lambda p: (p["share1"] * p["share2"] * p["share3"], 0, INF, 1),
    33: lambda p: (_net_share(p), 0, p["limit1"], 1),
    34: lambda p: (1, p["deductible1"] + p["attachment1"], INF, p["share1"]),
    40: lambda p: (1, p["deductible1"], p["limit1"], 1),
    41: lambda p: (1, 0, p["limit1"], 1),
    100: lambda p: (1, 0, INF, 1),
}
OTHER_PAYMENTS: Mapping[int, Payment] = {
    3: Payment.FRANCHISE,
    39: Payment.FRANCHISE,
    20: Payment.REVERSE_FRANCHISE,
    15: Payment.PROPORTIONAL_CAP,
    **dict.fromkeys((7, 8, 10, 11, 13, 19, 26, 35, 36), Payment.CARRIED),
    27: Payment.STEP_AMOUNT,
    28: Payment.STEP_SHARE,
    37: Payment.STEP_SHARE,
    281: Payment.STEP_EXTRA,
    38: Payment.STEP_UPLIFT,
    32: Payment.STEP_LIMITED_SHARE,
}
DEDUCTIONS: Mapping[int, Deduction] = {
    **dict.fromkeys((1, 12, 14, 15), Deduction.FLAT),
    **dict.fromkeys((5, 16, 33), Deduction.SHARE),
    **dict.fromkeys((3, 39), Deduction.FRANCHISE),
    **dict.fromkeys((7, 8, 10, 11, 13, 36), Deduction.BOUNDED_FLAT),
    **dict.fromkeys((19, 26, 35), Deduction.BOUNDED_SHARE),
}
LIMITED_RULES = (1, 3, 5, 7, 8, 14, 15, 26, 33, 35, 36)
CAPPINGS: Mapping[int, Capping] = {
    **dict.fromkeys((5, 35, 36), Capping.SHARE),
    15: Capping.SHARE_ROOM,
}
#: Rules that may carry a share of the account on top, as rule + 100 (100 itself becomes 200).
SHARED_RULES = frozenset((1, 3, 5, 7, 8, 10, 11, 12, 13, 14, 15, 16, 19, 20, 26, 33, 35, 36, 100))


def needs_value(profile: Profiles, compatible: bool) -> npt.NDArray[np.bool_]:
    """Which rows of a profile need the insured value of their node; bool [row].

    compatible: forget rules 21 and 38, as the reference does (their deductible or trigger is then of value 0).
    """
    rules = VALUE_RULES if compatible else VALUE_RULES + VALUE_RULES_FORGOTTEN
    return np.isin(profile["calcrule_id"], rules)


def prepare_terms(profile: Profiles, value: Float64, first: npt.NDArray[np.bool_]) -> npt.NDArray[np.void]:
    """Rows of profiles as records of terms (TERMS_DTYPE), row by row.

    profile  rows of PROFILE_DTYPE
    value    [row] insured value of the node the row applies to
    first    [row] True at the first row of each profile

    Raises InvalidInput for a calculation rule that the standard does not define.
    """
    profile = _without_values(profile.copy(), value)
    rule = profile["calcrule_id"].astype("i4")
    shared = np.isin(rule, [100 + base for base in SHARED_RULES])
    base = np.where(shared, rule - 100, rule)
    _refuse_unknown(profile, base)
    terms = np.zeros(len(profile), TERMS_DTYPE)
    terms["rule"] = rule
    terms["starts"] = first | (profile["step_id"] == 1)
    for form, make in EXCESS_FORMS.items():
        rows = base == form
        for name, values in zip(("rate", "excess", "cap", "share"), make(profile[rows]), strict=True):
            terms[name][rows] = values
    for form, payment in OTHER_PAYMENTS.items():
        terms["payment"][base == form] = payment
        terms["share"][base == form] = 1
    terms["share"] = np.where(shared, terms["share"] * profile["share1"], terms["share"])
    _add_deductions(terms, profile, base)
    _add_steps(terms, profile, base)
    return terms


def is_inert(terms: npt.NDArray[np.void]) -> npt.NDArray[np.bool_]:
    """Which records of terms change nothing: a profile that holds one is skipped; bool [record]."""
    rule = terms["rule"]
    return (
        (rule == 100)
        | (np.isin(rule, (12, 16)) & (np.abs(terms["deductible"]) < ALMOST))
        | ((rule == 15) & (np.abs(terms["limit"] - 1) < ALMOST))
        | ((rule == 34) & (np.abs(terms["excess"]) < ALMOST) & (np.abs(terms["share"] - 1) < ALMOST))
    )


def _without_values(profile: Profiles, value: Float64) -> Profiles:
    """Shares of the insured value become amounts; steps get their trigger amounts and payouts."""
    rule = profile["calcrule_id"].copy()
    for given, becomes in DEDUCTIBLE_OF_VALUE.items():
        rows = rule == given
        profile["deductible1"][rows] = profile["deductible1"][rows] * value[rows]
        profile["calcrule_id"][rows] = becomes
    of_limit = rule == 9
    profile["deductible1"][of_limit] *= profile["limit1"][of_limit]
    profile["calcrule_id"][of_limit] = 1
    profile["calcrule_id"][(rule == 15) & (profile["limit1"] >= 1)] = 12
    _prepare_steps(profile, rule, value)
    return profile


def _prepare_steps(profile: Profiles, rule: npt.NDArray[np.int32], value: Float64) -> None:
    of_value = np.isin(rule, [step for step in STEP_RULES if step != 32])
    open_ended = profile["trigger_end"] == 1
    profile["trigger_start"][of_value] *= value[of_value]
    profile["trigger_end"] = np.where(of_value, profile["trigger_end"] * value, INF).astype("f4")
    profile["trigger_end"][of_value & open_ended] = INF
    payout, deductible = profile["payout_start"].astype("f8"), profile["deductible1"].astype("f8")
    base = np.select(
        [rule == 27, rule == 29, rule == 30, rule == 31],
        [payout * value, payout * value, payout * profile["limit1"], payout],
    )
    base = np.maximum(base - deductible, 0)
    base = np.where(rule == 27, np.minimum(base, profile["limit1"]), base)
    extra = np.minimum(base * profile["scale2"], profile["limit2"])
    amounts = np.isin(rule, (27, 29, 30, 31))
    profile["payout_start"] = np.where(amounts, (base + extra) * (1 + profile["scale1"].astype("f8")), payout)
    profile["calcrule_id"][amounts] = 27
    profile["calcrule_id"][(rule == 28) & (profile["payout_start"] == 0)] = 281
    shares = np.isin(rule, (28, 32, 37, 38))
    profile["scale1"] = np.where(shares, profile["scale1"].astype("f8") + 1, profile["scale1"])


def _add_deductions(terms: npt.NDArray[np.void], profile: Profiles, base: npt.NDArray[np.int32]) -> None:
    """How the rows change the carry-over: deduction, limit, and the bounds of the sum of deductibles."""
    for form, deduction in DEDUCTIONS.items():
        terms["deduction"][base == form] = deduction
    terms["deduction"][(base == 33) & (profile["deductible1"] >= 1)] = Deduction.WHOLE
    for form, capping in CAPPINGS.items():
        terms["capping"][base == form] = capping
    terms["deductible"] = np.where(np.isin(base, (14, 32)), 0, profile["deductible1"])
    terms["limit"] = np.where(np.isin(base, LIMITED_RULES), profile["limit1"], INF)
    terms["minimum"] = np.where(np.isin(base, (7, 8, 11, 13, 19, 26, 35, 36)), profile["deductible2"], 0)
    maximum = profile["deductible3"]
    applies = (
        np.isin(base, (7, 10, 13))
        | (np.isin(base, (19, 26, 35)) & (maximum > 0))
        | ((base == 36) & (maximum > profile["deductible1"]))
    )
    terms["maximum"] = np.where(applies, maximum, INF)


def _add_steps(terms: npt.NDArray[np.void], profile: Profiles, base: npt.NDArray[np.int32]) -> None:
    names = {"payout": "payout_start", "extra_limit": "limit2", "extra_share": "scale2", "uplift": "scale1"}
    for name, source in {**names, "trigger_start": "trigger_start", "trigger_end": "trigger_end"}.items():
        terms[name] = profile[source]
    steps = np.isin(base, (28, 32, 37))
    terms["cap"] = np.where(steps, np.where(base == 28, INF, profile["limit1"]), terms["cap"])


def _net_share(profile: Profiles) -> Float32:
    """What remains of a loss after a deductible that is a share of it."""
    return np.maximum(1 - profile["deductible1"], 0)


def _smaller_of_net_and_limit(profile: Profiles) -> Float32:
    under = profile["deductible1"] + profile["limit1"] >= 1
    return np.where(under, 1 - profile["deductible1"], profile["limit1"])


def _refuse_unknown(profile: Profiles, base: npt.NDArray[np.int32]) -> None:
    unknown = ~np.isin(base, [*EXCESS_FORMS, *OTHER_PAYMENTS])
    rules = profile["calcrule_id"][unknown]
    if len(rules):
        raise InvalidInput(
            Finding(
                file="fm_profile",
                field="calcrule_id",
                message=f"must be a rule of the Oasis standard in profile {profile['profile_id'][unknown][0]}",
                value=int(rules[0]),
                remedy="Use a rule of the standard's list of calculation rules",
            )
        )
