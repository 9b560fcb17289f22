"""OED records as arrays: the columns that terms are read from, blanks told from zeros."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from oasis_kernel.errors import Finding, InvalidInput
from oasis_kernel.model.exposure import Float64, Int64

Text = npt.NDArray[np.object_]
HEADER_ROWS = 2  # record 0 of a file is its row 2


@dataclass(frozen=True)
class Records:
    """Records of one OED table. Numbers have NaN for a blank, text has None."""

    file: str
    index: Int64  # 0-based record of the file; a synthesised record has that of the record it stands beside
    numbers: Mapping[str, Float64]
    texts: Mapping[str, Text]

    def __len__(self) -> int:
        return len(self.index)

    @property
    def row(self) -> Int64:
        """The row of each record as a spreadsheet shows it: the header is row 1."""
        return self.index + HEADER_ROWS

    @cached_property
    def names(self) -> frozenset[str]:
        """The columns that the file has."""
        return frozenset(self.numbers) | frozenset(self.texts)

    def number(self, name: str, blank: float = 0.0) -> Float64:
        """A numeric column, blanks filled; all ``blank`` when the file has no such column."""
        if name not in self.numbers:
            return np.full(len(self), blank)
        column = self.numbers[name]
        return np.where(np.isnan(column), blank, column)

    def text(self, name: str, blank: str = "") -> Text:
        """A text column, blanks filled; all ``blank`` when the file has no such column."""
        if name not in self.texts:
            return np.full(len(self), blank, dtype=object)
        column = self.texts[name]
        return np.where(pd.isna(column) | (column == ""), blank, column)

    def take(self, records: npt.NDArray[np.integer] | npt.NDArray[np.bool_]) -> "Records":
        """The given records, in the given order."""
        return Records(
            self.file,
            self.index[records],
            {name: column[records] for name, column in self.numbers.items()},
            {name: column[records] for name, column in self.texts.items()},
        )

    def finding(self, record: int, field: str, message: str, value: object = None, remedy: str = "") -> Finding:
        """An error about one field of one record."""
        return Finding(self.file, message, int(self.row[record]), field, value, "financial_terms", remedy)


def read_records(table: pa.Table, file: str, index: Int64, numbers: Iterable[str], texts: Iterable[str]) -> Records:
    """The named columns that ``table`` has, as arrays. A text column of numbers is read as numbers.

    Raises InvalidInput for text where a number must stand, and for amounts that are infinite or negative.
    """
    present = set(table.column_names)
    found: dict[str, Float64] = {}
    findings: list[Finding] = []
    for name in numbers:
        if name in present:
            found[name], wrong = _numeric(table[name])
            findings += [
                Finding(
                    file,
                    "must be a finite number, and not negative",
                    int(index[record]) + HEADER_ROWS,
                    name,
                    table[name][int(record)].as_py(),
                    "financial_terms",
                    "Correct the value, or leave it blank",
                )
                for record in np.flatnonzero(wrong)[:20]
            ]
    if findings:
        raise InvalidInput(findings)
    return Records(file, index, found, {name: _text(table[name]) for name in texts if name in present})


def _numeric(column: pa.ChunkedArray) -> tuple[Float64, npt.NDArray[np.bool_]]:
    """The column as numbers, and where it holds something that is no amount."""
    series = column.to_pandas()
    blank = series.isna() | (series == "")
    number = pd.to_numeric(series, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    wrong = ~blank.to_numpy(dtype=bool) & ~(np.isfinite(number) & (number >= 0))
    return number, wrong


def _text(column: pa.ChunkedArray) -> Text:
    text: Text = column.cast(pa.string()).to_pandas().to_numpy(dtype=object)
    return text
