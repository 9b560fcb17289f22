"""Average annual losses by summary: bars, largest first."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from bqplot import Axis, Bars, Figure, LinearScale, OrdinalScale

from oasis_kernel.model.results import SampleType
from widgets import markup
from widgets.figures import COLOURS, MARGIN, Drawn

MOST_BARS, MOST_ROWS = 20, 25
_LONGEST = 24
_MOST_LEVEL = 6  # more names than these are written aslant


def average_losses(palt: pa.Table, info: pa.Table, title: str = "Average annual loss") -> Drawn:
    """The average annual loss of each summary of a PALT table, called as the summary-info table calls it."""
    rows = averages(palt, info)
    if not rows:
        return Drawn(None, markup.paragraph("No summary has a loss."))
    columns = ("Summary", "Average annual loss", "Standard deviation of a year", "Insured value", "Loss per mille")
    table = [(name, mean, deviation, tiv, _per_mille(mean, tiv)) for _, name, mean, deviation, tiv in rows]
    total = sum(row[2] for row in rows)
    words = markup.table(title, columns, table, MOST_ROWS) + markup.paragraph(f"All together: {total:,.0f} a year.")
    return Drawn(_bars(rows[:MOST_BARS], title) if len(rows) > 1 else None, words)  # one bar says nothing


def averages(palt: pa.Table, info: pa.Table) -> list[tuple[int, str, float, float, float | None]]:
    """(summary id, name, mean, deviation, insured value) of each summary, largest mean first.

    By samples where there are any, otherwise the analytical means.
    """
    kinds = pc.unique(palt["SampleType"]).to_pylist()
    kind = SampleType.SAMPLE if int(SampleType.SAMPLE) in kinds else SampleType.ANALYTICAL
    rows = palt.filter(pc.equal(palt["SampleType"], int(kind))).to_pylist()
    names, tiv = summary_names(info), insured_values(info)
    found = [
        (
            int(row["SummaryId"]),
            names.get(int(row["SummaryId"]), str(row["SummaryId"])),
            float(row["MeanLoss"]),
            float(row["SDLoss"]),
            tiv.get(int(row["SummaryId"])),
        )
        for row in rows
    ]
    return sorted(found, key=lambda row: -row[2])


def summary_names(info: pa.Table) -> dict[int, str]:
    """What each summary is called, from the values of its fields: ``HOMES``, or ``DEMO / HOMES / HOMES-001``."""
    fields = [name for name in info.column_names if name not in ("summary_id", "tiv")]
    return {int(row["summary_id"]): " / ".join(str(row[name]) for name in fields) for row in info.to_pylist()}


def insured_values(info: pa.Table) -> dict[int, float]:
    """The insured value of each summary, where the table has it."""
    if "tiv" not in info.column_names:
        return {}
    return {int(row["summary_id"]): float(row["tiv"]) for row in info.to_pylist() if row["tiv"] is not None}


def _per_mille(mean: float, tiv: float | None) -> float | None:
    return 1000.0 * mean / tiv if tiv else None


def _bars(rows: list[tuple[int, str, float, float, float | None]], title: str) -> Figure:
    names, loss = OrdinalScale(), LinearScale(min=0.0)
    crowded = len(rows) > _MOST_LEVEL
    marks = Bars(
        x=_labels([name for _, name, *_ in rows]),
        y=np.array([mean for _, _, mean, *_ in rows]),
        scales={"x": names, "y": loss},
        colors=[COLOURS[0]],
        padding=0.25,
    )
    axes = [
        Axis(
            scale=names,
            tick_rotate=-35 if crowded else 0,
            tick_style={"text-anchor": "end"} if crowded else {},
        ),
        Axis(scale=loss, side="left", label="Loss a year", tick_format=".2s", label_offset="4em"),
    ]
    return Figure(marks=[marks], axes=axes, title=title, fig_margin={**MARGIN, "bottom": 90 if crowded else 55})


def _labels(names: list[str]) -> list[str]:
    """The ends of long names, which tell them apart; whole names where those do not, for equal ones share a bar."""
    short = [name if len(name) <= _LONGEST else f"…{name[1 - _LONGEST :]}" for name in names]
    return short if len(set(short)) == len(short) else names
