"""Term rows: the distinct terms that a level's records hold, before they meet the items."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from oasis_kernel.model import fields as f
from oasis_kernel.model.exposure import Float64, Int64
from oasis_kernel.prepare.terms.keys import codes
from oasis_kernel.prepare.terms.levels import (
    ABSENT_MEANS,
    AMOUNTS,
    BLANK_MEANS,
    CODES,
    DEDUCTIBLE,
    DEDUCTIBLE_TYPE,
    LIMIT,
    LIMIT_TYPE,
    MAXIMUM_DEDUCTIBLE,
    MINIMUM_DEDUCTIBLE,
    Level,
    TermGroup,
)
from oasis_kernel.prepare.terms.records import Records
from oasis_kernel.prepare.terms.sources import Source

BASE_TERMS = (*AMOUNTS, *CODES)

#: Amounts that are divided by the number of risks, and the type that says whether they are amounts.
_PER_RISK = {
    DEDUCTIBLE: DEDUCTIBLE_TYPE,
    MINIMUM_DEDUCTIBLE: DEDUCTIBLE_TYPE,
    MAXIMUM_DEDUCTIBLE: DEDUCTIBLE_TYPE,
    LIMIT: LIMIT_TYPE,
}


@dataclass(frozen=True)
class TermRows:
    """One row per distinct terms of (key, layer, policy, filter).

    ``rows`` columns: the level's join keys, ``layer``, ``policy``, ``filter`` (text, if the level has one), ``cover``
    (what an item is joined by: see ``cover_of``), ``group`` (row of ``coverages``), ``stepped``, ``record`` (the first
    of the source's), and the terms.
    """

    source: Source
    rows: pd.DataFrame
    join: tuple[str, ...]
    terms: tuple[str, ...]
    cover_of: Mapping[int, int]  # coverage type -> cover
    coverages: tuple[tuple[int, ...], ...]  # by group
    peril_field: str | None


def extract_terms(level: Level, source: Source, divide_by_risk: bool) -> TermRows | None:
    """The level's terms, or None when no record has one.

    All the records of a key count as soon as one of them has an amount: a layer without terms is a layer still.
    """
    join = tuple(name for name in level.key if name in source.keys)
    per_risk = _risks(source.records) if divide_by_risk and "risk_id" in level.key else None
    frames = []
    for number, group in enumerate(level.groups):
        chosen = _with_amounts(group, source, join)
        if chosen.any():
            terms = _terms_of(group, source.records, per_risk)
            frame = pd.DataFrame({name: column[chosen] for name, column in terms.items()})
            frames.append(described(frame, source, np.flatnonzero(chosen), join, number))
    if not frames:
        return None
    rows = pd.concat(frames, ignore_index=True)
    rows, peril_field = with_filter(rows, level, source)
    return TermRows(
        source=source,
        rows=distinct(rows),
        join=join,
        terms=BASE_TERMS,
        cover_of={coverage: number for number, group in enumerate(level.groups) for coverage in group.coverages},
        coverages=tuple(group.coverages for group in level.groups),
        peril_field=peril_field,
    )


def described(
    terms: pd.DataFrame, source: Source, records: Int64, join: Sequence[str], group: int, stepped: bool = False
) -> pd.DataFrame:
    """Terms with what they are joined by; ``records`` are the source's behind each row."""
    for name in join:
        terms[name] = source.keys[name][records]
    return terms.assign(
        layer=source.layer[records],
        policy=source.policy[records],
        cover=group,
        group=group,
        stepped=stepped,
        record=records,
    )


def with_filter(rows: pd.DataFrame, level: Level, source: Source) -> tuple[pd.DataFrame, str | None]:
    """The rows with their peril filter, and its field: None where the file has no such column."""
    if level.peril_field is None or level.peril_field not in source.records.names:
        return rows, None
    return rows.assign(filter=source.records.text(level.peril_field)[rows["record"]]), level.peril_field


def distinct(rows: pd.DataFrame) -> pd.DataFrame:
    """The first of equal rows, whichever record they are from."""
    return rows.drop_duplicates([name for name in rows.columns if name != "record"], ignore_index=True)


def _with_amounts(group: TermGroup, source: Source, join: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Records whose key has an amount of the group that is a term."""
    given = np.zeros(len(source), bool)
    for term, field in group.fields.items():
        if term in AMOUNTS and field in source.records.names:
            given |= source.records.number(field, BLANK_MEANS.get(field, 0.0)) != ABSENT_MEANS.get(term, 0.0)
    if not given.any():
        return given
    key = codes(*(source.keys[name] for name in join))
    chosen: npt.NDArray[np.bool_] = np.isin(key, key[given])
    return chosen


def base_terms(fields: Mapping[str, str], records: Records) -> dict[str, Float64]:
    """Every base term of the records, 0 for those that no field holds.

    A blank is not the same as a missing column: a blank period of indemnity is a year, a missing one is no limit.
    """
    return {
        term: _column(records, term, fields[term]) if term in fields else np.zeros(len(records)) for term in BASE_TERMS
    }


def _column(records: Records, term: str, field: str) -> Float64:
    blank = BLANK_MEANS.get(field, 0.0)
    if term in AMOUNTS and field not in records.names:
        return np.full(len(records), ABSENT_MEANS.get(term, 0.0))
    return records.number(field, blank)


def _terms_of(group: TermGroup, records: Records, risks: Float64 | None) -> dict[str, Float64]:
    terms = base_terms(group.fields, records)
    if risks is not None:
        for amount, type_ in _PER_RISK.items():
            terms[amount] = np.where(terms[type_] == 0, terms[amount] / risks, terms[amount])
    return terms


def _risks(records: Records) -> Float64:
    """The number of risks of each location: its buildings, when it is an aggregate of them."""
    buildings = np.maximum(records.number(f.NUMBER_OF_BUILDINGS, 1.0), 1.0)
    return np.where(records.number(f.IS_AGGREGATE) == 0, 1.0, buildings)
