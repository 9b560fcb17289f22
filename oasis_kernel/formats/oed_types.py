"""Columns as they were read to columns of the standard's types; what cannot be converted is a finding."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oasis_kernel.errors import Finding, InvalidInput, Severity
from oasis_kernel.formats.oed_file import BLANKS, RawTable
from oasis_kernel.formats.oed_findings import Breach, Rule
from oasis_kernel.formats.oed_schema import INTERNAL, Kind, OedField, Standard
from oasis_kernel.model import fields as f

NUMBER = Rule("number", "must be a finite number", "Write plain digits with a decimal point, or leave it blank.")
INTEGER = Rule("integer", "must be a whole number", "Write plain digits, or leave it blank.")
KIND_OF_COLUMN = Rule("column_type", "has a Parquet type that cannot be read", "Store the column as text or number.")

_NUMBER_PATTERN = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_EXACT_IN_FLOAT = 2.0**53


class TypedColumns:
    """The columns of one raw table as Arrow arrays of OED types; ``findings`` grows as they are read."""

    def __init__(self, raw: RawTable, kind: Kind, standard: Standard):
        self.raw, self.findings = raw, list(raw.findings)
        self.known = standard.field_of(kind, raw.table.column_names)
        self._names = standard.names_of(kind, raw.table.column_names)

    def table(self) -> pa.Table:
        """The typed table under OED names; each column's metadata holds the value OED gives a blank."""
        pairs = list(self._columns())
        return pa.Table.from_arrays([column for _, column in pairs], schema=pa.schema([field for field, _ in pairs]))

    def _columns(self) -> Iterator[tuple[pa.Field, pa.ChunkedArray]]:
        for name, written in zip(self._names, self.raw.table.column_names, strict=True):
            known = self.known.get(written)
            if known is None:
                internal = INTERNAL.get(name)
                arrow = pa.string() if internal is None else f.ARROW[internal.dtype]
                metadata = None
            else:
                arrow = known.type
                default = known.default or ("" if pa.types.is_string(arrow) else None)
                metadata = None if default is None else {f.DEFAULT_METADATA: default.encode()}
            column = _plain(self.raw.table[written])
            yield pa.field(name, arrow, metadata=metadata), self._converted(column, arrow, name)

    def _converted(self, column: pa.ChunkedArray, arrow: pa.DataType, name: str) -> pa.ChunkedArray:
        try:
            if pa.types.is_string(arrow):
                return _text(column)
            return self._number(column, arrow, name)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            finding = Breach(KIND_OF_COLUMN, self.raw.file, name).finding(f"{column.type}: {error}")
            raise InvalidInput([*self.findings, finding]) from error

    def _number(self, column: pa.ChunkedArray, arrow: pa.DataType, name: str) -> pa.ChunkedArray:
        if pa.types.is_integer(arrow):
            try:
                return column.cast(pa.int64()).cast(arrow)
            except pa.ArrowInvalid:
                return self._integer(column, self._float(column, name), arrow, name)
        return self._float(column, name)

    def _float(self, column: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
        """float64 values, null where the text is not a finite number."""
        if not pa.types.is_string(column.type):
            number = column.cast(pa.float64())
            bad = pc.and_(pc.is_valid(number), pc.invert(pc.or_kleene(pc.is_finite(number), pc.is_nan(number))))
            number = pc.if_else(pc.is_nan(number), None, number)
        else:
            trimmed = pc.utf8_trim_whitespace(column)
            number = _parsed(trimmed)
            bad = pc.and_(pc.is_valid(column), pc.invert(pc.fill_null(pc.is_finite(number), False)))
        return self._without(bad, number, column, Breach(NUMBER, self.raw.file, name))

    def _integer(
        self, column: pa.ChunkedArray, number: pa.ChunkedArray, arrow: pa.DataType, name: str
    ) -> pa.ChunkedArray:
        """Whole numbers of the type ``arrow``, null where the value is none or does not fit."""
        limit = min(2.0 ** (arrow.bit_width - 1), _EXACT_IN_FLOAT)
        whole = pc.and_(pc.equal(pc.floor(number), number), pc.less(pc.abs(number), limit))
        bad = pc.and_(pc.is_valid(number), pc.invert(pc.fill_null(whole, True)))
        return self._without(bad, number, column, Breach(INTEGER, self.raw.file, name)).cast(arrow)

    def _without(
        self, bad: pa.ChunkedArray, number: pa.ChunkedArray, column: pa.ChunkedArray, breach: Breach
    ) -> pa.ChunkedArray:
        if not pc.any(bad).as_py():
            return number
        at = np.flatnonzero(bad.to_numpy())
        self.findings += breach.findings(self.raw.row[at], column.take(pa.array(at[:20])).to_pylist())
        return pc.if_else(bad, None, number)


def _parsed(text: pa.ChunkedArray) -> pa.ChunkedArray:
    """Text to float64, null where it does not parse."""
    try:
        return text.cast(pa.float64())
    except pa.ArrowInvalid:
        # Only a file with a bad number pays for the pattern.
        fits = pc.match_substring_regex(text, _NUMBER_PATTERN)
        return pc.if_else(fits, text, None).cast(pa.float64())


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The column without dictionaries or large types; blanks of any spelling as null."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_large_string(column.type) or pa.types.is_string_view(column.type):
        column = column.cast(pa.string())
    if pa.types.is_null(column.type):
        column = column.cast(pa.string())
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.int32())
    if pa.types.is_string(column.type):
        blank = pc.is_in(column, value_set=pa.array(BLANKS))
        if pc.any(blank).as_py():
            column = pc.if_else(blank, None, column)
    return column


def _text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The column as text: dates as YYYY-MM-DD, numbers as Python writes them (what ods_tools does)."""
    if pa.types.is_string(column.type):
        return column
    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        return pc.strftime(column.cast(pa.timestamp("s")), format="%Y-%m-%d")
    if pa.types.is_floating(column.type):
        # Arrow writes 1.0 as "1"; group ids hash the text, and the reference has "1.0".
        values = [None if value is None or value != value else repr(value) for value in column.to_pylist()]
        return pa.chunked_array([pa.array(values, pa.string())])
    return column.cast(pa.string())


def column_rules(columns: TypedColumns, fields: list[OedField]) -> list[Finding]:
    """A finding for each column that the standard does not know.

    A name that is nearly one of the standard's is an error: a misspelt term would be lost without a word.
    """
    import difflib

    present = {known.name.lower() for known in columns.known.values()}
    absent = {field.name.lower(): field.name for field in fields if field.name.lower() not in present}
    findings = []
    for column in columns.raw.table.column_names:
        if column in columns.known or column.strip() in INTERNAL:
            continue
        near = difflib.get_close_matches(column.strip().lower(), absent, n=1, cutoff=0.92)
        rule = MISSPELT if near else UNKNOWN
        remedy = f"Did you mean {absent[near[0]]}?" if near else None
        findings.append(Breach(rule, columns.raw.file, column, remedy).finding(row=1))
    return findings


MISSPELT = Rule("column_misspelt", "is not an OED field, but nearly one")
UNKNOWN = Rule(
    "column_unknown",
    "is not an OED field and changes no loss",
    "Call it FlexiLoc... or FlexiAcc... to keep it without this warning.",
    Severity.WARNING,
)
