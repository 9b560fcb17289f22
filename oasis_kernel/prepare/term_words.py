"""Financial terms in words, from the calculation rules they were compiled to (Oasis financial module)."""

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import numpy.typing as npt

Terms = npt.NDArray[np.void]  # rows of PROFILE_DTYPE: one, or the steps of a step policy

#: Calculation rules by what they do. Those above 100 are these with a share on top; 200 is a share alone.
DEDUCTIBLE = (1, 9, 12, 40)
DEDUCTIBLE_OF_VALUE = (4, 6)
DEDUCTIBLE_OF_LOSS = (5, 16, 33)
FRANCHISE = (3, 39)
REVERSE_FRANCHISE = (20,)
BOUNDED = (7, 8, 10, 11, 13, 36)
BOUNDED_OF_LOSS = (19, 26, 35)
LAYER = (2, 34)
LIMITED = (1, 2, 3, 7, 8, 9, 14, 26, 33, 40, 41)
LIMITED_TO_SHARE = (5, 15, 35, 36)
EXCLUSION, PASS_THROUGH = 14, 100

#: What a step whose trigger is met pays: its pay-out, in the unit of the rule.
_PAYS: Mapping[int, Callable[[np.void], str]] = {
    27: lambda step: f"{percent(step['payout_start'])} of the value",
    29: lambda step: f"{percent(step['payout_start'])} of the value",
    30: lambda step: f"{percent(step['payout_start'])} of the limit",
    31: lambda step: amount(step["payout_start"]),
    28: lambda step: f"{percent(step['payout_start'])} of the loss" if step["payout_start"] else "what is paid so far",
    32: lambda step: f"{percent(step['payout_start'])} of the loss",
    37: lambda step: f"{percent(step['payout_start'])} of the loss",
    38: lambda step: "what is paid so far",
}
_MONETARY_TRIGGER = 32


def base_rule(row: np.void) -> int:
    """The rule without the share on top."""
    rule = int(row["calcrule_id"])
    return PASS_THROUGH if rule == 2 * PASS_THROUGH else rule - 100 if rule > PASS_THROUGH else rule


def share_of(row: np.void) -> float:
    """The part of the result that is paid: 1 for rules without a share."""
    shared = int(row["calcrule_id"]) > PASS_THROUGH or int(row["calcrule_id"]) in LAYER
    return float(row["share1"]) if shared else 1.0


def is_stepped(terms: Terms) -> bool:
    """Whether the terms are the steps of a step policy."""
    return len(terms) > 1 or bool(terms["step_id"][0])


def has_terms(terms: Terms) -> bool:
    """Whether the terms change anything: not so for a pass-through, or a share of all."""
    return is_stepped(terms) or terms_in_words(terms) != NO_TERMS


NO_TERMS = "no terms"


def terms_in_words(terms: Terms) -> str:
    """The terms of a node, as ``deductible 10,000; limit 50,000; share 30 %``; the steps of a step policy one by one.

    terms  the rows of one profile, as compiled
    """
    if is_stepped(terms):
        return "; ".join(_step(step) for step in terms)
    row = terms[0]
    if base_rule(row) == EXCLUSION and not row["limit1"]:
        return "excluded"
    return "; ".join(_parts(row)) or NO_TERMS


def _parts(row: np.void) -> Iterator[str]:
    base = base_rule(row)
    yield from _deductible(row, base)
    for name, field in (("minimum deductible", "deductible2"), ("maximum deductible", "deductible3")):
        if base in BOUNDED + BOUNDED_OF_LOSS and row[field]:
            yield f"{name} {amount(row[field])}"
    if base in LAYER and row["attachment1"]:
        yield f"attachment {amount(row['attachment1'])}"
    if base in LIMITED and row["limit1"]:
        yield f"limit {amount(row['limit1'])}"
    elif base in LIMITED_TO_SHARE:
        yield f"limit {percent(row['limit1'])} of the loss"
    if share_of(row) != 1:
        yield f"share {percent(share_of(row))}"


def _deductible(row: np.void, base: int) -> Iterator[str]:
    deductible = float(row["deductible1"])
    if not deductible:
        return
    if base in FRANCHISE:
        yield f"franchise {amount(deductible)}"
    elif base in REVERSE_FRANCHISE:
        yield f"nothing above {amount(deductible)}"
    elif base in DEDUCTIBLE_OF_LOSS + BOUNDED_OF_LOSS:
        yield f"deductible {percent(deductible)} of the loss"
    elif base in DEDUCTIBLE_OF_VALUE:
        yield f"deductible {percent(deductible)} of the value"
    elif base in DEDUCTIBLE + BOUNDED + LAYER + LIMITED_TO_SHARE:
        yield f"deductible {amount(deductible)}"


def _step(step: np.void) -> str:
    rule = int(step["calcrule_id"])
    if rule not in _PAYS:
        return "excluded" if rule == EXCLUSION and not step["limit1"] else "; ".join(_parts(step)) or NO_TERMS
    unit: Callable[[float], str] = amount if rule == _MONETARY_TRIGGER else lambda part: f"{percent(part)} of the value"
    end = float(step["trigger_end"])
    until = f" to {unit(end)}" if end and end != 1 and rule != _MONETARY_TRIGGER else ""
    more = [f"deductible {amount(step['deductible1'])}"] if step["deductible1"] else []
    more += [f"limit {amount(step['limit1'])}"] if step["limit1"] else []
    more += [f"extra {percent(step['scale2'])} up to {amount(step['limit2'])}"] if step["scale2"] else []
    terms = f" ({', '.join(more)})" if more else ""
    start = unit(float(step["trigger_start"]))
    return f"step {step['step_id']}: a loss from {start}{until} pays {_PAYS[rule](step)}{terms}"


def amount(value: float) -> str:
    """An amount with thousands separated, with cents where there are any."""
    whole = round(float(value))
    return f"{whole:,}" if abs(value - whole) <= 2e-6 * abs(value) else f"{value:,.2f}"


def percent(share: float) -> str:
    """A share as ``12.5 %``."""
    return f"{round(float(share) * 100, 4):g} %"
