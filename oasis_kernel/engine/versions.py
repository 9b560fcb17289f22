"""The versions that a run's numbers could depend on."""

import platform
from importlib.metadata import version
from typing import Any

from oasis_kernel import __version__
from oasis_kernel.formats.oed_schema import standard
from oasis_kernel.plugins import load_plugins

LIBRARIES = ("numpy", "numba", "pyarrow", "pandas", "ods-tools")


def library_versions() -> dict[str, str]:
    """Name and version of the interpreter and of each library that computes or reads."""
    return {"python": platform.python_version(), **{name: version(name) for name in LIBRARIES}}


def worker_versions() -> dict[str, Any]:
    """What a worker computes with: the engine, its libraries, and each installed model with its version."""
    models = load_plugins().models().values()
    return {
        "engine": __version__,
        "oed_schema": standard().version,
        **library_versions(),
        "models": {model.name: model.version for model in models},
    }
