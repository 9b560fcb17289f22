"""What the engine answers with: every ORD table's columns, said once, and which tables a summary level gets.

Names, order and number formats are those of the Open Results Data standard as the reference engine writes them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from types import MappingProxyType

from oasis_kernel.model.settings import OrdOutput

#: Quantiles of QELT and QPLT when neither the analysis nor the model lists any.
DEFAULT_QUANTILES = (0.0, 0.05, 0.15, 0.25, 0.35, 0.45, 0.55, 0.65, 0.75, 0.85, 0.95, 1.0)


class SampleType(IntEnum):
    """Where a mean comes from."""

    ANALYTICAL = 1
    SAMPLE = 2


class Calculation(IntEnum):
    """ORD's EPCalc: which losses of a period make an exceedance curve. PER_SAMPLE curves are the table PSEPT."""

    PER_SAMPLE = 0
    MEAN_DAMAGE = 1
    FULL_UNCERTAINTY = 2
    PER_SAMPLE_MEAN = 3
    SAMPLE_MEAN = 4


class Basis(IntEnum):
    """ORD's EPType of a curve's losses; its tail value at risk has the number that follows."""

    OCCURRENCE = 1  # OEP: the largest event of a period
    AGGREGATE = 3  # AEP: the sum of a period's events


@dataclass(frozen=True)
class Column:
    """One column of an ORD table: an int32, or a float32 printed with ``decimals`` digits."""

    name: str
    decimals: int | None
    description: str


@dataclass(frozen=True)
class OrdTable:
    """One ORD table: ``stem`` is its part of the file name."""

    name: str
    stem: str
    columns: tuple[Column, ...]
    description: str
    needs_occurrence: bool

    @property
    def column_names(self) -> tuple[str, ...]:
        """The header of the table."""
        return tuple(column.name for column in self.columns)


_DESCRIPTIONS = {
    "EventId": "event of the model",
    "SummaryId": "summary of the level; its meaning is in the summary-info file",
    "SampleId": "sample from 1; -1 mean loss, -4 number of affected risks",
    "SampleType": "1 analytical mean, 2 samples",
    "Period": "period (year) of the occurrence",
    "PeriodWeight": "weight of the period; the weights of all periods sum to 1",
    "Year": "year of the occurrence",
    "Month": "month of the occurrence",
    "Day": "day of the occurrence",
    "Hour": "hour of the occurrence",
    "Minute": "minute of the occurrence",
    "Quantile": "share of the samples at or below the loss",
    "Loss": "loss, in the portfolio's currency",
    "ImpactedExposure": "exposure of the event's footprint where there is a loss, otherwise 0",
    "EventRate": "annual rate of the event; nan when the model has none",
    "ChanceOfLoss": "share of the samples with a loss",
    "MeanLoss": "mean loss",
    "SDLoss": "standard deviation of the loss",
    "MaxLoss": "largest loss possible",
    "FootprintExposure": "exposure in the event's footprint",
    "MeanImpactedExposure": "exposure in the footprint, averaged over samples with a loss",
    "MaxImpactedExposure": "exposure in the footprint, if any sample has a loss",
    "EPCalc": "1 mean damage, 2 full uncertainty, 3 per sample mean, 4 sample mean",
    "EPType": "1 OEP, 2 OEP tail value at risk, 3 AEP, 4 AEP tail value at risk",
    "ReturnPeriod": "return period in years",
    "SampleSize": "number of samples in the estimate",
    "LowerCI": "lower end of the confidence interval of the mean",
    "UpperCI": "upper end of the confidence interval of the mean",
    "StandardError": "standard error of the mean",
    "RelativeError": "standard error over mean",
    "VarElementHaz": "part of the mean's variance that hazard causes",
    "StandardErrorHaz": "square root of the hazard part",
    "RelativeErrorHaz": "standard error of hazard over mean",
    "VarElementVuln": "part of the mean's variance that damage causes",
    "StandardErrorVuln": "square root of the damage part",
    "RelativeErrorVuln": "standard error of damage over mean",
}
_OCCURRENCE = "Period PeriodWeight:6 EventId Year Month Day Hour Minute SummaryId"
_ERRORS = (
    "LowerCI:6 UpperCI:6 StandardError:6 RelativeError:6 VarElementHaz:6 StandardErrorHaz:6 RelativeErrorHaz:6 "
    "VarElementVuln:6 StandardErrorVuln:6 RelativeErrorVuln:6"
)


def _table(name: str, stem: str, columns: str, description: str, *, needs_occurrence: bool = True) -> OrdTable:
    parsed = (column.partition(":") for column in columns.split())
    return OrdTable(
        name,
        stem,
        tuple(Column(field, int(digits) if digits else None, _DESCRIPTIONS[field]) for field, _, digits in parsed),
        description,
        needs_occurrence,
    )


_TABLES = (
    _table(
        "SELT", "selt", "EventId SummaryId SampleId Loss:2 ImpactedExposure:2", "sample losses by event",
        needs_occurrence=False,
    ),
    _table(
        "MELT", "melt",
        "EventId SummaryId SampleType EventRate:6 ChanceOfLoss:6 MeanLoss:6 SDLoss:6 MaxLoss:6 FootprintExposure:6 "
        "MeanImpactedExposure:6 MaxImpactedExposure:6",
        "moments of the loss by event",
        needs_occurrence=False,
    ),
    _table(
        "QELT", "qelt", "EventId SummaryId Quantile:6 Loss:6", "quantiles of the loss by event", needs_occurrence=False
    ),
    _table("SPLT", "splt", f"{_OCCURRENCE} SampleId Loss:2 ImpactedExposure:2", "sample losses by occurrence"),
    _table(
        "MPLT", "mplt",
        f"{_OCCURRENCE} SampleType ChanceOfLoss:4 MeanLoss:2 SDLoss:2 MaxLoss:2 FootprintExposure:2 "
        "MeanImpactedExposure:2 MaxImpactedExposure:2",
        "moments of the loss by occurrence",
    ),
    _table("QPLT", "qplt", f"{_OCCURRENCE} Quantile:2 Loss:2", "quantiles of the loss by occurrence"),
    _table("PALT", "palt", "SummaryId SampleType MeanLoss:6 SDLoss:6", "average annual loss"),
    _table("ALT", "altmeanonly", "SummaryId SampleType MeanLoss:6", "average annual loss without deviation"),
    _table("ALCT", "alct", f"SummaryId MeanLoss:6 SDLoss:6 SampleSize {_ERRORS}", "convergence of the average loss"),
    _table("EPT", "ept", "SummaryId EPCalc EPType ReturnPeriod:6 Loss:6", "exceedance curves"),
    _table("PSEPT", "psept", "SummaryId SampleId EPType ReturnPeriod:6 Loss:6", "exceedance curves of each sample"),
)  # fmt: skip

#: Every ORD table under its name, in the order they are documented.
TABLES: Mapping[str, OrdTable] = MappingProxyType({table.name: table for table in _TABLES})

_FLAGS = {
    "elt_sample": "SELT",
    "elt_moment": "MELT",
    "elt_quantile": "QELT",
    "plt_sample": "SPLT",
    "plt_moment": "MPLT",
    "plt_quantile": "QPLT",
    "alt_period": "PALT",
    "alt_meanonly": "ALT",
    "alct_convergence": "ALCT",
}
_CURVE_FLAGS = {
    "ept_full_uncertainty": Calculation.FULL_UNCERTAINTY,
    "ept_per_sample_mean": Calculation.PER_SAMPLE_MEAN,
    "ept_mean_sample": Calculation.SAMPLE_MEAN,
    "psept": Calculation.PER_SAMPLE,
}
_BASES = {"oep": Basis.OCCURRENCE, "aep": Basis.AGGREGATE}


@dataclass(frozen=True)
class OutputRequest:
    """The tables of one summary set, and how they are written.

    ``curves`` holds the (Calculation, Basis) pairs of EPT and PSEPT; mean-damage curves accompany every other EPT
    curve of their basis, as in the reference.
    """

    tables: tuple[str, ...]
    curves: frozenset[tuple[Calculation, Basis]] = frozenset()
    confidence: float = 0.95  # of ALCT's intervals
    listed_return_periods: bool = False
    parquet: bool = False

    @staticmethod
    def of(flags: OrdOutput) -> "OutputRequest":
        """What the ``ord_output`` flags of an analysis ask for."""
        curves = frozenset(
            (calculation, basis)
            for prefix, calculation in _CURVE_FLAGS.items()
            for suffix, basis in _BASES.items()
            if getattr(flags, f"{prefix}_{suffix}")
        )
        tables = {table for flag, table in _FLAGS.items() if getattr(flags, flag)} | curve_tables(curves)
        return OutputRequest(
            tuple(name for name in TABLES if name in tables),
            with_mean_damage(curves),
            flags.alct_confidence,
            flags.return_period_file,
            flags.parquet_format,
        )

    @property
    def needs_occurrence(self) -> bool:
        """Whether any table says when events happen."""
        return any(TABLES[name].needs_occurrence for name in self.tables)


def curve_tables(curves: Iterable[tuple[Calculation, Basis]]) -> set[str]:
    """The names of the tables that hold some curves."""
    return {"PSEPT" if calculation == Calculation.PER_SAMPLE else "EPT" for calculation, _ in curves}


def with_mean_damage(curves: frozenset[tuple[Calculation, Basis]]) -> frozenset[tuple[Calculation, Basis]]:
    """Some curves, and the mean-damage curves that accompany them."""
    return curves | {
        (Calculation.MEAN_DAMAGE, basis) for calculation, basis in curves if calculation != Calculation.PER_SAMPLE
    }


def file_name(perspective: str, summary_set: int, table: str, extension: str, priority: int | None = None) -> str:
    """The name of an output file, such as ``gul_S1_ept.csv`` or ``rl_IP1_S1_selt.parquet``.

    ``table`` is a table's stem or ``summary-info``; ``priority`` is the inuring priority of an intermediate result.
    """
    inuring = "" if priority is None else f"IP{priority}_"
    return f"{perspective}_{inuring}S{summary_set}_{table}.{extension}"
