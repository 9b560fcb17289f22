"""What the records of step policies must hold, and what is worth knowing about their steps."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd

from oasis_kernel.errors import Finding, InvalidInput, Severity
from oasis_kernel.model import fields as f
from oasis_kernel.prepare.terms.keys import codes
from oasis_kernel.prepare.terms.records import Records
from oasis_kernel.prepare.terms.rules import STEP_TYPES_KNOWN
from oasis_kernel.prepare.terms.sources import Source, has_steps
from oasis_kernel.prepare.terms.step_fields import STEP_TYPES

LISTED = 20
PARTS = ("Building", "Contents", "BuildingContents")


def check_steps(source: Source) -> None:
    """Raises InvalidInput for records that are a step of no kind, or of a kind without a number."""
    records = source.records
    trigger, step = records.number(f.STEP_TRIGGER_TYPE), records.number(f.STEP_NUMBER)
    known = ", ".join(str(number) for number in STEP_TYPES)
    must, remedy = f"must be one of {known}", "Use a supported type, or blank for a policy without steps"
    unknown = np.flatnonzero(~np.isin(trigger, (0, *STEP_TYPES)))
    findings = [records.finding(int(at), f.STEP_TRIGGER_TYPE, must, int(trigger[at]), remedy) for at in unknown]
    untyped = np.flatnonzero((trigger == 0) & (step > 0))
    message = f"must be given with a StepNumber, {known}"
    findings += [records.finding(int(at), f.STEP_TRIGGER_TYPE, message, None, remedy) for at in untyped]
    if not has_steps(records):
        message, remedy = "must be given with a StepTriggerType", "Number the steps of a policy 1, 2, 3 ..."
        unnumbered = np.flatnonzero((trigger > 0) & (step == 0))
        findings += [records.finding(int(at), f.STEP_NUMBER, message, None, remedy) for at in unnumbered]
    for name, values in STEP_TYPES_KNOWN.items():
        given = records.number(name)
        must = f"must be one of {', '.join(map(str, values))}"
        wrong = np.flatnonzero((step > 0) & ~np.isin(given, values))
        findings += [records.finding(int(at), name, must, int(given[at]), "Correct the type") for at in wrong]
    if findings:
        raise InvalidInput(findings[:LISTED])


def step_warnings(source: Source) -> Iterator[Finding]:
    """A warning for each step that does not follow the one before it: in its number, or in the losses it pays for."""
    records = source.records
    steps = np.flatnonzero(records.number(f.STEP_NUMBER) > 0)
    if not len(steps):
        return
    policy = codes(
        source.keys[f.ACC_ID], *(records.text(name) for name in (f.POLICY_NUMBER, f.POLICY_PERIL, f.CONDITION_TAG))
    )
    table = pd.DataFrame({"policy": policy, "step": records.number(f.STEP_NUMBER), "record": np.arange(len(records))})
    for _, of_policy in table.iloc[steps].drop_duplicates(["policy", "step"]).groupby("policy", sort=False):
        ordered = of_policy.sort_values("step", kind="stable")
        yield from _numbering(records, ordered)
        for part in PARTS:
            yield from _gaps(records, ordered["record"].to_numpy(), part)


def _numbering(records: Records, ordered: pd.DataFrame) -> Iterator[Finding]:
    wanted = np.arange(1, len(ordered) + 1)
    off = np.flatnonzero(ordered["step"].to_numpy() != wanted)
    if len(off):
        record, step = ordered["record"].iloc[off[0]], int(ordered["step"].iloc[off[0]])
        message = f"must count 1, 2, 3 ... in a policy: step {wanted[off[0]]} is missing"
        yield _warned(records.finding(int(record), f.STEP_NUMBER, message, step, "Add the step, or number them anew"))


def _gaps(records: Records, ordered: np.ndarray, part: str) -> Iterator[Finding]:
    """Losses between two steps, of which nothing is paid."""
    start, end = (records.number(f"Trigger{part}{side}")[ordered] for side in ("Start", "End"))
    reached = np.maximum.accumulate(end)[:-1]
    for place in np.flatnonzero((reached > 0) & (start[1:] > reached)):
        message = (
            f"leaves a gap after the step before, which ends at {reached[place]:g}: losses in between are not paid"
        )
        field, value = f"Trigger{part}Start", float(start[place + 1])
        remedy = "Start the step where the one before ends"
        yield _warned(records.finding(int(ordered[place + 1]), field, message, value, remedy))


def _warned(finding: Finding) -> Finding:
    return replace(finding, severity=Severity.WARNING)
