"""The stochastic storms and their footprints.

A storm's gusts are a Gaussian hill on the map, long along its track and narrow across it, wider to the right of the
track than to the left: neighbouring cells have like gusts. What a cell's own gust adds to that is logistic, and is
spread over the hill's intensity bin and its two neighbours. Cells below the threshold have no rows.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from bench.national.country import COLUMNS, EAST, KM_EAST, KM_NORTH, NORTH, ROWS, SOUTH, WEST, Float64, cell_centres
from oasis_kernel.model.hazard import Footprint

THRESHOLD, BIN_WIDTH, INTENSITY_BINS = 20.0, 2.5, 24  # m/s: the last bin holds all beyond
PEAK_LEAST, PEAK_SCALE, PEAK_SHAPE = 22.0, 8.0, 1.2  # m/s, a shifted Weibull
ALONG, ACROSS, SPREAD = 180.0, 40.0, 0.5  # km, medians; deviation of the logarithm
RIGHT_SIDE = 1.5  # so many times wider than the left
LOCAL_SPREAD = 0.06  # of a cell's own gust, as a share of the hill's
_BATCH_CELLS = 4_000_000


class Storms(NamedTuple):
    """Storms; event k + 1 at row k."""

    east: Float64  # km from the south-west corner, of the hill's top
    north: Float64
    heading: Float64  # radians, 0 is east
    peak: Float64  # m/s
    along: Float64  # km, one deviation
    across: Float64


def draw_storms(count: int, seed: np.random.SeedSequence) -> Storms:
    """``count`` storms, somewhere in or near the country, moving east give or take."""
    uniform = np.random.default_rng(seed).random((count, 8))
    normal = np.sqrt(-2.0 * np.log1p(-uniform[:, 4:6])) * np.cos(2.0 * np.pi * uniform[:, 6:8])
    return Storms(
        (1.4 * uniform[:, 0] - 0.2) * (EAST - WEST) * KM_EAST,
        (1.4 * uniform[:, 1] - 0.2) * (NORTH - SOUTH) * KM_NORTH,
        np.pi * (uniform[:, 2] - 0.5) / 3.0,
        PEAK_LEAST + PEAK_SCALE * (-np.log1p(-uniform[:, 3])) ** (1.0 / PEAK_SHAPE),
        ALONG * np.exp(SPREAD * normal[:, 0]),
        ACROSS * np.exp(SPREAD * normal[:, 1]),
    )


def footprints(storms: Storms) -> Iterator[Footprint]:
    """The footprints of all storms, in batches of events of some dozens of megabytes."""
    step = max(_BATCH_CELLS // (ROWS * COLUMNS), 1)
    for first in range(0, len(storms.peak), step):
        yield _footprint(Storms(*(column[first : first + step] for column in storms)), first + 1)


def _footprint(storms: Storms, first_event: int) -> Footprint:
    """Events from ``first_event``, each area peril with the bins that its gust may fall into, ascending."""
    event, cell, gust = _gusts(storms)
    centre = np.minimum(((gust - THRESHOLD) / BIN_WIDTH).astype(np.int32), INTENSITY_BINS - 1)
    bins = centre[:, None] + np.arange(-1, 2, dtype=np.int32)
    edge = THRESHOLD + BIN_WIDTH * bins
    spread = LOCAL_SPREAD * gust[:, None]
    probability = _logistic((edge + BIN_WIDTH - gust[:, None]) / spread) - _logistic((edge - gust[:, None]) / spread)
    kept = (bins >= 0) & (bins < INTENSITY_BINS)
    probability *= kept
    probability /= probability.sum(axis=1, keepdims=True)
    rows = np.bincount(event, weights=kept.sum(axis=1), minlength=len(storms.peak)).astype(np.int64)
    none = np.zeros(0, np.int32)
    return Footprint(
        np.arange(first_event, first_event + len(storms.peak), dtype=np.int32),
        np.concatenate([[0], np.cumsum(rows)]),
        np.repeat(cell + 1, kept.sum(axis=1)).astype(np.uint64),
        bins[kept] + np.int32(1),
        probability[kept].astype(np.float32),
        none,
        none,
    )


def _gusts(storms: Storms) -> tuple[np.ndarray, np.ndarray, Float64]:
    """Event (from 0), cell (from 0) and gust in m/s of all that is above the threshold, by event, then cell."""
    east, north = cell_centres()
    cosine, sine = np.cos(storms.heading)[:, None], np.sin(storms.heading)[:, None]
    right, up = east - storms.east[:, None], north - storms.north[:, None]
    along = (right * cosine + up * sine) / storms.along[:, None]
    across = (up * cosine - right * sine) / storms.across[:, None]
    across[across < 0] /= RIGHT_SIDE
    squared = along * along + across * across
    event, cell = np.nonzero(squared < 2.0 * np.log(storms.peak / THRESHOLD)[:, None])
    return event, cell, storms.peak[event] * np.exp(-0.5 * squared[event, cell])


def _logistic(x: Float64) -> Float64:
    return 1.0 / (1.0 + np.exp(-x))
