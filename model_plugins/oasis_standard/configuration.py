"""From a toolkit configuration to the inputs of an analysis."""

from pathlib import Path

from model_plugins.oasis_standard.mdk import MdkConfiguration, read_json, read_mdk
from model_plugins.oasis_standard.model import model_from_mdk
from oasis_kernel.errors import Finding, InvalidInput
from oasis_kernel.model.inputs import Configuration, InputFiles


def read_configuration(path: Path) -> Configuration:
    """The model, portfolio files, settings and engine options that an ``oasislmf.json`` names."""
    mdk = read_mdk(path)
    model = model_from_mdk(mdk)
    files = InputFiles(
        model=model.name,
        location=_text(mdk, "oed_location_csv"),
        account=_text(mdk, "oed_accounts_csv"),
        ri_info=_text(mdk, "oed_info_csv"),
        ri_scope=_text(mdk, "oed_scope_csv"),
        settings=mdk.path("analysis_settings_json"),
        reporting_currency=mdk.values.get("reporting_currency"),
        rates=_rates(mdk),
    )
    return Configuration(model=model, files=files, options=dict(mdk.options), findings=mdk.findings)


def _text(mdk: MdkConfiguration, name: str) -> str | None:
    path = mdk.path(name)
    return str(path) if path is not None else None


def _rates(mdk: MdkConfiguration) -> Path | None:
    """The table of rates of exchange behind ``currency_conversion_json``; paths in it start at its own folder."""
    if mdk.path("currency_conversion_json") is None:
        return None
    path = mdk.required("currency_conversion_json")
    file = read_json(path).get("file_path")
    if not isinstance(file, str):
        raise InvalidInput(
            Finding(
                path.name,
                "must name a file of rates",
                field="file_path",
                value=file,
                remedy="Write the rates to a csv of cur_from, cur_to, roe and name it as file_path",
            )
        )
    return (path.parent / file).resolve()
