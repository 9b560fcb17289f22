"""Numbers as people read them: amounts, durations, sizes."""

import math

_BYTES = ((2**40, "TB"), (2**30, "GB"), (2**20, "MB"), (2**10, "kB"))
MINUTE, HOUR = 60, 3600


def amount(value: float | None) -> str:
    """An amount of money with thousands separated; a dash where there is none."""
    if value is None or not math.isfinite(value):
        return "—"
    return f"{value:,.0f}"


def duration(seconds: float | None) -> str:
    """``0.8 s``, ``42 s``, ``3 min 5 s``, ``2 h 10 min``; a dash where nobody knows."""
    if seconds is None or not math.isfinite(seconds):
        return "—"
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < MINUTE:
        return f"{whole} s"
    if whole < HOUR:
        return f"{whole // MINUTE} min {whole % MINUTE} s"
    return f"{whole // HOUR} h {whole % HOUR // MINUTE} min"


def size(count: float | None) -> str:
    """``512 B``, ``3.4 MB``, ``1.2 GB``; a dash where nobody knows."""
    if count is None or not math.isfinite(count):
        return "—"
    for unit, name in _BYTES:
        if count >= unit:
            return f"{count / unit:.1f} {name}"
    return f"{count:.0f} B"


def counted(number: int, noun: str) -> str:
    """``1 run``, ``1,204 runs``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
