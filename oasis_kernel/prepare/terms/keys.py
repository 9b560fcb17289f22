"""Keys as small integers: equal where, and only where, the things they stand for are equal."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from oasis_kernel.model.exposure import Int64


def codes(*columns: npt.ArrayLike) -> Int64:
    """First-appearance numbers (from 0) of the rows' distinct combinations across the columns. Blanks are a value."""
    numbers = _factorized(columns[0])
    for column in columns[1:]:
        more = _factorized(column)
        numbers = _factorized(numbers * (more.max(initial=0) + 1) + more)
    return numbers


def _factorized(column: npt.ArrayLike) -> Int64:
    return pd.factorize(np.asarray(column), use_na_sentinel=False)[0].astype(np.int64)


def shared_codes(left: Sequence[npt.ArrayLike], right: Sequence[npt.ArrayLike]) -> tuple[Int64, Int64]:
    """The rows of two tables in one numbering, by pairs of columns, so that the tables can be joined."""
    both = codes(*(np.concatenate([mine, theirs]) for mine, theirs in zip(left, right, strict=True)))
    length = len(np.asarray(left[0]))
    return both[:length], both[length:]


def first_of_each(numbers: npt.NDArray[np.integer]) -> Int64:
    """The first position of each distinct number, in order of appearance."""
    return np.sort(np.unique(numbers, return_index=True)[1])


def first_rows(known: npt.NDArray[np.integer], wanted: npt.NDArray[np.integer]) -> Int64:
    """The first position of each wanted number among those that are known, -1 where it is not."""
    number, first = np.unique(known, return_index=True)
    if not len(number):
        return np.full(len(wanted), -1)
    at = np.minimum(np.searchsorted(number, wanted), len(number) - 1)
    return np.where(number[at] == wanted, first[at], -1)


def encoded(column: pa.ChunkedArray | pa.Array) -> pa.DictionaryArray:
    """A column as numbers of its distinct values."""
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    return whole if pa.types.is_dictionary(whole.type) else whole.dictionary_encode()


def distinct_rows(*columns: npt.ArrayLike) -> Int64:
    """The first position of each distinct combination of the columns, in order of appearance."""
    rows = pd.DataFrame({number: np.asarray(column) for number, column in enumerate(columns)})
    return np.flatnonzero(~rows.duplicated().to_numpy())


def spans(count: Int64) -> tuple[Int64, Int64]:
    """For rows repeated ``count`` times each: the row behind every repetition, and its place within the row's."""
    row = np.repeat(np.arange(len(count)), count)
    start = np.cumsum(count) - count
    return row, np.arange(len(row)) - start[row]
