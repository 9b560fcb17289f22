"""One profile of terms in words. Source: the calculation rules of the Oasis financial module."""

import math

import numpy as np
import numpy.typing as npt

NO_TERMS = "no terms"

#: What the deductible of a rule is: an amount unless listed.
_DEDUCTIBLE_OF = {
    **dict.fromkeys((5, 16, 17, 19, 26, 33, 35), "loss"),
    **dict.fromkeys((4, 6, 18, 21), "insured value"),
    9: "limit",
}
#: What the limit of a rule is: an amount unless listed.
_LIMIT_OF = dict.fromkeys((5, 15, 35, 36), "loss")
_DEDUCTIBLE_NAME = {3: "franchise deductible", 39: "franchise deductible", 20: "reverse franchise deductible"}
_LAYERS = (2, 17, 18, 34)
_QUOTA_SHARES = (22, 23, 24, 25)
_WITHOUT_LIMIT = (6, 10, 11, 12, 13, 16, 19, 20, 21, 34, 39, 100)
_DAYS = (40, 41)
_STEPS = (27, 28, 29, 30, 31, 32, 37, 38)
_SHARED = 100
PASS_THROUGH, ONLY_SHARE = 100, 200


def terms_in_words(profile: npt.NDArray[np.void] | None) -> str:
    """What a profile (its rows, by step) does to a loss; ``no terms`` for one that lets everything through."""
    if profile is None:
        return NO_TERMS
    if int(profile["calcrule_id"][0]) in _STEPS:
        return "; ".join(_step_in_words(row) for row in profile)
    return _row_in_words(profile[0])


def _row_in_words(row: np.void) -> str:
    rule = int(row["calcrule_id"])
    if rule == PASS_THROUGH:
        return NO_TERMS
    if rule == ONLY_SHARE:
        return f"{percent(row['share1'])} of the loss"
    if rule in _LAYERS:
        return _layer_in_words(rule, row)
    if rule in _QUOTA_SHARES:
        return _cession_in_words(rule, row)
    if rule <= _SHARED:
        return _base_in_words(rule, row)
    terms = _base_in_words(rule - _SHARED, row)
    return terms if row["share1"] == 1 else f"{terms}; {percent(row['share1'])} of what is left"


def _base_in_words(rule: int, row: np.void) -> str:
    """Deductible, its bounds, and limit."""
    if (rule == 14 and row["limit1"] == 0) or (rule == 16 and row["deductible1"] >= 1):
        return "excluded"
    parts = []
    if row["deductible1"]:
        name = "waiting period worth" if rule in _DAYS else _DEDUCTIBLE_NAME.get(rule, "deductible")
        parts.append(f"{name} {_amount(row['deductible1'], _DEDUCTIBLE_OF.get(rule))}")
    if row["deductible2"]:
        parts.append(f"minimum deductible {amount(row['deductible2'])}")
    if row["deductible3"]:
        parts.append(f"maximum deductible {amount(row['deductible3'])}")
    if rule not in _WITHOUT_LIMIT:
        parts.append(f"limit {_amount(row['limit1'], _LIMIT_OF.get(rule))}")
    return ", ".join(parts) or NO_TERMS


def _layer_in_words(rule: int, row: np.void) -> str:
    attachment, limit = row["attachment1"], row["limit1"]
    above = "" if attachment == 0 else f" excess of {amount(attachment)}"
    if rule == 34:
        layer = "the loss" if not above else f"everything{above}"
    else:
        layer = f"{amount(limit)}{above}" if above else f"the first {amount(limit)}"
    share = layer if row["share1"] == 1 else f"{percent(row['share1'])} of {layer}"
    if not row["deductible1"]:
        return share
    return f"{share}, after a deductible of {_amount(row['deductible1'], _DEDUCTIBLE_OF.get(rule))}"


def _cession_in_words(rule: int, row: np.void) -> str:
    """Reinsurance: a share of a layer, of which a part is ceded and a part of that placed."""
    ceded = "" if rule == 23 else f"{percent(row['share1'])} of the loss"
    above = f" excess of {amount(row['attachment1'])}" if rule == 24 else ""
    limit = "" if rule == 25 else f"{amount(row['limit1'])}{above}"
    layer = ", up to ".join(part for part in (ceded, limit) if part)
    return f"{layer}; {percent(row['share2'])} ceded, {percent(row['share3'])} of it placed"


def _step_in_words(row: np.void) -> str:
    """One step: when it pays, and what."""
    rule = int(row["calcrule_id"])
    if rule == 32:
        when = f"from a loss of {amount(row['trigger_start'])}"
    else:
        until = "" if row["trigger_end"] == 1 else f" to {percent(row['trigger_end'])}"
        when = f"from {percent(row['trigger_start'])}{until} of the insured value"
    of = {27: "the insured value", 29: "the insured value", 30: "the limit"}.get(rule, "the loss")
    start = row["payout_start"]
    pays = amount(start) if rule == 31 else f"{percent(start)} of {of}"
    if rule == 38 or (rule == 28 and start == 0):
        pays = "as the steps before"
    text = f"step {max(int(row['step_id']), 1)}: {when} pays {pays}"
    if row["limit1"]:
        text += f", limit {amount(row['limit1'])}"
    if row["deductible1"]:
        text += f", deductible {amount(row['deductible1'])}"
    if row["scale2"]:
        text += f", extra expenses {percent(row['scale2'])} up to {amount(row['limit2'])}"
    if row["scale1"]:
        text += f", debris removal {percent(row['scale1'])}"
    return text


def _amount(value: float, of: str | None) -> str:
    return amount(value) if of is None else f"{percent(value)} of the {of}"


def amount(value: float) -> str:
    """``5,000,000`` or ``1,234.50``: without decimals where there are none to two places."""
    rounded = round(float(value), 2)
    return f"{rounded:,.0f}" if rounded == math.floor(rounded) else f"{rounded:,.2f}"


def percent(value: float) -> str:
    """``30 %`` or ``2.5 %``."""
    return f"{round(float(value) * 100, 4):g} %"
