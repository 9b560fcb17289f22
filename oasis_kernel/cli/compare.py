"""``oasis compare``: two runs beside each other."""

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from oasis_kernel.cli import options as o

if TYPE_CHECKING:
    from oasis_kernel.questions.comparison import Comparison

Name = Annotated[str, typer.Argument(help="A run's id (or its start), its folder, or 'last'.")]


def add_to(app: typer.Typer) -> None:
    """Register this module's verb."""
    app.command()(compare)


def compare(
    first: Name,
    second: Name,
    level: Annotated[int | None, typer.Option(min=1, help="Summary level; default: the first of each.")] = None,
    host: o.Host = None,
    as_json: o.Json = False,
) -> None:
    """Show what two runs were made of that is not the same, and how their losses differ."""
    from oasis_kernel.api import open_run
    from oasis_kernel.cli.host import connected
    from oasis_kernel.questions.comparison import compare as beside

    if host:
        with connected(host) as workbench:
            _show(beside(workbench.open_run(first), workbench.open_run(second), level), as_json)
    else:
        _show(beside(open_run(first), open_run(second), level), as_json)


def _show(found: "Comparison", as_json: bool) -> None:
    from oasis_kernel.cli.view import print_rows

    if as_json:
        sys.stdout.write(json.dumps(found.as_dict(), default=str) + "\n")
        return
    changes = [{"": change.what, "first": change.a, "second": change.b} for change in found.changes]
    print_rows("What they were made of", changes, empty="Both were made of the same.")
    averages = [
        {"": name, "first": loss.a, "second": loss.b, "difference": loss.difference}
        for name, loss in found.average_annual_loss.items()
    ]
    print_rows("Average annual loss", averages, empty="Neither has average annual losses.")
    curves = [
        {"": f"{name} {basis}", "years": years, "first": loss.a, "second": loss.b, "difference": loss.difference}
        for name, basis, years, loss in found.exceedance
    ]
    print_rows("Exceedance loss", curves, empty="Neither has exceedance curves.")
