"""Reinsurance contracts and their scope as OED gives them, with defaults filled in and broken ones refused."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from oasis_kernel.errors import Finding, InvalidInput, Severity
from oasis_kernel.model.exposure import Portfolio
from oasis_kernel.model.fields import REINSURANCE_NUMBER
from oasis_kernel.prepare.reinsurance_checks import (
    AMOUNTS,
    DATES,
    LOSSES_OCCURRING,
    PERCENTAGES,
    SCOPE_FIELDS,
    check_exact_scope,
    check_info,
    check_scope,
    currencies,
    repeated_scope,
)

NUMBER = str(REINSURANCE_NUMBER)
#: Text fields of a contract, and what a blank means.
INFO_TEXT = {"ReinsType": "", "RiskLevel": "SEL", "AttachmentBasis": LOSSES_OCCURRING, "ReinsCurrency": ""}


@dataclass(frozen=True)
class Contracts:
    """Contracts (one row each) and their scope rows, joined; both keep ``row``, the file's row.

    ``info``   contract (0-based), ReinsNumber, InuringPriority, ReinsType, RiskLevel, terms, dates
    ``scope``  contract, the scope fields as text ('' for blank), scope_ceded, and the contract's terms
    """

    info: pd.DataFrame
    scope: pd.DataFrame
    findings: tuple[Finding, ...]


def read_contracts(portfolio: Portfolio) -> Contracts:
    """The portfolio's contracts with their scope.

    Raises InvalidInput with a finding for each thing that cannot be used: unknown types and risk levels, shares
    outside 0 to 1, negative amounts, missing or inverted dates, scope without contract, scope too coarse for its type.
    """
    info_file = portfolio.sources.get("ri_info", "ri_info")
    scope_file = portfolio.sources.get("ri_scope", "ri_scope")
    if portfolio.reinsurance_info is None or portfolio.reinsurance_scope is None:
        missing = info_file if portfolio.reinsurance_info is None else scope_file
        remedy = "Give both the reinsurance info and the reinsurance scope"
        raise InvalidInput(Finding(missing, "is missing, so that no contract can be applied", remedy=remedy))
    info = _read_info(portfolio.reinsurance_info)
    scope = _read_scope(portfolio.reinsurance_scope)
    findings = [*check_info(info, info_file, currencies(portfolio)), *check_scope(info, scope, scope_file)]
    _raise_errors(findings)
    joined = info.merge(scope, on=NUMBER).sort_values(["contract", "scope_row"], kind="stable")
    _raise_errors(check_exact_scope(joined, scope_file))
    return Contracts(info, joined, (*findings, *repeated_scope(joined, scope_file)))


def _raise_errors(findings: Iterable[Finding]) -> None:
    errors = [finding for finding in findings if finding.severity == Severity.ERROR]
    if errors:
        raise InvalidInput(errors)


def text_column(table: pd.DataFrame, name: str, default: str = "") -> pd.Series:
    """A column as text without surrounding blanks, ``default`` where it is blank or absent."""
    if name not in table:
        return pd.Series(default, index=table.index, dtype=object)
    column = table[name].astype(object)
    text = column.map(str, na_action="ignore").str.strip() if column.notna().any() else column
    return text.where(text.notna() & (text != ""), default)


def _number_column(table: pd.DataFrame, name: str, default: float) -> pd.Series:
    if name not in table:
        return pd.Series(default, index=table.index)
    number = pd.to_numeric(table[name], errors="coerce").astype("f8")
    return number.where(table[name].notna(), default)


def _read_info(table: pa.Table) -> pd.DataFrame:
    given = table.to_pandas()
    info = pd.DataFrame({"contract": range(len(given)), "row": range(2, len(given) + 2)})
    info[NUMBER] = given.get(NUMBER)
    info["InuringPriority"] = _number_column(given, "InuringPriority", np.nan)
    for name, default in INFO_TEXT.items():
        info[name] = text_column(given, name, default).str.upper()
    for name in AMOUNTS:
        info[name] = _number_column(given, name, 0.0)
    for name in PERCENTAGES:
        info[name] = _number_column(given, name, 1.0)
    for name in DATES:
        info[name] = text_column(given, name)
    info["UseReinsDates"] = text_column(given, "UseReinsDates", "N").str.upper()
    return info


def _read_scope(table: pa.Table) -> pd.DataFrame:
    given = table.to_pandas()
    scope = pd.DataFrame({"scope_row": range(2, len(given) + 2)})
    scope[NUMBER] = given.get(NUMBER)
    for name in SCOPE_FIELDS:
        scope[name] = text_column(given, name)
    scope["scope_ceded"] = _number_column(given, "CededPercent", 1.0)
    return scope
