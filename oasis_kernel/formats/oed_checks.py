"""Checks inside one OED table: what must be there, allowed ranges, code lists, dates."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from oasis_kernel.errors import Finding, Severity
from oasis_kernel.formats.oed_codes import CURRENCIES
from oasis_kernel.formats.oed_findings import LISTED, Breach, Rule
from oasis_kernel.formats.oed_schema import Kind, OedField, Standard
from oasis_kernel.model import fields as f

Mask = npt.NDArray[np.bool_]

MISSING_COLUMN = Rule("column_required", "is required by OED and missing", "Add the column.")
MISSING_VALUE = Rule("value_required", "must not be blank", "Fill it in.")
# The number is defined without it (no type is an amount, no peril column is all perils, a blank peril is none),
# so this warns where ods_tools refuses.
CONDITIONAL = Rule("value_conditional", "must be given where other terms need it", severity=Severity.WARNING)
RANGE = Rule("value_range", "must be in range")
PERIL = Rule("peril_code", "must be OED peril codes separated by ';'", "See OED's list of perils (WTC, WSS, WW1 ...).")
OCCUPANCY = Rule("occupancy_code", "must be an OED occupancy code", "1000 is unknown.")
CONSTRUCTION = Rule("construction_code", "must be an OED construction code", "5000 is unknown.")
COUNTRY = Rule("country_code", "must be an OED country code", "Use ISO 3166 alpha-2 (GB, US ...).")
AREA = Rule("area_code", "must be an OED area of its country", "See OED's list of areas.")
CURRENCY = Rule("currency_code", "must be an ISO 4217 currency", "Use three capital letters (GBP, USD ...).")
DATE = Rule("date_format", "must be a date YYYY-MM-DD", "Write 31 December 2026 as 2026-12-31.")
DATES = Rule("dates_inverted", "must not end before it begins", "Exchange the dates, or correct the year.")
VERSION = Rule("oed_version", "must be the same version of OED everywhere", "Give one version per portfolio.")
MIXED = Rule(
    "currency_mixed",
    "holds several currencies, and amounts are added as they stand",
    "Give a reporting currency and rates of exchange.",
    Severity.WARNING,
)

NOT_APPLIED = Rule("term_not_applied", "is not applied", severity=Severity.WARNING)
_BY_YEAR = "Losses are computed event by event: apply it to the losses by period."
_BY_EVENT = "Each event of the model is one occurrence, however long it lasts."
_NO_RULE = "There is no calculation rule for it: leave it blank."
_REPORTING = "Give a reporting currency and rates of exchange instead."
#: Terms of OED that no loss depends on, and what to do instead.
UNAPPLIED: Mapping[Kind, Mapping[str, str]] = {
    "Loc": {"LocParticipation": "Give the share as LayerParticipation or AccParticipation."},
    "Acc": {
        "HoursClause": _BY_EVENT,
        "LayerAggAttachment": _BY_YEAR,
        "LayerAggLimit": _BY_YEAR,
        **dict.fromkeys(("PolSIR", "MinimumTIV", "ScaleFactor", "IsLimitAtDamage"), _NO_RULE),
    },
    "ReinsInfo": {
        **dict.fromkeys(("AggLimit", "AggAttachment", "AggPeriod", "Reinstatement", "ReinstatementCharge"), _BY_YEAR),
        **dict.fromkeys(("OccFranchiseDed", "OccReverseFranchise"), _NO_RULE),
        "DeemedPercentPlaced": "Give the share that is placed as PlacedPercent.",
        "ReinsFXrate": _REPORTING,
    },
}
DATE_FIELDS = (*(date for period in f.PERIODS_OF_COVER for date in period), f.COMPLETION_DATE)


@dataclass(frozen=True)
class Checked:
    """One table of a portfolio with what is needed to check it and to say where something is wrong."""

    part: str  # location, account, ri_info or ri_scope
    file: str
    kind: Kind
    table: pa.Table
    row: npt.NDArray[np.int64]
    known: Mapping[str, OedField]  # by column of the file

    @cached_property
    def _columns(self) -> frozenset[str]:
        return frozenset(self.table.column_names)

    def has(self, name: str) -> bool:
        """Whether the table has the column."""
        return name in self._columns

    def breach(self, rule: Rule, name: str | None, mask: Mask, remedy: str | None = None) -> list[Finding]:
        """Findings for the rows of the mask, with the values of the column."""
        at = np.flatnonzero(mask)
        if not len(at):
            return []
        values = None
        if name is not None and self.has(name):
            values = self.table[name].take(pa.array(at[:LISTED])).to_pylist()
        return Breach(rule, self.file, name, remedy).findings(self.row[at], values)


def check_table(checked: Checked, standard: Standard, business: str) -> Iterator[Finding]:
    """Everything that is wrong inside one table."""
    yield from _required(checked, standard, business)
    yield from _conditional(checked, standard)
    yield from _ranges(checked)
    yield from _codes(checked, standard)
    yield from _areas(checked, standard)
    yield from _dates(checked)
    yield from _versions(checked)
    yield from _unapplied(checked, standard)


def _required(checked: Checked, standard: Standard, business: str) -> Iterator[Finding]:
    present = {known.name for known in checked.known.values()}
    for field in standard.fields(checked.kind).values():
        if field.name not in present:
            if field.is_required(business):
                yield Breach(MISSING_COLUMN, checked.file, field.name).finding()
        elif field.default is None and not field.allows_blank and checked.has(field.name):
            yield from checked.breach(MISSING_VALUE, field.name, _blank(checked.table[field.name]))


def _conditional(checked: Checked, standard: Standard) -> Iterator[Finding]:
    """A given term needs its type, its peril and the like (OED status CR)."""
    needed: dict[str, Mask] = {}
    asking: dict[str, list[str]] = {}
    fields = standard.fields(checked.kind)
    for name, others in standard.conditional(checked.kind).items():
        if not checked.has(name) or name.lower() not in fields:
            continue
        given = _given(checked.table[name], fields[name.lower()])
        if not given.any():
            continue
        for other in others:
            needed[other] = needed[other] | given if other in needed else given
            asking.setdefault(other, []).append(name)
    for other, mask in needed.items():
        remedy = f"It is needed by {', '.join(name for name in asking[other] if name != other)}."
        if not checked.has(other):
            first = int(checked.row[np.flatnonzero(mask)[0]])
            yield Breach(CONDITIONAL, checked.file, other, remedy).finding(row=first)
        elif fields[other.lower()].default is None:  # else a blank means the default
            yield from checked.breach(CONDITIONAL, other, mask & _blank(checked.table[other]), remedy)


def _given(column: pa.ChunkedArray, field: OedField) -> Mask:
    """Where the column says something: not blank, not its default, not 0."""
    if pa.types.is_string(column.type):
        filled = pc.fill_null(column, field.default or "")
        return pc.and_(pc.not_equal(filled, ""), pc.not_equal(filled, field.default or "")).to_numpy()
    default = float(field.default) if field.default is not None else 0.0
    number = pc.fill_null(column.cast(pa.float64()), default)
    return pc.and_(pc.not_equal(number, 0.0), pc.not_equal(number, default)).to_numpy()


def _ranges(checked: Checked) -> Iterator[Finding]:
    by_name = {known.name: known for known in checked.known.values() if known.ranges}
    for name, field in by_name.items():
        if not checked.has(name):
            continue
        number = checked.table[name].cast(pa.float64()).to_numpy()
        outside = ~np.isnan(number)
        for allowed in field.ranges:
            outside &= ~_inside(number, allowed)
        if outside.any():
            yield from checked.breach(RANGE, name, outside, f"Allowed: {_said(field.ranges)}.")


def _inside(number: npt.NDArray[np.float64], allowed: Mapping[str, Any]) -> Mask:
    inside = np.ones(len(number), dtype=bool)
    if allowed.get("min") is not None:
        inside &= number >= allowed["min"]
    if allowed.get("max") is not None:
        inside &= number <= allowed["max"]
    if allowed.get("enum") is not None:
        inside &= np.isin(number, allowed["enum"])
    return inside


def _said(ranges: tuple[Mapping[str, Any], ...]) -> str:
    """``0 to 1, or -999``."""
    parts = []
    for allowed in ranges:
        if allowed.get("enum") is not None:
            parts.append(", ".join(f"{value:g}" for value in allowed["enum"]))
        elif allowed.get("min") is None:
            parts.append(f"at most {allowed['max']:g}")
        elif allowed.get("max") is None:
            parts.append(f"at least {allowed['min']:g}")
        else:
            parts.append(f"{allowed['min']:g} to {allowed['max']:g}")
    return ", or ".join(parts)


def _codes(checked: Checked, standard: Standard) -> Iterator[Finding]:
    def perils_known(text: str) -> bool:
        return all(peril in standard.perils for peril in text.split(";"))

    def date_valid(text: str) -> bool:
        return _day(text) is not None

    rules: list[tuple[str, Rule, Callable[[Any], bool]]] = [
        *((name, PERIL, perils_known) for name in f.PERIL_FIELDS),
        (f.OCCUPANCY_CODE, OCCUPANCY, standard.occupancies.__contains__),
        (f.CONSTRUCTION_CODE, CONSTRUCTION, standard.constructions.__contains__),
        (f.COUNTRY_CODE, COUNTRY, standard.countries.__contains__),
        *((name, CURRENCY, CURRENCIES.__contains__) for name in f.CURRENCY_FIELDS),
        *((name, DATE, date_valid) for name in DATE_FIELDS),
    ]
    for name, rule, accepts in rules:
        if checked.has(name):
            yield from checked.breach(rule, name, _unaccepted(checked.table[name], accepts))


def _unaccepted(column: pa.ChunkedArray, accepts: Callable[[Any], bool]) -> Mask:
    """Where the value is refused; each distinct value is asked about once."""
    encoded = column.combine_chunks().dictionary_encode()
    refused = np.array([not accepts(value) for value in encoded.dictionary.to_pylist()] + [False])
    return refused[pc.fill_null(encoded.indices, len(refused) - 1).to_numpy(zero_copy_only=False)]


def _areas(checked: Checked, standard: Standard) -> Iterator[Finding]:
    if not (checked.has(f.COUNTRY_CODE) and checked.has(f.AREA_CODE)):
        return
    pair = pc.binary_join_element_wise(checked.table[f.COUNTRY_CODE], checked.table[f.AREA_CODE], "\n")

    def known(joined: str) -> bool:
        country, area = joined.split("\n", 1)
        # An unknown country is a finding of its own.
        return country not in standard.countries or (country, area) in standard.country_areas

    yield from checked.breach(AREA, f.AREA_CODE, _unaccepted(pair, known))


def _day(text: str) -> np.datetime64 | None:
    """The day, or None when the text is not YYYY-MM-DD."""
    if len(text) != 10 or text[4] != "-" or text[7] != "-":
        return None
    try:
        return np.datetime64(text, "D")
    except ValueError:
        return None


def _dates(checked: Checked) -> Iterator[Finding]:
    for begin, end in f.PERIODS_OF_COVER:
        if checked.has(begin) and checked.has(end):
            # ISO dates compare as text; malformed ones are findings of their own.
            first, last = checked.table[begin], checked.table[end]
            iso = r"^\d{4}-\d{2}-\d{2}$"
            both = pc.and_(pc.match_substring_regex(first, iso), pc.match_substring_regex(last, iso))
            inverted = pc.fill_null(pc.and_(both, pc.less(last, first)), False)
            yield from checked.breach(DATES, end, inverted.to_numpy())


def _versions(checked: Checked) -> Iterator[Finding]:
    if not checked.has(f.OED_VERSION):
        return
    version = pc.utf8_ltrim(checked.table[f.OED_VERSION], "v")
    distinct = [value for value in version.unique().to_pylist() if value is not None]
    if len(distinct) > 1:
        other = pc.fill_null(pc.not_equal(version, distinct[0]), False).to_numpy()
        yield from checked.breach(VERSION, f.OED_VERSION, other)


def _unapplied(checked: Checked, standard: Standard) -> Iterator[Finding]:
    """One warning for each column of terms that no loss depends on, at its first value."""
    fields = standard.fields(checked.kind)
    for name, remedy in UNAPPLIED.get(checked.kind, {}).items():
        if not checked.has(name) or name.lower() not in fields:
            continue
        given = np.flatnonzero(_given(checked.table[name], fields[name.lower()]))
        if len(given):
            first = int(given[0])
            value = checked.table[name][first].as_py()
            yield Breach(NOT_APPLIED, checked.file, name, remedy).finding(value, int(checked.row[first]))


def _blank(column: pa.ChunkedArray) -> Mask:
    return pc.is_null(column).to_numpy()
