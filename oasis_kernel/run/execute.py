"""A run from start to end: check, prepare, plan, dispatch, write."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from oasis_kernel import __version__
from oasis_kernel.dispatch.threads import ThreadExecutor
from oasis_kernel.errors import Finding, InvalidInput, Severity
from oasis_kernel.model.work import Plan, Receipt
from oasis_kernel.plan import make_plan
from oasis_kernel.run.analysis import Analysis, Resources
from oasis_kernel.run.check import check_analysis
from oasis_kernel.run.prepare import Prepared, prepare
from oasis_kernel.run.progress import Clock, Report, peak_memory
from oasis_kernel.run.results import write_results
from oasis_kernel.run.task import ChunkTask
from oasis_kernel.run.versions import library_versions
from oasis_kernel.run.workload import assume_whole, measure
from oasis_kernel.store.folders import refuse_foreign_folder, whole_folder
from oasis_kernel.store.parts import PartStore
from oasis_kernel.store.runs import RunCatalogue, RunRecord

RECORD = "run.json"


@dataclass(frozen=True)
class _Begun:
    """A run that has passed its checks."""

    analysis: Analysis
    prepared: Prepared
    started: datetime
    clock: Clock
    findings: tuple[Finding, ...]


def execute(
    analysis: Analysis, out: Path, resources: Resources, report: Report, findings: Sequence[Finding] = ()
) -> RunRecord:
    """Run an analysis into the folder ``out``, which appears whole or not at all.

    InvalidInput, with every finding, when the inputs cannot be used; nothing is computed then.
    """
    refuse_foreign_folder(out, RECORD)
    started, began, clock = datetime.now(UTC), time.perf_counter(), Clock(report)
    clock.begin("check")
    checked = check_analysis(analysis)
    known = [*findings, *checked.findings]
    if any(finding.severity == Severity.ERROR for finding in known) or checked.ready is None:
        raise InvalidInput(known)
    clock.begin("prepare")
    prepared = prepare(checked.ready.analysis, checked.ready.keys, checked.ready.data)
    begun = _Begun(checked.ready.analysis, prepared, started, clock, (*known, *prepared.findings))
    clock.begin("plan")
    plan = _plan(prepared, resources)
    receipts = _losses(begun, plan, resources)
    store = RunCatalogue(resources.store / "runs")
    with whole_folder(out, RECORD) as folder:
        clock.begin("results")
        parts = [PartStore(resources.store / "parts").path(receipt.address) for receipt in receipts]
        write_results(begun.analysis, prepared, parts, folder, clock)
        checked.ready.locations.write(folder)
        clock.end()
        record = _record(begun, receipts, out, time.perf_counter() - began)
        record.write(folder / RECORD)
    store.add(record)
    PartStore(resources.store / "parts").prune(frozenset(receipt.address for receipt in receipts))
    return record


def _plan(prepared: Prepared, resources: Resources) -> Plan:
    summaries = [int(output.summary_set.summary_of.max(initial=0)) for output in prepared.outputs]
    items, samples = prepared.exposure.items, prepared.samples
    if prepared.own_ground_up is not None:
        workload = assume_whole(prepared.event_id, len(items), summaries, samples)
    else:
        workload = measure(prepared.hazard, prepared.event_id, items, summaries, samples)
    return make_plan(
        workload,
        workers=resources.workers,
        memory_bytes=resources.memory_bytes,
        block_bytes=resources.block_bytes,
        chunks=resources.chunks,
    )


def _losses(begun: _Begun, plan: Plan, resources: Resources) -> list[Receipt]:
    """The receipts of every chunk, in event order."""
    store = PartStore(resources.store / "parts")
    task = ChunkTask(begun.prepared, store, block_bytes=resources.block_bytes, reuse=resources.reuse)
    begun.clock.begin("losses", plan.events)
    receipts, done = [], 0
    for receipt in ThreadExecutor(resources.workers).run(task, plan.chunks):
        receipts.append(receipt)
        done += receipt.events
        begun.clock.advance(done, plan.events)
    return sorted(receipts, key=lambda receipt: receipt.chunk)


def _record(begun: _Begun, receipts: Sequence[Receipt], out: Path, seconds: float) -> RunRecord:
    analysis, prepared = begun.analysis, begun.prepared
    portfolio = analysis.portfolio
    table = portfolio.location if portfolio.location is not None else portfolio.account
    return RunRecord(
        id=prepared.key[:16] + begun.started.strftime("-%Y%m%d%H%M%S"),
        model=analysis.model.name,
        model_version=analysis.model.version,
        engine_version=__version__,
        started=begun.started.isoformat(timespec="seconds"),
        seconds=round(seconds, 3),
        folder=str(out.resolve()),
        samples=prepared.samples,
        events=sum(receipt.events for receipt in receipts),
        chunks=len(receipts),
        reused_chunks=sum(receipt.reused for receipt in receipts),
        locations=0 if table is None else table.num_rows,
        items=len(prepared.exposure.items),
        peak_bytes=peak_memory(),
        hashes={"losses": prepared.key, "model": analysis.model.fingerprint()},
        versions=library_versions(),
        stages=begun.clock.stages,
        findings=[finding.as_dict() for finding in begun.findings],
    )
