"""What each account brings to a run's losses, as a hash: accounts of one hash lose the same in every event.

Numbers that follow from an account's place in the portfolio (of items, coverages, rows) are taken relative to the
account, so that others can be added before it. Hashes have 64 bits: that a changed account keeps its hash has, among a
million accounts, a chance below one in ten million million.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from oasis_kernel.model import fields as f
from oasis_kernel.model.exposure import Int32, Int64, Items, Portfolio, PreparedExposure, UInt64
from oasis_kernel.model.losses import SummarySet
from oasis_kernel.prepare.groups import combined, hash_column, hash_integers, mixed
from oasis_kernel.prepare.terms.keys import codes, shared_codes

#: Fields of items that follow from how items are numbered; of tables, from how rows are.
NUMBERED = ("coverage_id", "source_item_id", "section_id")
ROW_NUMBERS = ("loc_id", "loc_idx", "acc_id", "acc_idx")


@dataclass(frozen=True)
class AccountHashes:
    """The accounts of a portfolio that have items or rows: ``hash[a]`` of account a, ``of_item[k]`` of item k + 1."""

    of_item: Int32
    hash: UInt64


@dataclass(frozen=True)
class Level:
    """A summary set, and the item or output number and location row of each row of the map it was made of."""

    summaries: SummarySet
    number: Int64
    location_row: Int64


def account_hashes(
    portfolio: Portfolio, exposure: PreparedExposure, levels: Sequence[Level], *, terms: bool
) -> AccountHashes:
    """The hashes of the accounts; ``terms``: whether what the tables say of terms is part of the losses.

    ValueError for a portfolio without locations.
    """
    if portfolio.location is None:
        raise ValueError("accounts are compared by their locations")
    of_location, of_account_row, accounts = _accounts(portfolio)
    of_item = of_location[exposure.item_map["loc_idx"].to_numpy()]
    parts = [_of_rows(of_item, _item_rows(exposure, of_item), accounts)]
    for level in levels:
        account, rows = _level_rows(level, of_location)
        parts.append(_of_rows(account, rows, accounts))
    if terms:
        parts.append(_of_rows(of_location, table_rows(portfolio.location), accounts))
        if portfolio.account is not None:
            parts.append(_of_rows(of_account_row, table_rows(portfolio.account), accounts))
    return AccountHashes(of_item.astype(np.int32), combined(parts))


def _accounts(portfolio: Portfolio) -> tuple[Int64, Int64, int]:
    """The account number of each location row and of each account row, and how many accounts there are."""
    assert portfolio.location is not None
    of_location = [portfolio.location[name].to_numpy() for name in f.ACCOUNT_KEY]
    table = portfolio.account
    of_account = [np.empty(0, object) if table is None else table[name].to_numpy() for name in f.ACCOUNT_KEY]
    left, right = shared_codes(of_location, of_account)
    return left, right, int(max(left.max(initial=-1), right.max(initial=-1))) + 1


def _item_rows(exposure: PreparedExposure, account: Int64) -> UInt64:
    """The hash of each item; its coverage, its risk and its source by their places in the account."""
    items, coverages, rows = exposure.items, exposure.coverages, exposure.item_map
    place = _places(account)
    coverage = items.coverage_id - 1
    risk = codes(rows["loc_id"].to_numpy(), rows["building_id"].to_numpy())
    source = np.where(items.source_item_id > 0, place[items.source_item_id - 1], -1)
    columns = [getattr(items, field.name) for field in fields(Items) if field.name not in NUMBERED]
    columns += [_first_place(coverage, place), _first_place(risk, place), source]
    columns += [coverages.tiv[coverage], coverages.coverage_type[coverage]]
    return combined([hash_integers(_bits(column)) for column in columns])


def _first_place(number: npt.NDArray[np.integer], place: Int64) -> Int64:
    """The place of the first row that has the number of each row."""
    first = np.empty(int(number.max(initial=-1)) + 1, np.int64)
    first[number[::-1]] = place[::-1]  # the last that is written is the first row's
    return first[number]


def _level_rows(level: Level, of_location: Int64) -> tuple[Int64, UInt64]:
    """The account of each item or output of a level, and the hash of the summary it belongs to."""
    summary_of = level.summaries.summary_of
    account = np.zeros(len(summary_of), np.int64)
    account[level.number - 1] = of_location[level.location_row]
    return account, summary_hashes(level.summaries)[summary_of - 1]


def summary_hashes(summaries: SummarySet) -> UInt64:
    """The hash of each summary of a set, by its number - 1: of its fields' values, whatever its number."""
    info: pa.Table = summaries.info
    return table_rows(info, without=("summary_id", "tiv"))


def table_rows(table: pa.Table, without: Sequence[str] = ROW_NUMBERS) -> UInt64:
    """The hash of each row of a table, but for some columns."""
    names = [name for name in table.column_names if name not in without]
    heading = hash_column(pa.chunked_array([pa.array(names, pa.string())]), None)
    rows = np.full(table.num_rows, 1, np.uint64)
    for name, place in zip(names, heading, strict=True):
        rows = mixed(rows ^ (hash_column(_plain(table[name]), None) * (place | np.uint64(1))))
    return rows


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column as text or numbers: what there is to hash."""
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    numeric = pa.types.is_integer(kind) or pa.types.is_floating(kind)
    return column.cast(kind if numeric else pa.string())


def _of_rows(account: Int64, rows: UInt64, accounts: int) -> UInt64:
    """The hash of each account's rows, in their order."""
    out = np.zeros(accounts, np.uint64)
    if not len(rows):
        return out
    order, starts, place = _in_accounts(account)
    placed = mixed(rows[order] + hash_integers(place))
    out[account[order][starts]] = np.add.reduceat(placed, starts)
    return out


def _places(account: Int64) -> Int64:
    """The place of each row among those of its account, from 0."""
    order, _, place = _in_accounts(account)
    places = np.empty(len(account), np.int64)
    places[order] = place
    return places


def _in_accounts(account: Int64) -> tuple[Int64, Int64, Int64]:
    """The rows account by account, where each account begins in this order, and each row's place in its account."""
    order = np.argsort(account, kind="stable")
    starts = np.flatnonzero(np.diff(account[order], prepend=-1))
    length = np.diff(np.append(starts, len(account)))
    return order, starts, np.arange(len(account)) - np.repeat(starts, length)


def _bits(column: npt.NDArray[np.generic]) -> npt.NDArray[np.integer]:
    """Numbers as integers of the same bits."""
    if column.dtype.kind == "f":
        return np.ascontiguousarray(column).view(f"i{column.dtype.itemsize}")
    return np.ascontiguousarray(column).astype(np.int64)
