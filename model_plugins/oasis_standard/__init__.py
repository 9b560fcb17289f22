"""Any model directory in the Oasis standard layout as a model: the files, the lookup, the toolkit's configuration.

A folder with an ``oasislmf.json`` under the model data directory is a model by being there.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from oasis_kernel.errors import Finding, InvalidInput
from oasis_kernel.model.exposure import Portfolio
from oasis_kernel.model.inputs import Configuration
from oasis_kernel.model.vendor import Model
from oasis_kernel.plugins import hookimpl

MDK_FILE = "oasislmf.json"


def standard_model(mdk: Path, name: str | None = None) -> Model:
    """The model that a toolkit configuration file describes, called ``name`` (default: what the file calls it)."""
    from model_plugins.oasis_standard.mdk import read_mdk
    from model_plugins.oasis_standard.model import model_from_mdk

    return model_from_mdk(read_mdk(mdk), name)


@hookimpl
def register_models(data_dir: Path) -> Iterator[Model | Finding]:
    """A model for each folder under ``data_dir`` that holds an ``oasislmf.json``; a finding for each that cannot be."""
    if not data_dir.is_dir():
        return
    for path in sorted(data_dir.glob(f"*/{MDK_FILE}")):
        try:
            yield standard_model(path)
        except InvalidInput as error:
            yield from error.findings


@hookimpl
def open_configuration(path: Path) -> Configuration | None:
    """The analysis that a toolkit configuration describes; None for files that are not JSON."""
    from model_plugins.oasis_standard.configuration import read_configuration

    return read_configuration(path) if path.suffix.lower() == ".json" else None


@hookimpl
def adjust_exposure(portfolio: Portfolio, model: Model, settings: Mapping[str, Any]) -> Portfolio | None:
    """The portfolio after the model's own pre-analysis module, None for models without one."""
    from model_plugins.oasis_standard.model import StandardModel

    if isinstance(model, StandardModel) and model.pre_analysis is not None:
        return model.pre_analysis.adjust(portfolio, settings)
    return None
