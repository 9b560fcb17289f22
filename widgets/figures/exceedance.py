"""Exceedance curves: losses over return periods."""

import numpy as np
import pyarrow as pa
from bqplot import Axis, Figure, LinearScale, Lines, LogScale

from oasis_kernel.model.results import Basis
from oasis_kernel.questions.exceedance import MEANINGS, NAMES, ExceedanceCurve, Points
from widgets import markup
from widgets.figures import COLOURS, MARGIN, Drawn
from widgets.form import RETURN_PERIODS


def exceedance(table: pa.Table, summary_id: int = 1, title: str = "Exceedance curve") -> Drawn:
    """OEP and AEP of one summary of an EPT table, over a logarithmic return period; the table has both and tails."""
    if not table.num_rows:
        return Drawn(None, markup.paragraph("No year has a loss, so there is no exceedance curve."))
    curve = ExceedanceCurve.from_table(table, summary_id)
    found = {basis: points for basis in Basis if (points := curve.points(basis)) is not None}
    return Drawn(_figure(found, title), return_periods(curve, title))


def return_periods(curve: ExceedanceCurve, title: str) -> str:
    """Losses at return periods as a table: OEP, AEP, and the tail values at risk of each."""
    years = sorted({year for year in _years(curve) if _reaches(curve, year)}, reverse=True)
    columns = ["Return period (years)"]
    columns += [name for basis in Basis for name in (f"{NAMES[basis]} loss", f"{NAMES[basis]} tail value at risk")]
    rows = [
        [year, *(curve.loss_at(year, basis, tail=tail) for basis in Basis for tail in (False, True))] for year in years
    ]
    meanings = "; ".join(f"{NAMES[basis]}: {MEANINGS[basis]}" for basis in Basis)
    calculation = curve.calculation.name.replace("_", " ").lower()
    note = markup.paragraph(f"{meanings}. Calculation: {calculation}.")
    return markup.table(f"{title}: losses at return periods", columns, rows) + note


def _years(curve: ExceedanceCurve) -> list[int]:
    """The table's own return periods when they are few, as with a list in the settings; else the usual ones."""
    own = {float(year) for points in curve.values.values() for year in points.return_period}
    return [int(year) for year in own] if len(own) <= 30 else list(RETURN_PERIODS)


def _reaches(curve: ExceedanceCurve, year: int) -> bool:
    return any(curve.loss_at(year, basis) is not None for basis in Basis)


def _figure(found: dict[Basis, Points], title: str) -> Figure:
    years, loss = LogScale(), LinearScale(min=0.0)
    marks = [
        Lines(
            x=np.asarray(points.return_period),
            y=np.asarray(points.loss),
            scales={"x": years, "y": loss},
            colors=[colour],
            labels=[NAMES[basis]],
            display_legend=True,
            stroke_width=2.5,
            line_style="solid" if basis is Basis.OCCURRENCE else "dashed",
        )
        for (basis, points), colour in zip(found.items(), COLOURS, strict=False)
    ]
    axes = [
        Axis(scale=years, label="Return period (years)", tick_format=",.0f", grid_lines="dashed"),
        Axis(scale=loss, side="left", label="Loss", tick_format=".2s", label_offset="4em"),
    ]
    return Figure(marks=marks, axes=axes, title=title, legend_location="top-left", fig_margin=MARGIN)
