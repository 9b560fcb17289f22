"""Check a whole model: everything that reading checks, over all events and functions, with bounded memory."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from oasis_kernel.errors import Finding, InvalidInput, Severity
from oasis_kernel.formats.model_data.damage_bins import damage_bin_warnings
from oasis_kernel.formats.model_data.footprint_dynamic import DynamicHazard
from oasis_kernel.formats.model_data.footprint_rows import StaticHazard
from oasis_kernel.formats.model_data.standard import StandardModelData
from oasis_kernel.formats.model_data.vulnerability_rules import sum_findings
from oasis_kernel.model.exposure import Int32
from oasis_kernel.model.hazard import Vulnerability
from oasis_kernel.model.vendor import ModelChoice

#: Footprint rows, and cells of dense vulnerability, looked at together.
_ROWS_AT_ONCE = 2_000_000
_CELLS_AT_ONCE = 16_000_000

#: Findings of one kind in one file: the first few tell what is wrong.
_SHOWN = 5


def check(directory: str | Path, choice: ModelChoice, wide_areaperil: bool | None = None) -> list[Finding]:
    """What is wrong, or worth knowing, with a model's files: findings by severity; none of ERROR means it will run.

    Reads all footprint rows and vulnerability functions once, in batches. A file that cannot be used gives its
    finding and the rest is checked nevertheless; without damage bins or footprint there is nothing else to check.
    """
    try:
        data = StandardModelData(directory, choice, wide_areaperil)
    except InvalidInput as error:
        return list(error.findings)
    found = [
        *damage_bin_warnings(data.damage_bins),
        *_footprint_findings(data.footprint_file),
        *_vulnerability_findings(data),
        *_table_findings(data),
    ]
    order = list(Severity)
    return sorted(_first_of_each(found), key=lambda finding: order.index(finding.severity))


def _footprint_findings(hazard: StaticHazard | DynamicHazard) -> Iterator[Finding]:
    if isinstance(hazard, DynamicHazard):
        found, raised = _caught(hazard.findings)
        yield from found or raised
        return
    events = hazard.reading_order()
    counts, findings = _caught(lambda: hazard.rows_per_event(events))
    yield from findings
    if counts is None:
        return
    for batch in _batches(counts, _ROWS_AT_ONCE):
        selected, findings = _caught(lambda batch=batch: hazard.select(events[batch], None))  # type: ignore[misc]
        yield from findings
        if selected is not None:
            yield from selected.findings(hazard)


def _vulnerability_findings(data: StandardModelData) -> Iterator[Finding]:
    file, findings = _caught(lambda: data.vulnerability_file)
    yield from findings
    if file is None:
        return
    ids, findings = _caught(file.ids)
    yield from findings
    if ids is None:
        return
    shape = data.shape
    cells = np.full(len(ids), shape.intensity * shape.damage, dtype=np.int64)
    for batch in _batches(cells, _CELLS_AT_ONCE):
        read, findings = _caught(lambda batch=batch: file.read(ids[batch], shape))  # type: ignore[misc]
        yield from findings
        if read is not None:
            yield from (f for f in sum_findings(read, file.name) if f.severity is not Severity.ERROR)
            yield from _undefined(read, file.name)
    yield from _aggregate_findings(data, ids)


def _aggregate_findings(data: StandardModelData, ids: Int32) -> Iterator[Finding]:
    aggregates, findings = _caught(data.aggregates)
    yield from findings
    if aggregates is None:
        return
    absent = np.setdiff1d(aggregates.member, ids)
    if len(absent):
        yield Finding(
            file="aggregate_vulnerability",
            field="vulnerability_id",
            message=f"must be a function of {data.vulnerability_file.name} ({len(absent)} are not)",
            value=int(absent[0]),
            rule="known vulnerability",
            remedy="Add the function, or correct the aggregate",
        )
    both = np.intersect1d(aggregates.aggregate_id, ids)
    if len(both):
        yield Finding(
            file="aggregate_vulnerability",
            field="aggregate_vulnerability_id",
            message="is also the id of a plain function; the aggregate is used",
            value=int(both[0]),
            rule="ids distinct",
            remedy="Give aggregates ids of their own",
            severity=Severity.WARNING,
        )


def _table_findings(data: StandardModelData) -> Iterator[Finding]:
    readers: list[Callable[[], Any]] = [
        data.events,
        data.conditional_vulnerability,
        data.intensity_bins,
        data.loss_factors,
        data.occurrence,
        data.period_weights,
        data.return_periods,
        data.quantiles,
        data.event_rates,
    ]
    for reader in readers:
        yield from _caught(reader)[1]
    yield from _event_findings(data)
    if not data.choice.event_occurrence_id and data.folder.find("occurrence.bin") is None:
        variants = sorted(name for name in data.folder.names if name.startswith("occurrence_"))
        if variants and data.folder.find("occurrence.csv") is None:
            yield Finding(
                file=variants[0],
                message="is not used, because no event_occurrence_id is chosen: tables by period are not available",
                rule="occurrence chosen",
                remedy="Set model_settings.event_occurrence_id",
                severity=Severity.NOTE,
            )


def _event_findings(data: StandardModelData) -> Iterator[Finding]:
    """Occurrences and footprints of events that the event set does not have are never used."""
    events, occurrence = _caught(data.events)[0], _caught(data.occurrence)[0]
    if events is None:
        return
    others = [("occurrence", occurrence.event_id)] if occurrence is not None else []
    for name, ids in [*others, (data.footprint_file.name, data.footprint_file.event_ids())]:
        unused = np.setdiff1d(ids, events)
        if len(unused):
            yield Finding(
                file=name,
                field="event_id",
                message=f"has {len(unused)} events that the event set does not have",
                value=int(unused[0]),
                rule="known event",
                remedy="Check that the event set is the intended one",
                severity=Severity.NOTE,
            )


def _undefined(vulnerability: Vulnerability, name: str) -> Iterator[Finding]:
    function, intensity = np.nonzero(vulnerability.probability.sum(axis=2) == 0)
    if len(function):
        yield Finding(
            file=name,
            field="intensity_bin_id",
            message=f"has no probability in vulnerability {vulnerability.vulnerability_id[function[0]]}: "
            "a footprint with this intensity bin gives no defined damage",
            value=int(intensity[0]) + 1,
            rule="vulnerability complete",
            remedy="Add its rows, unless no footprint reaches the bin",
            severity=Severity.NOTE,
        )


def _batches(weight: np.ndarray, limit: int) -> Iterator[slice]:
    """Consecutive slices whose weights sum to about ``limit``, at least one element each."""
    number = np.cumsum(weight) // limit
    ends = np.append(np.flatnonzero(np.diff(number)) + 1, len(weight))
    start = 0
    for end in ends.tolist():
        if end > start:
            yield slice(start, end)
        start = end


def _caught(read: Callable[[], Any]) -> tuple[Any, list[Finding]]:
    """What was read, or the findings of why not."""
    try:
        return read(), []
    except InvalidInput as error:
        return None, list(error.findings)


def _first_of_each(findings: list[Finding]) -> Iterator[Finding]:
    seen: dict[tuple[str, str | None, str, Severity], list[Finding]] = {}
    for finding in findings:
        same = seen.setdefault((finding.file, finding.field, finding.rule, finding.severity), [])
        if len(same) < _SHOWN and finding not in same:
            same.append(finding)
            yield finding
