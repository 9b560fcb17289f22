"""The versions that a run's numbers could depend on."""

import platform
from importlib.metadata import version

LIBRARIES = ("numpy", "numba", "pyarrow", "pandas", "ods-tools")


def library_versions() -> dict[str, str]:
    """Name and version of the interpreter and of each library that computes or reads."""
    return {"python": platform.python_version(), **{name: version(name) for name in LIBRARIES}}
