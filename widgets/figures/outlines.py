"""Outlines of land for maps, from the files that bqplot ships: nothing is fetched.

Source: the TopoJSON format, arcs as delta-encoded integers under a scale and a translation.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import bqplot
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
#: (file, west, south, east, north): the first whose area holds the view; coarser ones last.
_FILES = (
    ("USStatesMap.json", -125.0, 24.0, -66.0, 50.0),
    ("EuropeMap.json", -11.0, 35.0, 32.0, 71.0),
    ("WorldMap.json", -180.0, -90.0, 180.0, 90.0),
)


class Box(NamedTuple):
    """A piece of the earth in degrees."""

    west: float
    south: float
    east: float
    north: float


def outline(view: Box) -> tuple[Floats, Floats]:
    """Longitudes and latitudes of all coasts and borders that touch a view; nan between two lines."""
    name = next(file for file, *area in _FILES if _holds(Box(*area), view) or file == _FILES[-1][0])
    longitudes, latitudes = [], []
    gap = np.array([np.nan])
    for line in _lines(name):
        x, y = line[:, 0], line[:, 1]
        if x.max() >= view.west and x.min() <= view.east and y.max() >= view.south and y.min() <= view.north:
            longitudes += [x, gap]
            latitudes += [y, gap]
    if not longitudes:
        return np.empty(0), np.empty(0)
    return np.concatenate(longitudes), np.concatenate(latitudes)


def _holds(area: Box, view: Box) -> bool:
    inside = area.west <= view.west and view.east <= area.east
    return inside and area.south <= view.south and view.north <= area.north


@cache
def _lines(name: str) -> tuple[Floats, ...]:
    """The lines of a file, each [points, 2] in degrees."""
    path = Path(bqplot.__file__).parent / "map_data" / name
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    scale, shift = np.array(found["transform"]["scale"]), np.array(found["transform"]["translate"])
    return tuple(np.cumsum(np.array(arc, dtype=np.float64), axis=0) * scale + shift for arc in found["arcs"])
