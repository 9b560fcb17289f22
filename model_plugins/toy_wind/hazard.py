"""The footprint: for each storm and each cell of land, how likely each band of gust speed is.

The wind field gives a median. What the field leaves out (terrain, rain bands, the profile's misfit) is a lognormal
factor with a deviation of 0.12, which spreads a cell over several bands; without it full Monte Carlo would have
nothing to draw. The order of magnitude is that of the errors Vickery, Skerlj, Steckley & Twisdale (2000), J. Struct.
Eng. 126, report for modelled against measured peak gusts.
"""

import numpy as np

from model_plugins.toy_wind.arithmetic import log, normal_distribution
from model_plugins.toy_wind.coast import cell_centres, land_cells
from model_plugins.toy_wind.storms import Storms
from model_plugins.toy_wind.wind import strongest_gusts
from oasis_kernel.model.exposure import Float32, Float64, Int32
from oasis_kernel.model.hazard import Footprint

#: Upper edges of the bands in m/s; band 1 is everything below 25, the last everything from 100 up.
BAND_EDGES = np.arange(25.0, 101.0, 5.0)
BANDS = len(BAND_EDGES) + 1
DEVIATION = 0.12
LEAST_MEDIAN = 25.0  # m/s: a cell whose median is lower has no rows
LEAST_PROBABILITY = 0.005  # rarer bands are dropped and the rest made to sum to 1
TENTHS = 10  # medians are rounded to a tenth of a metre a second
MOST_TENTHS = 1200


def band_centres() -> Float64:
    """The gust in m/s that stands for each band: its middle, 22.5 below and 102.5 above."""
    return np.concatenate([[22.5], (BAND_EDGES[:-1] + BAND_EDGES[1:]) / 2, [102.5]])


def band_probabilities(median: Float64) -> Float32:
    """The probability of each band for lognormal gusts of the given medians in m/s; [m, BANDS], rows sum to 1."""
    score = (log(BAND_EDGES)[None, :] - log(median)[:, None]) / DEVIATION
    below = np.zeros((len(median), BANDS + 1))
    below[:, 1:-1] = normal_distribution(score)
    below[:, -1] = 1.0
    probability = np.diff(below, axis=1)
    probability[probability < LEAST_PROBABILITY] = 0.0
    return (probability / np.cumsum(probability, axis=1)[:, -1:]).astype(np.float32)


def make_footprint(storms: Storms) -> Footprint:
    """The footprint of all storms on all land cells, by event, area peril and band ascending."""
    cells = land_cells()
    longitude, latitude = cell_centres(cells)
    table = band_probabilities(np.maximum(np.arange(MOST_TENTHS + 1), 1) / TENTHS)
    pieces = []
    for number in range(len(storms)):
        median = np.rint(strongest_gusts(storms, number, longitude, latitude) * TENTHS).astype(np.int32)
        hit = np.flatnonzero(median >= LEAST_MEDIAN * TENTHS)
        pieces.append(_rows(cells[hit].astype(np.uint64), table[np.minimum(median[hit], MOST_TENTHS)]))
    offsets = np.concatenate([[0], np.cumsum([len(areaperil) for areaperil, _, _ in pieces])]).astype(np.int64)
    areaperil, band, probability = (np.concatenate(column) for column in zip(*pieces, strict=True))
    event_id = np.arange(1, len(storms) + 1, dtype=np.int32)
    nothing = np.zeros(0, dtype=np.int32)
    return Footprint(event_id, offsets, areaperil, band, probability, nothing, nothing)


def _rows(cells: np.ndarray, probability: Float32) -> tuple[np.ndarray, Int32, Float32]:
    cell, band = np.nonzero(probability)
    return cells[cell], (band + 1).astype(np.int32), probability[cell, band]
