"""Step policies: terms of the policy-all level whose pay-out follows the loss in steps.

Source: Open Exposure Data, fields of steps; the Oasis financial module's step rules.
"""

import numpy as np
import pandas as pd

from oasis_kernel.model import fields as f
from oasis_kernel.prepare.terms.extraction import (
    BASE_TERMS,
    TermRows,
    base_terms,
    described,
    distinct,
    with_filter,
)
from oasis_kernel.prepare.terms.levels import EVERY_COVERAGE, POLICY_ALL, PROPERTY
from oasis_kernel.prepare.terms.sources import Source
from oasis_kernel.prepare.terms.step_fields import STEP_TERMS, STEP_TYPES, StepType

INTERRUPTION = (4,)
#: As the reference has it: beside steps, business interruption has no insured value, and shares of it are 0.
NO_VALUE = ()


def extract_steps(source: Source) -> TermRows | None:
    """The terms of the policy-all level of a portfolio with step policies.

    Each coverage of a step policy takes the steps, or is excluded, or (business interruption) takes the policy's
    ordinary terms; policies without steps have their ordinary terms for every coverage. ``check_steps`` comes first.
    """
    trigger = source.records.number(f.STEP_TRIGGER_TYPE)
    join = POLICY_ALL.key
    coverages: list[tuple[int, ...]] = []
    frames: list[pd.DataFrame] = []

    def add(records: np.ndarray, covered: tuple[int, ...], terms: dict[str, np.ndarray], stepped: bool) -> None:
        frame = described(pd.DataFrame(terms), source, records, join, len(coverages), stepped)
        frames.extend(frame.assign(cover=coverage) for coverage in covered)
        coverages.append(covered)

    plain = np.flatnonzero(trigger == 0)
    if len(plain):
        add(plain, EVERY_COVERAGE, _ordinary(source, plain), stepped=False)
    for number, kind in STEP_TYPES.items():
        records = np.flatnonzero(trigger == number)
        if not len(records):
            continue
        for covered in kind.stepped:
            add(records, covered, _stepped(source, records, kind), stepped=True)
        for covered in kind.excluded:
            add(records, covered, _nothing(len(records)), stepped=True)
        add(records, INTERRUPTION, _ordinary(source, records), stepped=False)
        coverages[-1] = NO_VALUE
    if not frames:
        return None
    rows, peril_field = with_filter(pd.concat(frames, ignore_index=True), POLICY_ALL, source)
    return TermRows(
        source=source,
        rows=distinct(rows),
        join=join,
        terms=(*BASE_TERMS, *STEP_TERMS),
        cover_of={coverage: coverage for coverage in EVERY_COVERAGE},
        coverages=tuple(coverages),
        peril_field=peril_field,
    )


def _nothing(length: int) -> dict[str, np.ndarray]:
    return {term: np.zeros(length) for term in (*BASE_TERMS, *STEP_TERMS)}


def _ordinary(source: Source, records: np.ndarray) -> dict[str, np.ndarray]:
    """The policy-all terms; those of the cyber coverages do not go with steps."""
    group = next(group for group in POLICY_ALL.groups if group.coverages == PROPERTY)
    return {**_nothing(len(records)), **base_terms(group.fields, source.records.take(records))}


def _stepped(source: Source, records: np.ndarray, kind: StepType) -> dict[str, np.ndarray]:
    """The steps' terms; of two fields for one term the greater."""
    taken = source.records.take(records)
    terms = _nothing(len(records))
    for field, term in kind.fields.items():
        terms[term] = np.maximum(terms[term], taken.number(field))
    return terms
