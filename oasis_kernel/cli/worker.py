"""``oasis worker``: what an image computes with, and whether it may join a cluster."""

import json
import sys
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="What this image computes with, and whether it fits a cluster.")


@app.command()
def versions() -> None:
    """Print engine, Ray, Python, libraries and models with their versions, as JSON."""
    from oasis_kernel.engine.versions import worker_versions

    sys.stdout.write(json.dumps(worker_versions(), indent=1) + "\n")


@app.command()
def check(
    engine: Annotated[str, typer.Option(help="The cluster's version of the engine; default: any.")] = "",
    ray: Annotated[str, typer.Option(help="The cluster's Ray, to the last digit; default: any.")] = "",
    python: Annotated[str, typer.Option(help="The cluster's Python, to the last digit; default: any.")] = "",
    model: Annotated[str, typer.Option(help="A model that it must have; default: none.")] = "",
) -> None:
    """Exit code 0 when this image may be a worker of such a cluster; else say in what it differs."""
    from oasis_kernel.engine.versions import unlike_base, worker_versions
    from oasis_kernel.errors import OasisError

    found = worker_versions()
    wanted = {name: version for name, version in (("engine", engine), ("ray", ray), ("python", python)) if version}
    if unlike := unlike_base(found, wanted):
        raise OasisError(f"this image is refused: {unlike}")
    if model and model not in found["models"]:
        installed = ", ".join(sorted(found["models"])) or "none"
        raise OasisError(f"this image is refused: it has no model {model}; it has {installed}. Install the model in it")
    sys.stdout.write("this image fits the cluster\n")
