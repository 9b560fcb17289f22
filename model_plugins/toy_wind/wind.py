"""The wind field of a storm: the strongest gust that each place sees while the storm passes.

Sources
    Gradient wind: Holland (1980), Mon. Wea. Rev. 108, 1212-1218, made asymmetric by the storm's own motion as in
    Georgiou (1985), Design Wind Speeds in Tropical Cyclone-Prone Regions.
    Decay over land: Kaplan & DeMaria (1995), J. Appl. Meteor. 34, 2499-2512: towards 26.7 kt at 0.095 an hour.
    Their factor of 0.9 at the shore is left out: the surface factor over land already carries it.
    Gradient to surface: 10-minute mean over the sea 0.73 of the gradient wind, of the order that Vickery, Wadhera,
    Powell & Chen (2009), J. Appl. Meteor. Climatol. 48, 381-405, report; over open land 18 % less.
    Gust factors: Harper, Kepert & Ginger (2010), WMO/TD 1555, 3 seconds in 10 minutes: 1.66 in-land;
    1 minute in 10 minutes: 1.11 off-sea.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from model_plugins.toy_wind.arithmetic import exp, power
from model_plugins.toy_wind.coast import (
    KM_PER_DEGREE_LATITUDE,
    KM_PER_DEGREE_LONGITUDE,
    SOUTH,
    WEST,
    is_land,
    to_kilometres,
)
from model_plugins.toy_wind.storms import Storms
from oasis_kernel.model.exposure import Float32, Float64

Floats = npt.NDArray[np.floating[Any]]

AIR_DENSITY = 1.15  # kg/m3, as Holland (1980)
SEA_SURFACE_FACTOR = 0.73
LAND_SURFACE_FACTOR = 0.82 * SEA_SURFACE_FACTOR
GUST_FACTOR = 1.66  # 3-second gust over 10-minute mean, in-land
SUSTAINED_FACTOR = 1.11  # 1-minute over 10-minute mean, off-sea: how best tracks give intensity
#: A gust over land for each m/s of 1-minute wind over the sea: how curves fitted to best tracks are read.
GUST_PER_SUSTAINED = LAND_SURFACE_FACTOR * GUST_FACTOR / (SEA_SURFACE_FACTOR * SUSTAINED_FACTOR)

DECAY_FLOOR = 13.75  # m/s, 26.7 kt
DECAY_RATE = 0.095  # per hour

STEP = 10.0  # km along the track
BEFORE, AFTER = 200.0, 450.0  # km of track before and after the landfall
MARGIN = 120.0  # km: a storm further than this from the grid is not followed
GRID_EAST, GRID_NORTH = 300.0, 400.0  # km
PROFILE_STEP = 0.5  # km
PROFILE_CELLS = 800  # 400 km: no wind beyond


def pressure_term(radius: Float64, deficit: float, radius_of_maximum: float, holland_b: float) -> Float64:
    """B dp / rho (Rm / r)^B exp(-(Rm / r)^B) in m2/s2, the square of the cyclostrophic wind (Holland 1980).

    radius, radius_of_maximum  km, > 0;  deficit  hPa
    """
    ratio = power(radius_of_maximum / radius, holland_b)
    return (holland_b * deficit * 100.0 / AIR_DENSITY) * ratio * exp(-np.minimum(ratio, 700.0))


def gradient_wind(term: Floats, radius: Floats, motion: Floats | float, coriolis: float) -> Floats:
    """The gradient wind in m/s, never negative (Georgiou 1985; Holland 1980 where ``motion`` is 0).

    term      m2/s2, ``pressure_term``
    radius    km
    motion    m/s, the storm's speed times the sine of the angle from its heading, clockwise
    coriolis  1/s
    """
    half = (motion - coriolis * 1000 * radius) / 2
    return np.maximum(half + np.sqrt(half * half + term), 0.0)


def decay(hours: Float64, sustained: float) -> Float64:
    """What is left of a storm's wind after ``hours`` over land, as a share of its ``sustained`` m/s at landfall."""
    if sustained <= DECAY_FLOOR:
        return np.ones_like(hours)
    return (DECAY_FLOOR + (sustained - DECAY_FLOOR) * exp(-DECAY_RATE * hours)) / sustained


def track(storms: Storms, number: int) -> tuple[Float64, Float64, Float64]:
    """The positions of a storm every ``STEP`` km, km on the plane, and its hours over land so far."""
    distance = np.arange(-BEFORE, AFTER + STEP, STEP)
    east, north = to_kilometres(storms.longitude[number], storms.latitude[number])
    x = east + distance * storms.heading_east[number]
    y = north + distance * storms.heading_north[number]
    ashore = is_land(WEST + x / KM_PER_DEGREE_LONGITUDE, SOUTH + y / KM_PER_DEGREE_LATITUDE) & (distance > 0)
    hours_per_step = STEP * 1000.0 / storms.speed[number] / 3600.0
    return x, y, np.cumsum(ashore) * hours_per_step


def sustained_wind(storms: Storms, number: int) -> float:
    """The strongest 1-minute wind over the sea at landfall in m/s: what a best track would say."""
    term = storms.holland_b[number] * storms.deficit[number] * 100.0 / AIR_DENSITY * exp(-1.0)
    strongest = gradient_wind(term, storms.radius[number], storms.speed[number], storms.coriolis[number])
    return float(SEA_SURFACE_FACTOR * SUSTAINED_FACTOR * strongest)


def strongest_gusts(storms: Storms, number: int, longitude: Float64, latitude: Float64) -> Float64:
    """The median of the strongest 3-second gust over open land at each place in m/s, for one storm."""
    x, y, hours = track(storms, number)
    near = (x > -MARGIN) & (x < GRID_EAST + MARGIN) & (y > -MARGIN) & (y < GRID_NORTH + MARGIN)
    x, y, remaining = x[near], y[near], decay(hours[near], sustained_wind(storms, number))
    place_x, place_y = to_kilometres(longitude, latitude)
    # Single precision from here: ten times finer than the tenth of a metre a second that is kept, and twice as fast.
    east = (place_x - x[:, None]).astype(np.float32)
    north = (place_y - y[:, None]).astype(np.float32)
    radius = np.sqrt(east * east + north * north)
    ahead_east, ahead_north = np.float32(storms.heading_east[number]), np.float32(storms.heading_north[number])
    right = east * ahead_north - north * ahead_east
    motion = np.float32(storms.speed[number]) * right / np.maximum(radius, np.float32(PROFILE_STEP / 2))
    cell = np.minimum(radius * np.float32(1.0 / PROFILE_STEP), np.float32(PROFILE_CELLS)).astype(np.int32)
    wind = gradient_wind(_profile(storms, number)[cell], radius, motion, float(storms.coriolis[number]))
    wind *= remaining.astype(np.float32)[:, None]
    return (LAND_SURFACE_FACTOR * GUST_FACTOR) * wind.max(axis=0).astype(np.float64)


def _profile(storms: Storms, number: int) -> Float32:
    """``pressure_term`` at the middle of every ``PROFILE_STEP`` km, then 0: a table saves two powers a place."""
    radii: Float64 = (np.arange(PROFILE_CELLS, dtype=np.float64) + 0.5) * PROFILE_STEP
    term = pressure_term(radii, storms.deficit[number], storms.radius[number], storms.holland_b[number])
    return np.append(term, 0.0).astype(np.float32)
