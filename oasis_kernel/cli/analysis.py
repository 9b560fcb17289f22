"""``oasis run``, ``check`` and ``demo``."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from oasis_kernel.cli import options as o
from oasis_kernel.cli.inputs import need_a_model, with_inputs
from oasis_kernel.cli.ray import workers_of
from oasis_kernel.cli.stopping import HERE, told_when_stopped
from oasis_kernel.model.inputs import InputFiles

if TYPE_CHECKING:
    from oasis_kernel.dispatch import Executor
    from oasis_kernel.engine.analysis import Resources


def add_to(app: typer.Typer) -> None:
    """Register this module's verbs."""
    app.command()(run)
    app.command()(check)
    app.command()(demo)


@with_inputs
def run(
    files: InputFiles,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder for the results; replaced as a whole when the run ends well. Needed but with --host."
        ),
    ] = None,
    workers: o.Workers = None,
    memory: o.Memory = None,
    chunks: o.Chunks = None,
    resume: Annotated[
        bool, typer.Option("--resume/--afresh", help="Use finished chunks of earlier runs of the same work.")
    ] = True,
    keep_ground_up: Annotated[
        bool, typer.Option("--keep-ground-up", help="Keep the sampled ground-up losses, for `oasis whatif`.")
    ] = False,
    ray: o.Ray = None,
    ray_threads: o.RayThreads = 1,
    host: o.Host = None,
    detach: o.Detach = False,
    as_json: o.Json = False,
) -> None:
    """Compute losses and write ORD tables.

    Everything is checked before anything is computed. Finished chunks are kept, so that the same command after
    an interruption does only what is missing. With --host the run lives in a service, whatever becomes of this
    terminal.

    Example: oasis run --model toy-wind --location loc.csv --account acc.csv --samples 100 --out results
    """
    if host:
        from oasis_kernel.cli.service_runs import run_there

        if not resume:
            raise typer.BadParameter("--afresh is for runs on this machine")
        if ray:
            raise typer.BadParameter("--ray is for runs from this machine: a service has a cluster of its own")
        more = {**there(workers, memory, chunks), **({"keep_ground_up": True} if keep_ground_up else {})}
        run_there(host, files, out, more, detach=detach, as_json=as_json)
        return
    if out is None:
        raise typer.BadParameter("give --out FOLDER for the results")
    if detach:
        raise typer.BadParameter("--detach needs a service to run in: give --host URL")
    resources = replace(_resources(workers, memory, chunks, resume), keep_ground_up=keep_ground_up)
    with workers_of(ray, ray_threads, resources) as (executor, planned):
        _run(files, out, planned, as_json, executor)


@with_inputs
def check(files: InputFiles, host: o.Host = None, as_json: o.Json = False) -> None:
    """Check every input, compute nothing.

    Findings name file, row, field, value and remedy. Exit code 0: nothing stops a run; 1: something does.
    """
    if host:
        passed = _check_there(host, files, as_json)
    else:
        need_a_model(files)
        passed = _check_here(files, as_json)
    raise typer.Exit(0 if passed else 1)


def _check_here(files: InputFiles, as_json: bool) -> bool:
    from oasis_kernel.cli.view import print_findings, print_location_status
    from oasis_kernel.engine.check import check_files

    report = check_files(files)
    if as_json:
        sys.stdout.write(json.dumps(report.as_dict(), default=str) + "\n")
        return report.passed
    print_findings(report.findings)
    if report.locations is not None:
        print_location_status(report.locations.tiv_by_reason.to_pylist())
    return report.passed


def _check_there(host: str, files: InputFiles, as_json: bool) -> bool:
    from oasis_kernel.cli.host import asked_there, connected
    from oasis_kernel.cli.view import print_findings, print_location_status
    from oasis_kernel.client.problems import findings_of
    from oasis_kernel.errors import InvalidInput

    try:
        with connected(host) as workbench:
            report = workbench.check_report(asked_there(workbench, files))
    except InvalidInput as error:  # what stops the files from getting there is a finding like any other
        report = {"passed": False, "findings": [item.as_dict() for item in error.findings], "locations": []}
    if as_json:
        shown = {name: report[name] for name in ("passed", "findings", "locations")}
        sys.stdout.write(json.dumps(shown, default=str) + "\n")
    else:
        print_findings(findings_of(report["findings"]))
        if report["locations"]:
            print_location_status(report["locations"])
    return bool(report["passed"])


def demo(
    out: Annotated[Path, typer.Option(help="Folder for the results.")] = Path("workbench/demo"),
    samples: o.Samples = None,
    workers: o.Workers = None,
) -> None:
    """Run the built-in model toy-wind on its demo portfolio and show the exceedance curve."""
    from oasis_kernel.plugins import load_plugins

    files = load_plugins().demonstration("toy-wind")
    _run(replace(files, samples=samples or files.samples), out, _resources(workers, None, None, True), as_json=False)


def _run(
    files: InputFiles, out: Path, resources: "Resources", as_json: bool, executor: "Executor | None" = None
) -> None:
    from oasis_kernel.cli.view import ProgressBars, failure_as_dict, print_findings, print_headline
    from oasis_kernel.engine.execute import execute
    from oasis_kernel.engine.inputs import load_analysis
    from oasis_kernel.errors import OasisError
    from oasis_kernel.plugins import load_plugins
    from oasis_kernel.questions.result import Run

    need_a_model(files)
    try:
        with told_when_stopped(HERE), ProgressBars(enabled=not as_json and sys.stderr.isatty()) as bars:
            analysis, findings = load_analysis(files, load_plugins())
            execute(analysis, out, resources, bars.report, findings, executor)
    except OasisError as error:
        if as_json:
            sys.stdout.write(json.dumps(failure_as_dict(error), default=str) + "\n")
        raise
    result = Run(out)
    if as_json:
        sys.stdout.write(json.dumps(result.as_dict(), default=str) + "\n")
        return
    print_findings(result.findings)
    print_headline(result)


def there(workers: int | None, memory: float | None, chunks: int | None) -> dict[str, Any]:
    """What a run in a service is asked to use, as its request has it."""
    given = {"workers": workers, "memory_bytes": int(memory * 2**30) if memory else None}
    resources = {name: value for name, value in given.items() if value is not None}
    return {**({"resources": resources} if resources else {}), **({"chunks": chunks} if chunks else {})}


def _resources(workers: int | None, memory: float | None, chunks: int | None, resume: bool) -> "Resources":
    from oasis_kernel.engine.analysis import Resources

    return Resources.of_this_machine(workers, int(memory * 2**30) if memory else None, None, chunks, resume)
