"""Steps about columns: join a table, pivot, prepare, bin, tag."""

import json
import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from model_plugins.oasis_standard.lookup.frame import Context, Step, find_column, is_blank, set_ids

LOG = logging.getLogger(__name__)

#: File types a step may name, as pandas' readers are called. Pickles are left out: they run code when read.
FILE_TYPES = ("csv", "parquet", "feather", "json", "excel", "table", "fwf", "orc")


def read_table(context: Context, file_path: str, file_type: str, options: dict[str, Any]) -> pd.DataFrame:
    """The step's table with its columns in lower case, read by pandas with the step's own reading options."""
    if file_type.lower() not in FILE_TYPES:
        raise context.refusal("has an unknown file_type", value=file_type, remedy=f"One of {', '.join(FILE_TYPES)}")
    path = context.existing(file_path)
    try:
        table: pd.DataFrame = getattr(pd, f"read_{file_type.lower()}")(path, **options)
    except (TypeError, ValueError, OSError) as error:
        raise context.refusal(
            f"cannot read {path.name}: {error}", remedy="Check the file and the step's reading options"
        ) from error
    return table.rename(columns={column: str(column).lower() for column in table.columns})


def merge(
    context: Context, file_path: str, id_columns: Sequence[str] | str = (), file_type: str = "csv", **options: Any
) -> Step:
    """A step: the table joined on every column it shares with the locations, rows without a partner kept.

    Several partners multiply a row; ids without a partner are unknown.
    """
    table = read_table(context, file_path, file_type, options)
    ids = [id_columns] if isinstance(id_columns, str) else list(id_columns)

    def join(frame: pd.DataFrame) -> pd.DataFrame:
        spelt = {str(column).lower(): column for column in frame.columns if str(column).lower() in table.columns}
        if not spelt:
            raise context.refusal(
                f"has nothing to join on: {file_path} has {', '.join(table.columns)}, "
                f"the locations {', '.join(sorted(map(str, frame.columns)))}",
                remedy="Name the table's key columns in the step's columns",
            )
        right = table.rename(columns=spelt)
        for column in spelt.values():
            if _text_meets_numbers(context, frame[column], right[column], file_path):
                frame, right = frame.astype({column: "object"}), right.astype({column: "object"})
        joined = frame.merge(right, how="left", on=list(spelt.values()))
        return set_ids(joined, ids, context)

    return join


def _text_meets_numbers(context: Context, left: pd.Series, right: pd.Series, file_path: str) -> bool:
    """Whether the locations' text is joined with a table's numbers: no row can match, which the log says.

    The standard lets that pass (a later step may find the id), and refuses the other way round.
    """
    left, right = left.dropna().infer_objects(), right.dropna().infer_objects()
    numeric = pd.api.types.is_numeric_dtype(left), pd.api.types.is_numeric_dtype(right)
    if left.empty or right.empty or numeric[0] == numeric[1]:
        return False
    kinds = ["numbers" if number else "text" for number in numeric]
    words = f"joins {left.name!r}, which is {kinds[0]} in the locations and {kinds[1]} in {file_path}"
    remedy = 'Give the type to the reader, e.g. "dtype": {"' + str(right.name) + '": "str"}'
    if numeric[0]:
        raise context.refusal(words, remedy=remedy)
    LOG.warning("%s: step %r %s: no row can match. %s", context.source, context.step, words, remedy)
    return True


def simple_pivot(context: Context, pivots: list[dict[str, Any]], remove_pivoted_col: bool = True) -> Step:
    """A step: one copy of the locations for each pivot, one below the other, with columns renamed or added.

    A pivot has ``on`` {old name: new name} and ``new_cols`` {name: value}.
    """

    def pivot(frame: pd.DataFrame) -> pd.DataFrame:
        copies, pivoted = [], set()
        for definition in pivots:
            copy = frame.copy()
            for old, new in definition.get("on", {}).items():
                column = context.column(copy, old)
                copy[new] = copy[column]
                pivoted.add(column)
            for name, value in definition.get("new_cols", {}).items():
                copy[name] = value
            copies.append(copy)
        result = pd.concat(copies, ignore_index=True)
        return result.drop(columns=list(pivoted)) if remove_pivoted_col else result

    return pivot


def prepare(context: Context, **columns: dict[str, Any]) -> Step:
    """A step: for each column, in this order: ``default`` for blanks, ``max``, ``min``, ``type`` (a numpy dtype)."""

    def tidy(frame: pd.DataFrame) -> pd.DataFrame:
        for name, wishes in columns.items():
            found = find_column(frame.columns, name)
            if found is None and "default" in wishes:
                frame[name] = wishes["default"]
                found = name
            column = found if found is not None else context.column(frame, name)
            frame[column] = _prepared(context, frame[column], wishes)
        return frame

    return tidy


def _prepared(context: Context, values: pd.Series, wishes: dict[str, Any]) -> pd.Series:
    """One column after its preparations."""
    try:
        if "default" in wishes and is_blank(values).any():
            filled = values.astype("object").mask(is_blank(values), wishes["default"])
            values = filled.infer_objects()
        if "max" in wishes:
            values = values.mask(values > wishes["max"], wishes["max"])
        if "min" in wishes:
            values = values.mask(values < wishes["min"], wishes["min"])
        return values.astype(wishes["type"]) if "type" in wishes else values
    except (TypeError, ValueError) as error:
        raise context.refusal(
            f"cannot prepare {values.name!r}: {error}", remedy="Check default, max, min and type"
        ) from error


def interval_to_index(
    context: Context,
    value_column_name: str,
    sorted_array: list[float] | str,
    index_column_name: str | None = None,
    side: str = "left",
) -> Step:
    """A step: the number of the interval a value falls in; blanks stay blank.

    ``sorted_array`` are the bounds, ascending, or a file with one a line. A value equal to a bound falls below it
    (``left``) or above it (``right``).
    """
    if isinstance(sorted_array, str):
        lines = context.existing(sorted_array).read_text(encoding="utf-8").splitlines()
        bounds = np.array([float(line) for line in lines if line.strip()])
    elif isinstance(sorted_array, list):
        bounds = np.array(sorted_array)
    else:
        raise context.refusal("needs sorted_array to be a list or the path of a file", value=sorted_array)
    if np.any(bounds[1:] < bounds[:-1]):
        raise context.refusal("needs sorted_array ascending", remedy="Sort the bounds")

    def index(frame: pd.DataFrame) -> pd.DataFrame:
        values = frame[context.column(frame, value_column_name)]
        blank = is_blank(values)
        found = pd.Series(np.nan, index=frame.index, dtype="float64")
        found[~blank] = np.searchsorted(bounds, values[~blank].to_numpy(), side=side)  # type: ignore[call-overload]
        name = index_column_name or f"{value_column_name}_idx"
        frame[name] = found if blank.any() else found.astype("int64")
        return frame

    return index


def geog_lookup(
    context: Context,
    geog_scheme: str,
    output_column: str,
    slots: int = 30,
    case_insensitive: bool = True,
    on_missing: str = "null",
) -> Step:
    """A step: the location's name in one geographical scheme, from whichever GeogScheme/GeogName pair holds it.

    The lowest slot wins; locations without the scheme get null, or InvalidInput (``on_missing`` ``error``).
    """
    if on_missing not in ("null", "error"):
        raise context.refusal("needs on_missing to be 'null' or 'error'", value=on_missing)
    target = geog_scheme.upper() if case_insensitive else geog_scheme

    def tag(frame: pd.DataFrame) -> pd.DataFrame:
        resolved = pd.Series(None, index=frame.index, dtype="object")
        for slot in range(1, slots + 1):
            scheme = find_column(frame.columns, f"GeogScheme{slot}")
            name = find_column(frame.columns, f"GeogName{slot}")
            if scheme is None or name is None:
                continue
            given = frame[scheme].astype("string").str.strip()
            given = given.str.upper() if case_insensitive else given
            hit = (given == target).fillna(False).astype(bool) & resolved.isna()
            resolved = resolved.mask(hit, frame[name].astype("object"))
        missing = int(resolved.isna().sum())
        if missing and on_missing == "error":
            raise context.refusal(
                f"finds no GeogScheme {geog_scheme!r} for some locations",
                value=missing,
                remedy="Give the scheme for every location, or set on_missing to 'null'",
            )
        frame[output_column] = resolved
        return frame

    return tag


def model_data(context: Context, columns: list[str]) -> Step:
    """A step: the named columns as one JSON object per row, for models that calculate their own losses."""

    def collect(frame: pd.DataFrame) -> pd.DataFrame:
        chosen = frame[[context.column(frame, name) for name in columns]]
        records = chosen.set_axis(columns, axis=1).astype("object").where(chosen.notna().to_numpy(), None)
        frame["model_data"] = [json.dumps(record, default=str) for record in records.to_dict("records")]
        return frame

    return collect


def dynamic_model_adjustment(context: Context, intensity_adjustment_col: str, return_period_col: str) -> Step:
    """A step: the intensity adjustment and protection standard (in years) of dynamic footprints, from two columns."""

    def adjust(frame: pd.DataFrame) -> pd.DataFrame:
        frame["intensity_adjustment"] = frame[context.column(frame, intensity_adjustment_col)]
        frame["return_period"] = frame[context.column(frame, return_period_col)]
        return frame

    return adjust
