"""The tables behind a programme, tied together: whose account a location is in, which layer an account record is."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from oasis_kernel.errors import Finding, InvalidInput
from oasis_kernel.model import fields as f
from oasis_kernel.model.exposure import Int64, Portfolio
from oasis_kernel.prepare.terms.keys import codes, shared_codes
from oasis_kernel.prepare.terms.levels import (
    ACCOUNT_LEVELS,
    CONDITION_LEVELS,
    LAYER_LEVEL,
    LOCATION_LEVELS,
    POLICY_LEVELS,
)
from oasis_kernel.prepare.terms.records import Records, read_records
from oasis_kernel.prepare.terms.step_fields import STEP_FIELDS

LOCATION_NUMBERS = (
    *(field for level in LOCATION_LEVELS for field in level.fields),
    *dict.fromkeys(f.TIV_OF_COVERAGE.values()),
    f.NUMBER_OF_BUILDINGS,
    f.IS_AGGREGATE,
)
ACCOUNT_NUMBERS = (
    *(field for level in (*CONDITION_LEVELS, *POLICY_LEVELS, LAYER_LEVEL, *ACCOUNT_LEVELS) for field in level.fields),
    *STEP_FIELDS,
    f.LAYER_NUMBER,
    f.CONDITION_CLASS,
    f.CONDITION_PRIORITY,
    f.ANNUAL_REVENUE,
)
LOCATION_TEXTS = (*f.LOCATION_KEY, f.CONDITION_TAG, f.LOCATION_PERIL)
ACCOUNT_TEXTS = (
    *f.ACCOUNT_KEY,
    f.POLICY_NUMBER,
    f.CONDITION_TAG,
    f.CONDITION_NUMBER,
    f.CONDITION_PERIL,
    f.POLICY_PERIL,
    f.ACCOUNT_PERIL,
)
NO_POLICY = -1
LISTED = 20


@dataclass(frozen=True)
class Source:
    """Records that carry terms, with the keys their terms are joined by. All arrays are by record."""

    records: Records
    keys: Mapping[str, Int64]
    layer: Int64  # 1-based inside an account; 1 at locations
    policy: Int64  # code of PolNumber; NO_POLICY at locations

    def __len__(self) -> int:
        return len(self.layer)

    def take(self, rows: npt.NDArray[np.integer] | npt.NDArray[np.bool_]) -> "Source":
        """The given records, in the given order."""
        keys = {name: column[rows] for name, column in self.keys.items()}
        return Source(self.records.take(rows), keys, self.layer[rows], self.policy[rows])

    def with_keys(self, **keys: Int64) -> "Source":
        """The same records under more keys."""
        return replace(self, keys={**self.keys, **keys})


@dataclass(frozen=True)
class Sources:
    """A portfolio's terms: locations (None for cyber) and accounts that have a location."""

    location: Source | None
    account: Source
    policies: tuple[str | None, ...]  # PolNumber by code


def read_sources(portfolio: Portfolio, extra_keys: tuple[str, ...] = ()) -> Sources:
    """The portfolio's tables, ready for terms to be read.

    extra_keys  Location columns that a custom aggregation groups by.

    Raises InvalidInput without an account file, and for locations whose account is not in it. An account without a
    location is left out: the reader of the portfolio warns of it.
    """
    if portfolio.account is None:
        file = portfolio.sources.get("location", "portfolio")
        raise InvalidInput(Finding(file, "needs an account file for insured losses", remedy="Give the account file"))
    account = _records(portfolio, "account", portfolio.account, f.ACC_IDX, ACCOUNT_NUMBERS, ACCOUNT_TEXTS)
    acc_id = portfolio.account[f.ACC_ID].to_numpy().astype(np.int64)
    policy_number = account.text(f.POLICY_NUMBER)
    policy = codes(policy_number)
    names = [policy_number[first] or None for first in np.unique(policy, return_index=True)[1]]
    source = Source(account, {f.ACC_ID: acc_id}, layer_numbers(account, acc_id), policy)
    if portfolio.location is None:
        return Sources(None, source.with_keys(**{f.LOC_ID: acc_id}), tuple(names))
    texts = (*LOCATION_TEXTS, *extra_keys)
    location = _records(portfolio, "location", portfolio.location, f.LOC_IDX, LOCATION_NUMBERS, texts)
    owner = _accounts_of(location, account, acc_id)
    has_location = np.isin(acc_id, owner)
    keys: dict[str, Int64] = {f.LOC_ID: portfolio.location[f.LOC_ID].to_numpy().astype(np.int64), f.ACC_ID: owner}
    ones = np.ones(len(location), np.int64)
    keys |= {name: codes(location.text(name)) for name in extra_keys}
    return Sources(
        Source(location, keys, ones, np.full(len(location), NO_POLICY)),
        source.take(has_location),
        tuple(names),
    )


def _records(
    portfolio: Portfolio, part: str, table: pa.Table, index: str, numbers: tuple[str, ...], texts: tuple[str, ...]
) -> Records:
    position = table[index].to_numpy() if index in table.column_names else np.arange(table.num_rows)
    return read_records(table, portfolio.sources.get(part, part), position.astype(np.int64), numbers, texts)


def layer_numbers(account: Records, acc_id: Int64) -> Int64:
    """The 1-based layer of each account record: distinct (PolNumber, LayerNumber) of its account, in file order.

    Where the file has step policies, the steps of an account are numbered each on its own, so that the steps of one
    policy share a layer.
    """
    scope = [acc_id, account.number(f.STEP_NUMBER)] if has_steps(account) else [acc_id]
    group = codes(*scope)
    layer = codes(*scope, account.text(f.POLICY_NUMBER), account.number(f.LAYER_NUMBER, 1.0))
    first = np.unique(layer, return_index=True)[1]
    number = pd.Series(group[first]).groupby(group[first]).cumcount().to_numpy() + 1
    return number[layer].astype(np.int64)


def has_steps(account: Records) -> bool:
    """Whether some record is a step of a step policy."""
    trigger, step = account.number(f.STEP_TRIGGER_TYPE), account.number(f.STEP_NUMBER)
    return bool(((trigger > 0) & (step > 0)).any())


def _accounts_of(location: Records, account: Records, acc_id: Int64) -> Int64:
    """The acc_id of each location record; a location without one is an error."""
    mine, theirs = shared_codes(
        [location.text(name) for name in f.ACCOUNT_KEY], [account.text(name) for name in f.ACCOUNT_KEY]
    )
    owner = np.full(max(mine.max(initial=-1), theirs.max(initial=-1)) + 1, -1)
    owner[theirs] = acc_id
    missing = np.flatnonzero(owner[mine] < 0)
    if len(missing):
        raise InvalidInput(
            location.finding(
                int(record),
                f.ACCOUNT_NUMBER,
                f"must be an account of {account.file}",
                str(location.text(f.ACCOUNT_NUMBER)[record]),
                "Add the account, or correct PortNumber or AccNumber",
            )
            for record in missing[:LISTED]
        )
    found: Int64 = owner[mine]
    return found
