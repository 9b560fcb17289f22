"""Items meet term rows: which join key each item falls under, whether its peril is let through."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from oasis_kernel.errors import Finding, InvalidInput
from oasis_kernel.model.exposure import Int64
from oasis_kernel.prepare.terms.extraction import TermRows
from oasis_kernel.prepare.terms.items import InsuredItems
from oasis_kernel.prepare.terms.keys import codes, shared_codes, spans
from oasis_kernel.prepare.terms.perils import peril_filters

NO_TERMS = -1
LISTED = 20


@dataclass(frozen=True)
class Match:
    """Term rows in join order, and the join key of each item."""

    rows: pd.DataFrame  # term rows by join key, with column ``key``; those of one key in record order
    start: Int64  # [keys + 1] the rows of each join key
    item_key: Int64  # [items] NO_TERMS where nothing applies
    group: Int64  # [keys]
    filter: Int64  # [keys] code of the peril filter; 0 without one


def match_items(terms: TermRows, items: InsuredItems) -> Match:
    """The term rows that apply to each item.

    Raises InvalidInput when the terms of an item are ambiguous: under two peril filters, or as a step and not as one.
    """
    rows = _by_peril(terms, items)
    filtered = "filter" in rows
    mine = [items.keys[name] for name in terms.join] + [_cover(terms, items)]
    theirs = [rows[name].to_numpy() for name in terms.join] + [rows["cover"].to_numpy()]
    if filtered:
        mine, theirs = [*mine, items.peril], [*theirs, rows["peril"].to_numpy()]
    item_code, row_code = shared_codes(mine, theirs)
    distinct, key = np.unique(row_code, return_inverse=True)
    order = np.argsort(key, kind="stable")
    rows = rows.iloc[order].assign(key=key[order]).reset_index(drop=True)
    start = np.searchsorted(rows["key"].to_numpy(), np.arange(len(distinct) + 1))
    place = np.minimum(np.searchsorted(distinct, item_code), max(len(distinct) - 1, 0))
    known = distinct[place] == item_code if len(distinct) else np.zeros(len(items), bool)
    filter_code = codes(rows["filter"].to_numpy()) if filtered else np.zeros(len(rows), np.int64)
    group = rows["group"].to_numpy()
    _check_unique(terms, rows, start, filter_code, group)
    return Match(
        rows=rows,
        start=start,
        item_key=np.where(known, place, NO_TERMS),
        group=group[start[:-1]],
        filter=filter_code[start[:-1]],
    )


def _cover(terms: TermRows, items: InsuredItems) -> Int64:
    """What each item's coverage is joined by; -1 where the level has no terms for it."""
    table = np.full(int(max([*terms.cover_of, *items.coverage.tolist()[:0], 0])) + 1, -1)
    for coverage, cover in terms.cover_of.items():
        table[coverage] = cover
    inside = items.coverage < len(table)
    return np.where(inside, table[np.where(inside, items.coverage, 0)], -1)


def _by_peril(terms: TermRows, items: InsuredItems) -> pd.DataFrame:
    """Each row once for every item peril that its filter lets through, with column ``peril``."""
    rows = terms.rows
    if "filter" not in rows:
        return rows
    filter_code, filters = pd.factorize(rows["filter"])
    place = Finding(terms.source.records.file, "", field=terms.peril_field, rule="peril_code")
    through = peril_filters(list(filters), items.perils, place)
    row, _ = spans(through.sum(axis=1)[filter_code])
    peril = np.nonzero(through[filter_code])[1]
    return rows.iloc[row].assign(peril=peril).reset_index(drop=True)


def _check_unique(terms: TermRows, rows: pd.DataFrame, start: Int64, filter_code: Int64, group: Int64) -> None:
    key = rows["key"].to_numpy()
    first = start[key]
    ambiguous = np.flatnonzero((filter_code != filter_code[first]) | (group != group[first]))
    if not len(ambiguous):
        return
    records = terms.source.records
    seen = pd.Series(rows["record"].to_numpy()[ambiguous]).drop_duplicates().index[:LISTED]
    raise InvalidInput(
        records.finding(
            int(rows["record"].iloc[ambiguous[place]]),
            terms.peril_field or "StepTriggerType",
            "overlaps that of other terms for the same coverage in row "
            f"{records.row[rows['record'].iloc[first[ambiguous[place]]]]}, so that it is not clear which apply",
            rows["filter"].iloc[ambiguous[place]] if terms.peril_field else None,
            "Give terms of one node the same filter, or filters that have no peril in common",
        )
        for place in seen
    )
