"""``--host``: before a verb or after it, or as ``OASIS_HOST``; and the workbench that is asked then."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from oasis_kernel.model.inputs import InputFiles

if TYPE_CHECKING:
    from oasis_kernel.client.portfolios import PortfolioFiles
    from oasis_kernel.client.workbench import Workbench

HOST_VARIABLE = "OASIS_HOST"
NEEDED = "this needs a service: give --host URL, or set OASIS_HOST"


def add_host_to(app: typer.Typer) -> None:
    """Let the application take ``--host`` before its verbs: it is the default of theirs."""
    app.callback()(_application)


def _application(
    context: typer.Context,
    host: Annotated[
        str | None,
        typer.Option(
            "--host", metavar="URL", envvar=HOST_VARIABLE, help="Ask the service at this address; for every verb."
        ),
    ] = None,
) -> None:
    if host:
        context.default_map = _default_host(context.command, host)


def _default_host(command: Any, host: str) -> dict[str, Any]:
    """The defaults that make a host every verb's, those of groups too."""
    below: Mapping[str, Any] = getattr(command, "commands", {})
    return {"host": host, **{name: _default_host(verb, host) for name, verb in below.items()}}


@contextmanager
def connected(host: str | None) -> Iterator["Workbench"]:
    """The workbench of the service at an address; a usage error without one."""
    if not host:
        raise typer.BadParameter(NEEDED)
    from oasis_kernel.api import connect

    with connect(host) as workbench:
        yield workbench


def portfolio_files(files: InputFiles) -> "PortfolioFiles":
    """The portfolio of the inputs, as the service is to get it; InvalidInput when there is none."""
    from oasis_kernel.client.portfolios import PortfolioFiles
    from oasis_kernel.errors import Finding, InvalidInput

    if files.location is None and files.account is None:
        remedy = "Give --location FILE, an OED location file in CSV or Parquet"
        raise InvalidInput(Finding("command line", "names no portfolio", field="--location", remedy=remedy))
    given = {name: getattr(files, name) for name in ("location", "account", "ri_info", "ri_scope", "rates")}
    return PortfolioFiles(
        {name: source for name, source in given.items() if source is not None}, files.reporting_currency
    )


def asked_there(workbench: "Workbench", files: InputFiles, progress: Any = None, **more: Any) -> dict[str, Any]:
    """The request for an analysis of the inputs; its portfolio has been sent then."""
    from oasis_kernel.engine.inputs import named_options
    from oasis_kernel.engine.progress import Progress

    if files.model is None:
        raise typer.BadParameter("a service has its models installed: give --model NAME (see `oasis models`)")

    def sent(done: int, total: int) -> None:
        if progress is not None:
            progress(Progress("upload", done, total))

    portfolio = workbench.there(portfolio_files(files), sent)
    options = named_options(files.options)
    return workbench.asked(files.model, portfolio, files.settings, files.samples, options, **more)
