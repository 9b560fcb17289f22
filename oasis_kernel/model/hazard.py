"""A model's data as arrays: footprints, vulnerabilities, damage bins, occurrences."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from oasis_kernel.model.exposure import Float32, Float64, Int32, Int64, UInt64


@dataclass(frozen=True)
class DamageBins:
    """The damage bin dictionary; row k is bin k + 1."""

    bin_from: Float32
    bin_to: Float32
    interpolation: Float32
    damage_type: Int32  # 0 default, 1 relative, 2 absolute, 3 duration in days


@dataclass(frozen=True)
class Footprint:
    """The hazard of some events at some places: rows of event e are ``offsets[e]:offsets[e + 1]``.

    Inside an event the rows of one area peril are contiguous, in file order. ``intensity`` and ``return_period``
    are filled by dynamic footprints only (length 0 otherwise), whose ``intensity_bin`` is found per item.
    """

    event_id: Int32  # [e] ascending
    offsets: Int64  # [e + 1]
    areaperil_id: UInt64  # [r]
    intensity_bin: Int32  # [r], 1-based
    probability: Float32  # [r]
    intensity: Int32  # [r] or [0]
    return_period: Int32  # [r] or [0]


class Hazard(Protocol):
    """Where footprints come from. Safe to call from several threads."""

    num_intensity_bins: int
    is_dynamic: bool

    def footprint(self, event_id: Int32, areaperil_id: UInt64) -> Footprint:
        """The footprint of the given events (ascending) at the given area perils (ascending, unique).

        An event without rows there has an empty range.
        """
        ...

    def rows_per_event(self, event_id: Int32) -> Int64:
        """How many rows each event's footprint has (an upper bound will do): what the plan is cut by."""
        ...


@runtime_checkable
class SectionedHazard(Hazard, Protocol):
    """A dynamic hazard that is built section by section, such as one catchment's floods."""

    def for_sections(self, section_id: Sequence[str]) -> Hazard:
        """The hazard of the named sections only."""
        ...


@dataclass(frozen=True)
class Vulnerability:
    """Damage distributions of the vulnerability functions a portfolio uses."""

    vulnerability_id: Int32  # [v] ascending
    probability: Float32  # [v, num_intensity_bins, num_damage_bins]: damage contiguous


@dataclass(frozen=True)
class AggregateVulnerability:
    """Mixtures of vulnerability functions, weighted by area peril.

    Members of aggregate a are ``member[offsets[a]:offsets[a + 1]]`` in file order. The weights are sorted by
    (areaperil, vulnerability); a pair that is not listed weighs 0.
    """

    aggregate_id: Int32  # [a] ascending
    offsets: Int64  # [a + 1]
    member: Int32  # vulnerability ids
    weight_areaperil: UInt64  # [w]
    weight_vulnerability: Int32  # [w]
    weight: Float32  # [w]


@dataclass(frozen=True)
class ConditionalVulnerability:
    """Damage of a dependent coverage given the damage bin of its source coverage."""

    vulnerability_id: Int32  # [v] ascending
    probability: Float32  # [v, source damage bin, damage bin]


@dataclass(frozen=True)
class IntensityBins:
    """Dynamic footprints: intensity to bin, per peril. ``bin_of[p, i]`` is the bin of integer intensity i."""

    peril_code: Int32  # [p] ascending
    bin_of: Int32  # [p, max intensity + 1]


@dataclass(frozen=True)
class LossFactors:
    """Post-loss amplification, sorted by (event, amplification); a pair that is not listed has factor 1."""

    event_id: Int32
    amplification_id: Int32
    factor: Float32


@dataclass(frozen=True)
class Occurrence:
    """When events happen: one row per occurrence, in file order."""

    event_id: Int32
    period: Int32  # 1..periods
    date: Int64  # days (or minutes when granular) since 1 March of year 0; the day number of spec 1.3
    periods: int
    has_dates: bool  # the date algorithm bit
    granular: bool


@dataclass(frozen=True)
class PeriodWeights:
    """Weight of period k + 1 at row k."""

    weight: Float64


@dataclass(frozen=True)
class EventRates:
    """Annual rate of an event, sorted by event."""

    event_id: Int32
    rate: Float64
