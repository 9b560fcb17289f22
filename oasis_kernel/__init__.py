"""The engine of the workbench: OED exposure in, ORD losses out.

>>> import oasis_kernel as ok
>>> portfolio = ok.read_portfolio(location="loc.csv", account="acc.csv")
>>> run = ok.run("toy-wind", portfolio, samples=100)
>>> run.aal()

Names are loaded when first used, so that importing the package costs nothing.
"""

import importlib
from typing import Any

_HOMES = {
    "read_portfolio": "oasis_kernel.formats.oed",
    "models": "oasis_kernel.api",
    "run": "oasis_kernel.api",
    "check": "oasis_kernel.api",
    "connect": "oasis_kernel.api",
    "estimate": "oasis_kernel.api",
    "exposure": "oasis_kernel.api",
    "open_run": "oasis_kernel.api",
    "AnalysisSettings": "oasis_kernel.model.settings",
    "EngineOptions": "oasis_kernel.model.engine",
    "Portfolio": "oasis_kernel.model.exposure",
    "Finding": "oasis_kernel.errors",
    "InvalidInput": "oasis_kernel.errors",
    "OasisError": "oasis_kernel.errors",
}

__all__ = [
    "AnalysisSettings",
    "EngineOptions",
    "Finding",
    "InvalidInput",
    "OasisError",
    "Portfolio",
    "check",
    "connect",
    "estimate",
    "exposure",
    "models",
    "open_run",
    "read_portfolio",
    "run",
]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'oasis_kernel' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
