"""What a record of terms did to a loss, in words."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

Terms = npt.NDArray[np.void]  # rows of PROFILE_DTYPE: one, or the steps of a step policy

#: Losses are float32: amounts this close to each other, relative to the larger, are the same.
CLOSE = 2e-6
#: Calculation rules of the Oasis standard by what they do. Rules above 100 are these with a share on top.
DEDUCTIBLE = (1, 4, 6, 9, 12, 40)
DEDUCTIBLE_OF_LOSS = (5, 16, 33)
FRANCHISE = (3, 39)
REVERSE_FRANCHISE = (20,)
BOUNDED = (7, 8, 10, 11, 13, 19, 21, 26, 35, 36)
ATTACHMENT = (2, 34)
LIMITED = (1, 2, 3, 7, 8, 9, 14, 26, 33, 40, 41)
LIMITED_TO_SHARE = (5, 15, 35, 36)
SHARED_LAYER = (2, 34)
EXCLUSION, PASS_THROUGH = 14, 100


def has_terms(terms: Terms) -> bool:
    """Whether the rows change anything: not so for a pass-through, or a share of all."""
    if len(terms) != 1 or int(terms["step_id"][0]):
        return len(terms) > 0
    row = terms[0]
    amounts = any(row[name] for name in ("deductible1", "deductible2", "deductible3", "attachment1", "limit1"))
    shared = _has_share(int(row["calcrule_id"])) and row["share1"] != 1
    return bool(amounts or shared or _base(int(row["calcrule_id"])) == EXCLUSION)


def effect(terms: Terms, before: float, after: float) -> str:
    """What the terms did to a loss: ``deductible takes 10,000; limit of 50,000 reached``.

    terms   the profile of the node, as compiled
    before  the loss that reached the node, above 0
    after   what the node let through
    """
    if len(terms) > 1 or int(terms["step_id"][0]):
        return f"pays {_amount(after)} by its steps" if after else "no step is triggered"
    row = terms[0]
    base = _base(int(row["calcrule_id"]))
    if base == EXCLUSION and not row["limit1"]:
        return "excluded"
    words = [*_deducted(row, base, before, after), *_limited(row, base, before, after), *_shared(row)]
    return "; ".join(words) or "takes nothing"


def _base(rule: int) -> int:
    return PASS_THROUGH if rule == 2 * PASS_THROUGH else rule - 100 if rule > PASS_THROUGH else rule


def _has_share(rule: int) -> bool:
    return rule > PASS_THROUGH or rule in SHARED_LAYER


def _share(row: np.void) -> float:
    return float(row["share1"]) if _has_share(int(row["calcrule_id"])) else 1.0


def _deducted(row: np.void, base: int, before: float, after: float) -> Iterator[str]:
    deductible = float(row["deductible1"])
    if base in DEDUCTIBLE:
        yield from _taken("deductible", deductible, before)
    elif base in ATTACHMENT:
        yield from _taken("attachment", float(row["attachment1"]) + deductible, before)
    elif base in DEDUCTIBLE_OF_LOSS:
        yield f"deductible of {_percent(deductible)} of the loss takes {_amount(min(deductible, 1) * before)}"
    elif base in FRANCHISE:
        under = before <= deductible
        yield f"loss is within the franchise of {_amount(deductible)}" if under else "franchise exceeded: no deduction"
    elif base in REVERSE_FRANCHISE:
        over = before > deductible
        yield f"loss is above {_amount(deductible)}: nothing is paid" if over else "loss is small enough to be paid"
    elif base in BOUNDED:
        yield _bounded(row, before, after)
    elif base == 15 and deductible:
        yield from _taken("deductible", deductible, before)


def _taken(name: str, amount: float, before: float) -> Iterator[str]:
    if not amount:
        return
    if before <= amount:
        yield f"{name} of {_amount(amount)} takes all"
    else:
        yield f"{name} takes {_amount(amount)}"


def _bounded(row: np.void, before: float, after: float) -> str:
    """Minimum and maximum deductibles look at what was deducted below, so that they may give back."""
    bounds = [
        f"{name} {_amount(float(row[field]))}"
        for name, field in (("minimum", "deductible2"), ("maximum", "deductible3"))
        if row[field]
    ]
    taken = before - after
    if _same(before, after):
        return f"deductible ({', '.join(bounds)}) takes nothing more"
    word = f"takes {_amount(taken)}" if taken > 0 else f"gives back {_amount(-taken)}"
    return f"deductible ({', '.join(bounds)}) {word}"


def _limited(row: np.void, base: int, before: float, after: float) -> Iterator[str]:
    limit, share = float(row["limit1"]), _share(row)
    if base in LIMITED and limit and _same(after, limit * share):
        yield f"limit of {_amount(limit)} reached"
    elif base in LIMITED_TO_SHARE and _same(after, limit * before * share):
        yield f"limit of {_percent(limit)} of the loss reached"
    elif base in LIMITED and limit:
        yield f"below the limit of {_amount(limit)}"


def _shared(row: np.void) -> Iterator[str]:
    share = _share(row)
    if share != 1:
        yield f"share of {_percent(share)}"


def _same(left: float, right: float) -> bool:
    return abs(left - right) <= CLOSE * max(abs(left), abs(right))


def _amount(value: float) -> str:
    return f"{value:,.0f}" if _same(value, round(value)) else f"{value:,.2f}"


def _percent(share: float) -> str:
    return f"{round(share * 100, 4):g} %"
