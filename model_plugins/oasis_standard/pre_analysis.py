"""Exposure pre-analysis: the vendor's module that changes a portfolio before its lookup."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from model_plugins.oasis_standard.compatibility import load_module, module_file, vendor_imports
from model_plugins.oasis_standard.lookup.keys import location_frame
from model_plugins.oasis_standard.mdk import MdkConfiguration, read_json
from oasis_kernel.errors import Finding, InvalidInput, PluginError
from oasis_kernel.formats.oed import read_portfolio
from oasis_kernel.model.exposure import Portfolio

#: What a portfolio numbers its rows by: made anew for the rows there are afterwards.
NUMBERS = ("loc_id", "loc_idx", "acc_id", "acc_idx")

#: Portfolio tables by what a pre-analysis module calls them.
SOURCES = {
    "location": "location",
    "account": "account",
    "ri_info": "reinsurance_info",
    "ri_scope": "reinsurance_scope",
}


@dataclass(frozen=True)
class PreAnalysis:
    """A pre-analysis module: a class that gets ``exposure_data`` and its setting, and whose ``run`` changes it."""

    module: Path
    class_name: str = "ExposurePreAnalysis"
    setting: Path | None = None
    model_data_dir: Path | None = None
    user_data_dir: Path | None = None

    def adjust(self, portfolio: Portfolio, settings: Mapping[str, Any]) -> Portfolio:
        """The portfolio after the vendor's module, its rows numbered anew.

        PluginError when the module fails, InvalidInput when what it leaves is not OED.
        """
        exposure = _exposure(portfolio)
        pre_analysis = getattr(load_module(self.module), self.class_name, None)
        if pre_analysis is None:
            raise InvalidInput(
                Finding(
                    self.module.name,
                    "has no such class",
                    value=self.class_name,
                    remedy="Set exposure_pre_analysis_class_name",
                )
            )
        with tempfile.TemporaryDirectory(prefix="pre_analysis_") as folder, vendor_imports(module_file(self.module)):
            try:
                pre_analysis(exposure_data=exposure, **self._arguments(folder, settings)).run()
            except Exception as error:  # the plugin's own code may raise anything
                raise PluginError(
                    f"{self.module.name}: {self.class_name} failed on the portfolio: {type(error).__name__}: {error}"
                ) from error
        return _read_again(exposure, portfolio)

    def _arguments(self, folder: str, settings: Mapping[str, Any]) -> dict[str, Any]:
        """What the toolkit gives such a class besides the exposure."""
        arguments: dict[str, Any] = {
            "input_dir": folder,
            "model_data_dir": str(self.model_data_dir) if self.model_data_dir else None,
            "user_data_dir": str(self.user_data_dir) if self.user_data_dir else None,
            "analysis_settings_json": None,
            "settings": dict(settings),
        }
        if self.setting is not None:
            arguments["exposure_pre_analysis_setting"] = read_json(self.setting)
        return arguments


def pre_analysis_from_mdk(mdk: MdkConfiguration) -> PreAnalysis | None:
    """The pre-analysis that a toolkit configuration asks for, if any."""
    if mdk.path("exposure_pre_analysis_module") is None:
        return None
    if "model_data_dir" in mdk.links:
        message = "must be a folder on this machine where a pre-analysis module may read it"
        value, remedy = mdk.links["model_data_dir"], "Copy the model data here, and name its folder"
        raise InvalidInput(Finding(mdk.source.name, message, field="model_data_dir", value=value, remedy=remedy))
    has_setting = mdk.path("exposure_pre_analysis_setting_json") is not None
    return PreAnalysis(
        module=mdk.required("exposure_pre_analysis_module"),
        class_name=str(mdk.values.get("exposure_pre_analysis_class_name") or "ExposurePreAnalysis"),
        setting=mdk.required("exposure_pre_analysis_setting_json") if has_setting else None,
        model_data_dir=mdk.path("model_data_dir"),
        user_data_dir=mdk.path("user_data_dir"),
    )


def _exposure(portfolio: Portfolio) -> Any:
    """The portfolio as the toolkit's exposure object (ods-tools)."""
    from ods_tools.oed import OedExposure

    tables = {theirs: getattr(portfolio, ours) for theirs, ours in SOURCES.items()}
    frames = {name: location_frame(table) for name, table in tables.items() if table is not None}
    return OedExposure(**frames, use_field=False, check_oed=False)


def _read_again(exposure: Any, before: Portfolio) -> Portfolio:
    """The exposure object as a portfolio: checked and numbered anew, in the currency that it is in."""
    tables = {name: _table(getattr(exposure, name)) for name in SOURCES if getattr(exposure, name) is not None}
    after = read_portfolio(**tables)
    return replace(after, sources=before.sources, reporting_currency=before.reporting_currency)


def _table(source: Any) -> pa.Table:
    """One source's table as the vendor's module left it, without the numbers that its rows had before."""
    frame = source.dataframe.reset_index(drop=True).drop(columns=list(NUMBERS), errors="ignore")
    return pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
