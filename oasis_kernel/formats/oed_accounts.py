"""A portfolio without one of its accounts: what the account adds is the difference."""

import difflib
from collections.abc import Sequence
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from oasis_kernel.errors import Finding, InvalidInput
from oasis_kernel.formats.oed import numbered
from oasis_kernel.model import fields as f
from oasis_kernel.model.exposure import Portfolio

SEPARATOR = "/"
IDS = (f.LOC_ID, f.LOC_IDX, f.ACC_ID, f.ACC_IDX)


def account_named(portfolio: Portfolio, name: str) -> tuple[str, str]:
    """PortNumber and AccNumber of ``ACC`` or ``PORT/ACC``; InvalidInput when no account, or several, are called so."""
    table = portfolio.location if portfolio.location is not None else portfolio.account
    assert table is not None
    port, account = (table[column].cast(pa.string()).to_pylist() for column in f.ACCOUNT_KEY)
    known = list(dict.fromkeys(zip(port, account, strict=True)))
    found = [key for key in known if name in (key[1], SEPARATOR.join(key))]
    if len(found) == 1 and len(known) > 1:
        return found[0]
    message, remedy = _misnamed(name, known, found)
    file = portfolio.sources.get("location", portfolio.sources.get("account", "portfolio"))
    raise InvalidInput(Finding(file, message, field=f.ACCOUNT_NUMBER, value=name, rule="one account", remedy=remedy))


def _misnamed(name: str, known: Sequence[tuple[str, str]], found: Sequence[tuple[str, str]]) -> tuple[str, str]:
    """What is wrong with an account's name, and the remedy."""
    if len(found) > 1:
        choices = ", ".join(SEPARATOR.join(key) for key in found)
        return "must be one account, and several portfolios have it", f"Write one of {choices}"
    if found:
        return "must leave something, and is the portfolio's only account", "Choose from several accounts"
    listed = [SEPARATOR.join(key) for key in known]
    near = difflib.get_close_matches(name, [*listed, *(key[1] for key in known)], n=3) or listed[:3]
    return "must be an account of the portfolio", f"Write AccNumber or PortNumber/AccNumber, such as {', '.join(near)}"


def without_account(portfolio: Portfolio, key: tuple[str, str]) -> Portfolio:
    """The portfolio without an account's locations and terms, as if its files had never held them.

    ``key`` is PortNumber and AccNumber. Reinsurance stays as it is: scope that names the account covers nothing.
    """
    own = _ids_of_the_reader(portfolio)
    location, account = (
        None if table is None else _rest(table, key).drop_columns([name for name in own if name in table.column_names])
        for table in (portfolio.location, portfolio.account)
    )
    location, account = numbered(location, account)
    return replace(portfolio, location=location, account=account)


def _ids_of_the_reader(portfolio: Portfolio) -> list[str]:
    """The ids that the reader gave, and gives anew; not those that a file brought."""
    tables = [
        None if table is None else table.drop_columns([name for name in IDS if name in table.column_names])
        for table in (portfolio.location, portfolio.account)
    ]
    again = numbered(*tables)
    return [
        name
        for name in IDS
        for table, new in zip((portfolio.location, portfolio.account), again, strict=True)
        if table is not None and new is not None and name in new.column_names and table[name].equals(new[name])
    ]


def _rest(table: pa.Table, key: tuple[str, str]) -> pa.Table:
    same = [pc.equal(table[name].cast(pa.string()), value) for name, value in zip(f.ACCOUNT_KEY, key, strict=True)]
    return table.filter(pc.invert(pc.fill_null(pc.and_(*same), False)))
