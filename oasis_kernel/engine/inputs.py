"""From names of files and models to an ``Analysis``: what the command line, a script or a page gives."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from oasis_kernel.engine.analysis import Analysis, Origin
from oasis_kernel.engine.freed_memory import share_one_allocator
from oasis_kernel.engine.standard import standard_settings
from oasis_kernel.errors import Finding, InvalidInput, OasisError
from oasis_kernel.formats.arrow_bytes import table_bytes
from oasis_kernel.formats.oed import read_portfolio
from oasis_kernel.model.engine import EngineOptions, parse_options
from oasis_kernel.model.exposure import Portfolio
from oasis_kernel.model.inputs import InputFiles
from oasis_kernel.model.settings import AnalysisSettings, parse_settings
from oasis_kernel.plugins import Plugins
from oasis_kernel.store.parts import content_hash

#: A portfolio's tables: the names that files, findings and records have for them.
TABLES = {
    "location": "location",
    "account": "account",
    "ri_info": "reinsurance_info",
    "ri_scope": "reinsurance_scope",
}


def load_analysis(files: InputFiles, plugins: Plugins) -> tuple[Analysis, list[Finding]]:
    """The analysis that the files describe, with what was noticed while reading them.

    InvalidInput, with every finding, when one of them cannot be used.
    """
    share_one_allocator()  # everything large comes after this
    findings: list[Finding] = []
    options: dict[str, Any] = {}
    if files.mdk is not None:
        configuration = plugins.open_configuration(files.mdk)
        findings.extend(configuration.findings)
        options.update(configuration.options)
        model, files = configuration.model, _overridden(configuration.files, files)
    elif files.model is not None:
        model = plugins.model(files.model)
    else:
        raise OasisError("no model: give --model NAME (see `oasis models`) or --mdk FILE.json")
    settings, source = _settings(files)
    engine, notes = _engine_options(
        [
            (files.mdk.name if files.mdk is not None else "", options),
            (source, settings.computation_settings if settings else {}),
            ("command line", named_options(files.options)),
        ]
    )
    findings.extend(notes)
    portfolio = load_portfolio(files)
    chosen = settings or standard_settings(portfolio)
    if files.samples is not None:
        chosen = chosen.model_copy(update={"number_of_samples": files.samples})
    mdk = str(files.mdk.resolve()) if files.mdk is not None else None
    origin = Origin(mdk, standard_tables=settings is None)
    return Analysis(model, portfolio, chosen, engine, source, plugins, origin), findings


def load_portfolio(files: InputFiles) -> Portfolio:
    """The portfolio of the OED files; InvalidInput when there is none or it cannot be used."""
    if files.location is None and files.account is None:
        remedy = "Give --location FILE, an OED location file in CSV or Parquet"
        raise InvalidInput(Finding("command line", "names no portfolio", field="--location", remedy=remedy))
    return read_portfolio(
        location=files.location,
        account=files.account,
        ri_info=files.ri_info,
        ri_scope=files.ri_scope,
        reporting_currency=files.reporting_currency,
        rates=files.rates,
    )


def _engine_options(origins: Sequence[tuple[str, Mapping[str, Any]]]) -> tuple[EngineOptions, list[Finding]]:
    """The options of several origins, later ones winning, and their notes; findings name the origin at fault."""
    chosen: dict[str, Any] = {}
    notes: list[Finding] = []
    for source, given in origins:
        parsed, noticed = parse_options(given, source)
        chosen |= parsed.model_dump(exclude_unset=True)
        notes += noticed
    return EngineOptions.model_validate(chosen), notes


def _settings(files: InputFiles) -> tuple[AnalysisSettings | None, str]:
    if files.settings is None:
        return None, "command line"
    return read_settings(files.settings), files.settings.name


def read_settings(path: Path) -> AnalysisSettings:
    """The settings in a file; InvalidInput when it cannot be read, or with everything that is wrong in it."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        message = f"cannot be read: {error.strerror}"
        raise InvalidInput(Finding(path.name, message, value=str(path), remedy="Check the path")) from error
    except UnicodeDecodeError as error:
        remedy = "Save the file as UTF-8"
        raise InvalidInput(Finding(path.name, "must be UTF-8 text", remedy=remedy)) from error
    return parse_settings(text, path.name)


def given_settings(settings: AnalysisSettings | Mapping[str, Any] | str | Path) -> tuple[AnalysisSettings, str]:
    """The settings that a caller has as an object, a mapping or a file, and their name for findings."""
    if isinstance(settings, AnalysisSettings):
        return settings, "settings"
    if isinstance(settings, Mapping):
        return parse_settings(json.dumps(settings), "settings"), "settings"
    path = Path(settings)
    return read_settings(path), path.name


def _overridden(base: InputFiles, given: InputFiles) -> InputFiles:
    chosen = {item.name: getattr(given, item.name) or getattr(base, item.name) for item in fields(InputFiles)}
    chosen["samples"] = given.samples if given.samples is not None else base.samples
    return InputFiles(**chosen)


def named_options(options: Sequence[str]) -> dict[str, Any]:
    """``NAME=VALUE`` texts as a mapping; a value is JSON where it can be read as such, else text."""
    pairs: dict[str, Any] = {}
    for option in options:
        name, separator, text = option.partition("=")
        if not separator:
            remedy = "Write NAME=VALUE, for example kernel_alloc_rule_gul=1"
            raise InvalidInput(Finding("command line", "has no value", field="--option", value=option, remedy=remedy))
        try:
            pairs[name.strip()] = json.loads(text)
        except json.JSONDecodeError:
            pairs[name.strip()] = text
    return pairs


def engine_options(options: Mapping[str, Any] | EngineOptions | None) -> EngineOptions:
    """Engine options from what a caller has: nothing, names and values, or the options themselves."""
    if isinstance(options, EngineOptions):
        return options
    return parse_options(options or {}, "options")[0]


def inputs_of(analysis: Analysis) -> dict[str, Any]:
    """What a record keeps of an analysis, as plain values: enough to make it again while its files are there."""
    portfolio, origin = analysis.portfolio, analysis.origin
    settings = None if origin.standard_tables else analysis.settings.model_dump(mode="json")
    return {
        "model": analysis.model.name,
        "mdk": origin.mdk,
        "tables": [name for name, table in TABLES.items() if getattr(portfolio, table) is not None],
        "files": dict(portfolio.files),
        "reporting_currency": portfolio.reporting_currency,
        "settings": settings,
        "samples": analysis.settings.number_of_samples,
        "options": analysis.options.model_dump(mode="json"),
    }


def table_hashes(portfolio: Portfolio) -> dict[str, str]:
    """The content hash of each of a portfolio's tables."""
    tables = {name: getattr(portfolio, table) for name, table in TABLES.items()}
    return {name: content_hash([table_bytes(table)]) for name, table in tables.items() if table is not None}
