"""Which summary each item or output belongs to, from the OED fields that an analysis asks for."""

import difflib
from collections.abc import Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from oasis_kernel.errors import Finding, InvalidInput
from oasis_kernel.model.exposure import Int32, Int64, Portfolio
from oasis_kernel.model.losses import SummarySet
from oasis_kernel.prepare.terms.keys import codes, encoded, first_of_each, first_rows

#: Columns of the summary map that may be fields, beside those of the OED files.
MAP_FIELDS = (
    "PortNumber", "AccNumber", "LocNumber", "PolNumber", "loc_id", "loc_idx", "acc_idx", "item_id", "layer_id",
    "coverage_id", "peril_id", "agg_id", "output_id", "coverage_type_id", "tiv", "building_id", "risk_id",
)  # fmt: skip
PROPERTY_DAMAGE = "is_property_damage"
PROPERTY_DAMAGE_COVERAGES = (1, 3)  # buildings, contents


def summary_set(
    perspective: str,
    set_id: int,
    oed_fields: Sequence[str],
    item_map: pa.Table,
    portfolio: Portfolio,
    *,
    source: str = "analysis settings",
) -> SummarySet:
    """The summary level ``set_id`` of a perspective (gul, il, ri or rl).

    ``item_map`` is the ground-up or financial summary map: rows are items for gul, else outputs. Fields come from
    the map, then from the location (the first row of its loc_id), then from the account (by acc_idx); blanks have the
    field's OED default, or 0.
    Summaries are numbered by first appearance, in item or output order; without fields there is one, 1. An item on
    several layers whose summaries differ belongs to that of its last row, as in the reference.

    InvalidInput for a field that none of the files has; ``source`` is where the fields were asked for.
    """
    return SummaryRows(item_map, number_column(perspective, item_map), portfolio).summary_set(
        perspective, set_id, oed_fields, source
    )


class SummaryRows:
    """The rows of a summary map by item or output number, for any summary sets of them: what those share is kept."""

    def __init__(self, item_map: pa.Table, number: str, portfolio: Portfolio):
        self._map, self._portfolio = item_map, portfolio
        self._number: Int64 = item_map[number].to_numpy().astype(np.int64)
        if (np.diff(self._number) < 0).any():
            order = np.argsort(self._number, kind="stable")
            self._map, self._number = item_map.take(pa.array(order)), self._number[order]

    def summary_set(self, perspective: str, set_id: int, oed_fields: Sequence[str], source: str) -> SummarySet:
        """One summary level: see ``summary_set``, the function."""
        fields = list(dict.fromkeys(oed_fields))
        _check_fields(f"{perspective}_summaries id {set_id} oed_fields", fields, self._map, self._portfolio, source)
        if fields:
            summary_of_row, info = self._by_fields(fields)
        else:
            summary_of_row = np.ones(len(self._number), np.int32)
            tiv = pd.Series(self._tiv[first_of_each(self._insured)]).sum()
            info = pa.table({"summary_id": pa.array([1]), "_not_set_": ["All-Risks"], "tiv": [tiv]})
        return SummarySet(set_id, perspective, _by_number(self._number, summary_of_row), self._risk_of, info)

    @cached_property
    def _risk(self) -> Int64:
        """The (location, building) of each row, numbered by first appearance."""
        return codes(self._map["loc_id"].to_numpy(), self._map["building_id"].to_numpy())

    @cached_property
    def _risk_of(self) -> Int32:
        return _by_number(self._number, self._risk)

    @cached_property
    def _insured(self) -> Int64:
        """The (location, building, coverage type) of each row: what has an insured value."""
        return codes(self._risk, self._map["coverage_type_id"].to_numpy())

    @cached_property
    def _tiv(self) -> npt.NDArray[np.float64]:
        return self._map["tiv"].to_numpy().astype(np.float64)

    def _by_fields(self, fields: Sequence[str]) -> tuple[Int32, pa.Table]:
        """Each row's summary, and the table of summaries with their insured value."""
        columns = [self._field(field) for field in fields]
        summary = codes(*(column.indices.to_numpy() for column in columns))
        first = first_of_each(summary)
        once = np.zeros(len(summary), bool)
        once[first_of_each(codes(self._insured, summary))] = True
        tiv = pd.Series(np.where(once, self._tiv, 0.0)).groupby(summary).sum().to_numpy()
        values = [column.take(pa.array(first)).dictionary_decode() for column in columns]
        info = pa.table([np.arange(1, len(first) + 1), *values, tiv], names=["summary_id", *fields, "tiv"])
        return (summary + 1).astype(np.int32), info

    def _field(self, field: str) -> pa.DictionaryArray:
        """The field of every row, blanks filled."""
        if field == PROPERTY_DAMAGE:
            column = pc.is_in(self._map["coverage_type_id"], pa.array(PROPERTY_DAMAGE_COVERAGES, pa.int32()))
        elif field in self._map.column_names:
            column = self._map[field]
            column = column.cast(pa.string()) if pa.types.is_null(column.type) else column
            column = pc.fill_null(column, pa.scalar("0").cast(column.type))
        else:
            return self._oed_column(field)
        return encoded(column)

    def _oed_column(self, field: str) -> pa.DictionaryArray:
        """The field of each row's location, or of its account row."""
        location, account = self._portfolio.location, self._portfolio.account
        if location is not None and field in location.schema.names:
            return self._taken(location, field, "loc_id", "loc_id")
        assert account is not None, "a field that is not the location's is the account's"
        if location is None:  # without locations an account is what is at risk, under its own number
            return self._taken(account, field, "acc_id", "loc_id")
        return self._taken(account, field, "acc_idx", "acc_idx")

    def _taken(self, table: pa.Table, field: str, key: str, wanted: str) -> pa.DictionaryArray:
        """The field in the first row of each wanted key, blanks as the OED default, or 0."""
        column = table[field]
        default = (table.schema.field(field).metadata or {}).get(b"oed_default", b"0").decode()
        filled = encoded(pc.fill_null(column, pa.scalar(default).cast(column.type)))
        row = first_rows(table[key].to_numpy(), self._map[wanted].to_numpy())
        return pa.DictionaryArray.from_arrays(filled.indices.take(pa.array(row)), filled.dictionary)


def number_column(perspective: str, item_map: pa.Table) -> str:
    """The map's column of item numbers (gul) or output numbers."""
    if perspective != "gul":
        return "output_id"
    return "agg_id" if "agg_id" in item_map.schema.names else "item_id"


def _check_fields(place: str, fields: Sequence[str], item_map: pa.Table, portfolio: Portfolio, source: str) -> None:
    """InvalidInput with a finding for each field that is not known, or not of these rows."""
    known = {PROPERTY_DAMAGE, *(set(MAP_FIELDS) & set(item_map.schema.names))}
    if portfolio.location is not None:
        known.update(portfolio.location.schema.names)
    of_account = set(portfolio.account.schema.names) if portfolio.account is not None else set()
    if portfolio.location is None or "acc_idx" in item_map.schema.names:
        known |= of_account
    findings = [
        Finding(
            source,
            "must name columns of the location or account file"
            if field not in of_account
            else "must name columns of the location file where losses are not split by account row",
            field=place,
            value=field,
            rule="known summary field",
            remedy=_suggestion(field, known),
        )
        for field in fields
        if field not in known
    ]
    if findings:
        raise InvalidInput(findings)


def _suggestion(field: str, known: set[str]) -> str:
    by_lower = {name.lower(): name for name in sorted(known)}
    close = difflib.get_close_matches(field.lower(), by_lower, n=1)
    return f"Did you mean {by_lower[close[0]]}?" if close else "Remove it, or add the column to the location file"


def _by_number(number: Int64, value: npt.NDArray[np.integer]) -> Int32:
    """``value`` by item or output number, which starts from 1; the last row of a number counts."""
    out = np.full(int(number.max(initial=0)), -1, np.int32)
    out[number - 1] = value
    if (out < 0).any():
        missing = int(np.flatnonzero(out < 0)[0]) + 1
        raise InvalidInput(Finding("summary map", "must number its rows from 1 without a gap", value=f"no {missing}"))
    return out
