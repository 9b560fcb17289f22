"""What would be with other terms, other reinsurance, other summaries: the financial step alone, on kept losses."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from oasis_kernel import __version__
from oasis_kernel.engine.analysis import Analysis, Resources
from oasis_kernel.engine.asking import asked
from oasis_kernel.engine.execute import RECORD, Begun, begin, finish, kept_ground_up
from oasis_kernel.engine.progress import Clock, Report
from oasis_kernel.engine.without_account import begin_without_account
from oasis_kernel.errors import Finding, OasisError
from oasis_kernel.store.folders import refuse_foreign_folder
from oasis_kernel.store.parts import content_hash
from oasis_kernel.store.runs import RunRecord


def what_if(record: RunRecord, analysis: Analysis, out: Path, resources: Resources, report: Report) -> RunRecord:
    """Run a finished run's changed analysis (``run.again``) into ``out``, from the ground-up losses it kept.

    The tables are those of a full run of the changed analysis, byte for byte. OasisError when the run kept nothing,
    or when the change would sample other ground-up losses; InvalidInput when an input cannot be used.
    """
    refuse_foreign_folder(out, RECORD)
    used = replace(resources, keep_ground_up=True, reuse=True)
    begun = begin_what_if(record, analysis, Clock(report))
    kept = kept_ground_up(used, begun.prepared)
    account = analysis.origin.change.get("without_account")
    if account is not None:
        begun, kept = begin_without_account(begun, kept, account)
    return finish(begun, out, used, kept)


def begin_what_if(record: RunRecord, analysis: Analysis, clock: Clock, findings: Sequence[Finding] = ()) -> Begun:
    """A run's changed analysis, checked and prepared; errors as of ``what_if``, before anything is computed."""
    require_kept(record)
    _require_same_model(record, analysis)
    begun = begin(analysis, clock, findings)
    _require_same_ground_up(record, begun)
    return begun


def require_kept(record: RunRecord) -> None:
    """OasisError when a run kept no ground-up losses."""
    if record.keeps_ground_up:
        return
    if record.what_if_of:
        raise OasisError(f"run {record.id} is a what-if without ground-up losses of its own; ask {record.what_if_of}")
    raise OasisError(
        f"run {record.id} kept no ground-up losses to ask about; run it once more with --keep-ground-up "
        f"(Python: keep_ground_up=True)"
    )


def _require_same_model(record: RunRecord, analysis: Analysis) -> None:
    if record.engine_version != __version__:
        raise OasisError(
            f"run {record.id} was made by version {record.engine_version}, and this is {__version__}: its ground-up "
            f"losses may differ. Make the run again"
        )
    if asked(analysis.model.name, analysis.model).fingerprint() != record.hashes["model"]:
        raise OasisError(
            f"model {analysis.model.name} has changed since run {record.id}: other data, lookup or code. "
            f"Make the run again"
        )


def _require_same_ground_up(record: RunRecord, begun: Begun) -> None:
    events = content_hash([begun.prepared.event_id])
    if (begun.prepared.ground_up_key, events) == (record.hashes["ground_up"], record.hashes["events"]):
        return
    given = [name for name in ("location", "settings") if name in begun.given.origin.change]
    source = " and ".join(given) or "analysis"
    raise OasisError(
        f"the changed {source} asks for other ground-up losses than run {record.id} kept: a what-if can change "
        f"accounts, reinsurance, terms of locations and summaries, not values, places, perils, samples, events or the "
        f"model's settings. Make a new run"
    )
