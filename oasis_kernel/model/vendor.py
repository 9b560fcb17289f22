"""What a vendor ships: a ``Model``. Everything here is data in, data out; a model never sees the application."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import pyarrow as pa

from oasis_kernel.model.exposure import Coverages, Float32, Int32, Items
from oasis_kernel.model.hazard import (
    AggregateVulnerability,
    ConditionalVulnerability,
    DamageBins,
    EventRates,
    Hazard,
    IntensityBins,
    LossFactors,
    Occurrence,
    PeriodWeights,
    Vulnerability,
)
from oasis_kernel.model.losses import LossBlock


@dataclass(frozen=True)
class ModelChoice:
    """Which variant of a model's data a run uses: analysis_settings' ``model_settings``; '' is the plain file."""

    event_set: str = ""
    event_occurrence_id: str = ""
    footprint_set: str = ""
    vulnerability_set: str = ""
    hazard_case_set: str = ""
    pla_loss_factors_set: str = ""
    dynamic_footprint: bool = False
    ignore_file_type: frozenset[str] = frozenset()
    vulnerability_adjustments: Mapping[str, Any] = field(default_factory=dict)


class ModelData(Protocol):
    """A model's opened data. Opened once per process and shared by its threads; never pickled."""

    damage_bins: DamageBins
    hazard: Hazard

    def events(self) -> Int32:
        """The event set, ascending."""
        ...

    def vulnerability(self, vulnerability_id: Int32) -> Vulnerability:
        """The named functions (ascending, unique), over the hazard's intensity bins. Unknown ids are InvalidInput."""
        ...

    def aggregates(self) -> AggregateVulnerability | None:
        """Aggregate vulnerabilities with their weights, if the model has any."""
        ...

    def conditional_vulnerability(self) -> ConditionalVulnerability | None:
        """Conditional vulnerabilities for coverage dependency, if the model has any."""
        ...

    def intensity_bins(self) -> IntensityBins | None:
        """Intensity to bin for dynamic footprints."""
        ...

    def loss_factors(self) -> LossFactors | None:
        """Post-loss amplification factors, if the model has any."""
        ...

    def occurrence(self) -> Occurrence | None:
        """When events happen; None refuses every table that needs periods."""
        ...

    def period_weights(self) -> PeriodWeights | None:
        """Weights of the periods; None for equal ones."""
        ...

    def return_periods(self) -> Int32 | None:
        """The model's own list of return periods, descending."""
        ...

    def quantiles(self) -> Float32 | None:
        """The model's own list of quantiles, ascending."""
        ...

    def event_rates(self) -> EventRates | None:
        """Annual rates of the events, if the model gives them."""
        ...


@runtime_checkable
class Model(Protocol):
    """A catastrophe model, as the engine sees it."""

    @property
    def name(self) -> str:
        """Short, lower-case, unique among the installed models: what ``--model`` takes."""
        ...

    @property
    def supplier(self) -> str:
        """Who makes the model."""
        ...

    @property
    def version(self) -> str:
        """The model's version."""
        ...

    def settings(self) -> Mapping[str, Any]:
        """The model's ``model_settings.json``, as read."""
        ...

    def lookup(self, location: pa.Table) -> pa.Table:
        """Keys (``oasis_kernel.model.keys``) of a portfolio's locations."""
        ...

    def open(self, choice: ModelChoice) -> ModelData:
        """The model's data for one choice of variants."""
        ...

    def fingerprint(self) -> str:
        """A hash that changes when anything that can change a loss changes: data, lookup, code version."""
        ...


@runtime_checkable
class GroundUpModel(Protocol):
    """A model that replaces the ground-up calculation whole: complex and API-backed models.

    The losses it returns are checked (finite, not negative, known items, whole events) and fed to the rest.
    """

    def ground_up(self, event_id: Int32, items: Items, coverages: Coverages, samples: int) -> LossBlock:
        """The losses of the given events, for every item they touch."""
        ...
