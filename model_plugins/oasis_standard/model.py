"""Any model directory in the Oasis standard layout, as a ``Model``."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import pyarrow as pa

from model_plugins.oasis_standard.fingerprint import fingerprint_of
from model_plugins.oasis_standard.lookup import LookupEngine, keys_table, location_frame
from model_plugins.oasis_standard.lookup.frame import Context
from model_plugins.oasis_standard.lookup.perils import deterministic_keys
from model_plugins.oasis_standard.lookup_source import LookupSource, lookup_from_mdk
from model_plugins.oasis_standard.mdk import MdkConfiguration, mdk_input_files, read_json
from model_plugins.oasis_standard.own_lookup import code_path, own_keys
from model_plugins.oasis_standard.pre_analysis import PreAnalysis, pre_analysis_from_mdk
from oasis_kernel.errors import Finding, InvalidInput
from oasis_kernel.model.inputs import InputFiles
from oasis_kernel.model.vendor import ModelChoice, ModelData
from oasis_kernel.store.copies import LocalCopies, default_cache
from oasis_kernel.store.places import Place


@dataclass(frozen=True)
class StandardModel:
    """A model whose data, keys data and settings are files in the Oasis standard layout.

    Nothing is read before it is asked for. Model data that lies in object storage is then copied to this machine, once
    for each state it is in. ``pre_analysis`` changes the portfolio before the lookup, where the model
    has such a module.
    """

    name: str
    model_data_dir: Path | Place
    lookup_source: LookupSource
    model_settings: Path | None = None
    supplier: str = ""
    version: str = ""
    pre_analysis: PreAnalysis | None = None
    demonstration_files: InputFiles = field(default_factory=InputFiles)

    def demonstration(self) -> InputFiles:
        """The portfolio and settings that come with the model; without a location file if none do."""
        return replace(self.demonstration_files, model=self.name)

    def settings(self) -> Mapping[str, Any]:
        """The model's ``model_settings.json``; empty without one."""
        return read_json(self.model_settings) if self.model_settings else {}

    def lookup(self, location: pa.Table) -> pa.Table:
        """Keys of the locations (``oasis_kernel.model.keys``), in the order of the reference in one process."""
        source, frame = self.lookup_source, location_frame(location)
        if source.kind == "own":
            keys = own_keys(source, frame)
        elif source.kind == "deterministic":
            context = Context(source.source, "lookup", source.placeholders())
            keys = deterministic_keys(frame, dict(source.config), context)
        else:
            keys = LookupEngine(source.config, source.placeholders(), source.source).keys(frame)
        return keys_table(keys, source.source)

    def open(self, choice: ModelChoice) -> ModelData:
        """The model's data files, in the variants chosen."""
        from oasis_kernel.formats.model_data import StandardModelData

        return cast("ModelData", StandardModelData(self._model_data(), choice))

    def _model_data(self) -> Path:
        """The folder of model data; InvalidInput when it lies in storage that holds nothing of it."""
        if isinstance(self.model_data_dir, Path):
            return self.model_data_dir
        try:
            return self.model_data_dir.mirror()
        except FileNotFoundError as error:
            remedy = "Check the address, and that this machine may read it"
            raise InvalidInput(
                Finding(
                    self.name,
                    "must lie where the configuration says, and nothing does",
                    field="model_data_dir",
                    value=self.model_data_dir.url,
                    rule="model data folder",
                    remedy=remedy,
                )
            ) from error

    def fingerprint(self) -> str:
        """A hash of every file that a loss comes from, and of this package's version."""
        from importlib.metadata import version

        source = self.lookup_source
        files = [self._model_data(), source.keys_data_path, *source.files]
        files += [path for path in (self.model_settings, source.user_data_dir) if path is not None]
        files += [code_path(source)] if source.kind == "own" else []
        if self.pre_analysis is not None:
            files.append(self.pre_analysis.module)
            files += [self.pre_analysis.setting] if self.pre_analysis.setting else []
        return fingerprint_of(
            [path for path in dict.fromkeys(files) if path.exists()],
            self.name,
            self.version,
            version("oasis-workbench"),
        )


def model_from_mdk(mdk: MdkConfiguration, name: str | None = None) -> StandardModel:
    """The model that a toolkit configuration describes.

    It is called ``name``, or what its lookup configuration calls it, or after its folder. InvalidInput when the
    configuration names no model data or no lookup.
    """
    source = lookup_from_mdk(mdk)
    information = source.model_information()
    called = name or information.get("model_id") or mdk.source.parent.name
    has_settings = mdk.path("model_settings_json") is not None
    return StandardModel(
        name="-".join(called.lower().split()),
        model_data_dir=_data_of(mdk),
        lookup_source=source,
        model_settings=mdk.required("model_settings_json") if has_settings else None,
        supplier=information.get("supplier_id", ""),
        version=information.get("model_version", ""),
        pre_analysis=pre_analysis_from_mdk(mdk),
        demonstration_files=mdk_input_files(mdk),
    )


def _data_of(mdk: MdkConfiguration) -> Path | Place:
    """Where the model data lies; copies of what lies in storage are kept apart, and never pruned."""
    link = mdk.links.get("model_data_dir")
    return mdk.required("model_data_dir") if link is None else Place(link, LocalCopies(default_cache() / "models"))
