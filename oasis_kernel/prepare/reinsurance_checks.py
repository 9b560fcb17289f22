"""What reinsurance contracts and their scope must hold, and what is said when they do not."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any

import pandas as pd
import pyarrow as pa

from oasis_kernel.errors import Finding, Severity
from oasis_kernel.model.exposure import Portfolio
from oasis_kernel.model.fields import REINSURANCE_EXPIRY, REINSURANCE_INCEPTION, REINSURANCE_PERIL
from oasis_kernel.prepare.reinsurance_profiles import applied_fields
from oasis_kernel.prepare.terms.perils import is_covered

FACULTATIVE, SURPLUS_SHARE, QUOTA_SHARE = "FAC", "SS", "QS"
PER_RISK, CATASTROPHE_EXCESS, AGGREGATE_EXCESS = "PR", "CXL", "AXL"
#: Contract types, in the order their terms are numbered.
TYPES = (FACULTATIVE, PER_RISK, QUOTA_SHARE, SURPLUS_SHARE, CATASTROPHE_EXCESS)
#: Types whose scope names each risk in full.
EXACT_TYPES = (FACULTATIVE, SURPLUS_SHARE)
#: What a risk is at each risk level, coarsest field first; passes run in this order within an inuring priority.
RISK_KEY: Mapping[str, tuple[str, ...]] = {
    "LOC": ("PortNumber", "AccNumber", "LocNumber"),
    "LGR": ("LocGroup",),
    "POL": ("PortNumber", "AccNumber", "PolNumber"),
    "ACC": ("PortNumber", "AccNumber"),
    "SEL": ("PortNumber",),
}
#: What the scope of an exact type must fill, and what it must leave blank.
SCOPE_FILLED: Mapping[str, tuple[str, ...]] = {
    "LOC": ("AccNumber", "LocNumber"),
    "LGR": ("LocGroup",),
    "POL": ("AccNumber", "PolNumber"),
    "ACC": ("AccNumber",),
    "SEL": (),
}
SCOPE_BLANK: Mapping[str, tuple[str, ...]] = {"POL": ("LocNumber",), "ACC": ("PolNumber", "LocNumber")}
KEY_FIELDS = ("PortNumber", "AccNumber", "PolNumber", "LocGroup", "LocNumber")
SCOPE_FIELDS = (*KEY_FIELDS, "CedantName", "ProducerName", "LOB", "CountryCode", "ReinsTag")
AMOUNTS = ("RiskLimit", "RiskAttachment", "OccLimit", "OccAttachment")
PERCENTAGES = ("CededPercent", "PlacedPercent", "TreatyShare")
DATES = (str(REINSURANCE_INCEPTION), str(REINSURANCE_EXPIRY))
RISK_ATTACHING, LOSSES_OCCURRING = "RA", "LO"

#: field, message, remedy, severity.
Complaint = tuple[str, str, str, Severity]
ERROR, WARNING = Severity.ERROR, Severity.WARNING
AGGREGATE_COMPLAINT: Complaint = (
    "ReinsType",
    "needs losses by year, but contracts are applied event by event",
    "Apply the contract to the losses by period, outside the run, or give it as CXL if it is per event",
    ERROR,
)


def check_info(info: pd.DataFrame, file: str, known_currencies: frozenset[str]) -> Iterator[Finding]:
    """A finding for each thing wrong with a contract's row."""
    for contract in info.to_dict("records"):
        complaints = [*_identity(contract), *_terms(contract), *_unused_amounts(contract), *_dates(contract)]
        for field, message, remedy, severity in [*complaints, *_currency(contract, known_currencies)]:
            value = None if pd.isna(contract[field]) or contract[field] == "" else contract[field]
            yield Finding(file, message, contract["row"], field, value, "reinsurance_info", remedy, severity)
    repeated = info[info.duplicated([column for column in info if column not in ("contract", "row")])]
    for row in repeated.to_dict("records"):
        message, remedy = "is given twice with the same terms; both apply", "Remove one of the two rows"
        number = row["ReinsNumber"]
        yield Finding(file, message, row["row"], "ReinsNumber", number, "reinsurance_info", remedy, WARNING)


def _identity(contract: Mapping[Any, Any]) -> Iterator[Complaint]:
    if pd.isna(contract["ReinsNumber"]):
        yield "ReinsNumber", "must not be blank", "Number the contract, and its scope rows", ERROR
    if contract["ReinsType"] == AGGREGATE_EXCESS:
        yield AGGREGATE_COMPLAINT
    elif contract["ReinsType"] not in TYPES:
        yield "ReinsType", f"must be one of {', '.join(TYPES)}", "Correct the type of contract", ERROR
    if contract["RiskLevel"] not in RISK_KEY:
        remedy = "Correct the level, or leave it blank for SEL"
        yield "RiskLevel", f"must be one of {', '.join(RISK_KEY)}", remedy, ERROR
    priority = contract["InuringPriority"]
    if not (priority >= 1 and priority == int(priority)):
        yield "InuringPriority", "must be a whole number from 1", "Number the order in which contracts inure", ERROR


def _terms(contract: Mapping[Any, Any]) -> Iterator[Complaint]:
    for field in PERCENTAGES:
        if not 0 <= contract[field] <= 1:
            yield field, "must lie between 0 and 1", "Give a share, such as 0.25 for 25 %", ERROR
    for field in AMOUNTS:
        if not contract[field] >= 0:
            yield field, "must not be negative", "Give an amount; a limit of 0 is unlimited", ERROR
    if contract["TreatyShare"] != 1:
        yield "TreatyShare", "is not applied", "Put our share into PlacedPercent", WARNING
    if contract["UseReinsDates"] == "Y":
        message = "is not applied: a contract covers events of any date"
        yield "UseReinsDates", message, "Use AttachmentBasis RA to select policies by date", WARNING


def _unused_amounts(contract: Mapping[Any, Any]) -> Iterator[Complaint]:
    kind = contract["ReinsType"]
    for field in AMOUNTS:
        if kind in TYPES and contract[field] > 0 and field not in applied_fields(kind):
            yield field, f"is not applied to a {kind} contract", "Leave it blank, or correct ReinsType", WARNING


def _dates(contract: Mapping[Any, Any]) -> Iterator[Complaint]:
    basis = contract["AttachmentBasis"]
    if basis not in (RISK_ATTACHING, LOSSES_OCCURRING):
        yield "AttachmentBasis", "must be RA or LO", "Correct the basis, or leave it blank for LO", ERROR
    for field in DATES:
        if basis == RISK_ATTACHING and not contract[field]:
            yield field, "must be given with AttachmentBasis RA", "Give the date, or use LO", ERROR
        elif contract[field] and to_date(contract[field]) is None:
            yield field, "must be a date", "Write the date as YYYY-MM-DD", ERROR
    start, end = (to_date(contract[field]) for field in DATES)
    if start is not None and end is not None and start > end:
        remedy = f"The contract starts on {start}: correct one of the dates"
        yield DATES[1], "must not lie before ReinsInceptionDate", remedy, ERROR


def to_date(text: str) -> date | None:
    """The day a text such as ``2024-03-31`` (or with a time after it) names; None when it names none."""
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        return None


def _currency(contract: Mapping[Any, Any], known: frozenset[str]) -> Iterator[Complaint]:
    currency = contract["ReinsCurrency"]
    if currency and not (len(currency) == 3 and currency.isalpha()):
        yield "ReinsCurrency", "must be an ISO 4217 currency code", "Correct the code, such as USD", ERROR
    elif currency and known and currency not in known:
        message = f"is not a currency of the losses ({', '.join(sorted(known))}), and amounts are used as they stand"
        yield "ReinsCurrency", message, "Convert the amounts, or run with a reporting currency", WARNING


def currencies(portfolio: Portfolio) -> frozenset[str]:
    """The currencies insured losses come in: the reporting currency or, without one, those of the accounts."""
    if portfolio.reporting_currency:
        return frozenset({portfolio.reporting_currency})
    account = portfolio.account
    if account is None or "AccCurrency" not in account.column_names:
        return frozenset()
    return frozenset(str(value).upper() for value in account["AccCurrency"].unique().to_pylist() if value)


def check_scope(info: pd.DataFrame, scope: pd.DataFrame, file: str) -> Iterator[Finding]:
    """A finding for each scope row without a contract, or with a share that is none."""
    for row in scope[~scope["ReinsNumber"].isin(info["ReinsNumber"])].to_dict("records"):
        number = None if pd.isna(row["ReinsNumber"]) else row["ReinsNumber"]
        remedy = "Add the contract to the reinsurance info, or correct the number"
        message = "must be the number of a contract"
        yield Finding(file, message, row["scope_row"], "ReinsNumber", number, "reinsurance_scope", remedy)
    for row in scope[~scope["scope_ceded"].between(0, 1)].to_dict("records"):
        remedy, share = "Give a share, such as 0.25 for 25 %", row["scope_ceded"]
        message = "must lie between 0 and 1"
        yield Finding(file, message, row["scope_row"], "CededPercent", share, "reinsurance_scope", remedy)


def repeated_scope(joined: pd.DataFrame, file: str) -> Iterator[Finding]:
    """A warning for each scope row that a facultative contract has twice: it then cedes twice."""
    facultative = joined[joined["ReinsType"] == FACULTATIVE]
    again = facultative[facultative.duplicated(["contract", *SCOPE_FIELDS])]
    for row in again.to_dict("records"):
        message, remedy = "has the same scope row twice, and cedes twice", "Remove one of the two rows"
        number = row["ReinsNumber"]
        yield Finding(file, message, row["scope_row"], "ReinsNumber", number, "reinsurance_scope", remedy, WARNING)


def uncovered_perils(portfolio: Portfolio, output_map: pa.Table) -> Iterator[Finding]:
    """A warning for each contract that does not cover a peril of the portfolio: contracts take losses of any peril."""
    info = portfolio.reinsurance_info
    if info is None or REINSURANCE_PERIL not in info.column_names or "peril_id" not in output_map.column_names:
        return
    perils = sorted(set(output_map["peril_id"].unique().to_pylist()))
    file = portfolio.sources.get("ri_info", "ri_info")
    for number, given in enumerate(info[REINSURANCE_PERIL].to_pylist()):
        codes = given.split(";") if given else []
        beyond = [peril for peril in perils if codes and not any(is_covered(peril, code) for code in codes)]
        if beyond:
            message = f"is not applied: the contract takes losses of every peril, {', '.join(beyond)} too"
            remedy = "Run the perils that the contract covers alone (peril_filter)"
            yield Finding(file, message, number + 2, REINSURANCE_PERIL, given, "reinsurance_info", remedy, WARNING)


def check_exact_scope(joined: pd.DataFrame, file: str) -> Iterable[Finding]:
    """A finding for each scope row of an exact type that names its risks too coarsely or too finely."""
    for row in joined[joined["ReinsType"].isin(EXACT_TYPES)].to_dict("records"):
        level = row["RiskLevel"]
        what = f"for a {row['ReinsType']} contract with RiskLevel {level}"
        for field in SCOPE_FILLED[level]:
            if not row[field]:
                remedy = f"Name the risk in {' and '.join(SCOPE_FILLED[level])}, one row each"
                yield Finding(file, f"must be given {what}", row["scope_row"], field, None, "reinsurance_scope", remedy)
        for field in SCOPE_BLANK.get(level, ()):
            if row[field]:
                message, remedy = f"must be blank {what}", "Leave it blank, or use a finer RiskLevel"
                yield Finding(file, message, row["scope_row"], field, row[field], "reinsurance_scope", remedy)
