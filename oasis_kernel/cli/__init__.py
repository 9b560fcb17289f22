"""``oasis``: run, check and read catastrophe-loss analyses from a terminal."""

import gc
import sys

import typer

from oasis_kernel.cli import (
    access,
    analysis,
    catalogue,
    compare,
    estimate,
    exposure,
    plugin,
    serve,
    service_runs,
    store,
    up,
    what_if,
    worker,
)
from oasis_kernel.cli.host import add_host_to

EXIT_FINDINGS = 1
#: Loading libraries and compiled kernels makes millions of objects that stay. Looking through them for garbage as often
#: as Python does by default takes half a second of a small run.
COLLECT_AFTER = 100_000

app = typer.Typer(
    name="oasis",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Catastrophe losses of a portfolio: OED exposure in, ORD results out.\n\n"
    "Start with [bold]oasis up[/bold] or [bold]oasis demo[/bold], then [bold]oasis run --help[/bold].",
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
analysis.add_to(app)
estimate.add_to(app)
exposure.add_to(app)
what_if.add_to(app)
catalogue.add_to(app)
compare.add_to(app)
service_runs.add_to(app)
access.add_to(app)
serve.add_to(app)
up.add_to(app)
store.add_to(app)
app.add_typer(plugin.app, name="plugin")
app.add_typer(worker.app, name="worker")
add_host_to(app)


def main() -> None:
    """Run the command line; an error of ours is one clear message and exit code 1, never a traceback."""
    from oasis_kernel.cli.view import print_error
    from oasis_kernel.errors import ClusterLost, OasisError
    from oasis_kernel.leaving import leave_at_once

    gc.set_threshold(COLLECT_AFTER)
    try:
        app()
    except ClusterLost as error:
        print_error(error)
        leave_at_once(EXIT_FINDINGS)
    except OasisError as error:
        print_error(error)
        sys.exit(EXIT_FINDINGS)
    finally:
        gc.freeze()  # or the interpreter looks through everything once more before it ends
