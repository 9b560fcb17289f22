"""A checked analysis to arrays: everything a chunk of events needs, opened and prepared once per process."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pyarrow as pa

from oasis_kernel.engine.analysis import Analysis
from oasis_kernel.engine.asking import asked
from oasis_kernel.engine.chain import Chain
from oasis_kernel.engine.content_keys import content_key, frame_key, ground_up_key, has_terms
from oasis_kernel.engine.custom import checked_losses
from oasis_kernel.engine.freed_memory import give_back_freed_memory
from oasis_kernel.engine.once import Once
from oasis_kernel.engine.outputs import Output
from oasis_kernel.engine.terms import financial_chain
from oasis_kernel.errors import Finding, InvalidInput
from oasis_kernel.model.exposure import Int32, Items, PreparedExposure, UInt64
from oasis_kernel.model.hazard import Hazard, SectionedHazard
from oasis_kernel.model.losses import SPECIAL, LossBlock, SummaryLosses
from oasis_kernel.model.options import GroundUpOptions
from oasis_kernel.model.prepare_options import PrepareOptions
from oasis_kernel.model.vendor import GroundUpModel, ModelData
from oasis_kernel.prepare.account_hashes import AccountHashes, Level, account_hashes
from oasis_kernel.prepare.items import prepare_exposure
from oasis_kernel.prepare.peril_filter import keys_of_perils
from oasis_kernel.prepare.summary_levels import SummaryRows, number_column
from oasis_kernel.steps.ground_up import GroundUp
from oasis_kernel.steps.ground_up_tables import DamageModel


@dataclass(frozen=True)
class Prepared:
    """What every chunk of a run shares. Read-only, so that threads can."""

    exposure: PreparedExposure
    data: ModelData
    hazard: Hazard
    event_id: Int32
    areaperil_id: UInt64  # distinct, ascending
    chain: Chain
    outputs: tuple[Output, ...]
    samples: int
    compatible: bool
    ground_up_key: str  # content hash of everything ground-up losses depend on but their events
    key: str  # the same of a part: terms, reinsurance and summaries too
    ground_up: Once[GroundUp] | None
    own_ground_up: Callable[[Int32], LossBlock] | None
    adjust: Callable[[LossBlock], LossBlock] | None
    findings: tuple[Finding, ...]
    frame: str  # content hash of what the losses of every event depend on beside the accounts it touches
    accounts: AccountHashes | None  # None where losses may depend on more than an event's accounts, or nobody asks

    @property
    def empty_losses(self) -> SummaryLosses:
        """The losses of a chunk that touches nothing."""
        none = np.zeros(0, np.int32)
        return SummaryLosses(none, none, np.zeros((0, SPECIAL + self.samples), np.float32))

    def adjusted(self, blocks: Iterator[LossBlock]) -> Iterator[LossBlock]:
        """Ground-up losses after the plugins' adjustments."""
        return blocks if self.adjust is None else map(self.adjust, blocks)

    @property
    def divisible(self) -> bool:
        """Whether an event can be computed a few samples at a time: what a plugin does may look across samples."""
        return self.own_ground_up is None and self.adjust is None

    def ground_up_blocks(self, event_id: Int32, block_bytes: int, samples_at_once: int = 0) -> Iterator[LossBlock]:
        """The model's ground-up losses of some events, in blocks of whole events.

        An event larger than a block comes ``samples_at_once`` samples at a time (0: all).
        """
        if self.own_ground_up is not None:
            yield self.own_ground_up(event_id)
        elif self.ground_up is not None:
            footprint = self.hazard.footprint(event_id, self.areaperil_id)
            yield from self.ground_up().blocks(footprint, block_bytes, samples_at_once)


def prepare(analysis: Analysis, keys: pa.Table, data: ModelData) -> Prepared:
    """Items, terms, summary sets and the ground-up step of an analysis; InvalidInput names what cannot be.

    What only preparing needed is given back: of a large portfolio, more than what stays.
    """
    prepared = _prepared(analysis, keys, data)
    give_back_freed_memory()
    return prepared


def _prepared(analysis: Analysis, keys: pa.Table, data: ModelData) -> Prepared:
    exposure = exposure_of(analysis, keys)
    financial = financial_chain(analysis, exposure)
    outputs = _outputs(analysis, financial.maps)
    options = ground_up_options(analysis)
    ground_up = ground_up_key(analysis, exposure, options)
    compiled = Compiled(
        exposure=exposure,
        chain=financial.chain,
        outputs=outputs,
        event_id=selected_events(analysis, data),
        ground_up_key=ground_up,
        key=content_key(analysis, outputs, ground_up),
        findings=(*exposure.findings, *financial.findings),
        frame=frame_key(analysis, exposure, outputs, options),
        accounts=_accounts(analysis, exposure, outputs, financial.maps),
    )
    return assembled(analysis, data, compiled)


@dataclass(frozen=True)
class Compiled:
    """What is made of the portfolio alone: the costly part, which other processes need not make again."""

    exposure: PreparedExposure
    chain: Chain
    outputs: tuple[Output, ...]
    event_id: Int32
    ground_up_key: str
    key: str
    findings: tuple[Finding, ...] = ()
    frame: str = ""
    accounts: AccountHashes | None = None


def assembled(analysis: Analysis, data: ModelData, compiled: Compiled) -> Prepared:
    """A compiled portfolio with the model's data; InvalidInput when they do not belong together."""
    exposure, model = compiled.exposure, analysis.model
    options = ground_up_options(analysis)
    own = checked_losses(model, exposure, options.samples) if isinstance(model, GroundUpModel) else None
    return Prepared(
        exposure=exposure,
        data=data,
        hazard=asked(model.name, hazard_of(data, exposure.items)),
        event_id=compiled.event_id,
        areaperil_id=np.unique(exposure.items.areaperil_id),
        chain=compiled.chain,
        outputs=compiled.outputs,
        samples=options.samples,
        compatible=analysis.options.compatible,
        ground_up_key=compiled.ground_up_key,
        key=compiled.key,
        ground_up=_ground_up(analysis, exposure, data, options) if own is None else None,
        own_ground_up=own,
        adjust=_adjustment(analysis, exposure),
        findings=compiled.findings,
        frame=compiled.frame,
        accounts=compiled.accounts if own is None and not analysis.plugins.adjusts_losses else None,
    )


def _ground_up(
    analysis: Analysis, exposure: PreparedExposure, data: ModelData, options: GroundUpOptions
) -> Once[GroundUp]:
    """The ground-up step; of a what-if, which has its losses kept, only if it should be needed after all."""
    step = Once(partial(ground_up_step, exposure, data, options))
    if not analysis.origin.what_if_of:
        step()  # InvalidInput now, before anything is computed
    return step


def _adjustment(analysis: Analysis, exposure: PreparedExposure) -> Callable[[LossBlock], LossBlock] | None:
    """What the plugins do to ground-up losses; None when they do nothing."""
    plugins = analysis.plugins
    if not plugins.adjusts_losses:
        return None
    return lambda block: plugins.adjust_losses(block, exposure.items, analysis.model)


def exposure_of(analysis: Analysis, keys: pa.Table) -> PreparedExposure:
    """Items and coverages; InvalidInput when nothing of the portfolio is modelled."""
    settings, options = analysis.settings, analysis.options
    chosen = settings.model_settings.correlation_settings
    kept, noticed = keys_of_perils(keys, settings.peril_filter, analysis.settings_source)
    exposure = prepare_exposure(
        analysis.portfolio,
        kept,
        asked(analysis.model.name, analysis.model).settings(),
        PrepareOptions(
            do_disaggregation=settings.do_disaggregation,
            correlation_settings=tuple(setting.model_dump() for setting in chosen) or None,
            damage_group_fields=options.damage_group_fields,
            hazard_group_fields=options.hazard_group_fields,
            quirks=options.quirks,
        ),
    )
    if not len(exposure.items):
        source = analysis.portfolio.sources.get("location", "portfolio")
        remedy = "Run `oasis check` to see why each location is left out"
        raise InvalidInput(Finding(source, f"has no location that {analysis.model.name} models", remedy=remedy))
    return replace(exposure, findings=(*noticed, *exposure.findings))


def selected_events(analysis: Analysis, data: ModelData) -> Int32:
    """The event set, or what the settings choose of it; InvalidInput for events that the model does not have."""
    events = data.events()
    settings = analysis.settings
    chosen = settings.selected_events()
    if not chosen:
        return events
    wanted = np.array(sorted(chosen), np.int32)
    unknown = wanted[~np.isin(wanted, events)]
    if len(unknown):
        more = f" ({len(unknown)} are not)" if len(unknown) > 1 else ""
        raise InvalidInput(
            Finding(
                analysis.settings_source,
                f"must be in the model's event set{more}",
                field="event_ids" if int(unknown[0]) in settings.event_ids else "event_ranges",
                value=int(unknown[0]),
                remedy="Choose from the model's events, or choose another event_set",
            )
        )
    return wanted


def hazard_of(data: ModelData, items: Items) -> Hazard:
    """The model's hazard; of the sections that the portfolio lies in, where it has sections."""
    hazard = data.hazard
    if items.section_id and isinstance(hazard, SectionedHazard):
        return hazard.for_sections(items.section_id)
    return hazard


def ground_up_options(analysis: Analysis) -> GroundUpOptions:
    """The ground-up step's options, from the analysis and the engine's."""
    settings, options = analysis.settings, analysis.options
    return GroundUpOptions(
        samples=analysis.samples,
        random_generator=options.random_generator,
        effective_damageability=options.effective_damageability,
        allocation_rule=options.allocation_rule_gul,
        copula_mode=options.copula,
        damage_correlation=not options.ignore_correlation,
        hazard_correlation=not options.ignore_hazard_correlation,
        quirks=options.quirks,
        amplification=settings.pla,
        secondary_factor=settings.pla_secondary_factor,
        uniform_factor=settings.pla_uniform_factor,
        vulnerability_adjustments=settings.vulnerability_adjustments.adjustments,
        threshold=settings.gul_threshold,
    )


def ground_up_step(exposure: PreparedExposure, data: ModelData, options: GroundUpOptions) -> GroundUp:
    """The ground-up step over the model's data."""
    vulnerability_id = np.unique(exposure.items.vulnerability_id)
    aggregates = data.aggregates()
    conditional = data.conditional_vulnerability() if exposure.items.source_item_id.any() else None
    if aggregates is not None:
        used = np.isin(aggregates.aggregate_id, vulnerability_id)
        members = [aggregates.member[aggregates.offsets[a] : aggregates.offsets[a + 1]] for a in np.flatnonzero(used)]
        single = vulnerability_id[~np.isin(vulnerability_id, aggregates.aggregate_id)]
        vulnerability_id = np.unique(np.concatenate([single, *members])).astype(np.int32)
    if conditional is not None:
        vulnerability_id = vulnerability_id[~np.isin(vulnerability_id, conditional.vulnerability_id)]
    return GroundUp(
        exposure.items,
        exposure.coverages,
        DamageModel(
            data.damage_bins,
            data.vulnerability(vulnerability_id),
            aggregates,
            conditional,
            data.intensity_bins(),
            data.loss_factors() if options.amplification else None,
        ),
        options,
    )


def _outputs(analysis: Analysis, maps: Mapping[str, pa.Table]) -> tuple[Output, ...]:
    """An output for each summary level that is asked for, over the row map of its stream."""
    found = []
    known: dict[tuple[int, str], SummaryRows] = {}  # several streams have one map
    for stream, rows in maps.items():
        perspective = stream.partition("_")[0]
        number = number_column(perspective, rows)
        for request in analysis.settings.summaries(perspective):  # type: ignore[arg-type]
            if (id(rows), number) not in known:
                known[id(rows), number] = SummaryRows(rows, number, analysis.portfolio)
            level = known[id(rows), number].summary_set(
                perspective, request.id, request.oed_fields, analysis.settings_source
            )
            found.append(Output(stream, request, level))
    return tuple(found)


def _accounts(
    analysis: Analysis, exposure: PreparedExposure, outputs: Sequence[Output], maps: Mapping[str, pa.Table]
) -> AccountHashes | None:
    """What each account brings to the losses; None without locations."""
    if analysis.portfolio.location is None:
        return None
    levels = []
    for output in outputs:
        rows = maps[output.stream]
        number = rows[number_column(output.perspective, rows)].to_numpy()
        levels.append(Level(output.summary_set, number, rows["loc_idx"].to_numpy()))
    return account_hashes(analysis.portfolio, exposure, levels, terms=has_terms(analysis))
