"""Checks between the tables of a portfolio: accounts and locations, conditions, reinsurance, repeated locations."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oasis_kernel.errors import Finding, Severity
from oasis_kernel.formats.oed_checks import MIXED, VERSION, Checked, Mask
from oasis_kernel.formats.oed_findings import Breach, Rule
from oasis_kernel.model import fields as f

LOCATION_ACCOUNT = Rule(
    "location_account", "must be an account of the account file", "Add the account, or correct PortNumber or AccNumber."
)
ACCOUNT_EMPTY = Rule(
    "account_without_location", "has no location", "Add its locations, or remove the account.", Severity.WARNING
)
CONDITION = Rule(
    "condition_tag",
    "must be a CondTag of the location's account",
    "Add the condition to the account, or clear the tag.",
)
CONDITION_EMPTY = Rule(
    "condition_without_location",
    "is the CondTag of no location of the account, so the condition applies to nothing",
    "Tag its locations, or remove the condition.",
    Severity.WARNING,
)
REPEATED = Rule(
    "location_repeated",
    "is repeated, and only the first record's values would count",
    "Give each location its own LocNumber; repeat one only under another CondTag or LocPeril.",
)
REPEATED_TIV = Rule(
    "location_repeated_tiv",
    "is repeated with other insured values; the first record that has a value counts",
    "Give the same values in each record of a location.",
    Severity.WARNING,
)
REINSURANCE_PAIR = Rule("reinsurance_files", "needs both ri_info and ri_scope", "Give both files, or neither.")
REINSURANCE_ACCOUNT = Rule(
    "reinsurance_account", "needs the account file: it applies to insured losses", "Give the account file."
)
SCOPE_UNKNOWN = Rule(
    "reinsurance_scope", "must be a ReinsNumber of the reinsurance info", "Add the contract, or correct the number."
)
SCOPE_NONE = Rule(
    "reinsurance_without_scope", "has no scope, so the contract covers nothing", "Add scope rows.", Severity.WARNING
)
SCOPE_ELSEWHERE = Rule(
    "reinsurance_scope_target",
    "is not in the portfolio, so the row covers nothing",
    "Correct it, or remove the row.",
    Severity.WARNING,
)


def check_links(parts: Mapping[str, Checked]) -> Iterator[Finding]:
    """Everything that is wrong between tables; ``parts`` by location, account, ri_info, ri_scope."""
    location, account = parts.get("location"), parts.get("account")
    if location is not None:
        yield from _repeated(location)
    if location is not None and account is not None:
        yield from _accounts(location, account)
        yield from _conditions(location, account)
    yield from _reinsurance(parts)
    yield from _one_version(list(parts.values()))


def _keys(checked: Checked, names: Sequence[str]) -> pa.ChunkedArray | None:
    """The columns joined to one text per row, null where one is blank; None when a column is missing."""
    if not all(checked.has(name) for name in names):
        return None
    return pc.binary_join_element_wise(*(checked.table[name].cast(pa.string()) for name in names), "\x1f")


def _absent(mine: pa.ChunkedArray, theirs: pa.ChunkedArray) -> Mask:
    """Where my key is given and not among theirs."""
    known = pc.is_in(mine, value_set=theirs.combine_chunks())
    return pc.and_(pc.is_valid(mine), pc.invert(known)).to_numpy()


def _first_of_each(keys: pa.ChunkedArray, mask: Mask) -> Mask:
    """The mask with only the first row of each key: one bad account is one finding, however many rows it has."""
    at = np.flatnonzero(mask)
    codes = keys.take(pa.array(at)).combine_chunks().dictionary_encode().indices.to_numpy(zero_copy_only=False)
    first = np.zeros(len(mask), dtype=bool)
    first[at[np.unique(codes, return_index=True)[1]]] = True
    return first


def _accounts(location: Checked, account: Checked) -> Iterator[Finding]:
    mine, theirs = _keys(location, f.ACCOUNT_KEY), _keys(account, f.ACCOUNT_KEY)
    if mine is None or theirs is None:
        return
    unknown = _absent(mine, theirs)
    if unknown.any():
        first = _first_of_each(mine, unknown)
        yield from location.breach(LOCATION_ACCOUNT, f.ACCOUNT_NUMBER, first)
    empty = _absent(theirs, mine)
    if empty.any():
        yield from account.breach(ACCOUNT_EMPTY, f.ACCOUNT_NUMBER, _first_of_each(theirs, empty))


def _conditions(location: Checked, account: Checked) -> Iterator[Finding]:
    key = (*f.ACCOUNT_KEY, f.CONDITION_TAG)
    accounts_mine, accounts_theirs = _keys(location, f.ACCOUNT_KEY), _keys(account, f.ACCOUNT_KEY)
    if accounts_mine is None or accounts_theirs is None:
        return
    mine, theirs = _keys(location, key), _keys(account, key)
    # An account that is not in the other file is a finding of its own.
    if mine is not None:
        unknown = _tags_of_none(location, mine, theirs) & ~_absent(accounts_mine, accounts_theirs)
        if unknown.any():
            yield from location.breach(CONDITION, f.CONDITION_TAG, _first_of_each(mine, unknown))
    if theirs is not None:
        idle = _tags_of_none(account, theirs, mine) & ~_absent(accounts_theirs, accounts_mine)
        if idle.any():
            yield from account.breach(CONDITION_EMPTY, f.CONDITION_TAG, _first_of_each(theirs, idle))


def _tags_of_none(checked: Checked, keys: pa.ChunkedArray, others: pa.ChunkedArray | None) -> Mask:
    """Where a CondTag is given and the other file does not have it; '0' is the reference's own mark of no condition."""
    tagged: Mask = pc.fill_null(pc.not_equal(checked.table[f.CONDITION_TAG], "0"), False).to_numpy()
    return tagged & (pc.is_valid(keys).to_numpy() if others is None else _absent(keys, others))


def _repeated(location: Checked) -> Iterator[Finding]:
    """Locations that occur in several records for no reason that OED knows."""
    keys = _keys(location, f.LOCATION_KEY)
    if keys is None:
        return
    first, code = _first_and_code(keys)
    repeated = (np.bincount(code, minlength=len(first))[code] > 1) & pc.is_valid(keys).to_numpy()
    if not repeated.any():
        return
    full = [keys.cast(pa.string())]
    full += [
        pc.fill_null(location.table[name], "") for name in (f.CONDITION_TAG, f.LOCATION_PERIL) if location.has(name)
    ]
    whole = pc.binary_join_element_wise(*full, "\x1f") if len(full) > 1 else full[0]
    first_whole, code_whole = _first_and_code(whole)
    again = repeated & (first_whole[code_whole] != np.arange(len(code_whole)))
    yield from location.breach(REPEATED, f.LOCATION_NUMBER, again)
    differs = np.zeros(len(again), dtype=bool)
    for name in set(f.TIV_OF_COVERAGE.values()):
        if location.has(name):
            value = pc.fill_null(location.table[name], 0.0).to_numpy()
            differs |= value != value[first[code]]
    yield from location.breach(REPEATED_TIV, f.LOCATION_NUMBER, repeated & differs & ~again)


def _first_and_code(keys: pa.ChunkedArray) -> tuple[np.ndarray, np.ndarray]:
    """The first row of each distinct key, and each row's number of key."""
    code = pc.fill_null(keys, "").combine_chunks().dictionary_encode().indices.to_numpy(zero_copy_only=False)
    return np.unique(code, return_index=True)[1], code


def _reinsurance(parts: Mapping[str, Checked]) -> Iterator[Finding]:
    info, scope = parts.get("ri_info"), parts.get("ri_scope")
    if info is None and scope is None:
        return
    given = info if info is not None else scope
    assert given is not None
    if parts.get("account") is None:
        yield Breach(REINSURANCE_ACCOUNT, given.file).finding()
    if info is None or scope is None:
        yield Breach(REINSURANCE_PAIR, given.file).finding()
        return
    contracts, scoped = _keys(info, (f.REINSURANCE_NUMBER,)), _keys(scope, (f.REINSURANCE_NUMBER,))
    if contracts is None or scoped is None:
        return
    yield from scope.breach(SCOPE_UNKNOWN, f.REINSURANCE_NUMBER, _absent(scoped, contracts))
    yield from info.breach(SCOPE_NONE, f.REINSURANCE_NUMBER, _absent(contracts, scoped))
    for part, key in (("account", f.ACCOUNT_KEY), ("location", f.LOCATION_KEY)):
        held = parts.get(part)
        mine = _keys(scope, key)
        theirs = None if held is None else _keys(held, key)
        if mine is not None and theirs is not None:
            yield from scope.breach(SCOPE_ELSEWHERE, key[-1], _absent(mine, theirs))


def _one_version(tables: Sequence[Checked]) -> Iterator[Finding]:
    """The files of a portfolio follow one version of OED; inside one file, the file's own check looks."""
    first: str | None = None
    for table in tables:
        if not table.has(f.OED_VERSION):
            continue
        version = next((value for value in table.table[f.OED_VERSION].unique().to_pylist() if value is not None), None)
        version = version.lstrip("v") if version is not None else None
        if first is not None and version is not None and version != first:
            yield Breach(VERSION, table.file, f.OED_VERSION).finding(version, int(table.row[0]))
        first = first or version


def check_currencies(parts: Mapping[str, Checked]) -> Iterator[Finding]:
    """A warning when amounts of several currencies would be added as they stand."""
    for part, name in (("location", f.LOCATION_CURRENCY), ("account", f.ACCOUNT_CURRENCY)):
        table = parts.get(part)
        if table is not None and table.has(name):
            held = sorted(value for value in table.table[name].unique().to_pylist() if value is not None)
            if len(held) > 1:
                yield Breach(MIXED, table.file, name).finding(held[:10])
