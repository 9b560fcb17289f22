"""``oasis serve``: the workbench as a service."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from oasis_kernel.service.settings import ServiceSettings


def add_to(app: typer.Typer) -> None:
    """Register this module's verb."""
    app.command()(serve)


def serve(
    settings: Annotated[
        Path | None,
        typer.Option(help="The service's settings (TOML or JSON); OASIS_SERVICE_* in the environment go over them."),
    ] = None,
    root: Annotated[Path | None, typer.Option(help="Folder for everything the service keeps.")] = None,
    address: Annotated[str | None, typer.Option(help="Address to listen on; default: this machine only.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port to listen on; 0: a free one.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Runs at the same time.")] = None,
    ray: Annotated[str | None, typer.Option(help="none, local, or the address of a Ray cluster.")] = None,
) -> None:
    """Serve the workbench: runs that outlive the page and the terminal, over REST.

    The database is brought up to date first. Ctrl-C stops the service and its runs; they go on when it starts again.

    Example: oasis serve, then in another terminal: oasis --host http://127.0.0.1:8765 run --model toy-wind ...
    """
    need_service()
    from oasis_kernel.service.doors import LOCAL_FILE
    from oasis_kernel.service.remote import is_loopback
    from oasis_kernel.service.serving import serve

    chosen = loaded_settings(settings, root=root, host=address, port=port, workers=workers, ray=ray)

    def ready(url: str) -> None:
        sys.stdout.write(f"The workbench serves on {url} (pages for machines: {url}/docs)\n")
        if chosen.local_token and is_loopback(chosen.host):
            sys.stdout.write(f"You are known here by the token in {chosen.root / LOCAL_FILE}\n")
        sys.stdout.write("Ctrl-C stops it.\n")
        sys.stdout.flush()

    serve(chosen, ready)


def need_service() -> None:
    """OasisError when the service's libraries are not installed."""
    from oasis_kernel._jit_cache import share_kernel_folders
    from oasis_kernel.errors import OasisError

    share_kernel_folders()  # before the service brings kernels: a cluster's workers here fill the same folder
    try:
        import oasis_kernel.service.serving  # noqa: F401
    except ModuleNotFoundError as error:
        raise OasisError(f"{error}. Install the service: pip install 'oasis-workbench[service]'") from error


def loaded_settings(file: Path | None, **given: object) -> "ServiceSettings":
    """The service's settings: those given here, over the environment's, over the file's."""
    from oasis_kernel.service.serving import environment_of
    from oasis_kernel.service.settings import ServiceSettings

    return ServiceSettings.load(file, {**os.environ, **environment_of(**given)})
