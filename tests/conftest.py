"""What every test may ask for."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real model data, portfolios and expected results that lies beside the project."""
    folder = ROOT.parent / "shared"
    if not (folder / "data").is_dir():
        pytest.skip("needs ../shared/data (real model data and expected results), which is not here")
    return folder


@pytest.fixture(scope="session")
def piwind(shared: Path) -> Path:
    """PiWind in the Oasis standard layout."""
    return shared / "data" / "piwind"
