"""Damage bins and vulnerability functions.

Mean damage is x^3 / (1 + x^3) of the gust's excess over a threshold (the form of Emanuel 2011); the logit of damage is
logistic around it, and at low gusts many buildings are not hit at all.
"""

import numpy as np
import pyarrow as pa

from bench.national.country import Float64
from bench.national.storms import BIN_WIDTH, INTENSITY_BINS, THRESHOLD
from oasis_kernel.model.hazard import DamageBins, Vulnerability

#: By OED code: the gust of half damage, in m/s, relative to masonry dwellings.
OCCUPANCIES = {1050: 1.00, 1100: 1.06, 1150: 1.03, 1200: 1.04}
CONSTRUCTIONS = {5050: 0.92, 5100: 1.00, 5150: 1.22, 5200: 1.08}
#: By coverage type: the power that a building's mean damage is raised to.
COVERAGES = {1: 1.0, 3: 1.3, 4: 0.85}
HALF_DAMAGE = 80.0  # m/s
SPREAD = 0.8  # of the logit
ALL_HIT = 12.0  # m/s above the threshold, from where every building is hit
EDGES = (0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


def damage_bins() -> DamageBins:
    """No damage, nineteen bins up to 1, total loss."""
    start, end = np.array((0.0, 0.0, *EDGES[:-1], 1.0)), np.array((0.0, *EDGES, 1.0))
    kind = np.ones(len(start), np.int32)  # relative
    return DamageBins(start.astype(np.float32), end.astype(np.float32), ((start + end) / 2).astype(np.float32), kind)


def vulnerability_id(occupancy: int, construction: int, coverage: int) -> int:
    """A function's number: places of the occupancy and the construction, and the coverage type."""
    return (
        100 * (list(OCCUPANCIES).index(occupancy) + 1) + 10 * (list(CONSTRUCTIONS).index(construction) + 1) + coverage
    )


def functions() -> pa.Table:
    """The lookup's table: coverage_type, occupancycode, constructioncode, vulnerability_id."""
    rows = [(c, o, k, vulnerability_id(o, k, c)) for o in OCCUPANCIES for k in CONSTRUCTIONS for c in COVERAGES]
    names = ("coverage_type", "occupancycode", "constructioncode", "vulnerability_id")
    return pa.table(dict(zip(names, zip(*rows, strict=True), strict=True)))


def vulnerability() -> Vulnerability:
    """All functions, by id."""
    gust = THRESHOLD + BIN_WIDTH * (np.arange(INTENSITY_BINS) + 0.5)
    found = {
        vulnerability_id(occupancy, construction, coverage): _probabilities(gust, HALF_DAMAGE * o * k, power)
        for occupancy, o in OCCUPANCIES.items()
        for construction, k in CONSTRUCTIONS.items()
        for coverage, power in COVERAGES.items()
    }
    identity = np.array(sorted(found), np.int32)
    return Vulnerability(identity, np.stack([found[number] for number in identity.tolist()]).astype(np.float32))


def _probabilities(gust: Float64, half_damage: float, power: float) -> Float64:
    """[intensity bin, damage bin]; rows sum to 1."""
    cube = ((gust - THRESHOLD) / (half_damage - THRESHOLD)) ** 3
    mean = (cube / (1.0 + cube)) ** power
    bound = np.array((5e-4, *EDGES[:-1], 0.999))
    logit = np.log(bound / (1.0 - bound))[None, :] - np.log(mean / (1.0 - mean))[:, None]
    hit = np.minimum((gust - THRESHOLD) / ALL_HIT, 1.0)[:, None]
    below = 1.0 - hit + hit / (1.0 + np.exp(-logit / SPREAD))
    return np.diff(below, axis=1, prepend=0.0, append=1.0)
