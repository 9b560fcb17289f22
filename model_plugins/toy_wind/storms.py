"""The stochastic storms: where they come ashore, which way and how fast they move, how deep and how wide they are.

Sources
    Weibull pressure deficits and lognormal translation speeds: the families of Vickery & Twisdale (1995), J. Struct.
    Eng. 121. The parameters are ours: a tenth of the landfalls deeper than 83 hPa, a fiftieth deeper than 110 hPa,
    which is of the order of south Florida's record since 1851 (Blake, Landsea & Gibney 2011, NOAA NWS NHC-6).
    Radius of maximum winds and Holland's B: Vickery & Wadhera (2008), J. Appl. Meteor. Climatol. 47, 2497-2517.
"""

from dataclasses import dataclass

import numpy as np

from model_plugins.toy_wind.arithmetic import exp, log, normal_quantile, power, sine_and_cosine
from model_plugins.toy_wind.coast import ANNUAL_RATE, GATES, along_gate
from oasis_kernel.model.exposure import Float64, Int32

AMBIENT_PRESSURE = 1013.0  # hPa
SEA_TEMPERATURE = 302.0  # K
GAS_CONSTANT = 287.05  # J/(kg K), dry air
EARTH_ROTATION = 7.2921e-5  # rad/s

DEFICIT_LEAST, DEFICIT_SCALE, DEFICIT_SHAPE, DEFICIT_MOST = 25.0, 30.0, 1.3, 125.0  # hPa
SPEED_MEDIAN, SPEED_DEVIATION = 5.5, 0.4  # m/s; of the logarithm
SPEED_LEAST, SPEED_MOST = 2.0, 15.0  # m/s
HEADING_BOUND = 2.0  # deviations
RADIUS_LEAST, RADIUS_MOST = 8.0, 90.0  # km
B_LEAST, B_MOST = 0.8, 2.2
B_DEVIATION = 0.226
E = 2.718281828459045


@dataclass(frozen=True)
class Storms:
    """Storms at landfall; all arrays have length n storms, event k + 1 at row k."""

    gate: Int32  # index into GATES
    longitude: Float64  # of the landfall, degrees
    latitude: Float64
    heading_east: Float64  # unit vector of travel
    heading_north: Float64
    speed: Float64  # translation, m/s
    deficit: Float64  # ambient minus central pressure, hPa
    radius: Float64  # of maximum winds, km
    holland_b: Float64
    coriolis: Float64  # 1/s, at the landfall

    def __len__(self) -> int:
        return len(self.deficit)


def draw_storms(count: int, seed: int) -> Storms:
    """``count`` storms of equal annual rate, gates in proportion to their rates. PCG64, one stream a variable."""
    streams = [np.random.Generator(np.random.PCG64(child)) for child in np.random.SeedSequence(seed).spawn(7)]
    # A uniform number that is exactly 0 has no logarithm; half a step up changes nothing else.
    uniform = [stream.random(count) + 2.0**-54 for stream in streams]
    gate = _pick_gates(uniform[0])
    longitude, latitude = _landfalls(gate, uniform[1])
    heading_east, heading_north = _headings(gate, uniform[2])
    speed = np.clip(SPEED_MEDIAN * exp(SPEED_DEVIATION * normal_quantile(uniform[3])), SPEED_LEAST, SPEED_MOST)
    deficit = pressure_deficit(uniform[4])
    radius = radius_of_maximum_winds(deficit, latitude, normal_quantile(uniform[5]))
    coriolis = 2.0 * EARTH_ROTATION * sine_and_cosine(latitude)[0]
    shape = holland_b(deficit, radius, coriolis, normal_quantile(uniform[6]))
    return Storms(gate, longitude, latitude, heading_east, heading_north, speed, deficit, radius, shape, coriolis)


def pressure_deficit(probability: Float64) -> Float64:
    """The pressure deficit in hPa at each probability of not being exceeded: a shifted, bounded Weibull quantile."""
    excess = DEFICIT_SCALE * power(-log(1.0 - probability), 1.0 / DEFICIT_SHAPE)
    return np.minimum(DEFICIT_LEAST + excess, DEFICIT_MOST)


def radius_of_maximum_winds(deficit: Float64, latitude: Float64, normal: Float64) -> Float64:
    """Kilometres from the centre to the strongest wind: Vickery & Wadhera (2008), all storms.

    deficit  hPa;  latitude  degrees;  normal  standard normal residual
    """
    deviation = np.where(deficit <= 87.0, 0.448, np.where(deficit <= 120.0, 1.137 - 0.00792 * deficit, 0.186))
    logarithm = 3.015 - 6.291e-5 * deficit * deficit + 0.0337 * latitude + deviation * normal
    return np.clip(exp(logarithm), RADIUS_LEAST, RADIUS_MOST)


def holland_b(deficit: Float64, radius: Float64, coriolis: Float64, normal: Float64) -> Float64:
    """Holland's B at gradient level: Vickery & Wadhera (2008), 1.7642 - 1.2098 sqrt(A), A without dimension.

    deficit  hPa;  radius  km;  coriolis  1/s;  normal  standard normal residual
    """
    energy = 2.0 * GAS_CONSTANT * SEA_TEMPERATURE * log(1.0 + deficit / ((AMBIENT_PRESSURE - deficit) * E))
    size = 1000.0 * radius * coriolis / np.sqrt(energy)
    return np.clip(1.7642 - 1.2098 * np.sqrt(size) + B_DEVIATION * normal, B_LEAST, B_MOST)


def _pick_gates(uniform: Float64) -> Int32:
    reached = np.cumsum([gate.annual_rate for gate in GATES]) / ANNUAL_RATE
    picked = np.searchsorted(reached, uniform, side="right")
    return np.minimum(picked, len(GATES) - 1).astype(np.int32)


def _landfalls(gate: Int32, uniform: Float64) -> tuple[Float64, Float64]:
    longitude, latitude = np.empty_like(uniform), np.empty_like(uniform)
    for number, stretch in enumerate(GATES):
        here = gate == number
        longitude[here], latitude[here] = along_gate(stretch, uniform[here])
    return longitude, latitude


def _headings(gate: Int32, uniform: Float64) -> tuple[Float64, Float64]:
    mean = np.array([stretch.heading for stretch in GATES])[gate]
    deviation = np.array([stretch.heading_deviation for stretch in GATES])[gate]
    normal = np.clip(normal_quantile(uniform), -HEADING_BOUND, HEADING_BOUND)
    return sine_and_cosine(mean + deviation * normal)
