"""Panels for notebooks and pages: upload a portfolio, pick a model, run, watch, look.

>>> from widgets import Session, PortfolioPanel
>>> session = Session("http://127.0.0.1:8765")
>>> PortfolioPanel(session)

Nothing is computed in the kernel: runs live in the service that the session is connected to, and go on without it.
Names are loaded when first used, so that importing the package costs nothing.
"""

import importlib
from typing import Any

_HOMES = {
    "Session": "widgets.session",
    "PortfolioPanel": "widgets.portfolio_panel",
    "CataloguePanel": "widgets.catalogue_panel",
    "SettingsPanel": "widgets.settings_panel",
    "EstimatePanel": "widgets.estimate_panel",
    "RunPanel": "widgets.run_panel",
    "WatchPanel": "widgets.run_panel",
    "ResultsPanel": "widgets.results_panel",
    "RunListPanel": "widgets.run_list_panel",
    "RunAnalysis": "widgets.pages",
    "RunResults": "widgets.pages",
    "PortfolioCheck": "widgets.pages",
}

__all__ = [
    "CataloguePanel",
    "EstimatePanel",
    "PortfolioCheck",
    "PortfolioPanel",
    "ResultsPanel",
    "RunAnalysis",
    "RunListPanel",
    "RunPanel",
    "RunResults",
    "Session",
    "SettingsPanel",
    "WatchPanel",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'widgets' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)
