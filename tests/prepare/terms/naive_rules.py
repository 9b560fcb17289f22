"""The calculation rules of the Oasis financial module on one loss, in double precision: naive twins of the kernels.

x is the loss, d the deductible, as in the module's documentation.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class State:
    """The loss of an item in a layer, and what terms have done to it so far."""

    loss: float
    deducted: float = 0.0
    over: float = 0.0
    under: float = 0.0

    def __add__(self, other: "State") -> "State":
        return State(
            self.loss + other.loss, self.deducted + other.deducted, self.over + other.over, self.under + other.under
        )


def apply_terms(state: State, terms: list[dict[str, float]]) -> State:
    """What is left of a loss, and carried over, after one profile."""
    if terms[0]["calcrule_id"] in (27, 28, 281, 32, 37, 38):
        return _apply_steps(state, terms)
    (row,) = terms
    rule = int(row["calcrule_id"])
    if rule > 100:
        paid = state if rule == 200 else _BASE[rule - 100](state, row)
        return replace(paid, loss=paid.loss * row["share1"])
    return _BASE[rule](state, row)


def _apply_steps(state: State, terms: list[dict[str, float]]) -> State:
    x, out = state.loss, 0.0
    for row in terms:
        extra = lambda loss, row=row: min(loss * row["scale2"], row["limit2"])  # noqa: E731
        rule, start, scale = row["calcrule_id"], row["payout_start"], row["scale1"]
        if x < row["trigger_start"] or (rule != 32 and x >= row["trigger_end"]):
            continue
        if rule == 27:
            out += start if x > 0 or state.deducted > 0 else 0.0
        elif rule in (28, 37):
            loss = max(start * x - row["deductible1"], 0.0)
            loss = min(loss, row["limit1"]) if rule == 37 else loss
            out = (loss + extra(loss)) * scale
        elif rule == 281:
            out += extra(out) * scale
        elif rule == 38:
            out = (out + extra(out)) * scale
        elif rule == 32:
            loss = min(start * x, row["limit1"])
            out += (loss + extra(loss)) * scale
    return replace(state, loss=out)


Rule = Callable[[State, dict[str, float]], State]


def _deduct(state: State, amount: float) -> State:
    taken = min(state.loss, amount)
    return State(state.loss - taken, state.deducted + taken, state.over, state.under + taken)


def _cap(state: State, limit: float) -> State:
    if state.loss > limit:
        return State(limit, state.deducted, state.over + state.loss - limit, 0.0)
    return replace(state, under=min(limit - state.loss, state.under))


def _deductible_and_limit(s: State, t: dict[str, float]) -> State:
    x, d, limit = s.loss, t["deductible1"], t["limit1"]
    under = 0.0
    if x <= d:
        under = min(s.under + x, limit)
    elif x <= d + limit:
        under = min(s.under + d, d + limit - x)
    return State(min(max(x - d, 0.0), limit), s.deducted + min(x, d), s.over + max(x - d - limit, 0.0), under)


def _franchise_and_limit(s: State, t: dict[str, float]) -> State:
    x, d, limit = s.loss, t["deductible1"], t["limit1"]
    if x <= d:
        return State(0.0, s.deducted + x, s.over, min(s.under + x, limit))
    return State(
        min(x, limit), s.deducted, s.over + max(x - limit, 0.0), min(s.under, limit - x) if x <= limit else 0.0
    )


def _shares_of_loss(s: State, t: dict[str, float]) -> State:
    x, d, limit = s.loss, t["deductible1"], t["limit1"]
    if d + limit >= 1:
        out = x * (1 - d)
        return State(out, s.deducted + x * d, s.over, min(x * limit - out, s.under + x * d))
    return State(x * limit, s.deducted + x * d, s.over + x - x * d - x * limit, 0.0)


def _limit_of_loss(s: State, t: dict[str, float]) -> State:
    x, d, limit = s.loss, t["deductible1"], t["limit1"]
    edge = d / (1 - limit)
    if x <= d:
        return State(0.0, s.deducted + x, s.over, min(edge, s.under + x))
    if x <= edge:
        return State(x - d, s.deducted + d, s.over, min(edge - x, s.under + d))
    return State(x * limit, s.deducted + d, s.over + x - x * limit - d, 0.0)


def _limit(s: State, t: dict[str, float]) -> State:
    return _cap(s, t["limit1"])


def _share_deductible_and_limit(s: State, t: dict[str, float]) -> State:
    x, d, limit = s.loss, t["deductible1"], t["limit1"]
    if d >= 1:
        return State(0.0, s.deducted + x, s.over, s.under)
    net = x - x * d
    if net > limit:
        return State(limit, s.deducted + x * d, s.over + net - limit, 0.0)
    return State(net, s.deducted + x * d, s.over, min(s.under + x * d, limit - net))


def _plain_share(s: State, t: dict[str, float]) -> State:
    taken = s.loss * t["deductible1"]
    return State(s.loss - taken, s.deducted + taken, s.over, s.under + taken)


def _layer(s: State, t: dict[str, float]) -> State:
    paid = min(max(s.loss - t["deductible1"] - t["attachment1"], 0.0), t["limit1"])
    return replace(s, loss=paid * t["share1"])


def _unlimited_layer(s: State, t: dict[str, float]) -> State:
    return replace(s, loss=max(s.loss - t["deductible1"] - t["attachment1"], 0.0) * t["share1"])


def _franchise(s: State, t: dict[str, float]) -> State:
    if s.loss > t["deductible1"]:
        return s
    return State(0.0, s.deducted + s.loss, s.over, s.under + s.loss)


def _maximum(s: State, nominal: float, maximum: float) -> State:
    """The part above the maximum deductible is given back, as far as there is room below limits."""
    back = s.deducted - maximum
    if back > s.under:
        return State(s.loss + s.under, maximum, s.over + back - s.under, 0.0)
    if s.loss >= -back:
        return State(s.loss + back, maximum, s.over, s.under - back)
    return State(0.0, s.deducted + s.loss, s.over, s.under + s.loss)


def _minimum(s: State, nominal: float, minimum: float) -> State:
    """More is deducted, from what is over limits first."""
    more = minimum - nominal - s.deducted
    if more <= s.over:
        if s.loss > nominal:
            return State(s.loss, minimum, s.over - more, s.under)
        if s.over - more + s.loss > nominal:
            return State(0.0, minimum, s.over - more - nominal, s.under + s.loss)
        return State(0.0, s.deducted + s.loss + s.over, 0.0, s.under + s.loss)
    beyond = more - s.over
    if s.loss > beyond + nominal:
        return State(s.loss - beyond - nominal, minimum, 0.0, s.under + beyond)
    return State(0.0, s.deducted + s.loss + s.over, 0.0, s.under + s.loss)


def _bounded(s: State, t: dict[str, float], nominal: float, maximum: float, exceeds: bool) -> State:
    if exceeds:
        return _maximum(s, nominal, maximum)
    if s.deducted < t["deductible2"] - nominal:
        return _minimum(s, nominal, t["deductible2"])
    return _deduct(s, nominal)


def _bounds(s: State, t: dict[str, float], kind: str) -> State:
    """Minimum and maximum deductibles around a deductible that is an amount."""
    d, maximum = t["deductible1"], t["deductible3"]
    exceeds = s.deducted > maximum - d
    if kind == "guarded":
        exceeds = exceeds and maximum - d > 0
    if kind == "minimum":
        exceeds = False
    bounded = t if kind != "maximum" else {**t, "deductible2": float("-inf")}
    return _bounded(s, bounded, d, maximum, exceeds)


def _share_bounds(s: State, t: dict[str, float]) -> State:
    """Minimum and maximum deductibles around a deductible that is a share of the loss."""
    nominal = s.loss * t["deductible1"]
    return _bounded(s, t, nominal, t["deductible3"], nominal + s.deducted > t["deductible3"] > 0)


def _share_layer(s: State, t: dict[str, float]) -> State:
    """Rule 17: a layer above a deductible that is a share of the loss."""
    share = t["deductible1"]
    loss = 0.0 if share >= 1 else min(max(s.loss * (1 - share) - t["attachment1"], 0.0), t["limit1"]) * t["share1"]
    return replace(s, loss=loss)


def _ceded(s: State, t: dict[str, float], attachment: float) -> State:
    """Rules 22 and 24: the ceded share of a loss, above an attachment and up to a limit, placed and shared."""
    loss = min(max(s.loss * t["share1"] - attachment, 0.0), t["limit1"]) * t["share2"] * t["share3"]
    return replace(s, loss=loss if t["share1"] > 0 else 0.0)


_BASE: dict[int, Rule] = {
    1: _deductible_and_limit,
    2: _layer,
    3: _franchise_and_limit,
    5: _shares_of_loss,
    7: lambda s, t: _cap(_bounds(s, t, "both"), t["limit1"]),
    8: lambda s, t: _cap(_bounds(s, t, "minimum"), t["limit1"]),
    10: lambda s, t: _bounds(s, t, "maximum"),
    11: lambda s, t: _bounds(s, t, "minimum"),
    12: lambda s, t: _deduct(s, t["deductible1"]),
    13: lambda s, t: _bounds(s, t, "both"),
    14: _limit,
    15: _limit_of_loss,
    16: _plain_share,
    17: _share_layer,
    19: _share_bounds,
    20: lambda s, t: replace(s, loss=0.0 if s.loss > t["deductible1"] else s.loss),
    22: lambda s, t: _ceded(s, t, 0.0),
    23: lambda s, t: replace(s, loss=min(s.loss, t["limit1"]) * t["share2"] * t["share3"]),
    24: lambda s, t: _ceded(s, t, t["attachment1"]),
    25: lambda s, t: replace(s, loss=s.loss * t["share1"] * t["share2"] * t["share3"]),
    26: lambda s, t: _cap(_share_bounds(s, t), t["limit1"]),
    33: _share_deductible_and_limit,
    34: _unlimited_layer,
    35: lambda s, t: _cap(_share_bounds(s, t), s.loss * t["limit1"]),
    36: lambda s, t: _cap(_bounds(s, t, "guarded"), s.loss * t["limit1"]),
    39: _franchise,
    40: lambda s, t: replace(s, loss=min(max(s.loss - t["deductible1"], 0.0), t["limit1"])),
    41: lambda s, t: replace(s, loss=min(s.loss, t["limit1"])),
}
