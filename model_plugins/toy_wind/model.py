"""The model as the engine sees it."""

import json
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import pyarrow as pa

from model_plugins.toy_wind.generate import fingerprint, ready_directory
from model_plugins.toy_wind.lookup import keys
from model_plugins.toy_wind.portfolio import demo_portfolio, demo_settings
from oasis_kernel.formats.model_data import StandardModelData
from oasis_kernel.model.inputs import InputFiles
from oasis_kernel.model.vendor import ModelChoice, ModelData


class ToyWind:
    """Hurricane wind over an outline of south Florida: small, generated, honest about what it leaves out.

    Its data are made under ``data_dir`` when they are first opened, in a few seconds, and kept.
    """

    name = "toy-wind"
    supplier = "oasis-workbench"
    version = "1.0.0"

    def __init__(self, data_dir: Path):
        self._data_dir = Path(data_dir)

    def settings(self) -> Mapping[str, Any]:
        """The model's ``model_settings.json``."""
        text = resources.files("model_plugins.toy_wind").joinpath("model_settings.json").read_text(encoding="utf-8")
        settings: dict[str, Any] = json.loads(text)
        return settings

    def lookup(self, location: pa.Table) -> pa.Table:
        """Keys of a portfolio's locations: a row for each location and coverage."""
        return keys(location)

    def open(self, choice: ModelChoice) -> ModelData:
        """The model's data, made first if this version has none yet."""
        return StandardModelData(ready_directory(self._data_dir), choice)

    def demonstration(self) -> InputFiles:
        """The demo portfolio and its settings."""
        location, account, ri_info, ri_scope = map(str, demo_portfolio())
        return InputFiles(self.name, None, location, account, ri_info, ri_scope, demo_settings())

    def fingerprint(self) -> str:
        """A hash of the package's code and settings, from which data and lookup follow."""
        return fingerprint()
