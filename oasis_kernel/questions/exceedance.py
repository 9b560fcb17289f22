"""Exceedance curves of one summary, from an EPT table: losses at return periods, a figure, a terminal's picture."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oasis_kernel.errors import OasisError
from oasis_kernel.model.exposure import Float64
from oasis_kernel.model.results import Basis, Calculation

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Which calculation speaks for a curve when none is named: with all the uncertainty there is, then the averages.
PREFERENCE = (
    Calculation.FULL_UNCERTAINTY,
    Calculation.SAMPLE_MEAN,
    Calculation.PER_SAMPLE_MEAN,
    Calculation.MEAN_DAMAGE,
)
NAMES = {Basis.OCCURRENCE: "OEP", Basis.AGGREGATE: "AEP"}
MEANINGS = {Basis.OCCURRENCE: "largest event of a year", Basis.AGGREGATE: "sum of a year's events"}
_TICKS = (1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 25_000, 100_000, 1_000_000)
_MARKS = {Basis.AGGREGATE: "○", Basis.OCCURRENCE: "●"}  # drawn in this order
_INTERVALS, _ROWS = 4, 3  # on the loss axis: labelled intervals, and rows of characters in each
_STEPS = (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)
_LEAST_WIDTH = 40


@dataclass(frozen=True)
class Points:
    """One curve: ``loss[k]`` is exceeded once in ``return_period[k]`` years on average; return periods ascend."""

    return_period: Float64
    loss: Float64

    def loss_at(self, years: float) -> float | None:
        """The loss at a return period, linear between the points; None outside of them."""
        if not len(self.loss) or not self.return_period[0] <= years <= self.return_period[-1]:
            return None
        return float(np.interp(years, self.return_period, self.loss))


@dataclass(frozen=True)
class ExceedanceCurve:
    """The curves of one summary by calculation (ORD's EPCalc) and basis (OEP, AEP), tail values at risk beside them."""

    summary_id: int
    values: Mapping[tuple[Calculation, Basis], Points]
    tails: Mapping[tuple[Calculation, Basis], Points]

    @classmethod
    def from_table(cls, table: pa.Table, summary_id: int = 1) -> "ExceedanceCurve":
        """The curves of one summary of an EPT table; a summary that the table does not have is an OasisError."""
        rows = table.filter(pc.equal(table["SummaryId"], summary_id))
        if not rows.num_rows:
            there = sorted(pc.unique(table["SummaryId"]).to_pylist())
            raise OasisError(f"summary_id must be in the EPT table, got {summary_id}. It has {_listed(there)}")
        names = ("EPCalc", "EPType", "ReturnPeriod", "Loss")
        calculation, kind, period, loss = (rows[name].to_numpy().astype(np.float64) for name in names)
        values: dict[tuple[Calculation, Basis], Points] = {}
        tails: dict[tuple[Calculation, Basis], Points] = {}
        for wanted in PREFERENCE:
            for basis in Basis:
                for target, number in ((values, int(basis)), (tails, int(basis) + 1)):
                    here = (calculation == int(wanted)) & (kind == number)
                    if here.any():
                        target[wanted, basis] = _ascending(period[here], loss[here])
        return cls(summary_id, values, tails)

    @property
    def calculation(self) -> Calculation:
        """The calculation that speaks for the curve; see ``PREFERENCE``."""
        return next(wanted for wanted in PREFERENCE if any(key[0] is wanted for key in self.values))

    def points(
        self, basis: Basis = Basis.OCCURRENCE, calculation: Calculation | None = None, *, tail: bool = False
    ) -> Points | None:
        """One curve, or its tail value at risk; None when the table has none of it."""
        curves = self.tails if tail else self.values
        return curves.get((calculation or self.calculation, basis))

    def loss_at(
        self,
        return_period: float,
        basis: Basis = Basis.OCCURRENCE,
        calculation: Calculation | None = None,
        *,
        tail: bool = False,
    ) -> float | None:
        """The loss exceeded once in ``return_period`` years; None where the table does not reach.

        With ``tail`` the tail value at risk: the mean of the losses beyond.
        """
        points = self.points(basis, calculation, tail=tail)
        return points.loss_at(return_period) if points else None

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw OEP and AEP over a logarithmic return period; needs matplotlib (the extra ``plot``)."""
        try:
            from matplotlib import pyplot, ticker
        except ImportError as error:
            raise OasisError("plots need matplotlib: pip install 'oasis-workbench[plot]'") from error
        if ax is None:
            _, ax = pyplot.subplots(figsize=(7.0, 4.2), layout="constrained")
        for basis, points in self._shown():
            ax.plot(points.return_period, points.loss, label=f"{NAMES[basis]}: {MEANINGS[basis]}", linewidth=1.8)
        ax.set_xscale("log")
        ax.xaxis.set_major_formatter(ticker.FuncFormatter(lambda years, _: f"{years:,.0f}"))
        ax.yaxis.set_major_formatter(ticker.FuncFormatter(lambda loss, _: short_amount(loss)))
        ax.set_ylim(bottom=0.0)
        ax.set_xlabel("return period (years)")
        ax.set_ylabel("loss")
        ax.set_title(f"Exceedance curve, {self._title()}")
        ax.grid(visible=True, which="major", alpha=0.3)
        ax.legend(frameon=False)
        return ax

    def text(self, width: int = 80) -> str:
        """OEP and AEP drawn in characters, ``width`` columns wide (at least 40)."""
        shown = dict(self._shown())
        if not shown:
            return "no exceedance curve"
        first = min(points.return_period[0] for points in shown.values())
        last = max(points.return_period[-1] for points in shown.values())
        step = _round_step(max(float(points.loss.max()) for points in shown.values()) / _INTERVALS)
        labels = [short_amount(step * number) for number in range(_INTERVALS, -1, -1)]
        margin = max(map(len, labels)) + 2
        columns = max(width, _LEAST_WIDTH) - margin - 1
        years = np.geomspace(max(first, 1e-9), max(last, first * 1.001), columns)
        canvas = [[" "] * columns for _ in range(_INTERVALS * _ROWS + 1)]
        for basis, mark in _MARKS.items():
            if basis in shown:
                _draw(canvas, shown[basis], years, step / _ROWS, mark)
        legend = "   ".join(f"{_MARKS[basis]} {NAMES[basis]} ({MEANINGS[basis]})" for basis in shown)
        lines = [f"Loss by return period in years, {self._title()}", legend]
        for row, cells in enumerate(canvas):
            label, edge = (labels[row // _ROWS], "┤") if row % _ROWS == 0 else ("", "│")
            lines.append(f"{label:>{margin - 1}} {edge}{''.join(cells).rstrip()}")
        ticks, numbers = _axis(years)
        lines += [f"{'':>{margin}}└{ticks}", f"{'':>{margin}} {numbers}"]
        return "\n".join(lines)

    def _shown(self) -> Iterator[tuple[Basis, Points]]:
        for basis in Basis:
            points = self.points(basis)
            if points is not None:
                yield basis, points

    def _title(self) -> str:
        return self.calculation.name.replace("_", " ").lower()


def short_amount(amount: float) -> str:
    """An amount for an axis: 950, 12.5 k, 3.2 M, 1.1 B."""
    for factor, suffix in ((1e12, " T"), (1e9, " B"), (1e6, " M"), (1e3, " k")):
        if abs(amount) >= factor:
            return f"{amount / factor:.3g}{suffix}"
    return f"{amount:.3g}"


def _ascending(period: Float64, loss: Float64) -> Points:
    order = np.argsort(period, kind="stable")
    return Points(period[order], loss[order])


def _listed(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers[:10])) + (" ..." if len(numbers) > 10 else "") if numbers else "no rows"


def _round_step(least: float) -> float:
    """The smallest round number that is not below ``least``; 1 where there is no loss at all."""
    if least <= 0:
        return 1.0
    power = 10.0 ** np.floor(np.log10(least))
    return next(float(step * power) for step in _STEPS if step * power >= least * (1 - 1e-12))


def _draw(canvas: list[list[str]], points: Points, years: Float64, loss_per_row: float, mark: str) -> None:
    for column, year in enumerate(years.tolist()):
        nearest = float(np.clip(year, points.return_period[0], points.return_period[-1]))
        loss = points.loss_at(nearest) if abs(nearest - year) < 1e-3 * year else None  # the ends of a geometric row
        if loss is not None:
            row = len(canvas) - 1 - round(loss / loss_per_row)
            canvas[min(max(row, 0), len(canvas) - 1)][column] = mark


def _axis(years: Float64) -> tuple[str, str]:
    """The line under the picture with a tick at every round return period that has room, and the line of numbers."""
    ticks, labels = ["─"] * len(years), [" "] * (len(years) + 1)
    inside = [value for value in _TICKS if years[0] * 0.999 <= value <= years[-1] * 1.001]
    for value in sorted(inside, key=lambda value: not _is_power_of_ten(value)):
        column = int(np.argmin(np.abs(np.log(years) - np.log(value))))
        number = f"{value:,}"
        start = min(max(column - len(number) // 2, 0), len(years) - len(number))
        if set(labels[max(start - 1, 0) : start + len(number) + 1]) == {" "}:
            ticks[column] = "┴"
            labels[start : start + len(number)] = number
    return "".join(ticks), "".join(labels).rstrip()


def _is_power_of_ten(value: int) -> bool:
    return str(value).strip("0") == "1"
