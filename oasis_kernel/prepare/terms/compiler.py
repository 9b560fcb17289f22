"""From OED's financial fields to a programme over items."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from oasis_kernel.errors import Finding
from oasis_kernel.model import fields as f
from oasis_kernel.model.exposure import Int64, Portfolio
from oasis_kernel.model.terms import Programme
from oasis_kernel.prepare.terms.assembly import Assembly
from oasis_kernel.prepare.terms.conditions import NO_CONDITION, Stage, condition_stages
from oasis_kernel.prepare.terms.extraction import extract_terms
from oasis_kernel.prepare.terms.items import ITEM_KEYS, insured_items
from oasis_kernel.prepare.terms.levels import (
    ACCOUNT_LEVELS,
    CONDITION_LEVELS,
    LAYER_LEVEL,
    LEVELS,
    LOCATION_LEVELS,
    POLICY_ALL,
    POLICY_LEVELS,
    Level,
)
from oasis_kernel.prepare.terms.options import TermOptions
from oasis_kernel.prepare.terms.output_map import make_output_map
from oasis_kernel.prepare.terms.sources import Source, Sources, has_steps, read_sources
from oasis_kernel.prepare.terms.step_checks import check_steps, step_warnings
from oasis_kernel.prepare.terms.steps import extract_steps
from oasis_kernel.prepare.terms.term_checks import check_terms, idle_codes
from oasis_kernel.prepare.terms.warnings import term_warnings


@dataclass(frozen=True)
class CompiledTerms:
    """The financial programme of a portfolio, and what its outputs are.

    ``output_map`` has one row per output, in output order, with the columns of the reference's fm_summary_map.
    """

    programme: Programme
    output_map: pa.Table
    level_names: tuple[str, ...]  # of the programme's levels, from 1
    findings: tuple[Finding, ...]


def compile_programme(portfolio: Portfolio, item_map: pa.Table, options: TermOptions | None = None) -> CompiledTerms:
    """The programme of a portfolio's financial terms over the given items.

    item_map  one row per item, in item order: loc_id, coverage_type_id, peril_id, coverage_id, building_id, risk_id and
              whatever the output map shall show (``PreparedExposure.item_map``). Without locations (cyber) loc_id is
              that of the account.

    Source: OED's financial fields; the levels and calculation rules of the Oasis financial module. Raises InvalidInput
    naming file, row, field and value for terms that no rule covers, that contradict each other, or that refer to
    something that is not there. What is worth knowing is among the findings.
    """
    options = TermOptions() if options is None else options
    sources = read_sources(portfolio, _location_keys(options))
    check_terms(sources)
    check_steps(sources.account)
    items = insured_items(item_map, sources, options.do_disaggregation)
    items = items.with_keys(**{f.CONDITION_TAG: np.full(len(items), NO_CONDITION)})
    assembly = Assembly(items)
    stages = condition_stages(sources)
    for level, source, stage in _in_order(sources, stages):
        if stage is not None:
            assembly.items = items.with_keys(**{f.CONDITION_TAG: _conditions_of(stage, items.keys[f.LOC_ID])})
        if level.id == POLICY_ALL.id and has_steps(source.records):
            terms = extract_steps(source)
        else:
            terms = extract_terms(_keyed(level, options), source, options.do_disaggregation)
        assembly.add_level(_keyed(level, options), terms)
    programme, outputs = assembly.programme()
    conditions = assembly.items.keys[f.CONDITION_TAG]
    return CompiledTerms(
        programme=programme,
        output_map=make_output_map(item_map, sources, stages, outputs, conditions),
        level_names=tuple(assembly.level_names),
        findings=(
            *term_warnings(sources, items.perils),
            *idle_codes(sources),
            *step_warnings(sources.account),
        ),
    )


def _in_order(sources: Sources, stages: tuple[Stage, ...]) -> Iterator[tuple[Level, Source, Stage | None]]:
    """Every level with the records of its terms, innermost first; the levels of conditions once for each stage."""
    if sources.location is not None:
        for level in LOCATION_LEVELS:
            yield level, sources.location, None
    for stage in stages:
        for level in CONDITION_LEVELS:
            yield level, stage.source, stage
    for level in (*(() if stages else CONDITION_LEVELS), *POLICY_LEVELS, LAYER_LEVEL, *ACCOUNT_LEVELS):
        yield level, sources.account, None


def _keyed(level: Level, options: TermOptions) -> Level:
    key = (options.aggregation or {}).get(level.id)
    return level if key is None else replace(level, key=key)


def _location_keys(options: TermOptions) -> tuple[str, ...]:
    """The location fields that a custom aggregation groups by, beside the keys every item has."""
    standard = {name for level in LEVELS for name in level.key} | set(ITEM_KEYS) | {"peril_id"}
    return tuple(
        dict.fromkeys(name for key in (options.aggregation or {}).values() for name in key if name not in standard)
    )


def _conditions_of(stage: Stage, loc_id: Int64) -> Int64:
    """The condition each location is under at a stage; NO_CONDITION for none."""
    order = np.argsort(stage.loc_id)
    known, condition = stage.loc_id[order], stage.condition[order]
    place = np.minimum(np.searchsorted(known, loc_id), max(len(known) - 1, 0))
    if not len(known):
        return np.full(len(loc_id), NO_CONDITION)
    return np.where(known[place] == loc_id, condition[place], NO_CONDITION)
