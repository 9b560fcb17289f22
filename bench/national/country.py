"""The country: its grid of area perils, its cities, and where locations lie."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

SOUTH, NORTH, WEST, EAST = 48.0, 56.0, 0.0, 10.0
CELL = 0.05  # degrees
ROWS, COLUMNS = round((NORTH - SOUTH) / CELL), round((EAST - WEST) / CELL)
#: Kilometres in a degree of latitude, and of longitude in the middle of the country.
KM_NORTH, KM_EAST = 111.2, 68.5
#: What the lookup's ``fixed_size_geo_grid`` is told of the grid: numbered along the meridians, from the south-west.
GRID = {"lat_min": SOUTH, "lat_max": NORTH, "lon_min": WEST, "lon_max": EAST, "arc_size": CELL}

CITIES = 150
LARGEST_RADIUS = 14.0  # km, within which about two thirds of the largest city lie
RURAL = 0.2  # share of locations outside the cities
DISTRICT = 0.5  # degrees: a postal code is a square of so many
_MARGIN = 1e-6  # degrees: points on the country's edge have no cell


class Cities(NamedTuple):
    """Cities, the largest first."""

    latitude: Float64
    longitude: Float64
    share: Float64  # of all people
    radius: Float64  # km


def cell_centres() -> tuple[Float64, Float64]:
    """Kilometres east and north of the south-west corner, of every cell; area peril k + 1 at row k."""
    column, row = np.divmod(np.arange(ROWS * COLUMNS), ROWS)
    return (column + 0.5) * CELL * KM_EAST, (row + 0.5) * CELL * KM_NORTH


def draw_cities(seed: np.random.SeedSequence) -> Cities:
    """Cities spread evenly, their sizes by Zipf's law, the radius with the root of the size."""
    place = np.random.default_rng(seed).random((CITIES, 2))
    share = 1.0 / np.arange(1, CITIES + 1)
    return Cities(
        SOUTH + (0.05 + 0.9 * place[:, 0]) * (NORTH - SOUTH),
        WEST + (0.05 + 0.9 * place[:, 1]) * (EAST - WEST),
        share / share.sum(),
        LARGEST_RADIUS * np.sqrt(share),
    )


def scattered(cities: Cities, city: Int64, uniform: Float64) -> tuple[Float64, Float64]:
    """Latitude and longitude of points around their cities, or anywhere in the country for a share of them.

    ``city`` [n]; ``uniform`` [n, 3] in [0, 1): rural or not, distance (exponential), direction.
    """
    rural = uniform[:, 0] < RURAL
    distance = -np.log1p(-uniform[:, 1]) * cities.radius[city]
    angle = 2.0 * np.pi * uniform[:, 2]
    latitude = cities.latitude[city] + distance * np.sin(angle) / KM_NORTH
    longitude = cities.longitude[city] + distance * np.cos(angle) / KM_EAST
    latitude = np.where(rural, SOUTH + uniform[:, 1] * (NORTH - SOUTH), latitude)
    longitude = np.where(rural, WEST + uniform[:, 2] * (EAST - WEST), longitude)
    return np.clip(latitude, SOUTH + _MARGIN, NORTH - _MARGIN), np.clip(longitude, WEST + _MARGIN, EAST - _MARGIN)


def district(latitude: Float64, longitude: Float64) -> Int64:
    """The postal district of points inside the country: four digits, row and column of its square."""
    row = ((latitude - SOUTH) / DISTRICT).astype(np.int64)
    column = ((longitude - WEST) / DISTRICT).astype(np.int64)
    return 1000 + 100 * row + column
