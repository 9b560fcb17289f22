"""Where a model's lookup is described: configuration, data folder, the vendor's own Python."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from model_plugins.oasis_standard.mdk import MdkConfiguration, read_json
from oasis_kernel.errors import Finding, InvalidInput


@dataclass(frozen=True)
class LookupSource:
    """A lookup's configuration as the standard lays it down.

    ``config`` is the content of the lookup configuration, ``directory`` what its paths are relative to, ``source``
    the file's name for findings, ``user_data_dir`` the analysis' own data.
    """

    config: Mapping[str, Any]
    directory: Path
    source: str = "lookup_config"
    user_data_dir: Path | None = None
    files: tuple[Path, ...] = field(default=())

    @property
    def keys_data_path(self) -> Path:
        """The folder of the lookup's data."""
        configured = self.config.get("keys_data_path")
        return (self.directory / configured).resolve() if configured else self.directory.resolve()

    @property
    def kind(self) -> str:
        """``own`` (the vendor's Python), ``steps`` (step_definition and strategy) or ``deterministic``."""
        config = self.config
        if any(config.get(name) for name in ("lookup_class", "lookup_module", "lookup_module_path")):
            return "own"
        named = config.get("builtin_lookup_type") or ("new_lookup" if "step_definition" in config else None)
        if named == "new_lookup":
            return "steps"
        if named == "peril_covered_deterministic":
            return "deterministic"
        raise InvalidInput(
            Finding(
                self.source,
                "names no lookup that is known",
                field="builtin_lookup_type",
                value=named,
                remedy="Give step_definition and strategy, or lookup_module_path",
            )
        )

    def placeholders(self) -> dict[str, str]:
        """The values of ``%%NAME%%`` by lower-case name: the configuration's own texts."""
        texts = {name.lower(): value for name, value in self.config.items() if isinstance(value, str)}
        return {**texts, "keys_data_path": str(self.keys_data_path)}

    def model_information(self) -> dict[str, str]:
        """``supplier_id``, ``model_id``, ``model_version`` where the configuration gives them."""
        return {name: str(value) for name, value in (self.config.get("model") or {}).items()}


def lookup_from_mdk(mdk: MdkConfiguration) -> LookupSource:
    """The lookup that a toolkit configuration describes; InvalidInput when it describes none."""
    user_data = mdk.path("user_data_dir")
    if mdk.path("lookup_config_json") is not None:
        path = mdk.required("lookup_config_json")
        config = read_json(path)
        if config.get("key_server_module_path"):
            raise InvalidInput(
                Finding(
                    path.name,
                    "names a key server of its own, which is not offered",
                    field="key_server_module_path",
                    remedy="Derive a lookup class instead, or ship a plugin with lookup",
                )
            )
        complex_path = mdk.path("lookup_complex_config_json")
        if complex_path is not None:
            config |= {"complex_config_dir": str(complex_path.parent), "complex_config": read_json(complex_path)}
        own = mdk.path("lookup_module_path")
        described = {"lookup_class", "lookup_module", "lookup_module_path", "builtin_lookup_type", "step_definition"}
        if own is not None and not described & config.keys():
            config["lookup_module_path"] = str(own)
        return LookupSource(config, path.parent, path.name, user_data, (path,))
    return _described_by_entries(mdk, user_data)


def _described_by_entries(mdk: MdkConfiguration, user_data: Path | None) -> LookupSource:
    """A lookup in the vendor's Python, described by three entries instead of a configuration of its own."""
    module, data = mdk.required("lookup_module_path"), mdk.required("lookup_data_dir")
    version = mdk.required("model_version_csv")
    config: dict[str, Any] = {}
    if mdk.path("lookup_complex_config_json") is not None:
        config = read_json(mdk.required("lookup_complex_config_json"))
    config |= {"keys_data_path": str(data), "lookup_module_path": str(module), "model": read_version(version)}
    return LookupSource(config, mdk.source.parent, mdk.source.name, user_data, (module, version))


def read_version(path: Path) -> dict[str, str]:
    """Supplier, model and version from a one-line ``ModelVersion.csv``."""
    with path.open(encoding="utf-8", newline="") as stream:
        row = next(csv.reader(stream), [])
    if len(row) < 3:
        raise InvalidInput(Finding(path.name, "must hold supplier, model and version", row=1, value=",".join(row)))
    return dict(zip(("supplier_id", "model_id", "model_version"), (text.strip() for text in row), strict=False))
