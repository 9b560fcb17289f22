"""Group ids against pandas' own row hash, and against the reference's published numbers."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oasis_kernel.prepare.groups import (
    MISSING_INTEGER,
    combined,
    group_ids,
    hash_column,
    hash_integers,
    hash_text,
)

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@settings(deadline=None)
@given(st.lists(TEXT, min_size=1, max_size=20))
def test_text_hashes_as_pandas_hashes_categories(values: list[str]) -> None:
    expected = pd.util.hash_array(np.array(values, dtype=object), categorize=False)
    np.testing.assert_array_equal(hash_text(pa.array(values, pa.string())), expected)


@settings(deadline=None)
@given(st.lists(st.integers(-(2**31), 2**31 - 1), min_size=1))
@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_integers_hash_as_pandas_hashes_them(dtype: str, values: list[int]) -> None:
    array = np.array(values, dtype=dtype)
    np.testing.assert_array_equal(hash_integers(array), pd.util.hash_array(array))


@settings(deadline=None)
@given(st.lists(st.floats(allow_infinity=False).filter(lambda value: str(value) != "-0.0") | st.none(), min_size=1))
def test_floats_hash_as_pandas_hashes_them(values: list[float | None]) -> None:
    array = np.array([np.nan if value is None else value for value in values])
    column = pa.chunked_array([pa.array(array, from_pandas=True)])
    expected = pd.util.hash_array(np.where(np.isnan(array), np.nan, array))
    np.testing.assert_array_equal(hash_column(column, None), expected)


@settings(deadline=None)
@given(st.lists(st.tuples(TEXT, st.integers(0, 2**40), TEXT), min_size=1, max_size=10))
def test_rows_hash_as_pandas_hashes_frames(rows: list[tuple[str, int, str]]) -> None:
    frame = pd.DataFrame(rows, columns=["a", "b", "c"]).astype({"a": "category", "b": "int64", "c": "category"})
    ours = combined(
        [
            hash_column(pa.chunked_array([pa.array(frame["a"].tolist(), pa.string())]), None),
            hash_integers(frame["b"].to_numpy()),
            hash_column(pa.chunked_array([pa.array(frame["c"].tolist(), pa.string())]), None),
        ]
    )
    np.testing.assert_array_equal(ours, pd.util.hash_pandas_object(frame, index=False).to_numpy())


def test_missing_values_hash_as_in_the_reference() -> None:
    text = hash_column(pa.chunked_array([pa.array(["a", None])]), None)
    np.testing.assert_array_equal(text, pd.util.hash_array(pd.Categorical(["a", None])))
    nullable = pd.array([1, None], dtype="Int64")
    whole = hash_column(pa.chunked_array([pa.array([1, None], pa.int64())]), None)
    np.testing.assert_array_equal(whole, pd.util.hash_array(nullable))
    assert whole[1] == MISSING_INTEGER


def test_blanks_hash_as_their_default() -> None:
    column = pa.chunked_array([pa.array([1000, None], pa.int64())])
    assert np.unique(hash_column(column, "1000")).size == 1
    text = pa.chunked_array([pa.array(["", None])])
    assert np.unique(hash_column(text, "")).size == 1


def test_the_references_example() -> None:
    hashes = [
        hash_text(pa.array(["A11111"])),
        hash_text(pa.array(["10002082046"])),
        hash_integers(np.array([1])),
        hash_text(pa.array(["1"])),
    ]
    assert group_ids(hashes)[0] == 833720067


def test_a_slice_of_a_text_array_hashes_as_the_slice() -> None:
    whole = pa.array(["x", "a long text of many words", "", "ÄÖ"])
    np.testing.assert_array_equal(hash_text(whole.slice(1, 3)), hash_text(whole)[1:])


def test_negative_zero_hashes_as_in_pandas_2() -> None:
    # pandas 3 made it equal to 0; the reference runs on pandas 2.
    assert hash_column(pa.chunked_array([[-0.0]]), None)[0] == 2720858781877447050
