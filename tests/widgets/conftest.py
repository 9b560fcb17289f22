"""A service double, and a session with it that does its work at once."""

import warnings
from pathlib import Path

import pytest

pytest.importorskip("ipywidgets", reason="needs the extra `widgets`")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # bqplot's own, at import
    pytest.importorskip("bqplot", reason="needs the extra `widgets`")

from panel_service import PanelService

from widgets.session import Session


@pytest.fixture
def service() -> PanelService:
    return PanelService()


@pytest.fixture
def session(service: PanelService, tmp_path: Path) -> Session:
    return service.session(tmp_path)
