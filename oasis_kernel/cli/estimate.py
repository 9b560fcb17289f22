"""``oasis estimate``: what a run would take, before it is made."""

import json
import sys
from typing import TYPE_CHECKING, Any

import typer

from oasis_kernel.cli import options as o
from oasis_kernel.cli.analysis import there
from oasis_kernel.cli.inputs import need_a_model, with_inputs
from oasis_kernel.model.inputs import InputFiles

if TYPE_CHECKING:
    from oasis_kernel.engine.analysis import Resources
    from oasis_kernel.engine.progress import Report
    from oasis_kernel.model.estimate import Estimate


def add_to(app: typer.Typer) -> None:
    """Register this module's verb."""
    app.command()(estimate)


@with_inputs
def estimate(
    files: InputFiles,
    workers: o.Workers = None,
    memory: o.Memory = None,
    chunks: o.Chunks = None,
    host: o.Host = None,
    as_json: o.Json = False,
) -> None:
    """Say what a run would take: seconds, memory, size of the results, each with a band.

    Everything is checked and prepared, and a few events are computed to see how fast this model is with this
    portfolio here. Nothing is kept.
    """
    from oasis_kernel.cli.view import ProgressBars, failure_as_dict, print_estimate
    from oasis_kernel.engine.analysis import Resources
    from oasis_kernel.errors import OasisError

    if not host:
        need_a_model(files)
    try:
        with ProgressBars(enabled=not as_json and sys.stderr.isatty()) as bars:
            if host:
                expected = _estimate_there(host, files, bars.report, there(workers, memory, chunks))
            else:
                machine = Resources.of_this_machine(workers, int(memory * 2**30) if memory else None, None, chunks)
                expected = _estimate_here(files, machine, bars.report)
    except OasisError as error:
        if as_json:
            sys.stdout.write(json.dumps(failure_as_dict(error), default=str) + "\n")
        raise
    if as_json:
        sys.stdout.write(json.dumps(expected.as_dict()) + "\n")
    else:
        print_estimate(expected)


def _estimate_here(files: InputFiles, resources: "Resources", report: "Report") -> "Estimate":
    from oasis_kernel.engine.estimate import estimate as expect
    from oasis_kernel.engine.inputs import load_analysis
    from oasis_kernel.plugins import load_plugins

    analysis, findings = load_analysis(files, load_plugins())
    return expect(analysis, resources, findings, report)


def _estimate_there(host: str, files: InputFiles, report: "Report", more: dict[str, Any]) -> "Estimate":
    from oasis_kernel.cli.host import asked_there, connected
    from oasis_kernel.model.estimate import Estimate

    with connected(host) as workbench:
        return Estimate.of(workbench.service.post("/analyses/estimate", asked_there(workbench, files, report, **more)))
