"""The suite on a vendor's package as it lies on disk, installed or not."""

import sys
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from pathlib import Path

import pyarrow as pa

from oasis_kernel.errors import Finding, InvalidInput
from oasis_kernel.model.inputs import DemonstratedModel
from oasis_kernel.model.vendor import Model
from oasis_kernel.plugins.conformance.suite import conformance
from oasis_kernel.plugins.conformance.verdict import CheckResult
from oasis_kernel.plugins.discovery import Plugins, model_data_directory
from oasis_kernel.plugins.hookspecs import GROUP

ReadLocation = Callable[[str], pa.Table]


@dataclass(frozen=True)
class ConformanceReport:
    """The checks of every model in a package, by model name; ``findings`` say what could not even be loaded."""

    models: dict[str, list[CheckResult]]
    findings: tuple[Finding, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether every model of the package loaded and passed every check."""
        return bool(self.models) and not self.findings and all(r.passed for rows in self.models.values() for r in rows)


def run_conformance(path: Path, read_location: ReadLocation, location: str | None = None) -> ConformanceReport:
    """The checks of the package in the folder ``path``, on its models' demonstrations or on ``location``.

    ``read_location`` reads an OED location file, as ``oasis_kernel.read_portfolio(location=...).location`` does.
    InvalidInput when the folder has no ``pyproject.toml`` with an entry point of ours.
    """
    entries = _entry_points(path)
    with _importable(path):
        plugins = Plugins()
        for name, value in sorted(entries.items()):
            plugins.add(EntryPoint(name, value, GROUP), model_data_directory())
        results, findings = {}, list(plugins.broken)
        for name, model in plugins.models().items():
            file = location or _demonstration(model)
            if file is None:
                findings.append(
                    Finding(
                        f"model {name}",
                        "has no demonstration to be tested on",
                        remedy="Give it demonstration(), or give a location file",
                    )
                )
                continue
            results[name] = conformance(model, read_location(file))
    return ConformanceReport(results, tuple(findings))


def _demonstration(model: Model) -> str | None:
    return model.demonstration().location if isinstance(model, DemonstratedModel) else None


def _entry_points(path: Path) -> dict[str, str]:
    """The entry points that the package declares."""
    project = path / "pyproject.toml"
    if not project.is_file():
        raise InvalidInput(Finding(str(path), "has no pyproject.toml", remedy="Give the folder of a plugin package"))
    declared = tomllib.loads(project.read_text(encoding="utf-8"))
    entries: dict[str, str] = declared.get("project", {}).get("entry-points", {}).get(GROUP, {})
    if not entries:
        raise InvalidInput(
            Finding(
                str(project),
                "declares no plugin",
                field=f'entry-points."{GROUP}"',
                remedy="Add the entry point of the module with your hooks",
            )
        )
    return entries


@contextmanager
def _importable(path: Path) -> Iterator[None]:
    """Inside, the package's sources can be imported as if it were installed."""
    folders = [str(folder.resolve()) for folder in (path / "src", path) if folder.is_dir()]
    sys.path[:0] = folders
    try:
        yield
    finally:
        for folder in folders:
            sys.path.remove(folder)
