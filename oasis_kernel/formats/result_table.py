"""Rows and columns of one result table, read without loading the rest of it.

A condition is ``COLUMN op VALUE``, joined by AND: ``EventId>10 AND SampleType = 2``. Operators are = != < <= > >=.
Text may be quoted ('a AND b'). It is parsed here and pushed to Arrow; nothing of it is ever evaluated as code.
"""

import difflib
import operator
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as csv
import pyarrow.dataset as dataset

from oasis_kernel.errors import Finding, InvalidInput
from oasis_kernel.formats.ord_read import column_types

OPERATORS = {
    "=": operator.eq,
    "==": operator.eq,
    "!=": operator.ne,
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}
_TOKEN = re.compile(
    r"""\s*(?P<column>[^\s<>=!'"]+)\s*(?P<operator>==|!=|<=|>=|[=<>]|[^\w\s'"]+)\s*
    (?P<value>'(?:[^']|'')*'|"(?:[^"]|"")*"|[^\s'"]+)\s*""",
    re.VERBOSE,
)
_AND = re.compile(r"and\b", re.IGNORECASE)
_BATCH_ROWS = 65_536


@dataclass(frozen=True)
class Condition:
    """One comparison of a column with a value, as written."""

    column: str
    operator: str
    value: str


@dataclass(frozen=True)
class Selection:
    """Which columns (all by default) and rows of a table are wanted; ``limit`` None is every row."""

    columns: tuple[str, ...] = ()
    where: tuple[Condition, ...] = ()
    offset: int = 0
    limit: int | None = None


class ResultTable:
    """A result file, CSV or Parquet, that is read a batch at a time."""

    def __init__(self, path: Path, stem: str = ""):
        self._data = dataset.dataset(path, format=_format(path, stem))

    @property
    def schema(self) -> pa.Schema:
        """The columns there are, with their types."""
        return self._data.schema

    def count(self, where: Sequence[Condition] = ()) -> int:
        """How many rows meet the conditions; InvalidInput for a condition that cannot be."""
        return int(self._data.count_rows(filter=expression(where, self.schema)))

    def selected_schema(self, selection: Selection) -> pa.Schema:
        """The selection's columns; InvalidInput names the columns there are when one is not."""
        names = selection.columns or tuple(self.schema.names)
        known_columns(names, self.schema, "columns")
        return pa.schema([self.schema.field(name) for name in names])

    def batches(self, selection: Selection) -> Iterator[pa.RecordBatch]:
        """The selected rows in the file's order. InvalidInput at once, before the first batch is asked for."""
        schema = self.selected_schema(selection)
        scanner = self._data.scanner(
            columns=schema.names,
            filter=expression(selection.where, self.schema),
            batch_size=_BATCH_ROWS,
            batch_readahead=2,
            fragment_readahead=1,
        )
        return _sliced(scanner.to_batches(), selection.offset, selection.limit)

    def table(self, selection: Selection) -> pa.Table:
        """The selected rows at once."""
        return pa.Table.from_batches(self.batches(selection), self.selected_schema(selection))


def parse_where(text: str) -> tuple[Condition, ...]:
    """The conditions of a text; InvalidInput says where it stops being one."""
    conditions: list[Condition] = []
    at = 0
    while text[at:].strip():
        if conditions:
            joined = _AND.match(text, at)
            if joined is None:
                raise InvalidInput(_unreadable(text, at, "must join conditions by AND"))
            at = joined.end()
        found = _TOKEN.match(text, at)
        if found is None:
            raise InvalidInput(_unreadable(text, at, "must be COLUMN op VALUE"))
        if found["operator"] not in OPERATORS:
            raise InvalidInput(_unreadable(text, at, f"must use one of {' '.join(OPERATORS)}"))
        conditions.append(Condition(found["column"], found["operator"], _unquoted(found["value"])))
        at = found.end()
    return tuple(conditions)


def expression(where: Sequence[Condition], schema: pa.Schema) -> pc.Expression | None:
    """The conditions for Arrow, None without any; InvalidInput for an unknown column or a value it cannot have."""
    known_columns([condition.column for condition in where], schema, "where")
    joined: pc.Expression | None = None
    for condition in where:
        value = _literal(condition, schema.field(condition.column).type)
        found = OPERATORS[condition.operator](pc.field(condition.column), value)
        joined = found if joined is None else joined & found
    return joined


def _format(path: Path, stem: str) -> dataset.FileFormat:
    if path.suffix == ".parquet":
        return dataset.ParquetFileFormat()
    convert = csv.ConvertOptions(column_types=column_types(stem), null_values=[""], strings_can_be_null=True)
    return dataset.CsvFileFormat(convert_options=convert)


def _sliced(batches: Iterator[pa.RecordBatch], offset: int, limit: int | None) -> Iterator[pa.RecordBatch]:
    skip, left = offset, limit
    for batch in batches:
        taken = batch.slice(skip, left)
        skip = max(skip - batch.num_rows, 0)
        if taken.num_rows:
            yield taken
        if left is not None:
            left -= taken.num_rows
            if left <= 0:
                return


def _literal(condition: Condition, kind: pa.DataType) -> pa.Scalar:
    """The value in the column's type; a float32 is compared with the float32 that the text is."""
    text = condition.value
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return pa.scalar(text, kind)
    try:
        if pa.types.is_integer(kind) and re.fullmatch(r"[+-]?\d+", text):
            return pa.scalar(int(text), pa.int64())
        if pa.types.is_floating(kind):
            return pa.scalar(float(text), pa.float64()).cast(kind)
        if pa.types.is_integer(kind):
            return pa.scalar(float(text), pa.float64())
        return pa.scalar(text).cast(kind)
    except (ValueError, OverflowError, pa.ArrowException) as error:
        raise InvalidInput(
            Finding(
                "where",
                f"must compare with a value of type {kind}",
                field=condition.column,
                value=text,
                rule="where value",
                remedy="Give a number" if pa.types.is_primitive(kind) else "",
            )
        ) from error


def known_columns(names: Sequence[str], schema: pa.Schema, place: str) -> None:
    """InvalidInput for each name that the table has no column of."""
    unknown = [name for name in dict.fromkeys(names) if name not in schema.names]
    if unknown:
        raise InvalidInput([_no_column(name, schema, place) for name in unknown])


def _no_column(name: str, schema: pa.Schema, place: str) -> Finding:
    close = difflib.get_close_matches(name, schema.names, n=1)
    meant = f"Did you mean {close[0]}? " if close else ""
    return Finding(
        place,
        "must name a column of the table",
        field=name,
        rule="known column",
        remedy=f"{meant}It has {', '.join(schema.names)}",
    )


def _unreadable(text: str, at: int, message: str) -> Finding:
    remedy = "Write, for example, EventId>10 AND SampleType=2; quote text that has spaces"
    return Finding("where", message, value=text[at : at + 60].strip(), rule="where", remedy=remedy)


def _unquoted(text: str) -> str:
    if text[0] in "'\"":
        return text[1:-1].replace(text[0] * 2, text[0])
    return text
