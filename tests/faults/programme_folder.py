"""An analysis with financial terms and reinsurance: its files, and the changes that break them."""

import csv
from collections.abc import Callable
from io import StringIO
from typing import Any

from standard_folder import AnalysisFolder

LOCATION, ACCOUNT, INFO, SCOPE = "location.csv", "account.csv", "ri_info.csv", "ri_scope.csv"
SETTINGS = "analysis_settings.json"
CONTRACTS = """\
ReinsNumber,ReinsPeril,InuringPriority,ReinsType,RiskLevel,CededPercent,PlacedPercent,OccLimit,ReinsCurrency,OEDVersion
1,WTC,1,QS,SEL,0.25,1.0,0,GBP,4.0.0
2,WTC,2,CXL,SEL,1.0,1.0,100000,GBP,4.0.0
"""
SCOPES = """\
ReinsNumber,PortNumber,CededPercent,OEDVersion
1,1,0.25,4.0.0
2,1,1.0,4.0.0
"""
SUMMARIES = [{"id": 1, "ord_output": {"elt_moment": True}}]

Change = Callable[[AnalysisFolder], object]


def add_programme(analysis: AnalysisFolder) -> None:
    """Give the analysis an account and two reinsurance contracts, and ask for losses at every stage."""
    analysis.add_account()
    for name, key, text in ((INFO, "oed_info_csv", CONTRACTS), (SCOPE, "oed_scope_csv", SCOPES)):
        (analysis.path / name).write_text(text, encoding="utf-8")
        analysis.set("oasislmf.json", key, value=name)
    for perspective in ("il", "ri", "rl"):
        analysis.set(SETTINGS, f"{perspective}_output", value=True)
        analysis.set(SETTINGS, f"{perspective}_summaries", value=SUMMARIES)


def _rewrite(analysis: AnalysisFolder, name: str, change: Callable[[list[dict[str, str]]], object]) -> None:
    path = analysis.path / name
    rows = list(csv.DictReader(StringIO(path.read_text(encoding="utf-8"))))
    change(rows)
    columns = list(dict.fromkeys(column for row in rows for column in row))
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def cells(name: str, row: int = 2, **values: Any) -> Change:
    """Other values in one row of a file (the header is row 1); a column that is not there is added, blank elsewhere."""

    def change(rows: list[dict[str, str]]) -> None:
        rows[row - 2].update({column: str(value) for column, value in values.items()})

    return lambda analysis: _rewrite(analysis, name, change)


def one_more(name: str, **values: Any) -> Change:
    """A copy of a file's last row, with other values, below it."""

    def change(rows: list[dict[str, str]]) -> None:
        rows.append({**rows[-1], **{column: str(value) for column, value in values.items()}})

    return lambda analysis: _rewrite(analysis, name, change)


def without_column(name: str, column: str) -> Change:
    """A file without one of its columns."""

    def change(rows: list[dict[str, str]]) -> None:
        for row in rows:
            del row[column]

    return lambda analysis: _rewrite(analysis, name, change)


def setting(name: str, value: Any) -> Change:
    """Another value in the analysis settings."""
    return lambda analysis: analysis.set(SETTINGS, name, value=value)


def without_file(*keys: str) -> Change:
    """The configuration without some of its files."""

    def change(analysis: AnalysisFolder) -> None:
        for key in keys:
            analysis.set("oasislmf.json", key, value=None)

    return change


def together(*changes: Change) -> Change:
    """Several changes, one after the other."""

    def change(analysis: AnalysisFolder) -> None:
        for each in changes:
            each(analysis)

    return change
