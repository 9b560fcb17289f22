"""Which summary each item or output belongs to, from the OED fields that an analysis asks for."""

import difflib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from oasis_kernel.errors import Finding, InvalidInput
from oasis_kernel.model.exposure import Portfolio
from oasis_kernel.model.losses import SummarySet

#: Columns of the summary map that may be fields, beside those of the OED files.
MAP_FIELDS = (
    "PortNumber", "AccNumber", "LocNumber", "PolNumber", "loc_id", "loc_idx", "acc_idx", "item_id", "layer_id",
    "coverage_id", "peril_id", "agg_id", "output_id", "coverage_type_id", "tiv", "building_id", "risk_id",
)  # fmt: skip
PROPERTY_DAMAGE = "is_property_damage"
PROPERTY_DAMAGE_COVERAGES = (1, 3)  # buildings, contents
RISK = ["loc_id", "building_id"]
INSURED_VALUE = [*RISK, "coverage_type_id"]


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
    number = _number_column(perspective, item_map)
    fields = list(dict.fromkeys(oed_fields))
    _check_fields(f"{perspective}_summaries id {set_id} oed_fields", fields, item_map, portfolio, source)
    columns = [
        name for name in {*INSURED_VALUE, "tiv", "loc_idx", "acc_idx", number, *fields} if name in item_map.schema.names
    ]
    rows = item_map.select(columns).to_pandas().sort_values(number, kind="stable", ignore_index=True)
    _join_fields(rows, fields, portfolio)
    if fields:
        summary_of_row, info = _number_summaries(rows, fields)
    else:
        summary_of_row = np.ones(len(rows), np.int32)
        tiv = rows.drop_duplicates(INSURED_VALUE)["tiv"].sum()
        info = pd.DataFrame({"summary_id": [1], "_not_set_": ["All-Risks"], "tiv": [tiv]})
    return SummarySet(
        set_id,
        perspective,
        _by_number(rows[number].to_numpy(), summary_of_row),
        _by_number(rows[number].to_numpy(), rows.groupby(RISK, sort=False).ngroup().to_numpy()),
        _arrow(info),
    )


def _number_column(perspective: str, item_map: pa.Table) -> str:
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


def _join_fields(rows: pd.DataFrame, fields: Sequence[str], portfolio: Portfolio) -> None:
    """Add to ``rows`` the fields that the map does not have; fill blanks of the map's own with 0."""
    for field in fields:
        if field == PROPERTY_DAMAGE:
            rows[field] = rows["coverage_type_id"].isin(PROPERTY_DAMAGE_COVERAGES)
        elif field in rows:
            rows[field] = rows[field].fillna(0 if pd.api.types.is_numeric_dtype(rows[field]) else "0")
        else:
            rows[field] = _oed_column(rows, field, portfolio)


def _oed_column(rows: pd.DataFrame, field: str, portfolio: Portfolio) -> npt.NDArray[np.generic]:
    """The field of each row's location, or of its account row."""
    location, account = portfolio.location, portfolio.account
    if location is not None and field in location.schema.names:
        return _taken(location, field, "loc_id", rows["loc_id"])
    assert account is not None, "a field that is not the location's is the account's"
    if location is None:  # without locations an account is what is at risk, under its own number
        return _taken(account, field, "acc_id", rows["loc_id"])
    return _taken(account, field, "acc_idx", rows["acc_idx"])


def _taken(table: pa.Table, field: str, key: str, wanted: pd.Series) -> npt.NDArray[np.generic]:
    """The field in the first row of each wanted key, blanks as the OED default, or 0."""
    column = table[field]
    default = (table.schema.field(field).metadata or {}).get(b"oed_default", b"0").decode()
    filled = pc.fill_null(column, pa.scalar(default).cast(column.type)).to_pandas()
    first = pd.Series(filled.to_numpy(), index=table[key].to_pandas())
    return first[~first.index.duplicated()].loc[wanted].to_numpy()


def _number_summaries(rows: pd.DataFrame, fields: list[str]) -> tuple[npt.NDArray[np.int32], pd.DataFrame]:
    """Each row's summary, and the table of summaries with their insured value."""
    groups = rows.groupby(fields, sort=False, observed=True)
    summary = np.asarray(groups.ngroup() + 1, np.int32)
    info = rows.loc[~pd.Series(summary).duplicated(), fields].reset_index(drop=True)
    info.insert(0, "summary_id", np.arange(1, len(info) + 1))
    once = ~rows.assign(_summary=summary).duplicated([*INSURED_VALUE, "_summary"])
    info["tiv"] = rows["tiv"].where(once, 0.0).groupby(summary).sum().to_numpy()
    return summary, info


def _by_number(number: npt.NDArray[np.integer], value: npt.NDArray[np.integer]) -> npt.NDArray[np.int32]:
    """``value`` by item or output number, which starts from 1; the last row of a number counts."""
    out = np.full(int(number.max(initial=0)), -1, np.int32)
    out[number - 1] = value
    if (out < 0).any():
        missing = int(np.flatnonzero(out < 0)[0]) + 1
        raise InvalidInput(Finding("summary map", "must number its rows from 1 without a gap", value=f"no {missing}"))
    return out


def _arrow(info: pd.DataFrame) -> pa.Table:
    """The summary-info table with plain strings and without pandas' own metadata."""
    table = pa.Table.from_pandas(info, preserve_index=False)
    plain = [pa.field(f.name, pa.string() if pa.types.is_large_string(f.type) else f.type) for f in table.schema]
    return table.cast(pa.schema(plain))
