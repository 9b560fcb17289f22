"""What a record of terms did to a loss, in words."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from oasis_kernel.prepare.profile_text import amount, percent

Terms = npt.NDArray[np.void]  # rows of PROFILE_DTYPE: one, or the steps of a step policy

#: Calculation rules by what they do. Those above 100 are these with a share on top; 200 is a share alone.
DEDUCTIBLE = (1, 9, 12, 40)
DEDUCTIBLE_OF_LOSS = (5, 16, 33)
FRANCHISE = (3, 39)
REVERSE_FRANCHISE = (20,)
BOUNDED = (7, 8, 10, 11, 13, 19, 26, 35, 36)
LAYER = (2, 34)
LIMITED = (1, 2, 3, 7, 8, 9, 14, 26, 33, 40, 41)
LIMITED_TO_SHARE = (5, 15, 35, 36)
EXCLUSION, PASS_THROUGH = 14, 100

#: Losses are float32: amounts this close to each other, relative to the larger, are the same.
CLOSE = 2e-6


def has_terms(terms: Terms) -> bool:
    """Whether the terms can change a loss: not so for a pass-through, or a share of all."""
    row = terms[0]
    amounts = ("deductible1", "deductible2", "deductible3", "attachment1", "limit1")
    return _is_stepped(terms) or _base(row) == EXCLUSION or _share(row) != 1 or any(row[name] for name in amounts)


def effect(terms: Terms, before: float, after: float) -> str:
    """What the terms did to a loss: ``deductible takes 10,000; limit of 50,000 reached``.

    terms   the profile of the node, as compiled
    before  the loss that reached the node, above 0
    after   what the node let through
    """
    row = terms[0]
    base = _base(row)
    if base == EXCLUSION and not row["limit1"]:
        return "excluded"
    if _is_stepped(terms):
        return f"pays {amount(after)} by its steps" if after else "no step is triggered"
    limited = _limited(row, base, before, after)
    words = [*_deducted(row, base, before, None if limited else after), *limited]
    if after and not limited and base in LIMITED and row["limit1"]:
        words.append(f"below the limit of {amount(float(row['limit1']))}")
    words += _shared(row) if after else ()
    return "; ".join(words) or "takes nothing"


def _deducted(row: np.void, base: int, before: float, after: float | None) -> Iterator[str]:
    deductible = float(row["deductible1"])
    if base in DEDUCTIBLE:
        yield from _taken("deductible", deductible, before)
    elif base in LAYER:
        yield from _taken("attachment", float(row["attachment1"]) + deductible, before)
    elif base in DEDUCTIBLE_OF_LOSS:
        yield f"deductible of {percent(deductible)} of the loss takes {amount(min(deductible, 1) * before)}"
    elif base in FRANCHISE:
        under = before <= deductible
        yield f"loss is within the franchise of {amount(deductible)}" if under else "franchise exceeded: no deduction"
    elif base in REVERSE_FRANCHISE:
        over = before > deductible
        yield f"loss is above {amount(deductible)}: nothing is paid" if over else "loss is small enough to be paid"
    elif base in BOUNDED:
        yield _bounded(row, before, None if after is None else after / (_share(row) or 1.0))
    elif base == 15 and deductible:
        yield from _taken("deductible", deductible, before)


def _taken(name: str, term: float, before: float) -> Iterator[str]:
    if not term:
        return
    if before <= term:
        yield f"{name} of {amount(term)} takes all"
    else:
        yield f"{name} takes {amount(term)}"


def _bounded(row: np.void, before: float, after: float | None) -> str:
    """Minimum and maximum deductibles look at what was deducted below, so that they may give back.

    after  what the deductible alone leaves; None when a limit hides it
    """
    bounds = [
        f"{name} {amount(float(row[field]))}"
        for name, field in (("minimum", "deductible2"), ("maximum", "deductible3"))
        if row[field]
    ]
    deductible = f"deductible ({', '.join(bounds)})"
    if after is None:
        return deductible
    if _same(before, after):
        return f"{deductible} takes nothing more"
    taken = before - after
    return f"{deductible} " + (f"takes {amount(taken)}" if taken > 0 else f"gives back {amount(-taken)}")


def _limited(row: np.void, base: int, before: float, after: float) -> list[str]:
    """The limit, if it is reached."""
    limit, share = float(row["limit1"]), _share(row)
    if not after or not limit:
        return []
    if base in LIMITED and _same(after, limit * share):
        return [f"limit of {amount(limit)} reached"]
    if base in LIMITED_TO_SHARE and _same(after, limit * before * share):
        return [f"limit of {percent(limit)} of the loss reached"]
    return []


def _shared(row: np.void) -> Iterator[str]:
    share = _share(row)
    if share != 1:
        yield f"share of {percent(share)}"


def _is_stepped(terms: Terms) -> bool:
    return len(terms) > 1 or bool(terms["step_id"][0])


def _base(row: np.void) -> int:
    """The rule without the share on top."""
    rule = int(row["calcrule_id"])
    return PASS_THROUGH if rule == 2 * PASS_THROUGH else rule - 100 if rule > PASS_THROUGH else rule


def _share(row: np.void) -> float:
    """The part of the result that is paid: 1 for rules without a share."""
    rule = int(row["calcrule_id"])
    return float(row["share1"]) if rule > PASS_THROUGH or rule in LAYER else 1.0


def _same(left: float, right: float) -> bool:
    return abs(left - right) <= CLOSE * max(abs(left), abs(right))
