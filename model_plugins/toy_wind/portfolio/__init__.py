"""The demo portfolio: an invented insurer's book in south Florida, shipped with the model."""

from importlib import resources
from pathlib import Path
from typing import NamedTuple


class PortfolioFiles(NamedTuple):
    """The OED files of a portfolio."""

    location: Path
    account: Path
    ri_info: Path
    ri_scope: Path


def demo_portfolio() -> PortfolioFiles:
    """The demo portfolio's files: 300 locations in 7 accounts, with a quota share and two layers of cat XL."""
    return PortfolioFiles(*(_file(f"{name}.csv") for name in PortfolioFiles._fields))


def demo_settings() -> Path:
    """The demo's ``analysis_settings.json``: averages, exceedance curves, event and period tables, ground-up to net."""
    return _file("analysis_settings.json")


def _file(name: str) -> Path:
    return Path(str(resources.files(__name__).joinpath(name)))
