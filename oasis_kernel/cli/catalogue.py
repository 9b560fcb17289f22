"""``oasis models``, ``ls`` and ``show``: what is installed, what was run, what came out."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from oasis_kernel.cli import options as o
from oasis_kernel.cli.host import connected
from oasis_kernel.cli.service_runs import follow

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from oasis_kernel.client.models import RemoteModel
    from oasis_kernel.client.run import RemoteRun
    from oasis_kernel.errors import Finding
    from oasis_kernel.model.vendor import Model
    from oasis_kernel.questions.result import Run


def add_to(app: typer.Typer) -> None:
    """Register this module's verbs."""
    app.command()(models)
    app.command("ls")(list_runs)
    app.command()(show)


def models(host: o.Host = None, as_json: o.Json = False) -> None:
    """List the installed models, and the plugins that failed to load."""
    from oasis_kernel.cli.view import print_findings, print_rows

    rows, broken = _models_there(host) if host else _models_here()
    if as_json:
        _print_json({"models": rows, "broken": [finding.as_dict() for finding in broken]})
        return
    print_rows("Models", rows, empty="No model is installed. `oasis plugin new NAME` starts one.")
    print_findings(broken)


def _models_here() -> "tuple[list[dict[str, Any]], Sequence[Finding]]":
    from oasis_kernel.plugins import load_plugins

    plugins = load_plugins()
    return [_model_row(model) for model in plugins.models().values()], plugins.broken


def _models_there(host: str) -> "tuple[list[dict[str, Any]], Sequence[Finding]]":
    with connected(host) as workbench:
        return [_model_row(model) for model in workbench.models().values()], workbench.broken_plugins()


def _model_row(model: "Model | RemoteModel") -> dict[str, Any]:
    return {"name": model.name, "version": model.version, "supplier": model.supplier}


def list_runs(
    limit: Annotated[int, typer.Option(min=1, help="Show at most so many runs.")] = 20,
    host: o.Host = None,
    as_json: o.Json = False,
) -> None:
    """List the runs made on this machine, or in a service, newest first."""
    from oasis_kernel.cli.view import print_rows

    rows = _runs_there(host, limit) if host else _runs_here(limit)
    if as_json:
        _print_json({"runs": rows})
        return
    print_rows("Runs", rows, empty="No run yet." if host else "No run yet. `oasis demo` makes one.")


def _runs_here(limit: int) -> list[dict[str, Any]]:
    from oasis_kernel.engine.analysis import Resources
    from oasis_kernel.store.runs import RunCatalogue

    records = RunCatalogue(Resources.of_this_machine().store / "runs").records()[:limit]
    return [
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


def _runs_there(host: str, limit: int) -> list[dict[str, Any]]:
    with connected(host) as workbench:
        views = [run.view for run in workbench.runs(limit)]
    names = ("name", "model", "state", "owner", "created")
    return [{"run": view["id"], **{name: view[name] for name in names}, "done": _part_done(view)} for view in views]


def _part_done(view: "Mapping[str, Any]") -> str:
    """How much of the losses a run at work has, for people."""
    progress = view["progress"]
    at_work = view["state"] not in ("completed", "failed", "cancelled") and progress["total"]
    return f"{progress['done'] / progress['total']:.0%} of {progress['stage']}" if at_work else ""


def show(
    run: Annotated[str, typer.Argument(help="A run's id (or its start), its folder, or 'last'.")],
    what: Annotated[
        str | None,
        typer.Argument(
            help="A table such as gul_S1_ept, `locations`, or `findings`; of a run in a service `chunks` or `log` too. "
            "Without it, the headline."
        ),
    ] = None,
    rows: Annotated[int, typer.Option(min=1, help="Print at most so many rows.")] = 40,
    out: Annotated[
        Path | None, typer.Option(help="Copy the results into this folder; waits for a run that is at work.")
    ] = None,
    png: Annotated[
        Path | None, typer.Option(help="Draw the exceedance curve into this file: of WHAT (gul, il, ri, rl), or gul.")
    ] = None,
    host: o.Host = None,
    as_json: o.Json = False,
) -> None:
    """Show a run's headline, or one of its tables."""
    from oasis_kernel.api import open_run

    if not host:
        result = open_run(run)
        if out is not None:
            result.download(out)
        _draw(result, what, png) if png is not None else _show(result, what, rows, as_json)
        return
    with connected(host) as workbench:
        found = workbench.open_run(run)
        if png is not None:
            _draw(found, what, png)
        elif out is not None:
            follow(lambda report: found, out, detach=False, as_json=as_json)
        elif what in ("chunks", "log") or (what is None and not found.ended):
            _show_work(found, what, rows, as_json)
        else:
            _show(found, what, rows, as_json)


def _draw(result: "Run", what: str | None, png: Path) -> None:
    from oasis_kernel.store.folders import whole_file

    picture = result.picture(what or "gul")
    with whole_file(png) as file:
        file.write_bytes(picture)
    sys.stdout.write(f"{png.resolve()}\n")


def _show(result: "Run", what: str | None, rows: int, as_json: bool) -> None:
    from oasis_kernel.cli.view import print_findings, print_headline, print_table

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


def _show_work(run: "RemoteRun", what: str | None, rows: int, as_json: bool) -> None:
    """What there is to see of a run in a service beside its results: chunks, log, or where it stands."""
    from oasis_kernel.cli.view import print_rows

    if what == "log":
        log = run.log()
        _print_json({"lines": log.splitlines()}) if as_json else sys.stdout.write(f"{log}\n")
        return
    if what == "chunks":
        chunks = run.chunks()
        names = ("number", "part", "state", "events", "worker", "attempt", "seconds", "error")
        shown = [{name: chunk.get(name) for name in names} for chunk in chunks[:rows]]
        _print_json(chunks) if as_json else print_rows("Chunks", shown, empty="Not planned yet.")
        return
    if as_json:
        _print_json(run.as_dict())
    else:
        sys.stdout.write(f"{run.name} ({run.id}) is {run.view['state']} {_part_done(run.view)}".rstrip() + "\n")


def _print_json(value: Any) -> None:
    sys.stdout.write(json.dumps(value, default=str) + "\n")
