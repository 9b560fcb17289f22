"""Maps of locations: what is insured where, what becomes of it, and what it loses. No tiles, nothing fetched."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from bqplot import Axis, ColorAxis, ColorScale, Figure, LinearScale, Lines, Scatter

from widgets import markup, words
from widgets.figures import MARGIN, Drawn
from widgets.figures.averages import averages
from widgets.figures.outlines import Box, outline

#: OED's amounts that make up a location's insured value.
VALUES = ("BuildingTIV", "OtherTIV", "ContentsTIV", "BITIV")
KEYS = ("PortNumber", "AccNumber", "LocNumber")
#: The columns of locations that maps need.
COLUMNS = ",".join((*KEYS, "Latitude", "Longitude", *VALUES))
MOST_LISTED = 10  # under the map, the largest
_ASPECT, _LEAST_DEGREES, _ROOM, _FINE_DEGREES = 1.5, 0.05, 1.15, 0.2
Row = Mapping[str, Any]


class Told(NamedTuple):
    """What a map says: its title, what its colours measure, and how many locations there are in all."""

    title: str
    measure: str
    total: int | None


def exposure_map(locations: Sequence[Row], total: int | None = None) -> Drawn:
    """Locations as dots, darker where more is insured; under it the largest as a table.

    ``total`` is how many the portfolio has, where these are its first.
    """
    values = [insured_value(row) for row in locations]
    return _map(list(locations), values, Told("Insured value by location", "Insured value", total))


def loss_map(locations: Sequence[Row], palt: pa.Table, info: pa.Table, total: int | None = None) -> Drawn:
    """Locations as dots, darker where more is lost a year; ``palt`` and ``info`` are of a level by location.

    The level's fields say which location a summary is; those it does not name do not tell locations apart.
    ``total`` as above.
    """
    fields = [name for name in KEYS if name in info.column_names]
    if "LocNumber" not in fields:
        words_ = "This level is not by location. Run again with the summary level “By location”."
        return Drawn(None, markup.paragraph(words_))
    key_of = {int(row["summary_id"]): tuple(str(row[name]) for name in fields) for row in info.to_pylist()}
    losses = {key_of[summary]: mean for summary, _, mean, *_ in averages(palt, info) if summary in key_of}
    mean = [losses.get(tuple(str(row.get(name)) for name in fields), 0.0) for row in locations]
    return _map(list(locations), mean, Told("Average annual loss", "Average annual loss", total))


def insured_value(location: Row) -> float:
    """The sum of a location's insured values."""
    return float(sum(float(location.get(name) or 0.0) for name in VALUES))


def _map(locations: list[Row], values: list[float], told: Told) -> Drawn:
    placed = [(row, value) for row, value in zip(locations, values, strict=True) if _has_place(row)]
    order = sorted(zip(locations, values, strict=True), key=lambda pair: -pair[1])
    columns = ("Account", "Location", "Latitude", "Longitude", told.measure)
    rows = [
        (
            row.get("AccNumber"),
            row.get("LocNumber"),
            _degrees(row, "Latitude"),
            _degrees(row, "Longitude"),
            round(value),
        )
        for row, value in order
    ]
    number = words.counted(len(locations), "location")
    if told.total is not None and told.total > len(locations):
        number = f"The first {len(locations):,} of {words.counted(told.total, 'location')}"
    total = markup.paragraph(f"{number}, together {words.amount(sum(values))}.")
    text = total + markup.table(f"{told.title}: largest first", columns, rows, most=MOST_LISTED)
    if len(placed) < len(locations):
        missing = words.counted(len(locations) - len(placed), "location")
        text = markup.paragraph(f"{missing} without Latitude and Longitude: not on the map.", "warning") + text
    return Drawn(_figure(placed, told) if placed else None, text)


def _figure(placed: list[tuple[Row, float]], told: Told) -> Figure:
    placed = sorted(placed, key=lambda pair: pair[1])  # the largest are drawn last, on top
    longitude = np.array([float(row["Longitude"]) for row, _ in placed])
    latitude = np.array([float(row["Latitude"]) for row, _ in placed])
    view = view_of(longitude, latitude)
    x, y = LinearScale(min=view.west, max=view.east), LinearScale(min=view.south, max=view.north)
    most = max((value for _, value in placed), default=0.0) or 1.0
    shade = ColorScale(scheme="YlOrRd", min=0.0, max=most)
    coast_x, coast_y = outline(view)
    scales = {"x": x, "y": y}
    coast = Lines(x=coast_x, y=coast_y, scales=scales, colors=["#767676"], stroke_width=1.0)
    dots = Scatter(
        x=longitude,
        y=latitude,
        color=np.array([value for _, value in placed]),
        scales={**scales, "color": shade},
        default_size=40,
        stroke="#333333",
        stroke_width=0.5,
    )
    degrees = f".{1 if view.north - view.south > 2 else 2 if view.north - view.south > _FINE_DEGREES else 3}f"
    axes = [
        Axis(scale=x, label="Longitude", tick_format=degrees, num_ticks=6, grid_lines="none"),
        Axis(scale=y, label="Latitude", side="left", tick_format=degrees, grid_lines="none", label_offset="3.8em"),
        ColorAxis(
            scale=shade, label=told.measure, tick_format=".2s", side="right", tick_values=np.linspace(0.0, most, 5)
        ),
    ]
    marks = [coast, dots] if len(coast_x) else [dots]
    margin = {**MARGIN, "right": 120}
    return Figure(
        marks=marks, axes=axes, title=told.title, fig_margin=margin, min_aspect_ratio=1.3, max_aspect_ratio=1.6
    )


def view_of(longitude: npt.ArrayLike, latitude: npt.ArrayLike) -> Box:
    """The piece of the earth to show: all points with some room, a degree as long both ways."""
    west, east = float(np.min(longitude)), float(np.max(longitude))
    south, north = float(np.min(latitude)), float(np.max(latitude))
    stretch = max(float(np.cos(np.radians((south + north) / 2))), 0.1)
    height = max(north - south, (east - west) * stretch / _ASPECT, _LEAST_DEGREES) * _ROOM
    width = height * _ASPECT / stretch
    x, y = (west + east) / 2, (south + north) / 2
    return Box(x - width / 2, y - height / 2, x + width / 2, y + height / 2)


def statuses(rows: Iterable[Row]) -> str:
    """Locations and insured value by what became of them, and why, as a table."""
    found = list(rows)
    total = sum(float(row["tiv"]) for row in found)
    columns = ("What became of it", "Why", "Locations", "Insured value", "Share")
    table = [
        (
            row["status"],
            row["reason"],
            int(row["locations"]),
            round(float(row["tiv"])),
            _share(float(row["tiv"]), total),
        )
        for row in found
    ]
    return markup.table("What is modelled", columns, table)


def _share(part: float, total: float) -> str:
    return f"{100 * part / total:.1f}\N{NO-BREAK SPACE}%" if total else "—"


def _has_place(row: Row) -> bool:
    place = row.get("Latitude"), row.get("Longitude")
    return all(value is not None and np.isfinite(float(value)) for value in place)


def _degrees(row: Row, name: str) -> str:
    return f"{float(row[name]):.4f}" if row.get(name) is not None else ""
