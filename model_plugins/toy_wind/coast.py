"""Where the model's land is: a coarse outline of the Florida peninsula, its area-peril grid, its landfall gates.

The outline has thirty-five points read off public maps to about 0.05 degrees; the Keys, Tampa Bay and Lake Okeechobee
are left out. It is a stage for a teaching model, not a coastline.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from oasis_kernel.model.exposure import Float64, Int64

SOUTH, NORTH, WEST, EAST = 25.0, 28.6, -83.0, -80.0
CELL = 0.1  # degrees
ROWS, COLUMNS = 36, 30
KM_PER_DEGREE_LATITUDE = 111.195
KM_PER_DEGREE_LONGITUDE = 99.25  # at 26.8 N, used everywhere: the grid is 400 km long

Mask = npt.NDArray[np.bool_]


class Gate(NamedTuple):
    """A stretch of coast where storms come ashore, between two points of the outline."""

    name: str
    first: int
    last: int
    annual_rate: float  # hurricanes making landfall here, per year
    heading: float  # mean direction of travel, degrees clockwise from north
    heading_deviation: float  # degrees


#: (longitude, latitude), anticlockwise from the Gulf coast at 28.6 N, down to Cape Sable and up the Atlantic.
OUTLINE = (
    (-82.65, 28.60), (-82.80, 28.20), (-82.85, 27.85), (-82.74, 27.65), (-82.74, 27.50), (-82.58, 27.30),
    (-82.46, 27.07), (-82.27, 26.70), (-82.20, 26.45), (-81.95, 26.43), (-81.81, 26.14), (-81.73, 25.92),
    (-81.40, 25.82), (-81.15, 25.40), (-81.17, 25.12), (-80.90, 25.14), (-80.50, 25.20), (-80.33, 25.30),
    (-80.31, 25.60), (-80.13, 25.78), (-80.10, 26.10), (-80.03, 26.70), (-80.08, 26.95), (-80.16, 27.20),
    (-80.30, 27.50), (-80.40, 27.75), (-80.57, 28.10), (-80.60, 28.35), (-80.53, 28.46), (-80.65, 28.60),
    # North of the grid, only so that a storm leaving it still knows that it is over land.
    (-81.00, 29.20), (-81.40, 30.50), (-83.50, 30.50), (-83.70, 29.90), (-82.80, 29.10),
)  # fmt: skip

#: Rates are of the order of the hurricanes that NOAA counts ashore in the south of the peninsula since 1851
#: (Blake, Landsea & Gibney 2011); they sum to 0.4 a year. Headings: easterly waves on the Atlantic side,
#: recurving storms on the Gulf side.
GATES = (
    Gate("Gulf, Tampa to Sarasota", 0, 5, 0.05, 40.0, 25.0),
    Gate("Gulf, Sarasota to Cape Sable", 5, 14, 0.09, 40.0, 25.0),
    Gate("Florida Bay", 14, 17, 0.07, 345.0, 30.0),
    Gate("Atlantic, Miami to Jupiter", 17, 22, 0.13, 295.0, 25.0),
    Gate("Atlantic, Jupiter to Cape Canaveral", 22, 29, 0.06, 300.0, 25.0),
)
ANNUAL_RATE = 0.4


def is_land(longitude: npt.ArrayLike, latitude: npt.ArrayLike) -> Mask:
    """Whether each point, in degrees, lies inside the outline; the shape is that of the two broadcast."""
    longitude, latitude = np.asarray(longitude), np.asarray(latitude)
    inside = np.zeros(np.broadcast(longitude, latitude).shape, dtype=bool)
    for (x0, y0), (x1, y1) in zip(OUTLINE, OUTLINE[1:] + OUTLINE[:1], strict=True):
        if y0 == y1:
            continue
        straddles = (y0 > latitude) != (y1 > latitude)
        crossing = x0 + (latitude - y0) * ((x1 - x0) / (y1 - y0))
        inside ^= straddles & (longitude < crossing)
    return inside


def land_cells() -> Int64:
    """The area perils that have land: 1 + row x columns + column from the south-west corner, ascending.

    A cell counts as land when one of 5 x 5 points spread over it does, so that a house on the beach is modelled.
    """
    offsets = (np.arange(5) + 0.5) * (CELL / 5)
    longitude = (WEST + np.arange(COLUMNS) * CELL)[:, None] + offsets
    latitude = (SOUTH + np.arange(ROWS) * CELL)[:, None] + offsets
    points = is_land(longitude.ravel()[None, :], latitude.ravel()[:, None])
    any_land = points.reshape(ROWS, 5, COLUMNS, 5).any(axis=(1, 3))
    return np.flatnonzero(any_land.ravel()).astype(np.int64) + 1


def cell_centres(area_peril: Int64) -> tuple[Float64, Float64]:
    """The longitude and latitude of the centres of area perils."""
    row, column = np.divmod(area_peril - 1, COLUMNS)
    return WEST + (column + 0.5) * CELL, SOUTH + (row + 0.5) * CELL


def cell_of(longitude: Float64, latitude: Float64) -> Int64:
    """The area peril of each point, 0 outside the grid or where a coordinate is not a number."""
    with np.errstate(invalid="ignore"):
        inside = (longitude >= WEST) & (longitude < EAST) & (latitude >= SOUTH) & (latitude < NORTH)
    # The division is rounded first: 25.3 - 25.0 over 0.1 is 2.9999999999999716, and belongs to row 3.
    column = np.floor(np.round((np.where(inside, longitude, WEST) - WEST) / CELL, 9)).astype(np.int64)
    row = np.floor(np.round((np.where(inside, latitude, SOUTH) - SOUTH) / CELL, 9)).astype(np.int64)
    cell = 1 + np.minimum(row, ROWS - 1) * COLUMNS + np.minimum(column, COLUMNS - 1)
    return np.where(inside, cell, 0)


def to_kilometres(longitude: Float64, latitude: Float64) -> tuple[Float64, Float64]:
    """Kilometres east and north of the grid's south-west corner, on a plane."""
    return (longitude - WEST) * KM_PER_DEGREE_LONGITUDE, (latitude - SOUTH) * KM_PER_DEGREE_LATITUDE


def along_gate(gate: Gate, fraction: Float64) -> tuple[Float64, Float64]:
    """The longitude and latitude at ``fraction`` (0 to 1) of the gate's length."""
    points = np.array(OUTLINE[gate.first : gate.last + 1])
    x, y = to_kilometres(points[:, 0], points[:, 1])
    length = np.sqrt(np.diff(x) ** 2 + np.diff(y) ** 2)
    reached = np.concatenate([[0.0], np.cumsum(length)])
    distance = fraction * reached[-1]
    piece = np.clip(np.searchsorted(reached, distance, side="right") - 1, 0, len(length) - 1)
    share = (distance - reached[piece]) / length[piece]
    start, end = points[piece], points[piece + 1]
    return start[:, 0] + share * (end[:, 0] - start[:, 0]), start[:, 1] + share * (end[:, 1] - start[:, 1])
