"""Terms that cannot be meant: codes and types that nobody knows, shares above 1, a minimum above its maximum.

Every record is looked at, whether or not an item is under its terms. What is legal but has no calculation rule is
found when profiles are made.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from oasis_kernel.errors import Finding, InvalidInput, Severity
from oasis_kernel.prepare.terms.levels import (
    BLANK_MEANS,
    DEDUCTIBLE,
    DEDUCTIBLE_CODE,
    DEDUCTIBLE_TYPE,
    LEVELS,
    LIMIT,
    LIMIT_CODE,
    LIMIT_TYPE,
    MAXIMUM_DEDUCTIBLE,
    MINIMUM_DEDUCTIBLE,
    OF_LOSS,
    OF_VALUE,
)
from oasis_kernel.prepare.terms.records import Records
from oasis_kernel.prepare.terms.rules import FRANCHISE, REGULAR, REVERSE_FRANCHISE
from oasis_kernel.prepare.terms.sources import Sources

LISTED = 20
TYPES = "0 (an amount), 1 (a share of the loss), 2 (a share of the insured value) or 3 (days)"
DEDUCTIBLE_CODES = "0 (regular), 2 (franchise) or 99 (reverse franchise)"
#: Code or type -> (its amount, the values known, what must hold, what to do).
KNOWN: Mapping[str, tuple[str, tuple[int, ...], str, str]] = {
    DEDUCTIBLE_CODE: (
        DEDUCTIBLE,
        (REGULAR, FRANCHISE, REVERSE_FRANCHISE),
        f"must be {DEDUCTIBLE_CODES}",
        "Use a code that is applied event by event, or leave it blank for a regular deductible",
    ),
    DEDUCTIBLE_TYPE: (DEDUCTIBLE, (0, 1, 2, 3), f"must be {TYPES}", "Correct the type"),
    LIMIT_CODE: (
        LIMIT,
        (REGULAR,),
        "must be 0 (the limit of one event)",
        "Leave the code blank, and apply a limit of a year to the losses by period",
    ),
    LIMIT_TYPE: (LIMIT, (0, 1, 2, 3), f"must be {TYPES}", "Correct the type"),
}
SHARES = {OF_LOSS: "1 (a share of the loss)", OF_VALUE: "2 (a share of the insured value)"}


def check_terms(sources: Sources) -> None:
    """Raises InvalidInput, with every finding, for terms that cannot be meant."""
    findings = [
        finding
        for records, fields in _groups(sources)
        for finding in (*_unknown_codes(records, fields), *_shares(records, fields), *_bounds(records, fields))
    ]
    if findings:
        raise InvalidInput(findings)


def idle_codes(sources: Sources) -> Iterator[Finding]:
    """A warning for each code or type that nobody knows and that changes nothing, because its amount is not given."""
    for records, fields in _groups(sources):
        for code, (amount, known, must, _) in KNOWN.items():
            name = fields.get(code)
            if name is None or name not in records.names:
                continue
            idle = _is_unknown(records, name, known) & ~_is_given(records, fields.get(amount))
            message, remedy = (
                f"{must}; without {fields[amount]} it changes nothing",
                "Give the amount, or leave it blank",
            )
            yield from (
                replace(finding, severity=Severity.WARNING) for finding in _found(records, idle, name, message, remedy)
            )


def _groups(sources: Sources) -> Iterator[tuple[Records, Mapping[str, str]]]:
    """Every group of terms with the records that hold it."""
    for level in LEVELS:
        source = sources.location if level.source == "location" else sources.account
        if source is not None:
            for group in level.groups:
                yield source.records, group.fields


def _unknown_codes(records: Records, fields: Mapping[str, str]) -> Iterator[Finding]:
    for code, (amount, known, must, remedy) in KNOWN.items():
        name = fields.get(code)
        if name is not None and name in records.names:
            counts = _is_unknown(records, name, known) & _is_given(records, fields.get(amount))
            yield from _found(records, counts, name, must, remedy)


def _shares(records: Records, fields: Mapping[str, str]) -> Iterator[Finding]:
    for amount, type_ in ((DEDUCTIBLE, DEDUCTIBLE_TYPE), (LIMIT, LIMIT_TYPE)):
        name, type_name = fields.get(amount), fields.get(type_)
        if name not in records.names or type_name not in records.names or name is None or type_name is None:
            continue
        kind = records.number(type_name, BLANK_MEANS.get(type_name, 0.0))
        for number, said in SHARES.items():
            above = (records.number(name) > 1) & (kind == number)
            message = f"must be at most 1, because {type_name} is {said}"
            yield from _found(records, above, name, message, "Write 5 % as 0.05, or set the type of an amount, 0")


def _bounds(records: Records, fields: Mapping[str, str]) -> Iterator[Finding]:
    lower, upper = fields.get(MINIMUM_DEDUCTIBLE), fields.get(MAXIMUM_DEDUCTIBLE)
    if lower is None or upper is None:
        return
    most = records.number(upper)
    crossed = (most > 0) & (records.number(lower) > most)
    for record in np.flatnonzero(crossed)[:LISTED]:
        message = f"must not be above {upper}, {most[record]:g}"
        yield from _found(records, _only(records, record), lower, message, "Exchange the two, or leave one blank")


def _is_unknown(records: Records, name: str, known: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    blank = BLANK_MEANS.get(name, 0.0)
    return ~np.isin(records.number(name, blank), known)


def _is_given(records: Records, name: str | None) -> npt.NDArray[np.bool_]:
    return np.zeros(len(records), bool) if name is None else records.number(name) > 0


def _only(records: Records, record: int) -> npt.NDArray[np.bool_]:
    return np.arange(len(records)) == record


def _found(records: Records, where: npt.NDArray[np.bool_], name: str, message: str, remedy: str) -> Iterator[Finding]:
    for record in np.flatnonzero(where)[:LISTED]:
        value = float(records.numbers[name][record])
        yield records.finding(int(record), name, message, int(value) if value.is_integer() else value, remedy)
