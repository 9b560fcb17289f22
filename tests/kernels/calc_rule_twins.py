"""The calculation rules of the Oasis standard, one loss at a time, in the standard's own words: twins of the kernels.

Each twin takes a loss x and the terms d (deductible), m and M (minimum and maximum deductible), A (attachment),
L (limit), s1 to s3 (shares), and what is carried: D deducted, O over limits, U under limits. It returns
(what is paid, D, O, U).
"""

# ruff: noqa: E741, SIM300 (the letters are those of the standard)

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Terms:
    """One row of a profile."""

    d: float = 0.0
    m: float = 0.0
    M: float = 0.0
    A: float = 0.0
    L: float = 0.0
    s1: float = 1.0
    s2: float = 1.0
    s3: float = 1.0

    def profile(self, rule: int) -> dict[str, float]:
        """The row under the standard's names."""
        names = ("deductible1", "deductible2", "deductible3", "attachment1", "limit1", "share1", "share2", "share3")
        values = (self.d, self.m, self.M, self.A, self.L, self.s1, self.s2, self.s3)
        return {"calcrule_id": rule, **dict(zip(names, values, strict=True))}


Result = tuple[float, float, float, float]


def cut(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)


def rule_1(x: float, t: Terms, D: float, O: float, U: float) -> Result:
    if x <= t.d:
        return 0.0, D + x, O, min(U + x, t.L)
    if x <= t.d + t.L:
        return x - t.d, D + t.d, O, min(U + t.d, t.d + t.L - x)
    return t.L, D + t.d, O + x - t.d - t.L, 0.0


def rule_3(x: float, t: Terms, D: float, O: float, U: float) -> Result:
    if x <= t.d:
        return 0.0, D + x, O + max(x - max(t.d, t.L), 0), min(U + x, t.L)
    if x <= t.L:
        return x, D, O, min(U, t.L - x)
    return t.L, D, O + x - t.L, 0.0


def rule_5(x: float, t: Terms, D: float, O: float, U: float) -> Result:
    if t.d + t.L >= 1:
        out = x * (1 - t.d)
        return out, D + x * t.d, O, min(x * t.L - out, U + x * t.d)
    return x * t.L, D + x * t.d, O + x - x * t.d - x * t.L, 0.0


def rule_12(x: float, t: Terms, D: float, O: float, U: float) -> Result:
    taken = min(x, t.d)
    return x - taken, D + taken, O, U + taken


def rule_14(x: float, t: Terms, D: float, O: float, U: float) -> Result:
    return min(x, t.L), D, O + max(x - t.L, 0), (min(t.L - x, U) if x <= t.L else 0.0)


def rule_15(x: float, t: Terms, D: float, O: float, U: float) -> Result:
    widest = t.d / (1 - t.L)
    if x <= t.d:
        return 0.0, D + x, O, min(widest, U + x)
    if x <= widest:
        return x - t.d, D + t.d, O, min(widest - x, U + t.d)
    return x * t.L, D + t.d, O + x - x * t.L - t.d, 0.0


def rule_16(x: float, t: Terms, D: float, O: float, U: float) -> Result:
    return x * (1 - t.d), D + x * t.d, O, U + x * t.d


def rule_33(x: float, t: Terms, D: float, O: float, U: float) -> Result:
    if t.d >= 1:
        return 0.0, D + x, O, U
    net = x - x * t.d
    if net <= t.L:
        return net, D + x * t.d, O, min(U + x * t.d, t.L - net)
    return t.L, D + x * t.d, O + net - t.L, 0.0


def rule_39(x: float, t: Terms, D: float, O: float, U: float) -> Result:
    return (0.0, D + x, O, U + x) if x <= t.d else (x, D, O, U)


def give_back(x: float, M: float, D: float, O: float, U: float) -> Result:
    q = D - M
    if q > U:
        return x + U, M, O + q - U, 0.0
    if x >= -q:
        return x + q, M, O, U - q
    return 0.0, D + x, O, U + x


def raise_to(x: float, e: float, m: float, D: float, O: float, U: float) -> Result:
    q = m - e - D
    if q <= O and x > e:
        return x, m, O - q, U
    if q <= O and (O - q) + x > e:
        return 0.0, m, O - (q + e), U + x
    if q <= O:
        return 0.0, D + x + O, 0.0, U + x
    n = q - O
    if x > n + e:
        return x - n - e, m, 0.0, U + n
    return 0.0, D + x + O, 0.0, U + x


def bounded(use_min: bool, use_max: bool, share: bool, cap: str) -> Callable[..., Result]:
    """The rules with a minimum or maximum deductible; ``cap`` is '', 'flat' or 'share'."""

    def rule(x: float, t: Terms, D: float, O: float, U: float) -> Result:
        e = x * t.d if share else t.d
        top = use_max and (not share or t.M > 0) and (cap != "share" or share or t.M - t.d > 0)
        if top and D > t.M - e:
            out, D, O, U = give_back(x, t.M, D, O, U)
        elif use_min and D < t.m - e:
            out, D, O, U = raise_to(x, e, t.m, D, O, U)
        else:
            out, D, O, U = rule_12(x, Terms(d=e), D, O, U)
        if not cap:
            return out, D, O, U
        most = t.L if cap == "flat" else x * t.L
        return (most, D, O + out - most, 0.0) if out > most else (out, D, O, min(most - out, U))

    return rule


#: Rules that change what is carried.
CARRYING: dict[int, Callable[..., Result]] = {
    1: rule_1,
    3: rule_3,
    5: rule_5,
    7: bounded(True, True, False, "flat"),
    8: bounded(True, False, False, "flat"),
    10: bounded(False, True, False, ""),
    11: bounded(True, False, False, ""),
    12: rule_12,
    13: bounded(True, True, False, ""),
    14: rule_14,
    15: rule_15,
    16: rule_16,
    19: bounded(True, True, True, ""),
    26: bounded(True, True, True, "flat"),
    33: rule_33,
    35: bounded(True, True, True, "share"),
    36: bounded(True, True, False, "share"),
    39: rule_39,
}
#: What the rules pay that leave it alone.
PAYING: dict[int, Callable[[float, Terms], float]] = {
    2: lambda x, t: cut(x - t.d - t.A, 0, t.L) * t.s1,
    17: lambda x, t: 0.0 if t.d >= 1 else cut(x * (1 - t.d) - t.A, 0, t.L) * t.s1,
    20: lambda x, t: 0.0 if x > t.d else x,
    22: lambda x, t: 0.0 if t.s1 == 0 else min(x * t.s1, t.L) * t.s2 * t.s3,
    23: lambda x, t: min(x, t.L) * t.s2 * t.s3,
    24: lambda x, t: 0.0 if t.s1 == 0 else cut(x * t.s1 - t.A, 0, t.L) * t.s2 * t.s3,
    25: lambda x, t: x * t.s1 * t.s2 * t.s3,
    34: lambda x, t: max(x - t.d - t.A, 0) * t.s1,
    40: lambda x, t: cut(x - t.d, 0, t.L),
    41: lambda x, t: min(x, t.L),
    100: lambda x, t: x,
}
SHARED = (101, 103, 105, 107, 108, 110, 111, 112, 113, 114, 115, 116, 119, 120, 126, 133, 135, 136, 200)


def twin(rule: int, x: float, t: Terms, carried: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> Result:
    """What a rule pays of ``x``, and what is carried after it."""
    if rule in SHARED:
        out, *after = twin(rule - 100, x, t, carried)
        return (out * t.s1, *after)
    if rule in PAYING:
        return (PAYING[rule](x, t), *carried)
    return CARRYING[rule](x, t, *carried)


def steps(rule: int, x: float, rows: list[dict[str, float]], value: float, deducted: float = 0.0) -> float:
    """What the steps of a profile pay of ``x``, for an insured value; each row as the standard names its fields."""
    paid = 0.0
    for row in rows:
        start, end = np.float32(row["trigger_start"]), np.float32(row["trigger_end"])
        if rule != 32:
            start, end = start * value, np.inf if end == 1 else end * value
        else:
            end = np.inf
        if not start <= x < end:
            continue
        d, L, ps = row["deductible1"], row["limit1"], row["payout_start"]
        amounts = {27: cut(ps * value - d, 0, L), 29: ps * value - d, 30: ps * L - d, 31: ps - d}
        if rule in amounts:
            base = max(amounts[rule], 0)
            if x > 0 or deducted > 0:
                paid += (base + min(base * row["scale2"], row["limit2"])) * (1 + row["scale1"])
            continue
        if rule == 38 or (rule == 28 and ps == 0):
            extra = min(paid * row["scale2"], row["limit2"])
            paid = (paid + extra) * (1 + row["scale1"]) if rule == 38 else paid + extra * (1 + row["scale1"])
            continue
        base = {28: max(ps * x - d, 0), 37: cut(ps * x - d, 0, L), 32: min(ps * x, L)}[rule]
        step = (base + min(base * row["scale2"], row["limit2"])) * (1 + row["scale1"])
        paid = paid + step if rule == 32 else step
    return paid
