"""A finished run's analysis, made again from its record: with the same inputs, or with some of them changed."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from oasis_kernel.engine.analysis import Analysis, Origin
from oasis_kernel.engine.inputs import table_hashes
from oasis_kernel.engine.standard import standard_settings
from oasis_kernel.errors import Finding, InvalidInput, OasisError
from oasis_kernel.formats.oed import read_portfolio
from oasis_kernel.formats.oed_file import Source
from oasis_kernel.model.engine import EngineOptions, parse_options
from oasis_kernel.model.exposure import Portfolio
from oasis_kernel.model.settings import AnalysisSettings
from oasis_kernel.model.vendor import Model
from oasis_kernel.plugins import Plugins
from oasis_kernel.store.runs import RunRecord


@dataclass(frozen=True)
class Change:
    """What is to be different from a run; whatever is not given stays as it was there."""

    tables: Mapping[str, Source] = field(default_factory=dict)  # by location, account, ri_info, ri_scope
    settings: AnalysisSettings | None = None
    settings_source: str = "settings"
    without_account: str | None = None

    def described(self) -> dict[str, str]:
        """The change in words, for the record."""
        words = {
            name: "a table" if isinstance(source, pa.Table) else os.fspath(source)
            for name, source in self.tables.items()
        }
        if self.settings is not None:
            words["settings"] = self.settings_source
        if self.without_account is not None:
            words["without_account"] = self.without_account
        return words


def analysis_again(record: RunRecord, change: Change, plugins: Plugins, model: Model | None = None) -> Analysis:
    """The analysis of a run, changed; InvalidInput or OasisError when it cannot be made any more.

    Tables that do not change are read again from their files, and must still hold what they held. ``model`` is the
    run's own where the caller has it; otherwise it is the installed one of that name, or the configuration's.
    """
    inputs = record.inputs
    if not inputs:
        raise OasisError(f"run {record.id} does not say what it was made of; run it again with this version")
    found = model or _model(inputs, plugins)
    portfolio = _portfolio(record, change.tables)
    settings = change.settings or _settings(inputs, portfolio)
    if settings.number_of_samples is None:
        settings = settings.model_copy(update={"number_of_samples": record.samples})
    return Analysis(
        model=found,
        portfolio=portfolio,
        settings=settings,
        options=_options(inputs, change),
        settings_source=change.settings_source,
        plugins=plugins,
        origin=Origin(
            mdk=inputs["mdk"],
            standard_tables=change.settings is None and inputs["settings"] is None,
            what_if_of=record.id,
            change=change.described(),
        ),
    )


def _model(inputs: Mapping[str, Any], plugins: Plugins) -> Model:
    if inputs["mdk"] is not None:
        return plugins.open_configuration(Path(inputs["mdk"])).model
    return plugins.model(inputs["model"])


def _options(inputs: Mapping[str, Any], change: Change) -> EngineOptions:
    """The run's options, and over them those that changed settings bring."""
    own = change.settings.computation_settings if change.settings is not None else {}
    parsed, _ = parse_options(own, change.settings_source)
    return EngineOptions.model_validate({**inputs["options"], **parsed.model_dump(exclude_unset=True)})


def _settings(inputs: Mapping[str, Any], portfolio: Portfolio) -> AnalysisSettings:
    """The run's settings; of a run without, the standard tables that the changed portfolio allows."""
    if inputs["settings"] is None:
        return standard_settings(portfolio, inputs["samples"])
    return AnalysisSettings.model_validate(inputs["settings"])


def _portfolio(record: RunRecord, changed: Mapping[str, Source]) -> Portfolio:
    inputs, files = record.inputs, record.inputs["files"]
    lost = [name for name in inputs["tables"] if name not in changed and name not in files]
    if lost:
        raise OasisError(
            f"run {record.id} had its {lost[0]} as a table in memory, which is not there any more; give it again, "
            f"or run a portfolio of files"
        )
    sources = {name: files[name] for name in inputs["tables"] if name in files} | dict(changed)
    portfolio = read_portfolio(
        **sources,
        reporting_currency=inputs["reporting_currency"],
        rates=files.get("rates"),
        currency_conversion_json=files.get("currency_conversion_json"),
    )
    found = table_hashes(portfolio)
    differing = [name for name in inputs["tables"] if name not in changed and found[name] != record.hashes[name]]
    if differing:
        raise InvalidInput([_differs(record, portfolio, name) for name in differing])
    return portfolio


def _differs(record: RunRecord, portfolio: Portfolio, name: str) -> Finding:
    option = "--" + name.replace("_", "-")
    return Finding(
        portfolio.sources.get(name, name),
        f"must hold what it held when run {record.id} was made, and does not",
        value=portfolio.files.get(name, ""),
        rule="unchanged input",
        remedy=f"Restore it, give it as the change ({option} FILE), or make the run again",
    )
