"""Runs in a service: followed, left going, cancelled, taken up again, deleted."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from oasis_kernel.cli import options as o
from oasis_kernel.cli.host import asked_there, connected
from oasis_kernel.cli.stopping import STOPPED
from oasis_kernel.model.inputs import InputFiles

if TYPE_CHECKING:
    from oasis_kernel.client.run import RemoteRun
    from oasis_kernel.engine.progress import Report

Name = Annotated[str, typer.Argument(metavar="RUN", help="A run's id (or its start or end), its name, or 'last'.")]
Out = Annotated[Path | None, typer.Option(help="Also put the results into this folder.")]


def add_to(app: typer.Typer) -> None:
    """Register this module's verbs."""
    app.command()(cancel)
    app.command()(resume)
    app.command()(delete)


def cancel(run: Name, host: o.Host = None, as_json: o.Json = False) -> None:
    """Ask a run in a service to stop. Finished chunks are kept: `oasis resume` goes on from there.

    A run on this machine is stopped with Ctrl-C.
    """
    with connected(host) as workbench:
        _say(workbench.cancel(run), "is asked to stop", as_json)


def resume(run: Name, out: Out = None, host: o.Host = None, detach: o.Detach = False, as_json: o.Json = False) -> None:
    """Go on with a failed or cancelled run in a service: only what is missing is computed.

    On this machine the same `oasis run` again does that.
    """
    with connected(host) as workbench:
        follow(lambda report: workbench.resume(run), out, detach=detach, as_json=as_json)


def delete(
    run: Name,
    host: o.Host = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: o.Json = False,
) -> None:
    """Delete a run and its results in a service."""
    with connected(host) as workbench:
        found = workbench.open_run(run)
        if not yes and sys.stdin.isatty():
            typer.confirm(f"Delete {found.name} ({found.id}) and its results?", abort=True, err=True)
        found.delete()
        if as_json:
            sys.stdout.write(json.dumps({"id": found.id, "deleted": True}) + "\n")
        else:
            sys.stdout.write(f"Run {found.id} is deleted.\n")


def run_there(host: str, files: InputFiles, out: Path | None, more: dict[str, Any], **shown: bool) -> None:
    """``oasis run --host``: the run of the inputs in a service, followed unless ``detach``."""
    from oasis_kernel.client.run import RemoteRun

    with connected(host) as workbench:

        def begin(report: "Report") -> RemoteRun:
            body = asked_there(workbench, files, report, **more)
            return RemoteRun(workbench, workbench.service.post("/analyses", body))

        follow(begin, out, **shown)


def follow(begin: "Callable[[Report], RemoteRun]", out: Path | None, *, detach: bool, as_json: bool) -> "RemoteRun":
    """Begin a run in a service and show its progress and headline; with ``detach`` only how to come back to it."""
    from oasis_kernel.cli.view import ProgressBars, failure_as_dict, print_findings, print_headline
    from oasis_kernel.errors import OasisError

    try:
        with ProgressBars(enabled=not as_json and sys.stderr.isatty()) as bars:
            run = begin(bars.report)
            if not detach:
                _wait(run, bars)
    except OasisError as error:
        if as_json:
            sys.stdout.write(json.dumps(failure_as_dict(error), default=str) + "\n")
        raise
    if detach:
        _say(run, "goes on in the service", as_json)
        return run
    if out is not None:
        run.download(out)
    if as_json:
        sys.stdout.write(json.dumps({**run.as_dict(), **({"folder": str(out)} if out else {})}, default=str) + "\n")
        return run
    print_findings(run.findings)
    print_headline(run)
    if out is not None:
        sys.stdout.write(f"Copied to {out.resolve()}\n")
    return run


def _wait(run: "RemoteRun", bars: Any) -> None:
    """Wait for a run; Ctrl-C leaves it going, unless whoever pressed it wants it cancelled."""
    try:
        run.wait(bars.report)
    except KeyboardInterrupt:
        bars.stop()
        if sys.stdin.isatty() and typer.confirm(f"\nCancel run {run.id} in the service?", default=False, err=True):
            run.cancel()
            sys.stderr.write(f"Run {run.id} is asked to stop. `{_verb('resume', run)}` goes on with it.\n")
        else:
            sys.stderr.write(f"\nRun {run.id} goes on in the service.\n{_ways(run)}\n")
        raise typer.Exit(STOPPED) from None


def _say(run: "RemoteRun", what: str, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps({"id": run.id, "url": run.url, "state": run.view["state"]}) + "\n")
    else:
        sys.stdout.write(f"Run {run.id} {what}.\n{_ways(run)}\n")


def _ways(run: "RemoteRun") -> str:
    """What can be done with a run from here."""
    return f"Wait for its results: {_verb('show', run)} --out DIR\nStop it: {_verb('cancel', run)}"


def _verb(verb: str, run: "RemoteRun") -> str:
    return f"oasis {verb} {run.id} --host {run.workbench.service.address}"
