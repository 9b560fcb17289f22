"""The OED standard's tables as ods_tools ships them: one JSON file a version.

They are read from the installed package's data without importing it, because that import takes longer than a small
run: it brings along dataframe readers, map projections and JSON-schema formats that nothing here needs.
"""

import json
import os
from collections.abc import Mapping
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

FILE = "OpenExposureData_{}Spec.json"


@lru_cache(maxsize=4)
def oed_standard(version: str | None = None) -> Mapping[str, Any]:
    """The tables of one version (``3.4.1``, ``v4.0.0``, ``latest version``); none: the newest that ods_tools ships.

    ``ODS_SCHEMA_OVERRIDE`` names a file to use instead, as it does for ods_tools. Raises ValueError for a version that
    is not shipped.
    """
    override = os.environ.get("ODS_SCHEMA_OVERRIDE")
    path = Path(override) if override else _path(version)
    tables: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return tables


def oed_versions() -> tuple[str, ...]:
    """The versions that ods_tools ships, oldest first."""
    before, after = FILE.split("{}")
    versions = (path.name.removeprefix(before).removesuffix(after) for path in _folder().glob(FILE.format("*")))
    return tuple(sorted(versions, key=lambda version: tuple(int(part) for part in version.split("."))))


def _path(version: str | None) -> Path:
    shipped = oed_versions()
    wanted = shipped[-1] if version in (None, "", "latest version") else str(version).lstrip("v")
    if wanted not in shipped:
        raise ValueError(f"OED {version} is not one of the versions that ods_tools ships: {', '.join(shipped)}")
    return _folder() / FILE.format(wanted)


def _folder() -> Path:
    package = find_spec("ods_tools")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("ods_tools is not installed; it brings the OED standard")
    return Path(package.origin).parent / "data"
