"""Terms that are legal and yet do something that few would expect."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from oasis_kernel.errors import Finding, Severity
from oasis_kernel.model import fields as f
from oasis_kernel.prepare.terms.conditions import EXCLUSION
from oasis_kernel.prepare.terms.keys import codes
from oasis_kernel.prepare.terms.levels import (
    ACCOUNT_LEVELS,
    AMOUNTS,
    BLANK_MEANS,
    CONDITION_LEVELS,
    DEDUCTIBLE_TYPE,
    LEVELS,
    MAXIMUM_DEDUCTIBLE,
    MINIMUM_DEDUCTIBLE,
    OF_VALUE,
    Level,
)
from oasis_kernel.prepare.terms.perils import peril_filters
from oasis_kernel.prepare.terms.records import Records
from oasis_kernel.prepare.terms.sources import Source, Sources

#: How many records are named one by one.
LISTED = 5
Flags = npt.NDArray[np.bool_]


def term_warnings(sources: Sources, perils: Sequence[str]) -> Iterator[Finding]:
    """What is worth knowing about the portfolio's terms: nothing here stops a run. ``perils`` are the items'."""
    for level in LEVELS:
        source = sources.location if level.source == "location" else sources.account
        if source is not None:
            yield from _unfiltered(level, source.records)
            yield from _of_other_perils(level, source.records, perils)
            yield from _bounds_of_value(level, source.records)
    yield from _shares_beside_steps(sources.account.records)
    yield from _idle_participations(sources.account.records)
    yield from _layered_account_terms(sources.account)
    yield from _extended_levels(sources.account.records)


def _warn(
    records: Records, where: Flags, field: str, message: str, remedy: str, severity: Severity = Severity.WARNING
) -> Iterator[Finding]:
    """A finding for each of the first records, and one that counts the rest."""
    at = np.flatnonzero(where)
    number, text = records.numbers.get(field), records.text(field)
    for record in at[:LISTED]:
        value = (text[record] or None) if number is None else float(number[record])
        yield replace(records.finding(int(record), field, message, value, remedy), severity=severity)
    if len(at) > LISTED:
        more = f"{message}: {len(at) - LISTED} more rows, the next of them row {records.row[at[LISTED]]}"
        yield Finding(records.file, more, None, field, None, "financial_terms", remedy, severity)


def _amounts_given(level: Level, records: Records) -> Flags:
    given = np.zeros(len(records), bool)
    for group in level.groups:
        for term, name in group.fields.items():
            if term in AMOUNTS and name in records.names:
                blank = BLANK_MEANS.get(name, 0.0)
                given |= records.number(name, blank) != blank
    return given


def _unfiltered(level: Level, records: Records) -> Iterator[Finding]:
    if level.peril_field is None or level.peril_field not in records.names:
        return
    given = _amounts_given(level, records)
    if level == CONDITION_LEVELS[-1]:
        given |= records.number(f.CONDITION_CLASS) == EXCLUSION
    blank = (records.text(level.peril_field) == "") & given
    message = f"is blank, so that the terms of level {level.name} apply to no peril"
    yield from _warn(records, blank, level.peril_field, message, "Name the perils, AA1 for all")


def _of_other_perils(level: Level, records: Records, perils: Sequence[str]) -> Iterator[Finding]:
    if level.peril_field is None or level.peril_field not in records.names:
        return
    code, filters = pd.factorize(records.text(level.peril_field))
    place = Finding(records.file, "", field=level.peril_field, rule="peril_code")
    touches: Flags = np.any(peril_filters([str(text) for text in filters], perils, place), axis=1)
    idle = ~touches[code] & (records.text(level.peril_field) != "") & _amounts_given(level, records)
    message = f"names no peril that has items, so that the terms of level {level.name} apply to nothing"
    yield from _warn(
        records, idle, level.peril_field, message, "Add the peril if the terms are for it too", Severity.NOTE
    )


def _bounds_of_value(level: Level, records: Records) -> Iterator[Finding]:
    for group in level.groups:
        for term in (MINIMUM_DEDUCTIBLE, MAXIMUM_DEDUCTIBLE):
            name, type_ = group.fields.get(term), group.fields.get(DEDUCTIBLE_TYPE)
            if name in records.names and type_ in records.names and name is not None and type_ is not None:
                of_value = (records.number(name) > 0) & (records.number(type_) == OF_VALUE)
                message = f"is taken as an amount, although {type_} is 2 (share of the insured value)"
                yield from _warn(records, of_value, name, message, "Give the amount")


def _shares_beside_steps(records: Records) -> Iterator[Finding]:
    """A step policy's ordinary terms apply to business interruption, whose insured value is not known there."""
    stepped = records.number(f.STEP_TRIGGER_TYPE) > 0
    for amount, type_ in (("PolDed6All", "PolDedType6All"), ("PolLimit6All", "PolLimitType6All")):
        of_value = stepped & (records.number(amount) > 0) & (records.number(type_) == OF_VALUE)
        message = f"counts as 0 beside steps, because {type_} is 2 (share of the insured value)"
        yield from _warn(records, of_value, amount, message, "Give the amount for business interruption")


def _idle_participations(records: Records) -> Iterator[Finding]:
    none = (records.number("LayerParticipation", 1.0) == 0) & (records.number("LayerLimit") == 0)
    idle = none & (records.number("LayerAttachment") == 0)
    message = "is 0 without a limit or an attachment, so that the layer pays the whole loss"
    yield from _warn(records, idle, "LayerParticipation", message, "Give the limit, or leave out the policy")
    ignored = records.number("AccParticipation", 1.0) == 0
    message = "is 0, which is taken as no participation: the account pays its whole loss"
    yield from _warn(records, ignored, "AccParticipation", message, "Give the account's share")


def _layered_account_terms(account: Source) -> Iterator[Finding]:
    """Account terms count once for all layers: those of the first layer."""
    records = account.records
    for level in ACCOUNT_LEVELS:
        names = [name for name in level.fields if name in records.names]
        if not names or not _amounts_given(level, records).any():
            continue
        key = [account.keys[f.ACC_ID], records.text(level.peril_field or "")]
        terms = codes(*key, *(records.number(name, BLANK_MEANS.get(name, 0.0)) for name in names))
        first = np.unique(codes(*key), return_index=True)[1][codes(*key)]
        message = f"or other terms of level {level.name} differ from those of the account's first record, which count"
        yield from _warn(records, terms != terms[first], names[0], message, "Give each record of an account the same")


def _extended_levels(records: Records) -> Iterator[Finding]:
    for level in ACCOUNT_LEVELS[:2]:
        given = _amounts_given(level, records)
        if given.any():
            message = f"is one of the terms of level {level.name}, which the reference toolkit does not apply"
            names = [name for name in level.fields if name in records.names and records.number(name).any()]
            yield from _warn(records, given, names[0], message, "", Severity.NOTE)
