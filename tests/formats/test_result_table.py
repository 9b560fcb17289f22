"""Rows and columns of a result table beside what plain Python makes of the same rows."""

import operator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.parquet as parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oasis_kernel.errors import InvalidInput
from oasis_kernel.formats.result_table import Condition, ResultTable, Selection, parse_where

ROWS = 150_000  # more than one batch
TWINS = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@pytest.fixture(scope="module", params=["csv", "parquet"])
def table(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[ResultTable, pa.Table]:
    """A table of each format, and what is in it."""
    number = np.arange(ROWS)
    columns = {
        "EventId": (number // 10).astype(np.int32),
        "SummaryId": np.ones(ROWS, np.int32),
        "SampleId": (number % 10).astype(np.int32),
        "Loss": (number * 0.25).astype(np.float32),
        "ImpactedExposure": np.zeros(ROWS, np.float32),
    }
    whole = pa.table(columns)
    path: Path = tmp_path_factory.mktemp("table") / f"gul_S1_selt.{request.param}"
    csv.write_csv(whole, path) if request.param == "csv" else parquet.write_table(whole, path)
    return ResultTable(path, "selt"), whole


@settings(max_examples=25, deadline=None)
@given(
    name=st.sampled_from(["EventId", "SampleId", "Loss"]),
    sign=st.sampled_from(sorted(TWINS)),
    value=st.integers(-5, 16_000) | st.floats(-5, 40_000, width=32),
    offset=st.integers(0, ROWS + 5),
    limit=st.integers(1, ROWS) | st.none(),
)
def test_a_selection_is_what_a_loop_finds(
    table: tuple[ResultTable, pa.Table], name: str, sign: str, value: float, offset: int, limit: int | None
) -> None:
    found, whole = table
    column = whole[name].to_numpy()
    meets = TWINS[sign](column, np.float32(value) if name == "Loss" else value)
    rows = np.flatnonzero(meets)[offset : None if limit is None else offset + limit]
    where = (Condition(name, sign, repr(value)),)
    chosen = found.table(Selection(("SampleId", "EventId"), where, offset, limit))
    assert chosen.column_names == ["SampleId", "EventId"]
    assert np.array_equal(chosen["EventId"].to_numpy(), whole["EventId"].to_numpy()[rows])
    assert np.array_equal(chosen["SampleId"].to_numpy(), whole["SampleId"].to_numpy()[rows])
    assert found.count(where) == meets.sum()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("  ", []),
        ("EventId>10", [("EventId", ">", "10")]),
        ("EventId >= 10 and Loss<5.5", [("EventId", ">=", "10"), ("Loss", "<", "5.5")]),
        ("a='x AND y' AND b = -1e3", [("a", "=", "x AND y"), ("b", "=", "-1e3")]),
        ("a='it''s'", [("a", "=", "it's")]),
        ('a="b"', [("a", "=", "b")]),
        ("and=1 AND or!=2", [("and", "=", "1"), ("or", "!=", "2")]),
    ],
)
def test_conditions_are_read(text: str, expected: list[tuple[str, str, str]]) -> None:
    found = parse_where(text)
    assert [(one.column, one.operator, one.value) for one in found] == expected


@pytest.mark.parametrize("text", ["x", "=1", "a=", "a=1 b=2", "a=1 AND", "a=1 OR b=2", "a~1", "a=='", "a in (1)"])
def test_what_is_no_condition_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(InvalidInput, match="Write, for example"):
        parse_where(text)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(InvalidInput):
        assert all(one.column and one.operator for one in parse_where(text))


def test_unknown_columns_and_values_name_what_there_is(table: tuple[ResultTable, pa.Table]) -> None:
    found, _ = table
    with pytest.raises(InvalidInput, match=r"Did you mean EventId\? It has EventId, SummaryId"):
        found.count(parse_where("Eventid=1"))
    with pytest.raises(InvalidInput, match="must compare with a value of type int32, got 'one'"):
        found.count(parse_where("EventId=one"))
    with pytest.raises(InvalidInput, match="must name a column"):
        found.selected_schema(Selection(("Nothing",)))
    for value in ("9" * 40, "1e999", "nan", "-inf"):
        found.table(Selection((), parse_where(f"Loss>{value}"), 0, 1))
