"""Two runs beside each other: what differs in what they were made of, and what differs in their losses."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from oasis_kernel.model.results import Basis
from oasis_kernel.model.settings import PERSPECTIVES
from oasis_kernel.questions.exceedance import NAMES, ExceedanceCurve
from oasis_kernel.questions.result import Run

RETURN_PERIODS = (1000, 500, 250, 200, 100, 50, 25, 10, 5, 2)
_TABLES = ("location", "account", "ri_info", "ri_scope")


@dataclass(frozen=True)
class Change:
    """One thing that is not the same in both runs; None where a run does not have it."""

    what: str  # model, engine version, settings.number_of_samples, portfolio.account ...
    a: Any
    b: Any


@dataclass(frozen=True)
class Difference:
    """One loss of both runs; None where a run does not have it."""

    a: float | None
    b: float | None

    @property
    def difference(self) -> float | None:
        """b - a."""
        return None if self.a is None or self.b is None else self.b - self.a

    @property
    def ratio(self) -> float | None:
        """b / a; None where a is 0."""
        return None if not self.a or self.b is None else self.b / self.a

    def as_dict(self) -> dict[str, float | None]:
        """The four numbers, for JSON."""
        return {"a": self.a, "b": self.b, "difference": self.difference, "ratio": self.ratio}


@dataclass(frozen=True)
class Comparison:
    """What differs between two runs."""

    changes: tuple[Change, ...]
    average_annual_loss: Mapping[str, Difference]  # by perspective
    exceedance: tuple[tuple[str, str, int, Difference], ...]  # perspective, OEP or AEP, return period, losses

    @property
    def same_losses_expected(self) -> bool:
        """Whether both runs were made of the same inputs, so that their losses must be the same."""
        return not self.changes

    def as_dict(self) -> dict[str, Any]:
        """The comparison as plain values, for JSON."""
        return {
            "same_inputs": self.same_losses_expected,
            "changes": [{"what": change.what, "a": change.a, "b": change.b} for change in self.changes],
            "average_annual_loss": {name: value.as_dict() for name, value in self.average_annual_loss.items()},
            "exceedance": [
                {"perspective": perspective, "basis": basis, "return_period": years, **losses.as_dict()}
                for perspective, basis, years, losses in self.exceedance
            ],
        }


def compare(a: Run, b: Run, level: int | None = None) -> Comparison:
    """The comparison of two finished runs; losses are those of a summary level (default: the first of each)."""
    both = [name for name in PERSPECTIVES if name in a.perspectives or name in b.perspectives]
    averages = {name: Difference(_average(a, name, level), _average(b, name, level)) for name in both}
    curves = {name: (_curve(a, name, level), _curve(b, name, level)) for name in both}
    return Comparison(
        tuple(_changes(a, b)),
        {name: losses for name, losses in averages.items() if losses.a is not None or losses.b is not None},
        tuple(row for name, pair in curves.items() for row in _exceedance(name, *pair)),
    )


def _average(run: Run, perspective: str, level: int | None) -> float | None:
    average = run.average_annual_loss(perspective, level)
    return average.mean if average is not None else None


def _curve(run: Run, perspective: str, level: int | None) -> ExceedanceCurve | None:
    return run.ep(perspective, level) if perspective in run.perspectives else None


def _exceedance(
    perspective: str, a: ExceedanceCurve | None, b: ExceedanceCurve | None
) -> Iterator[tuple[str, str, int, Difference]]:
    for basis in Basis:
        for years in RETURN_PERIODS:
            losses = Difference(
                a.loss_at(years, basis) if a is not None else None,
                b.loss_at(years, basis) if b is not None else None,
            )
            if losses.a is not None or losses.b is not None:
                yield perspective, NAMES[basis], years, losses


def _changes(a: Run, b: Run) -> Iterator[Change]:
    """Whatever could make losses differ, from the coarse to the fine."""
    first, second = _made_of(a), _made_of(b)
    for what in [*first, *(name for name in second if name not in first)]:
        if first.get(what) != second.get(what):
            yield Change(what, first.get(what), second.get(what))


def _made_of(run: Run) -> dict[str, Any]:
    """A record's inputs by name, one level of settings and options spread out."""
    record = run.record
    inputs = record.inputs
    found: dict[str, Any] = {
        "model": record.model,
        "model version": record.model_version,
        "model data": record.hashes.get("model"),
        "engine version": record.engine_version,
        "samples": record.samples,
        "events": record.hashes.get("events"),
        "reporting currency": inputs.get("reporting_currency"),
    }
    found |= {f"portfolio.{name}": record.hashes[name] for name in _TABLES if name in record.hashes}
    found |= {f"settings.{name}": value for name, value in (inputs.get("settings") or {}).items()}
    found |= {f"options.{name}": value for name, value in (inputs.get("options") or {}).items()}
    found |= {f"change.{name}": value for name, value in record.change.items()}
    return found
