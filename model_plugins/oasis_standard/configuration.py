"""From a toolkit configuration to the inputs of an analysis."""

from dataclasses import replace
from pathlib import Path

from model_plugins.oasis_standard.mdk import mdk_input_files, read_mdk
from model_plugins.oasis_standard.model import model_from_mdk
from oasis_kernel.model.inputs import Configuration


def read_configuration(path: Path) -> Configuration:
    """The model, portfolio files, settings and engine options that an ``oasislmf.json`` names."""
    mdk = read_mdk(path)
    model = model_from_mdk(mdk)
    files = replace(mdk_input_files(mdk), model=model.name)
    return Configuration(model=model, files=files, options=dict(mdk.options), findings=mdk.findings)
