"""``oasis plugin new`` and ``oasis plugin test``: for those who ship models."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Start a vendor package, and test one.")


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="The model's name, such as acme-flood.")],
    directory: Annotated[Path, typer.Option(help="Where to put the package's folder.")] = Path(),
) -> None:
    """Write a complete vendor package: a model that runs at once, its tests, its entry point."""
    from oasis_kernel.cli.view import out
    from oasis_kernel.plugins.scaffold import scaffold

    folder = scaffold(name, directory)
    out.print(f"Wrote {folder}. Next:\n  oasis plugin test {folder}\n  pip install -e {folder}\n  oasis models")


@app.command("test")
def check_package(
    path: Annotated[Path, typer.Argument(help="The package's folder.", exists=True, file_okay=False)],
    location: Annotated[
        str | None, typer.Option("--location", "-l", help="OED location file to try the models on; default: their own.")
    ] = None,
) -> None:
    """Run the conformance suite on a vendor package. Exit code 0 when its models keep the contract."""
    from oasis_kernel.cli.view import print_checks, print_findings
    from oasis_kernel.formats.oed import read_portfolio
    from oasis_kernel.plugins.conformance import run_conformance

    report = run_conformance(path, lambda file: read_portfolio(location=file).location, location)
    print_checks(report.models)
    print_findings(report.findings)
    raise typer.Exit(0 if report.passed else 1)
