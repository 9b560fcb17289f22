"""An analysis as its author wrote it: ``analysis_settings.json`` version 3 and the engine's own options.

Each setting is declared once, here: name, type, default, description. Unknown keys are refused with the
nearest known one, because a misspelt key that is ignored changes numbers in silence.
"""

import difflib
import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator

from oasis_kernel.errors import Finding, InvalidInput, Severity
from oasis_kernel.model.vendor import ModelChoice

Perspective = Literal["gul", "il", "ri", "rl"]
PERSPECTIVES: tuple[Perspective, ...] = ("gul", "il", "ri", "rl")

_Text = Annotated[str, BeforeValidator(lambda value: str(value) if isinstance(value, int | float) else value)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


#: Tables that say nothing without samples.
SAMPLE_TABLES = frozenset(
    {"elt_sample", "elt_quantile", "plt_sample", "plt_quantile", "alct_convergence", "psept_aep", "psept_oep"}
    | {
        f"ept_{kind}_{curve}"
        for kind in ("full_uncertainty", "mean_sample", "per_sample_mean")
        for curve in ("aep", "oep")
    }
)


class OrdOutput(_Frozen):
    """Which ORD tables one summary level gets."""

    elt_sample: bool = Field(False, description="SELT: sample losses by event")
    elt_quantile: bool = Field(False, description="QELT: loss quantiles by event")
    elt_moment: bool = Field(False, description="MELT: mean and deviation by event")
    plt_sample: bool = Field(False, description="SPLT: sample losses by period and event")
    plt_quantile: bool = Field(False, description="QPLT: loss quantiles by period and event")
    plt_moment: bool = Field(False, description="MPLT: mean and deviation by period and event")
    alt_period: bool = Field(False, description="PALT: average annual loss")
    alt_meanonly: bool = Field(False, description="average annual loss without deviation")
    alct_convergence: bool = Field(False, description="ALCT: convergence of the average annual loss; needs alt_period")
    alct_confidence: float = Field(0.95, gt=0, lt=1, description="confidence level of ALCT's intervals")
    ept_full_uncertainty_aep: bool = Field(False, description="EPT, EPCalc 2, aggregate")
    ept_full_uncertainty_oep: bool = Field(False, description="EPT, EPCalc 2, occurrence")
    ept_mean_sample_aep: bool = Field(False, description="EPT, EPCalc 4, aggregate")
    ept_mean_sample_oep: bool = Field(False, description="EPT, EPCalc 4, occurrence")
    ept_per_sample_mean_aep: bool = Field(False, description="EPT, EPCalc 3, aggregate")
    ept_per_sample_mean_oep: bool = Field(False, description="EPT, EPCalc 3, occurrence")
    psept_aep: bool = Field(False, description="PSEPT, aggregate")
    psept_oep: bool = Field(False, description="PSEPT, occurrence")
    return_period_file: bool = Field(False, description="losses at the listed return periods only")
    parquet_format: bool = Field(False, description="write Parquet instead of CSV")

    def tables(self) -> frozenset[str]:
        """The names of the table flags that are set."""
        options = ("parquet_format", "return_period_file", "alct_confidence")
        return frozenset(name for name, value in self if value is True and name not in options)


class SummaryRequest(_Frozen):
    """One summary level of one perspective."""

    id: int = Field(ge=1, description="summary set number, in the file names")
    oed_fields: tuple[str, ...] = Field((), description="OED fields that make the summaries; none: one summary")
    ord_output: OrdOutput = Field(OrdOutput(), description="which tables")

    @field_validator("oed_fields", mode="before")
    @classmethod
    def _one_field_is_a_list(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value


class CorrelationSetting(_Frozen):
    """Correlation of one peril correlation group; overrides the model's."""

    peril_correlation_group: int = Field(ge=0)
    damage_correlation_value: float = Field(0.0, ge=0, le=1)
    hazard_correlation_value: float = Field(0.0, ge=0, le=1)


class VulnerabilityAdjustments(_Frozen):
    """Changes to the model's vulnerability functions for this analysis."""

    adjustments: dict[int, float] = Field({}, description="vulnerability id to factor on its damage uniforms")
    replace_data: dict[int, list[tuple[int, int, float]]] = Field(
        {}, description="vulnerability id to rows of (intensity bin, damage bin, probability)"
    )
    replace_file: str | None = Field(None, description="csv of replacement rows; replace_data wins")


class ModelSettings(BaseModel):
    """The model's own choices. Beyond these names, keys are the model's own and are checked against it."""

    model_config = ConfigDict(frozen=True, extra="allow", protected_namespaces=())

    event_set: _Text = Field("", description="events_<set>")
    event_rates_set: _Text = Field("", description="event_rates_<set>")
    event_occurrence_id: _Text = Field("", description="occurrence_<id>: when events happen")
    footprint_set: _Text = Field("", description="footprint_<set>")
    vulnerability_set: _Text = Field("", description="vulnerability_<set>")
    hazard_case_set: _Text = Field("", description="hazard_case_<set>, of dynamic footprints")
    pla_loss_factors_set: _Text = Field("", description="lossfactors_<set>")
    use_random_number_file: bool = Field(False, description="without effect, as in the reference")
    correlation_settings: tuple[CorrelationSetting, ...] = Field(
        (), description="correlation by peril correlation group, instead of the model's"
    )

    @property
    def own(self) -> Mapping[str, Any]:
        """The keys that only the model understands."""
        return dict(self.model_extra or {})


class AnalysisSettings(_Frozen):
    """``analysis_settings.json``, version 3."""

    version: _Text = Field("3", description="version of this file's layout")
    oed_version: _Text | None = Field(None, description="OED version of the portfolio; the files' own counts")
    analysis_tag: _Text = Field("", description="a name of your own")
    source_tag: _Text = Field("", description="where the analysis comes from; a name of your own")
    model_supplier_id: str = Field("", description="whose model")
    model_name_id: str = Field("", description="which model; the run names it itself")
    model_settings: ModelSettings = Field(ModelSettings(), description="the model's own choices")
    number_of_samples: int | None = Field(None, ge=0, description="samples per event; none: the model's default")
    gul_threshold: float = Field(0.0, ge=0, description="sample losses below this are not written")
    return_periods: tuple[Annotated[int, Field(gt=0)], ...] = Field(
        (), description="years, for curves with return_period_file; none: the model's list"
    )
    quantiles: tuple[Annotated[float, Field(ge=0, le=1)], ...] = Field(
        (), description="for the quantile tables; none: the model's list"
    )
    event_ids: tuple[Annotated[int, Field(gt=0)], ...] = Field((), description="only these events")
    event_ranges: str = Field("", description="only these events, such as 1-100,205; added to event_ids")
    peril_filter: tuple[str, ...] = Field((), description="only these OED perils")
    computation_settings: dict[str, Any] = Field({}, description="engine options by name")
    vulnerability_adjustments: VulnerabilityAdjustments = Field(
        VulnerabilityAdjustments(), description="changes to the model's vulnerability functions"
    )
    join_summary_info: bool = Field(False, description="the summaries' OED fields as columns of every table")
    full_correlation: bool = Field(False, description="without effect: the ground-up kernel draws by group")
    do_disaggregation: bool = Field(True, description="a location of several buildings is as many risks")
    pla: bool = Field(False, description="post-loss amplification")
    pla_secondary_factor: float = Field(1.0, ge=0, description="how much of the amplification counts")
    pla_uniform_factor: float = Field(0.0, ge=0, description="one factor for every loss; 0: the model's own")
    gul_output: bool = Field(False, description="ground-up losses")
    gul_summaries: tuple[SummaryRequest, ...] = Field((), description="summary levels of ground-up losses")
    il_output: bool = Field(False, description="insured losses")
    il_summaries: tuple[SummaryRequest, ...] = Field((), description="summary levels of insured losses")
    ri_output: bool = Field(False, description="net of reinsurance losses")
    ri_summaries: tuple[SummaryRequest, ...] = Field((), description="summary levels of net of reinsurance losses")
    ri_inuring_priorities: tuple[int, ...] = Field((), description="also the net losses after these inuring priorities")
    rl_output: bool = Field(False, description="ceded losses")
    rl_summaries: tuple[SummaryRequest, ...] = Field((), description="summary levels of ceded losses")
    rl_inuring_priorities: tuple[int, ...] = Field(
        (), description="also the ceded losses after these inuring priorities"
    )

    @field_validator("event_ranges")
    @classmethod
    def _ranges_are_readable(cls, value: str) -> str:
        parse_event_ranges(value)
        return value

    def summaries(self, perspective: Perspective) -> tuple[SummaryRequest, ...]:
        """The summary levels asked of a perspective; none when its output is off."""
        if not getattr(self, f"{perspective}_output"):
            return ()
        requested = getattr(self, f"{perspective}_summaries")
        return requested or (self.ri_summaries if perspective == "rl" else ())

    def selected_events(self) -> frozenset[int]:
        """``event_ids`` and ``event_ranges`` together; empty: the whole event set."""
        chosen = set(self.event_ids)
        for first, last in parse_event_ranges(self.event_ranges):
            chosen.update(range(first, last + 1))
        return frozenset(chosen)

    def model_choice(self, *, dynamic_footprint: bool = False) -> ModelChoice:
        """The variants of the model's data that this analysis uses."""
        chosen = self.model_settings
        return ModelChoice(
            event_set=chosen.event_set,
            event_occurrence_id=chosen.event_occurrence_id,
            footprint_set=chosen.footprint_set,
            vulnerability_set=chosen.vulnerability_set,
            hazard_case_set=chosen.hazard_case_set,
            pla_loss_factors_set=chosen.pla_loss_factors_set,
            dynamic_footprint=dynamic_footprint,
            # Only what is given: an empty replace_data would win over a replace_file.
            vulnerability_adjustments=self.vulnerability_adjustments.model_dump(
                exclude={"adjustments"}, exclude_defaults=True
            ),
        )


def parse_event_ranges(text: str) -> list[tuple[int, int]]:
    """The (first, last) pairs of ``"1-4,8"``; ValueError for anything else."""
    pairs = []
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        first, _, last = part.partition("-")
        if not first.strip().isdigit() or (last and not last.strip().isdigit()):
            raise ValueError('must be ranges such as "1-4,8"')
        pair = (int(first), int(last or first))
        if pair[0] > pair[1]:
            raise ValueError(f"range {part} must go upwards")
        pairs.append(pair)
    return pairs


def parse_settings(text: str, source: str) -> AnalysisSettings:
    """The settings in a JSON text; InvalidInput with one finding for each thing that cannot be used."""
    try:
        raw = json.loads(text)
    except json.JSONDecodeError as error:
        remedy = "Check the commas, quotes and brackets there"
        raise InvalidInput(Finding(source, f"must be JSON: {error.msg}", row=error.lineno, remedy=remedy)) from error
    if not isinstance(raw, dict):
        remedy = "Write the settings between { and }"
        raise InvalidInput(Finding(source, "must be a JSON object", value=type(raw).__name__, remedy=remedy))
    raw.pop("$schema", None)
    try:
        return AnalysisSettings.model_validate(raw)
    except ValidationError as error:
        raise InvalidInput(_findings(error, source, AnalysisSettings)) from error


def _findings(error: ValidationError, source: str, model: type[BaseModel]) -> list[Finding]:
    return [_finding(problem, source, model) for problem in error.errors()]


def _finding(problem: Any, source: str, model: type[BaseModel]) -> Finding:
    path = [part for part in problem["loc"] if not str(part).startswith("function-")]
    field = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")
    value = problem["input"] if not isinstance(problem["input"], dict | list) else None
    if problem["type"] == "extra_forbidden":
        close = difflib.get_close_matches(str(path[-1]), _known_names(model), n=1)
        remedy = f"Did you mean {close[0]}?" if close else "Remove it, or see the settings' documentation"
        return Finding(source, "is not a known setting", field=field, value=value, rule="known setting", remedy=remedy)
    message = problem["msg"].removeprefix("Value error, ")
    message = message[0].lower() + message[1:]
    return Finding(
        source,
        f"is not valid: {message}",
        field=field,
        value=value,
        rule=problem["type"],
        remedy="See the settings' documentation",
    )


def _known_names(model: type[BaseModel]) -> list[str]:
    names = list(model.model_fields)
    for nested in (SummaryRequest, OrdOutput, CorrelationSetting, VulnerabilityAdjustments):
        names.extend(nested.model_fields)
    return names


def check_settings(settings: AnalysisSettings, source: str) -> list[Finding]:
    """What is wrong with settings that each parse, but do not go together."""
    findings = []
    wanted = [perspective for perspective in PERSPECTIVES if settings.summaries(perspective)]
    if not wanted:
        remedy = "Set gul_output to true and give gul_summaries with an ord_output table"
        findings.append(Finding(source, "asks for no output", field="gul_output", rule="some output", remedy=remedy))
    for perspective in wanted:
        findings.extend(_check_summaries(settings, perspective, source))
    if settings.full_correlation:
        findings.append(_ignored(source, "full_correlation", "the ground-up kernel draws by group; use correlations"))
    return findings


def _check_summaries(settings: AnalysisSettings, perspective: Perspective, source: str) -> list[Finding]:
    findings = []
    seen: set[int] = set()
    for number, request in enumerate(settings.summaries(perspective)):
        place = f"{perspective}_summaries[{number}]"
        if request.id in seen:
            findings.append(
                Finding(
                    source,
                    "must be unique",
                    field=f"{place}.id",
                    value=request.id,
                    rule="unique id",
                    remedy="Give each summary level its own id",
                )
            )
        seen.add(request.id)
        flags = request.ord_output
        if flags.alct_convergence and not flags.alt_period:
            findings.append(
                Finding(
                    source,
                    "needs alt_period",
                    field=f"{place}.ord_output.alct_convergence",
                    rule="alct needs alt",
                    remedy="Set alt_period to true too",
                )
            )
        if not flags.tables():
            remedy = "Set one of its flags, such as ept_full_uncertainty_oep, to true"
            findings.append(
                Finding(source, "asks for no table", field=f"{place}.ord_output", rule="some table", remedy=remedy)
            )
        if settings.number_of_samples == 0 and (needing := flags.tables() & SAMPLE_TABLES):
            remedy = "Set number_of_samples to 10 or more, or ask for moments and averages only"
            findings.append(
                Finding(
                    source,
                    f"must be at least 1 for {', '.join(sorted(needing))}",
                    field="number_of_samples",
                    value=0,
                    rule="samples",
                    remedy=remedy,
                )
            )
    return findings


def _ignored(source: str, field: str, why: str) -> Finding:
    return Finding(source, f"has no effect: {why}", field=field, rule="used setting", severity=Severity.WARNING)
