"""When storms happen: a Poisson process over ten thousand years, in the hurricane season."""

import numpy as np

from model_plugins.toy_wind.arithmetic import log
from model_plugins.toy_wind.coast import ANNUAL_RATE
from oasis_kernel.model.exposure import Int64
from oasis_kernel.model.hazard import Occurrence

PERIODS = 10_000
#: Month, its days, its share of hurricane landfalls: of the order of Florida's record (Blake, Landsea & Gibney 2011).
SEASON = ((6, 30, 0.08), (7, 31, 0.09), (8, 31, 0.22), (9, 30, 0.31), (10, 31, 0.26), (11, 30, 0.04))


def draw_occurrences(events: int, seed: int) -> Occurrence:
    """Landfalls in ``PERIODS`` years at ``ANNUAL_RATE``; each is one of ``events`` equally likely storms.

    Years are independent of each other: no clusters, no trend. Period p is given the dates of calendar year p.
    """
    streams = [np.random.Generator(np.random.PCG64(child)) for child in np.random.SeedSequence(seed).spawn(4)]
    enough = int(PERIODS * ANNUAL_RATE * 1.2) + 100
    waiting = -log(1.0 - streams[0].random(enough)) / ANNUAL_RATE
    moment = np.cumsum(waiting)
    period = np.floor(moment[moment < PERIODS]).astype(np.int32) + 1
    event = np.floor(streams[1].random(len(period)) * events).astype(np.int32) + 1
    months, days, shares = (np.array(column) for column in zip(*SEASON, strict=True))
    pick = np.minimum(np.searchsorted(np.cumsum(shares), streams[2].random(len(period)), side="right"), len(months) - 1)
    day = np.floor(streams[3].random(len(period)) * days[pick]).astype(np.int64) + 1
    date = day_number(period.astype(np.int64), months[pick], day)
    order = np.lexsort((event, date, period))
    return Occurrence(event[order], period[order], date[order], PERIODS, has_dates=True, granular=False)


def day_number(year: Int64, month: Int64, day: Int64) -> Int64:
    """Days since 1 March of year 0, as the Oasis standard counts them in occurrence files."""
    month_from_march = (month + 9) % 12
    year = year - month_from_march // 10
    leap_days = year // 4 - year // 100 + year // 400
    return 365 * year + leap_days + (306 * month_from_march + 5) // 10 + day - 1
