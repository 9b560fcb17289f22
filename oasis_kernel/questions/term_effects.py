"""What a record of terms did to a loss, in words."""

from collections.abc import Iterator

import numpy as np

from oasis_kernel.prepare.term_words import (
    BOUNDED,
    BOUNDED_OF_LOSS,
    DEDUCTIBLE,
    DEDUCTIBLE_OF_LOSS,
    EXCLUSION,
    FRANCHISE,
    LAYER,
    LIMITED,
    LIMITED_TO_SHARE,
    REVERSE_FRANCHISE,
    Terms,
    amount,
    base_rule,
    is_stepped,
    percent,
    share_of,
)

#: Losses are float32: amounts this close to each other, relative to the larger, are the same.
CLOSE = 2e-6


def effect(terms: Terms, before: float, after: float) -> str:
    """What the terms did to a loss: ``deductible takes 10,000; limit of 50,000 reached``.

    terms   the profile of the node, as compiled
    before  the loss that reached the node, above 0
    after   what the node let through
    """
    row = terms[0]
    base = base_rule(row)
    if base == EXCLUSION and not row["limit1"]:
        return "excluded"
    if is_stepped(terms):
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
    elif base in BOUNDED + BOUNDED_OF_LOSS:
        yield _bounded(row, before, None if after is None else after / (share_of(row) or 1.0))
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
    limit, share = float(row["limit1"]), share_of(row)
    if not after or not limit:
        return []
    if base in LIMITED and _same(after, limit * share):
        return [f"limit of {amount(limit)} reached"]
    if base in LIMITED_TO_SHARE and _same(after, limit * before * share):
        return [f"limit of {percent(limit)} of the loss reached"]
    return []


def _shared(row: np.void) -> Iterator[str]:
    share = share_of(row)
    if share != 1:
        yield f"share of {percent(share)}"


def _same(left: float, right: float) -> bool:
    return abs(left - right) <= CLOSE * max(abs(left), abs(right))
