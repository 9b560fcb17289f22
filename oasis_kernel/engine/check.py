"""One check of everything before any compute: portfolio, settings, model data, keys, storage."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.parquet as parquet

from oasis_kernel.engine.analysis import Analysis
from oasis_kernel.engine.asking import asked
from oasis_kernel.engine.inputs import load_analysis
from oasis_kernel.engine.prepare import prepare
from oasis_kernel.errors import Finding, InvalidInput, PluginError, Severity
from oasis_kernel.formats import model_data
from oasis_kernel.model.inputs import InputFiles
from oasis_kernel.model.results import OutputRequest
from oasis_kernel.model.settings import PERSPECTIVES, check_settings
from oasis_kernel.model.vendor import ModelData
from oasis_kernel.plugins import load_plugins
from oasis_kernel.prepare.keys import check_keys, location_status, tiv_by_reason

T = TypeVar("T")


@dataclass(frozen=True)
class LocationReport:
    """What became of each location, and of the insured value."""

    status: pa.Table
    tiv_by_reason: pa.Table

    def write(self, folder: Path) -> None:
        """Write both tables into a result folder."""
        parquet.write_table(self.status, folder / "locations.parquet")
        parquet.write_table(self.tiv_by_reason, folder / "tiv_by_reason.parquet")


@dataclass(frozen=True)
class Ready:
    """An analysis whose inputs can be used, with what checking them brought to light."""

    analysis: Analysis  # after the plugins' adjustments of the exposure
    keys: pa.Table
    data: ModelData
    locations: LocationReport


@dataclass(frozen=True)
class Checked:
    """The outcome of a check; ``ready`` is None when an input cannot be used at all."""

    findings: tuple[Finding, ...]
    ready: Ready | None


@dataclass(frozen=True)
class CheckReport:
    """What ``oasis check`` shows."""

    findings: tuple[Finding, ...]
    locations: LocationReport | None

    @property
    def passed(self) -> bool:
        """Whether nothing stops a run."""
        return not any(finding.severity == Severity.ERROR for finding in self.findings)

    def as_dict(self) -> dict[str, Any]:
        """The report as plain values, for JSON."""
        locations = self.locations.tiv_by_reason.to_pylist() if self.locations else []
        return {"passed": self.passed, "findings": [item.as_dict() for item in self.findings], "locations": locations}


def check_files(files: InputFiles) -> CheckReport:
    """Check the inputs that the files describe: all that a run reads, the whole of the model's data included.

    Nothing that is wrong with inputs or plugins is raised: it is all in the report.
    """
    findings: list[Finding] = []
    loaded = _collect(findings, lambda: load_analysis(files, load_plugins()))
    if loaded is None:
        return CheckReport(tuple(findings), None)
    analysis, noticed = loaded
    return check_whole(analysis, noticed)


def check_whole(analysis: Analysis, noticed: Sequence[Finding] = ()) -> CheckReport:
    """Check an analysis as far as can be without computing losses; ``noticed`` is what reading it brought to light."""
    checked = check_analysis(analysis)
    findings = [*noticed, *checked.findings]
    if checked.ready is None:
        return CheckReport(tuple(findings), None)
    findings += _new(_deep_findings(checked.ready), findings)
    findings += _new(_preparation_findings(checked.ready), findings)
    return CheckReport(tuple(findings), checked.ready.locations)


def check_analysis(analysis: Analysis) -> Checked:
    """Check settings, open the model's data and look up the keys: what takes seconds, and what a run needs anyway."""
    findings = [*analysis.portfolio.findings, *check_settings(analysis.settings, analysis.settings_source)]
    adjusted = _collect(findings, lambda: _adjusted(analysis))
    if adjusted is None:
        return Checked(tuple(findings), None)
    _collect(findings, lambda: adjusted.samples)
    data = _collect(findings, lambda: _opened(adjusted))
    found = _collect(findings, lambda: _located(adjusted, findings))
    if data is not None:
        findings += _missing_tables(adjusted, data)
    ready = Ready(adjusted, found[0], data, found[1]) if data is not None and found is not None else None
    return Checked(tuple(findings), ready)


def look_up(analysis: Analysis) -> tuple[pa.Table, LocationReport, list[Finding]]:
    """The keys of an analysis' portfolio, what became of each location, and what was noticed; no data is opened.

    InvalidInput when the lookup's answer cannot be used, PluginError when the model's code fails.
    """
    findings: list[Finding] = []
    keys, locations = _located(_adjusted(analysis), findings)
    return keys, locations, findings


def _collect(findings: list[Finding], read: Callable[[], T]) -> T | None:
    """What ``read`` returns; None when the input cannot be used, with the reasons added to ``findings``."""
    try:
        return read()
    except InvalidInput as error:
        findings.extend(error.findings)
    except PluginError as error:
        culprit, _, message = str(error).partition(": ")
        findings.append(Finding(culprit, message, remedy="Tell the supplier, or use another version"))
    return None


def _new(found: Sequence[Finding], known: Sequence[Finding]) -> list[Finding]:
    """The findings that say something new: no second error for a field that has one already."""
    wrong = {(finding.file, finding.field) for finding in known if finding.severity == Severity.ERROR}
    return [
        finding
        for finding in found
        if finding not in known and (finding.severity != Severity.ERROR or (finding.file, finding.field) not in wrong)
    ]


def _adjusted(analysis: Analysis) -> Analysis:
    own = analysis.settings.model_settings.own
    portfolio = analysis.plugins.adjust_exposure(analysis.portfolio, analysis.model, own)
    return replace(analysis, portfolio=portfolio)


def _opened(analysis: Analysis) -> ModelData:
    choice = analysis.settings.model_choice(dynamic_footprint=analysis.options.dynamic_footprint)
    name = analysis.model.name
    return asked(name, asked(name, analysis.model).open(choice))


def _located(analysis: Analysis, findings: list[Finding]) -> tuple[pa.Table, LocationReport]:
    """The keys, checked, and what became of each location."""
    portfolio = analysis.portfolio
    rows = portfolio.location if portfolio.location is not None else portfolio.account
    keys, noticed = check_keys(portfolio, asked(analysis.model.name, analysis.model).lookup(rows))
    findings.extend(noticed)
    status = location_status(portfolio, keys)
    return keys, LocationReport(status, tiv_by_reason(portfolio, keys))


def _missing_tables(analysis: Analysis, data: ModelData) -> list[Finding]:
    """Output that the model's data cannot give: tables by period without occurrences."""
    requests = [
        (perspective, request)
        for perspective in PERSPECTIVES
        for request in analysis.settings.summaries(perspective)
        if OutputRequest.of(request.ord_output).needs_occurrence
    ]
    findings: list[Finding] = []
    occurrence = _collect(findings, data.occurrence) if requests else None
    if requests and occurrence is None and not findings:
        perspective, request = requests[0]
        remedy = "Choose tables by event (elt_*), or set model_settings.event_occurrence_id to one the model has"
        findings.append(
            Finding(
                analysis.settings_source,
                "asks for tables by period, and the model has no occurrences",
                field=f"{perspective}_summaries id {request.id}",
                rule="occurrence",
                remedy=remedy,
            )
        )
    return findings


def _deep_findings(ready: Ready) -> list[Finding]:
    """What the whole of the model's data has wrong, where it lies in the standard layout."""
    directory = getattr(ready.analysis.model, "model_data_dir", None)
    if directory is None:
        return []
    choice = ready.analysis.settings.model_choice(dynamic_footprint=ready.analysis.options.dynamic_footprint)
    return model_data.check(directory, choice)


def _preparation_findings(ready: Ready) -> list[Finding]:
    """What only shows when items, terms and summaries are made, such as a key's function that the model lacks."""
    findings: list[Finding] = []
    prepared = _collect(findings, lambda: prepare(ready.analysis, ready.keys, ready.data))
    return [*findings, *(prepared.findings if prepared is not None else ())]
