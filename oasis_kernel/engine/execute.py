"""A run from start to end: check, prepare, plan, dispatch, write."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from oasis_kernel import __version__
from oasis_kernel.dispatch import Executor
from oasis_kernel.dispatch.threads import ThreadExecutor
from oasis_kernel.engine.analysis import Analysis, Resources
from oasis_kernel.engine.check import LocationReport, check_analysis
from oasis_kernel.engine.earlier import Earlier, earlier_for
from oasis_kernel.engine.forecast import Forecast, forecast, pace_of
from oasis_kernel.engine.inputs import inputs_of, table_hashes
from oasis_kernel.engine.kept import KeptGroundUp, refuse_full_disk
from oasis_kernel.engine.ledger import Ledger, ledgers_in
from oasis_kernel.engine.order import kept_ground_up_in, ordered, write_order
from oasis_kernel.engine.prepare import Prepared, prepare
from oasis_kernel.engine.progress import Clock, Report, peak_memory
from oasis_kernel.engine.results import write_results
from oasis_kernel.engine.task import ChunkTask
from oasis_kernel.engine.versions import library_versions
from oasis_kernel.engine.workload import summary_counts, summary_rows, workload_of
from oasis_kernel.errors import Finding, InvalidInput, Severity
from oasis_kernel.model.work import Plan, Receipt, TaskReference
from oasis_kernel.plan import make_plan
from oasis_kernel.store.folders import refuse_foreign_folder, whole_folder
from oasis_kernel.store.parts import content_hash
from oasis_kernel.store.runs import RunCatalogue, RunRecord

RECORD = "run.json"


@dataclass(frozen=True)
class Begun:
    """A run that has passed its checks."""

    given: Analysis
    analysis: Analysis  # after the plugins' adjustments of the exposure
    prepared: Prepared
    locations: LocationReport
    started: datetime
    began: float  # seconds of the performance counter
    clock: Clock
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Planned:
    """The chunks of a run, and what it is expected to take: not known of a plan that an earlier attempt made."""

    plan: Plan
    forecast: Forecast | None = None
    earlier: Earlier | None = None  # whose parts hold events that did not change since


def execute(
    analysis: Analysis,
    out: Path,
    resources: Resources,
    report: Report,
    findings: Sequence[Finding] = (),
    executor: Executor | None = None,
) -> RunRecord:
    """Run an analysis into the folder ``out``, which appears whole or not at all; on threads unless told otherwise.

    InvalidInput, with every finding, when the inputs cannot be used; nothing is computed then.
    """
    refuse_foreign_folder(out, RECORD)
    begun = begin(analysis, Clock(report), findings)
    kept = kept_ground_up(resources, begun.prepared) if resources.keep_ground_up else None
    return finish(begun, out, resources, kept, executor)


def begin(analysis: Analysis, clock: Clock, findings: Sequence[Finding] = ()) -> Begun:
    """Check and prepare an analysis; InvalidInput, with every finding, when the inputs cannot be used."""
    started, began = datetime.now(UTC), time.perf_counter()
    clock.begin("check")
    checked = check_analysis(analysis)
    known = [*findings, *checked.findings]
    if any(finding.severity == Severity.ERROR for finding in known) or checked.ready is None:
        raise InvalidInput(known)
    clock.begin("prepare")
    ready = checked.ready
    try:
        prepared = prepare(ready.analysis, ready.keys, ready.data)
    except InvalidInput as refused:
        raise InvalidInput([*known, *refused.findings]) from refused
    found = (*known, *prepared.findings)
    return Begun(analysis, ready.analysis, prepared, ready.locations, started, began, clock, found)


def finish(
    begun: Begun,
    out: Path,
    resources: Resources,
    kept: KeptGroundUp | None,
    executor: Executor | None = None,
    planned: Planned | None = None,
) -> RunRecord:
    """Compute the losses of a run that has begun, from kept ground-up losses where there are some, and write them.

    ``planned`` may be that of an earlier attempt at the run; without it, a plan is made.
    """
    prepared, clock = begun.prepared, begun.clock
    if planned is None:
        planned = plan_run(begun, resources, kept)
    receipts = _losses(
        begun,
        planned.plan,
        chunk_task(begun, resources, kept, planned.earlier),
        executor or ThreadExecutor(resources.workers),
    )
    parts = resources.parts()
    with whole_folder(out, RECORD) as folder:
        clock.begin("results")
        write_results(begun.analysis, prepared, [parts.local(receipt.address) for receipt in receipts], folder, clock)
        begun.locations.write(folder)
        clock.end()
        written = sum(path.stat().st_size for path in folder.iterdir())
        record = _told(_record(begun, receipts, out, kept), planned, receipts, written)
        record.write(folder / RECORD)
    RunCatalogue(resources.store / "runs").add(record)
    _remember(planned, receipts, record, resources)
    if prepared.accounts is not None:
        ledger = Ledger.of(prepared, prepared.accounts, planned.plan, receipts)
        ledgers_in(resources.parts_address).publish(prepared.frame, ledger.write)
    parts.prune(frozenset(address for receipt in receipts for address in (receipt.address, receipt.ground_up)))
    return record


def kept_ground_up(resources: Resources, prepared: Prepared) -> KeptGroundUp:
    """The kept ground-up losses of a portfolio in the store: beside the parts, within the same limit."""
    return kept_ground_up_in(resources.parts_address, prepared)


def _told(record: RunRecord, planned: Planned, receipts: Sequence[Receipt], written: int) -> RunRecord:
    """The record with what was expected, what was written, and what an earlier run had of it."""
    expected = {} if planned.forecast is None else planned.forecast.expected.as_dict()
    taken = sum(receipt.events_reused for receipt in receipts)
    notes = [] if not taken else [_from_earlier(taken, record.events).as_dict()]
    findings = [*record.findings, *notes]
    return replace(record, output_bytes=written, expected=expected, reused_events=taken, findings=findings)


def _from_earlier(taken: int, events: int) -> Finding:
    message = (
        f"has the losses of {taken:,} of {events:,} events from an earlier run: they touch no account that is new, "
        f"gone or changed since"
    )
    remedy = "--afresh computes them again, with the same result"
    return Finding("store", message, rule="earlier run", remedy=remedy, severity=Severity.NOTE)


def _remember(planned: Planned, receipts: Sequence[Receipt], record: RunRecord, resources: Resources) -> None:
    """Keep what a run took, for the forecasts of those that follow."""
    if planned.forecast is None:
        return
    pace = pace_of(planned.forecast, receipts, record)
    if pace is not None:
        resources.paces.add(planned.forecast.kind, pace)


def plan_run(begun: Begun, resources: Resources, kept: KeptGroundUp | None) -> Planned:
    """The chunks; those under which ground-up losses are kept already, unless the caller says how many."""
    begun.clock.begin("plan")
    prepared = begun.prepared
    contents = kept.contents(prepared.event_id) if kept is not None and resources.reuse else None
    if contents is None:
        workload = workload_of(prepared)
    else:
        rows = summary_rows(contents.workload.item_events, summary_counts(prepared))
        workload = replace(contents.workload, summary_rows=rows, blocks=prepared.chain.blocks)
    if kept is not None:  # kept losses are those of whole events
        workload = replace(workload, divisible=False)
    cuts = contents.cuts if contents is not None else None
    plan = make_plan(
        workload,
        workers=resources.workers,
        memory_bytes=resources.memory_bytes,
        block_bytes=resources.block_bytes,
        chunks=resources.chunks or cuts,
    )
    if kept is not None and contents is None:
        if prepared.own_ground_up is None:
            refuse_full_disk(kept, workload)
        kept.keep_contents(prepared.event_id, workload, plan)
    earlier = earlier_for(prepared, resources) if kept is None else None
    taken = int(workload.item_events[earlier.has(workload.event_id)].sum()) if earlier is not None else 0
    model, paces = begun.analysis.model.name, resources.paces
    return Planned(plan, forecast(model, prepared, workload, plan, paces, begun.began, taken), earlier)


def chunk_task(
    begun: Begun, resources: Resources, kept: KeptGroundUp | None, earlier: Earlier | None = None
) -> ChunkTask:
    """What computes a chunk of a run; a reference to it writes the run's order into the store."""
    block_bytes, reuse = resources.block_bytes, resources.reuse

    def reference() -> TaskReference:
        root = resources.parts_url or str(resources.store)
        url = write_order(begun.analysis, begun.prepared, root)
        how: dict[str, str | int | bool] = {"block_bytes": block_bytes, "reuse": reuse, "keep": kept is not None}
        if earlier is not None:
            how["earlier"] = earlier.save(ledgers_in(resources.parts_address))
        return ordered(url, begun.analysis.model.name, {"parts": resources.parts_address, **how})

    alone = kept is not None and kept.rows is not None  # which rows go on is known to this process only
    return ChunkTask(
        begun.prepared,
        resources.parts(),
        block_bytes=block_bytes,
        reuse=reuse,
        kept=kept,
        earlier=earlier,
        reference=None if alone else reference,
    )


def _losses(begun: Begun, plan: Plan, task: ChunkTask, executor: Executor) -> list[Receipt]:
    """The receipts of every chunk, in event order."""
    begun.clock.begin("losses", plan.events)
    receipts, done = [], 0
    for receipt in executor.run(task, plan.chunks):
        receipts.append(receipt)
        done += receipt.events
        begun.clock.advance(done, plan.events)
    return sorted(receipts, key=lambda receipt: (receipt.chunk, receipt.part))


def _record(begun: Begun, receipts: Sequence[Receipt], out: Path, kept: KeptGroundUp | None) -> RunRecord:
    analysis, prepared = begun.analysis, begun.prepared
    portfolio = analysis.portfolio
    table = portfolio.location if portfolio.location is not None else portfolio.account
    return RunRecord(
        id=prepared.key[:16] + begun.started.strftime("-%Y%m%d%H%M%S"),
        model=analysis.model.name,
        model_version=analysis.model.version,
        engine_version=__version__,
        started=begun.started.isoformat(timespec="seconds"),
        seconds=round(time.perf_counter() - begun.began, 3),
        folder=str(out.resolve()),
        samples=prepared.samples,
        events=sum(receipt.events for receipt in receipts),
        chunks=len(receipts),
        reused_chunks=sum(receipt.reused for receipt in receipts),
        locations=0 if table is None else table.num_rows,
        items=len(prepared.exposure.items),
        peak_bytes=peak_memory(),
        own_bytes=begun.clock.own_bytes,
        hashes=_hashes(begun),
        versions=library_versions(),
        stages=begun.clock.stages,
        findings=[finding.as_dict() for finding in (*begun.findings, *_sampled_again(begun, receipts))],
        inputs=inputs_of(begun.given),
        keeps_ground_up=kept is not None and kept.rows is None,
        reused_ground_up=sum(receipt.ground_up_reused for receipt in receipts),
        what_if_of=analysis.origin.what_if_of,
        change=dict(analysis.origin.change),
    )


def _sampled_again(begun: Begun, receipts: Sequence[Receipt]) -> list[Finding]:
    """A note when a what-if had to sample ground-up losses that were no longer there, or damaged."""
    again = sum(not receipt.ground_up_reused for receipt in receipts)
    if not again or not begun.given.origin.what_if_of:
        return []
    message = f"no longer has all kept ground-up losses: those of {again} of {len(receipts)} chunks were sampled again"
    return [Finding("store", message, rule="kept ground-up losses", severity=Severity.NOTE)]


def _hashes(begun: Begun) -> dict[str, str]:
    """What a run was made of: by these another run knows whether it is the same."""
    prepared = begun.prepared
    return {
        "losses": prepared.key,
        "ground_up": prepared.ground_up_key,
        "events": content_hash([prepared.event_id]),
        "model": begun.analysis.model.fingerprint(),
        **table_hashes(begun.given.portfolio),
    }
