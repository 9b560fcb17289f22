"""``oasis exposure``: what a portfolio pays when every coverage loses a given part of its value."""

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from oasis_kernel.cli import options as o
from oasis_kernel.model.inputs import InputFiles

QUESTION = "Question"
SEPARATORS = ",;"
HELP = (
    "Check a portfolio's terms: losses when every coverage loses a given part of its value.\n\n"
    "No model is needed. [bold]Ground-up[/] is the value times the loss factor. [bold]Insured[/] is what the policies "
    "of the account file pay of it, after deductibles, limits and layers. [bold]Net[/] is what remains after "
    "reinsurance, and [bold]ceded[/] what the reinsurers take.\n\n"
    "A first look: [bold]oasis exposure -l loc.csv -a acc.csv[/]\n\n"
    "Where terms bite: [bold]oasis exposure -l loc.csv -a acc.csv -f 0.01 -f 0.1 -f 1 --explain[/]\n\n"
    "For a sheet: [bold]oasis exposure -l loc.csv -a acc.csv --level layer --out layers.csv[/]\n\n"
    "Cyber: give the account file alone. The guide has more on its page Checking terms."
)


class Level(StrEnum):
    """What a row of the result is."""

    PORTFOLIO = "portfolio"
    ACCOUNT = "account"
    POLICY = "policy"
    LAYER = "layer"
    LOCATION = "location"
    COVERAGE = "coverage"
    ITEM = "item"


def add_to(app: typer.Typer) -> None:
    """Register this module's verb."""
    app.command(help=HELP)(exposure)


def exposure(
    location: o.Location = None,
    account: o.Account = None,
    ri_info: o.RiInfo = None,
    ri_scope: o.RiScope = None,
    reporting_currency: o.Currency = None,
    rates: o.Rates = None,
    loss_factor: Annotated[
        list[float] | None,
        typer.Option(
            "--loss-factor",
            "-f",
            help="Part of every value that is lost: 1 is all (the default), 0.1 a tenth. Repeat it for several.",
            rich_help_panel=QUESTION,
        ),
    ] = None,
    perils: Annotated[
        str | None,
        typer.Option(
            help="OED perils or groups, such as WTC,WSS or WW1; default: every peril that the portfolio covers. "
            "A coverage's loss is shared among its perils, so that it never counts twice.",
            rich_help_panel=QUESTION,
        ),
    ] = None,
    level: Annotated[
        Level | None,
        typer.Option(help="What a row is; default: by location, and by layer.", rich_help_panel=QUESTION),
    ] = None,
    explain: Annotated[
        bool,
        typer.Option("--explain", help="Say in words which terms apply, and what each took.", rich_help_panel=QUESTION),
    ] = False,
    compatible: o.Compatible = False,
    rows: Annotated[int, typer.Option(min=1, help="Print at most so many rows of a table.")] = 40,
    out: Annotated[
        Path | None, typer.Option(help="Write the table of --level (default: location) to FILE.csv or FILE.parquet.")
    ] = None,
    as_json: o.Json = False,
) -> None:
    """Print what every coverage, location, layer and contract loses or pays."""
    from oasis_kernel.api import exposure as compute
    from oasis_kernel.cli.exposure_view import print_explanation, print_exposure
    from oasis_kernel.cli.view import failure_as_dict, print_findings
    from oasis_kernel.engine.inputs import load_portfolio
    from oasis_kernel.errors import OasisError
    from oasis_kernel.formats.table_file import write_table

    files = InputFiles(
        location=location,
        account=account,
        ri_info=ri_info,
        ri_scope=ri_scope,
        reporting_currency=reporting_currency,
        rates=rates,
    )
    try:
        portfolio = load_portfolio(files)
        result = compute(
            portfolio, loss_factor or (1.0,), _codes(perils), explain=explain, options={"compatible": compatible}
        )
        chosen = str(level or Level.LOCATION)
        table = result.table(chosen)
        if out is not None:
            write_table(table, out)
    except OasisError as error:
        if as_json:
            sys.stdout.write(json.dumps(failure_as_dict(error), default=str) + "\n")
        raise
    if as_json:
        sys.stdout.write(json.dumps(result.as_dict(chosen), default=str) + "\n")
        return
    print_findings(result.findings)
    print_exposure(result, chosen if level else None, rows)
    if explain:
        print_explanation(result)


def _codes(perils: str | None) -> list[str]:
    """The codes of a list separated by commas or semicolons."""
    text = perils or ""
    for separator in SEPARATORS:
        text = text.replace(separator, " ")
    return text.split()
