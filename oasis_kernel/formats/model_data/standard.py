"""One model's data, opened from a folder in the Oasis standard layout."""

from functools import cached_property
from pathlib import Path

import numpy as np

from oasis_kernel.formats.model_data.amplification import read_loss_factors
from oasis_kernel.formats.model_data.damage_bins import read_damage_bins
from oasis_kernel.formats.model_data.folder import ModelFolder
from oasis_kernel.formats.model_data.footprint_binary import BinaryHazard, ZippedHazard
from oasis_kernel.formats.model_data.functions import (
    read_aggregates,
    read_conditional,
    read_intensity_bins,
    replaced,
)
from oasis_kernel.formats.model_data.hazard import open_hazard
from oasis_kernel.formats.model_data.small_tables import Lookup
from oasis_kernel.formats.model_data.timeline import (
    read_event_rates,
    read_events,
    read_occurrence,
    read_period_weights,
    read_quantiles,
    read_return_periods,
)
from oasis_kernel.formats.model_data.vulnerability import VulnerabilityFile, open_vulnerability
from oasis_kernel.formats.model_data.vulnerability_rules import Shape, check_known
from oasis_kernel.model.exposure import Float32, Int32
from oasis_kernel.model.hazard import (
    AggregateVulnerability,
    ConditionalVulnerability,
    EventRates,
    Hazard,
    IntensityBins,
    LossFactors,
    Occurrence,
    PeriodWeights,
    Vulnerability,
)
from oasis_kernel.model.vendor import ModelChoice


class StandardModelData:
    """A model's data (``oasis_kernel.model.vendor.ModelData``) in the Oasis standard layout, any of its formats.

    ``directory`` is a folder or any fsspec address of one; ``wide_areaperil`` states that area perils have 8 bytes
    in the binary files (None: told by the files, which their sizes almost always do). Opening reads the damage bins
    and the footprint's index; everything else is read when first asked for. Shared by threads.
    Raises ``InvalidInput``, saying which file, row and field, whenever something cannot be used.
    """

    def __init__(self, directory: str | Path, choice: ModelChoice, wide_areaperil: bool | None = None):
        self.choice = choice
        self.folder = ModelFolder(directory)
        self._lookup = Lookup(self.folder, frozenset(choice.ignore_file_type))
        self._wide = wide_areaperil
        self.damage_bins = read_damage_bins(self._lookup)
        self.footprint_file = open_hazard(self.folder, choice, wide_areaperil)
        self.hazard: Hazard = self.footprint_file

    @property
    def shape(self) -> Shape:
        """How many intensity and damage bins vulnerability functions have here."""
        return Shape(self.hazard.num_intensity_bins, len(self.damage_bins.bin_from))

    @cached_property
    def vulnerability_file(self) -> VulnerabilityFile:
        """The file of vulnerability functions."""
        return open_vulnerability(self.folder, self.choice, self.hazard.num_intensity_bins)

    def events(self) -> Int32:
        """The event set, ascending."""
        return read_events(self._lookup, self.choice)

    def vulnerability(self, vulnerability_id: Int32) -> Vulnerability:
        """The named functions (ascending, unique), over the hazard's intensity bins, with the choice's replacements."""
        wanted = np.asarray(vulnerability_id, dtype=np.int32)
        found = self.vulnerability_file.read(wanted, self.shape)
        check_known(wanted, found.vulnerability_id, self.vulnerability_file.name)
        return replaced(found, self.choice.vulnerability_adjustments, self.shape)

    def aggregates(self) -> AggregateVulnerability | None:
        """Aggregate vulnerabilities with their weights, if the model has any."""
        known = self.footprint_file.wide if isinstance(self.footprint_file, BinaryHazard | ZippedHazard) else None
        return read_aggregates(self._lookup, self._wide if self._wide is not None else known or None)

    def conditional_vulnerability(self) -> ConditionalVulnerability | None:
        """Conditional vulnerabilities for coverage dependency, if the model has any."""
        return read_conditional(self._lookup, self.damage_bins)

    def intensity_bins(self) -> IntensityBins | None:
        """Intensity to bin, for dynamic footprints only."""
        hazard = self.hazard
        return read_intensity_bins(self.folder, hazard.num_intensity_bins) if hazard.is_dynamic else None

    def loss_factors(self) -> LossFactors | None:
        """Post-loss amplification factors, if the model has any."""
        return read_loss_factors(self._lookup, self.choice)

    def occurrence(self) -> Occurrence | None:
        """When events happen; None when the model does not say."""
        return read_occurrence(self._lookup, self.choice)

    def period_weights(self) -> PeriodWeights | None:
        """Weights of the periods; None for equal ones."""
        occurrence = self.occurrence()
        return read_period_weights(self._lookup, occurrence.periods if occurrence else None)

    def return_periods(self) -> Int32 | None:
        """The model's own list of return periods, descending."""
        return read_return_periods(self._lookup)

    def quantiles(self) -> Float32 | None:
        """The model's own list of quantiles, ascending."""
        return read_quantiles(self._lookup)

    def event_rates(self) -> EventRates | None:
        """Annual rates of the events, if the model gives them."""
        return read_event_rates(self._lookup)
