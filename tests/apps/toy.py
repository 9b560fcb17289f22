"""The portfolio that comes with toy-wind."""

from pathlib import Path

from oasis_kernel.client.portfolios import PortfolioFiles


def toy_paths() -> dict[str, Path]:
    """Its files by part."""
    from oasis_kernel.plugins import load_plugins

    files = load_plugins().demonstration("toy-wind")
    return {"location": Path(str(files.location)), "account": Path(str(files.account))}


def toy_files() -> PortfolioFiles:
    """Its files, to be sent to a service."""
    return PortfolioFiles(dict(toy_paths()))
