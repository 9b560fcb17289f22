"""Which summary each item or output belongs to, from the OED fields that an analysis asks for."""

import difflib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

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
    perspective: str, set_id: int, oed_fields: Sequence[str], item_map: pa.Table, portfolio: Portfolio
) -> SummarySet:
    """The summary level ``set_id`` of a perspective (gul, il, ri or rl).

    ``item_map`` is the ground-up or financial summary map: rows are items for gul, else outputs. Fields come from
    the map, then from the location (the first row of its loc_id), then from the account (by acc_idx); blanks are 0.
    Summaries are numbered by first appearance, in item or output order; without fields there is one, 1. An item on
    several layers whose summaries differ belongs to that of its last row, as in the reference.

    InvalidInput for a field that none of the files has.
    """
    number = _number_column(perspective, item_map)
    fields = list(dict.fromkeys(oed_fields))
    _check_fields(perspective, set_id, fields, item_map, portfolio)
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
        pa.Table.from_pandas(info, preserve_index=False),
    )


def _number_column(perspective: str, item_map: pa.Table) -> str:
    """The map's column of item numbers (gul) or output numbers."""
    if perspective != "gul":
        return "output_id"
    return "agg_id" if "agg_id" in item_map.schema.names else "item_id"


def _check_fields(
    perspective: str, set_id: int, fields: Sequence[str], item_map: pa.Table, portfolio: Portfolio
) -> None:
    known = {PROPERTY_DAMAGE, *(set(MAP_FIELDS) & set(item_map.schema.names))}
    for table in (portfolio.location, portfolio.account):
        known.update(table.schema.names if table is not None else ())
    findings = [
        Finding(
            "analysis settings",
            "must be a field of the location or account file",
            field=f"{perspective}_summaries, id {set_id}, oed_fields:",
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
    """Add to ``rows`` the fields that the map does not have, and fill blanks with 0."""
    for field in fields:
        if field == PROPERTY_DAMAGE:
            rows[field] = rows["coverage_type_id"].isin(PROPERTY_DAMAGE_COVERAGES)
        elif field not in rows:
            rows[field] = _oed_column(rows, field, portfolio)
        rows[field] = _fill_blanks(rows[field])


def _oed_column(rows: pd.DataFrame, field: str, portfolio: Portfolio) -> npt.NDArray[np.generic]:
    """The field of each row's location, or of its account row."""
    subject = portfolio.location if portfolio.location is not None else portfolio.account
    assert subject is not None, "a portfolio has locations or accounts"
    if field in subject.schema.names:
        identity = "loc_id" if "loc_id" in subject.schema.names else "acc_id"
        source = subject.select([identity, field]).to_pandas().drop_duplicates(identity).set_index(identity)[field]
        return source.reindex(rows["loc_id"]).array
    account = portfolio.account
    assert account is not None, "a field that is not the location's is the account's"
    return account.select(["acc_idx", field]).to_pandas().set_index("acc_idx")[field].reindex(rows["acc_idx"]).array


def _fill_blanks(column: pd.Series) -> pd.Series:
    """Blanks as 0: the text 0 in a text column."""
    text = not pd.api.types.is_numeric_dtype(column)
    return column.fillna("0" if text else 0)


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
