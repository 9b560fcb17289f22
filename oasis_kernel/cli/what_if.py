"""``oasis whatif``: a finished run with other terms, on the ground-up losses it kept."""

import json
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from oasis_kernel.cli import options as o
from oasis_kernel.cli.host import connected
from oasis_kernel.cli.stopping import HERE, THERE, told_when_stopped

if TYPE_CHECKING:
    from oasis_kernel.api import LocalRun
    from oasis_kernel.client.run import RemoteRun
    from oasis_kernel.questions.result import Run

CHANGE = "Change"


def add_to(app: typer.Typer) -> None:
    """Register this module's verb."""
    app.command("whatif")(what_if)


def what_if(
    run: Annotated[str, typer.Argument(help="A run's id (or its start), its folder, or 'last'.")],
    out: Annotated[Path, typer.Option(help="Folder for the results; replaced as a whole when the run ends well.")],
    account: o.Account = None,
    ri_info: o.RiInfo = None,
    ri_scope: o.RiScope = None,
    location: Annotated[
        str | None, typer.Option("--location", "-l", help="OED location file with other terms; values stay.")
    ] = None,
    settings: o.Settings = None,
    without_account: Annotated[
        str | None, typer.Option("--without-account", metavar="ACC", help="Leave an account out: ACC or PORT/ACC.")
    ] = None,
    workers: o.Workers = None,
    memory: o.Memory = None,
    host: o.Host = None,
    as_json: o.Json = False,
) -> None:
    """Run again with other terms, reinsurance or summaries, without sampling ground-up losses again.

    The run must have kept them (`oasis run --keep-ground-up`). What is not given stays as it was; the tables are
    those of a full run with the change.

    Example: oasis whatif last --account other_terms.csv --out what_if
    """
    change = {
        "account": account,
        "ri_info": ri_info,
        "ri_scope": ri_scope,
        "location": location,
        "settings": settings,
        "without_account": without_account,
    }
    with ExitStack() as open_services:  # a service must be there until its results are shown
        if host:
            before: LocalRun | RemoteRun = open_services.enter_context(connected(host)).open_run(run)
        else:
            before = _opened(run, workers, memory)
        with told_when_stopped(THERE if host else HERE):
            _ask(before, change, out, as_json)


def _opened(run: str, workers: int | None, memory: float | None) -> "LocalRun":
    from oasis_kernel.api import open_run
    from oasis_kernel.engine.analysis import Resources

    return open_run(run, resources=Resources.of_this_machine(workers, int(memory * 2**30) if memory else None))


def _ask(before: "LocalRun | RemoteRun", change: dict[str, Any], out: Path, as_json: bool) -> None:
    from oasis_kernel.cli.view import ProgressBars, failure_as_dict, print_findings, print_headline
    from oasis_kernel.errors import OasisError

    try:
        with ProgressBars(enabled=not as_json and sys.stderr.isatty()) as bars:
            after = before.what_if(**change, out=out, progress=bars.report)
    except OasisError as error:
        if as_json:
            sys.stdout.write(json.dumps(failure_as_dict(error), default=str) + "\n")
        raise
    if as_json:
        sys.stdout.write(json.dumps({**after.as_dict(), "before": before.as_dict()}, default=str) + "\n")
        return
    print_findings(after.findings)
    print_headline(after)
    _print_change(before, after)


def _print_change(before: "Run", after: "Run") -> None:
    """The average annual losses of both runs, and what changed."""
    from oasis_kernel.cli.view import print_rows

    rows = []
    for perspective in after.perspectives:
        was, now = before.average_annual_loss(perspective), after.average_annual_loss(perspective)
        if now is not None:
            change = now.mean - was.mean if was is not None else None
            rows.append({"": perspective, "run": was and was.mean, "what if": now.mean, "change": change})
    print_rows("Average annual loss", rows, empty="Neither run has average annual losses; set alt_period.")
