"""What a gust does to a building, its contents and its business: damage bins and vulnerability functions.

Sources
    Mean damage to buildings: Emanuel (2011), Wea. Climate Soc. 3, 261-268, x^3 / (1 + x^3) of the wind's excess over
    a threshold, with the threshold of 25.7 m/s and the half-damage wind of 74.7 m/s that Eberenz, Luethi & Bresch
    (2021), Nat. Hazards Earth Syst. Sci. 21, 393-415, take as the uncalibrated default. Those are 1-minute winds over
    the sea; the model's are 3-second gusts over land, hence ``GUST_PER_SUSTAINED``.
    Spread: beta, its variance a fixed share of the largest possible for its mean.
    The factors by construction and occupancy and the powers by coverage are ours. They order the classes as engineers
    do (FEMA Hazus hurricane manual) and are fitted to nothing.
"""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from model_plugins.toy_wind.arithmetic import power
from model_plugins.toy_wind.hazard import band_centres
from model_plugins.toy_wind.wind import GUST_PER_SUSTAINED
from oasis_kernel.model.exposure import Float64
from oasis_kernel.model.hazard import DamageBins, Vulnerability

THRESHOLD = 25.7 * GUST_PER_SUSTAINED  # m/s, gust
HALF_DAMAGE = 74.7 * GUST_PER_SUSTAINED
SPREAD = 0.15  # variance over mean x (1 - mean)
RELATIVE_DAMAGE = 1  # the damage type of every bin

#: How far the half-damage gust lies from Emanuel's, by construction class.
CONSTRUCTIONS: Mapping[int, float] = MappingProxyType({1: 0.92, 2: 1.00, 3: 1.22, 4: 1.08, 5: 0.62})
UNKNOWN, WOOD, MASONRY, CONCRETE, STEEL, MOBILE_HOME = 0, 1, 2, 3, 4, 5
#: The same by occupancy class: engineered buildings stand longer.
OCCUPANCIES: Mapping[int, float] = MappingProxyType({1: 1.00, 2: 1.06, 3: 1.03, 4: 1.04})
RESIDENTIAL, COMMERCIAL, INDUSTRIAL, PUBLIC = 1, 2, 3, 4
#: Mean damage of a coverage is the building's raised to this power: contents wait for the roof to open, sheds do not,
#: and a business is interrupted longer than its building's share of damage.
COVERAGES: Mapping[int, float] = MappingProxyType({1: 1.0, 2: 0.9, 3: 1.3, 4: 0.85})

#: Upper edges of the damage bins that have width; the first bin is no damage, the last is total loss.
_EDGES = (0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
NO_DAMAGE_BELOW, TOTAL_ABOVE = 0.001, 0.999
_BETA_TERMS = 80


def damage_bins() -> DamageBins:
    """No damage, eighteen bins up to 1, total loss."""
    start = np.array((0.0, 0.0, *_EDGES[:-1], 1.0))
    end = np.array((0.0, *_EDGES, 1.0))
    kind = np.full(len(start), RELATIVE_DAMAGE, dtype=np.int32)
    return DamageBins(start.astype(np.float32), end.astype(np.float32), ((start + end) / 2).astype(np.float32), kind)


def vulnerability_id(occupancy: int, construction: int, coverage: int) -> int:
    """The function's number: occupancy class, construction class and coverage type as three digits."""
    return 100 * occupancy + 10 * construction + coverage


def mean_damage(gust: Float64, half_damage: float) -> Float64:
    """The mean damage ratio of a building in a gust in m/s (Emanuel 2011)."""
    excess = np.maximum(gust - THRESHOLD, 0.0) / (half_damage - THRESHOLD)
    cube = excess * excess * excess
    return cube / (1.0 + cube)


def vulnerability() -> Vulnerability:
    """All functions, one for each occupancy, construction and coverage."""
    rows = {}
    for occupancy, occupancy_factor in OCCUPANCIES.items():
        for construction, construction_factor in CONSTRUCTIONS.items():
            building = mean_damage(band_centres(), HALF_DAMAGE * occupancy_factor * construction_factor)
            for coverage, exponent in COVERAGES.items():
                mean = np.where(building > 0, power(np.maximum(building, 1e-12), exponent), 0.0)
                rows[vulnerability_id(occupancy, construction, coverage)] = damage_probabilities(mean)
    identity = np.array(sorted(rows), dtype=np.int32)
    return Vulnerability(identity, np.stack([rows[number] for number in identity.tolist()]).astype(np.float32))


def damage_probabilities(mean: Float64) -> Float64:
    """Beta damage of each mean in [0, 1) put into the damage bins; [m, damage bins], rows sum to 1."""
    bounds = np.array((NO_DAMAGE_BELOW, *_EDGES[:-1], TOTAL_ABOVE))
    below = np.ones((len(mean), len(bounds) + 2))
    below[:, 0] = 0.0
    damaged = mean > 1e-6
    concentration = 1.0 / SPREAD - 1.0
    alpha, beta = mean[damaged, None] * concentration, (1.0 - mean[damaged, None]) * concentration
    below[damaged, 1:-1] = beta_distribution(bounds[None, :], alpha, beta)
    return np.diff(below, axis=1)


def beta_distribution(x: Float64, alpha: Float64, beta: Float64) -> Float64:
    """The probability that a beta(``alpha``, ``beta``) variable is at most ``x`` in (0, 1)."""
    half = np.full_like(alpha, 0.5)
    whole = _beta_area(half, alpha, beta) + _beta_area(half, beta, alpha)
    low = _beta_area(np.minimum(x, 0.5), alpha, beta) / whole
    high = 1.0 - _beta_area(np.minimum(1.0 - x, 0.5), beta, alpha) / whole
    return np.where(x <= 0.5, low, high)


def _beta_area(x: Float64, alpha: Float64, beta: Float64) -> Float64:
    """The integral of t^(alpha - 1) (1 - t)^(beta - 1) from 0 to ``x`` <= 0.5, by its power series in ``x``."""
    coefficient = np.ones(np.broadcast(x, alpha).shape)
    total = coefficient / alpha
    for k in range(1, _BETA_TERMS):
        coefficient = coefficient * (k - beta) / k * x
        total = total + coefficient / (alpha + k)
    return power(x, alpha) * total
