"""The versions that a run's numbers could depend on."""

import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from oasis_kernel import __version__
from oasis_kernel.formats.oed_schema import standard
from oasis_kernel.plugins import load_plugins

LIBRARIES = ("numpy", "numba", "pyarrow", "pandas", "ods-tools")


def library_versions() -> dict[str, str]:
    """Name and version of the interpreter and of each library that computes or reads."""
    return {"python": platform.python_version(), **{name: version(name) for name in LIBRARIES}}


def base_versions() -> dict[str, str]:
    """What all machines of a cluster must have alike: engine, Ray ("" where there is none), interpreter, libraries."""
    try:
        ray = version("ray")
    except PackageNotFoundError:
        ray = ""
    return {"engine": __version__, "ray": ray, **library_versions()}


def unlike_base(found: Mapping[str, Any], wanted: Mapping[str, str]) -> str:
    """In what a worker differs from what is wanted, in words; "" for nothing. What it does not say is not compared."""
    differences = [
        f"{name} {found[name] or 'none'}, not {wanted[name]}"
        for name in wanted
        if name in found and found[name] != wanted[name]
    ]
    if not differences:
        return ""
    return f"it has {'; '.join(differences)}. Build its image on the base image of this version, and leave these alone"


def worker_versions() -> dict[str, Any]:
    """What a worker computes with: the engine, its libraries, and each installed model with its version."""
    models = load_plugins().models().values()
    return {
        **base_versions(),
        "oed_schema": standard().version,
        "models": {model.name: model.version for model in models},
    }
