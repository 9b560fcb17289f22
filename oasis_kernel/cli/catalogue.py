"""``oasis models``, ``ls`` and ``show``: what is installed, what was run, what came out."""

import json
import sys
from typing import Annotated, Any

import typer

from oasis_kernel.cli import options as o


def add_to(app: typer.Typer) -> None:
    """Register this module's verbs."""
    app.command()(models)
    app.command("ls")(list_runs)
    app.command()(show)


def models(as_json: o.Json = False) -> None:
    """List the installed models, and the plugins that failed to load."""
    from oasis_kernel.cli.view import print_findings, print_rows
    from oasis_kernel.plugins import load_plugins

    plugins = load_plugins()
    rows = [
        {"name": name, "version": model.version, "supplier": model.supplier} for name, model in plugins.models().items()
    ]
    if as_json:
        _print_json({"models": rows, "broken": [finding.as_dict() for finding in plugins.broken]})
        return
    print_rows("Models", rows, empty="No model is installed. `oasis plugin new NAME` starts one.")
    print_findings(plugins.broken)


def list_runs(
    limit: Annotated[int, typer.Option(min=1, help="Show at most so many runs.")] = 20, as_json: o.Json = False
) -> None:
    """List the runs made on this machine, newest first."""
    from oasis_kernel.cli.view import print_rows
    from oasis_kernel.engine.analysis import Resources
    from oasis_kernel.store.runs import RunCatalogue

    records = RunCatalogue(Resources.of_this_machine().store / "runs").records()[:limit]
    rows = [
        {
            "run": record.id,
            "model": record.model,
            "started": record.started,
            "seconds": record.seconds,
            "samples": record.samples,
            "events": record.events,
            "folder": record.folder,
        }
        for record in records
    ]
    if as_json:
        _print_json({"runs": rows})
        return
    print_rows("Runs", rows, empty="No run yet. `oasis demo` makes one.")


def show(
    run: Annotated[str, typer.Argument(help="A run's id (or its start), its folder, or 'last'.")],
    what: Annotated[
        str | None,
        typer.Argument(help="A table such as gul_S1_ept, `locations`, or `findings`; without it, the headline."),
    ] = None,
    rows: Annotated[int, typer.Option(min=1, help="Print at most so many rows.")] = 40,
    as_json: o.Json = False,
) -> None:
    """Show a run's headline, or one of its tables."""
    from oasis_kernel.api import open_run
    from oasis_kernel.cli.view import print_findings, print_headline, print_table

    result = open_run(run)
    if what is None:
        _print_json(result.as_dict()) if as_json else print_headline(result)
        return
    if what == "findings":
        findings = result.findings
        _print_json([finding.as_dict() for finding in findings]) if as_json else print_findings(findings)
        return
    table = result.locations() if what == "locations" else result.named_table(what)
    if as_json:
        _print_json(table.slice(0, rows).to_pylist())
    else:
        print_table(what, table, rows)


def _print_json(value: Any) -> None:
    sys.stdout.write(json.dumps(value, default=str) + "\n")
