"""Equal tables give equal bytes, whatever lies in memory where they have nulls."""

import pyarrow as pa
import pytest

from oasis_kernel.formats.arrow_bytes import table_bytes


def with_rubbish(kind: pa.DataType, rubbish: object) -> pa.Array:
    """One null, with a value in its place in memory."""
    full = pa.array([rubbish], kind)
    return pa.Array.from_buffers(kind, 1, [pa.py_buffer(b"\0"), *full.buffers()[1:]], null_count=1)


@pytest.mark.parametrize(
    ("kind", "rubbish"),
    [(pa.int64(), 7), (pa.float64(), 7.5), (pa.string(), "seven"), (pa.large_string(), "seven"), (pa.bool_(), True)],
)
def test_what_lies_under_a_null_does_not_count(kind, rubbish):
    nothing = pa.table({"a": pa.array([None], kind)})
    assert table_bytes(pa.table({"a": with_rubbish(kind, rubbish)})) == table_bytes(nothing)
    assert table_bytes(pa.table({"a": pa.array([rubbish], kind)})) != table_bytes(nothing)


def test_a_null_is_not_a_zero():
    assert table_bytes(pa.table({"a": pa.array([None], pa.int64())})) != table_bytes(pa.table({"a": [0]}))


def test_dictionaries_count_as_their_values():
    plain = pa.array(["a", "b", "a", None])
    assert table_bytes(pa.table({"a": plain.dictionary_encode()})) == table_bytes(pa.table({"a": plain}))
