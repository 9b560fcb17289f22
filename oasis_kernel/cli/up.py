"""``oasis up``: the whole workbench on this machine, with a first analysis done while it starts."""

import sys
import threading
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from oasis_kernel.cli import options as o

if TYPE_CHECKING:
    from oasis_kernel.client.run import RemoteRun
    from oasis_kernel.client.workbench import Workbench
    from oasis_kernel.engine.progress import Report

FIRST_RUN = "First look at toy-wind"
MODEL = "toy-wind"
LOG = "log.txt"  # under the root


def add_to(app: typer.Typer) -> None:
    """Register this module's verb."""
    app.command()(up)


def up(
    root: Annotated[Path | None, typer.Option(help="Folder for everything the workbench keeps.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port to listen on; 0: a free one.")] = None,
    ray: Annotated[
        str | None, typer.Option(help="none, local, or a cluster's address; default: local where Ray is installed.")
    ] = None,
    samples: o.Samples = None,
    out: Annotated[Path, typer.Option(help="Folder for the first analysis's tables.")] = Path("workbench/demo"),
) -> None:
    """Bring the workbench up on this machine, and make a first analysis with it.

    The service listens on loopback, keeps everything under --root, and computes on a Ray cluster of its own, or on
    threads where Ray is not installed. Ctrl-C stops everything it started; what was computed is kept.
    """
    from oasis_kernel.cli.serve import loaded_settings, need_service

    need_service()
    from oasis_kernel.service.doors import LOCAL_FILE
    from oasis_kernel.service.serving import serve

    settings = loaded_settings(None, root=root, port=port, ray=ray or _ray())
    if settings.ray == "none":
        sys.stdout.write("Ray is not used: runs are computed on threads of this machine.\n")

    def ready(url: str) -> None:
        sys.stdout.write(f"The workbench is up on {url}. First, a run of {MODEL} on its demonstration portfolio.\n")
        sys.stdout.flush()
        token = (settings.root / LOCAL_FILE).read_text(encoding="utf-8").strip()
        asked = (url, token, samples, out, settings.root / LOG)
        threading.Thread(target=_first_look, args=asked, name="first look", daemon=True).start()

    serve(settings, ready, settings.root / LOG)


def _ray() -> str:
    return "local" if find_spec("ray") is not None else "none"


def _first_look(url: str, token: str, samples: int | None, out: Path, log: Path) -> None:
    """Make the first analysis, or show it where it is made already, and say what can be done next."""
    from oasis_kernel.api import connect
    from oasis_kernel.cli.service_runs import follow
    from oasis_kernel.cli.view import print_error, print_headline
    from oasis_kernel.errors import OasisError

    try:
        with connect(url, token) as workbench:
            made = _made(workbench)
            if made is not None:
                print_headline(made)
            else:
                follow(lambda report: _begin(workbench, samples, report), out, detach=False, as_json=False)
    except OasisError as error:
        print_error(error)
    sys.stdout.write(
        f"\nThe workbench is on {url}: its calls are described on {url}/docs.\n"
        f"From another terminal: oasis --host {url} ls\n"
        f'From Python: import oasis_kernel as ok; ok.connect("{url}").runs()\n'
        f"What its processes say: {log}\nCtrl-C stops everything that was started here.\n"
    )
    sys.stdout.flush()


def _made(workbench: "Workbench") -> "RemoteRun | None":
    """The first analysis where it is there already."""
    return next((run for run in workbench.runs(20, model=MODEL, state="completed") if run.name == FIRST_RUN), None)


def _begin(workbench: "Workbench", samples: int | None, report: "Report") -> "RemoteRun":
    from dataclasses import replace

    from oasis_kernel.cli.host import asked_there
    from oasis_kernel.client.run import RemoteRun
    from oasis_kernel.plugins import load_plugins

    files = load_plugins().demonstration(MODEL)
    chosen = replace(files, samples=samples or files.samples)
    body = asked_there(workbench, chosen, report, name=FIRST_RUN)
    return RemoteRun(workbench, workbench.service.post("/analyses", body))
