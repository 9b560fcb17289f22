"""The room one call of the ground-up step works in: sized once, for the largest of its events."""

from dataclasses import dataclass

import numpy as np

from oasis_kernel.kernels.correlation import lookups
from oasis_kernel.kernels.damage import MOMENTS
from oasis_kernel.kernels.distributions import EventTables, Rows
from oasis_kernel.kernels.draws import EventDraws, FactorRoom
from oasis_kernel.kernels.ground_up import Room, Window
from oasis_kernel.kernels.sampling import ends
from oasis_kernel.kernels.touch_order import HazardRuns, TouchOrder
from oasis_kernel.model.exposure import Int32, Int64
from oasis_kernel.steps.ground_up_tables import Portfolio

_TILE_BYTES = 24 << 10  # of uniform numbers that are drawn and used at a time: half of a core's nearest cache

#: Where an event's hazard numbers take more, they are drawn for each tile of damage draws anew: memory does not grow
#: with events then, and draws that several tiles share, which are few, are drawn several times.
HAZARD_BYTES = 1 << 20


@dataclass(frozen=True)
class Extent:
    """How much the events of a footprint touch; but for ``rows`` and ``runs``, of the event that touches most."""

    samples: int
    rows: Int64  # [e] items touched by each event
    runs: int  # of all events
    hazard_rows: int  # footprint rows of one run
    hazard_entries: int  # footprint rows of one event, and one more for each run
    distributions: int
    branches: int
    tables: int

    @property
    def events(self) -> int:
        """The number of events that touch any item."""
        return len(self.rows)

    @property
    def most_rows(self) -> int:
        """The largest number of items that one event touches."""
        return int(self.rows.max())

    @classmethod
    def of(cls, runs: HazardRuns, portfolio: Portfolio, samples: int) -> "Extent":
        """The extent of the events of ``runs``."""
        if not len(runs.event):
            return cls(samples, np.zeros(0, np.int64), 0, 0, 0, 0, 0, 0)
        curves, exposure = portfolio.model.curves, portfolio.model.exposure

        def by_event(values: Int64) -> Int64:
            return np.add.reduceat(values, runs.first_run[:-1])

        length = runs.end - runs.begin
        rows = by_event(np.diff(exposure.first_item)[runs.areaperil])
        distributions = portfolio.distributions[runs.areaperil]
        dependents = rows if portfolio.model.mode.depends else np.zeros_like(rows)
        mixed = len(curves.aggregates.member) > 0
        branches = by_event(distributions * length) + dependents * max(curves.source_bins, 1)
        tables = by_event(distributions * (1 + (length if mixed else 0))) + dependents
        return cls(
            samples=samples,
            rows=rows,
            runs=len(length),
            hazard_rows=int(length.max()),
            hazard_entries=int(by_event(length + 1).max()),
            distributions=int((by_event(distributions) + dependents).max()),
            branches=int(branches.max()),
            tables=int(tables.max()),
        )


def room(extent: Extent, portfolio: Portfolio, width: int) -> Room:
    """Room for any one event of ``extent``, ``width`` samples at a time."""
    model = portfolio.model
    depends = model.mode.depends
    factors = len(model.randomness.factors.group)
    damage = _draws(len(model.randomness.damage.group), extent, _tile_rows(extent))
    drawn = _tile_rows(extent) if _draws_hazard(extent, portfolio) else 0
    hazard = _draws(len(model.randomness.hazard.group), extent, drawn)
    of_event = len(hazard.draw) if drawn else 0
    of_tile = len(damage.uniform) * portfolio.hazards_of_draw
    by_tile = of_tile < of_event and of_event * width * 8 > HAZARD_BYTES
    common = np.zeros((factors, extent.samples))  # a factor's normal scores take the place of its uniform numbers
    return Room(
        order=_touch_order(extent.most_rows, portfolio),
        tables=_tables(extent, portfolio),
        damage=damage,
        hazard=hazard,
        factors=FactorRoom(np.zeros(factors, np.int64), common, common),
        factor=np.ones(portfolio.amplifications + 1),
        lookups=lookups(_tile_rows(extent) * extent.samples),
        ends=ends(width),
        rows=_rows(extent.most_rows),
        scale=np.zeros(extent.most_rows),
        found=np.zeros((extent.most_rows if depends else 1, width), np.int32),
        window=Window(
            damage.uniform if width == extent.samples else np.zeros((len(damage.uniform), width)),
            np.zeros((of_tile if by_tile else of_event, width)),
        ),
        hazard_by_tile=by_tile,
    )  # fmt: skip


def _draws_hazard(extent: Extent, portfolio: Portfolio) -> bool:
    return extent.hazard_rows > 1 and not portfolio.model.mode.effective


def _rows(rows: int) -> Rows:
    def words() -> Int32:
        return np.zeros(rows, np.int32)

    return Rows(
        distribution=words(),
        kind=words(),
        start=np.zeros(rows, np.int64),
        length=words(),
        hazards=words(),
        driver=words(),
        run=words(),
        draw=words(),
        hazard_draw=words(),
        by_draw=words(),
    )


def _touch_order(rows: int, portfolio: Portfolio) -> TouchOrder:
    exposure = portfolio.model.exposure
    coverages, items = len(exposure.tiv), len(exposure.item)
    return TouchOrder(
        items=np.zeros(coverages, np.int32),
        last_row=np.zeros(coverages, np.int32),
        coverage=np.zeros(coverages, np.int32),
        stack=np.zeros(coverages + 1, np.int32),
        position=np.zeros(rows, np.int32),
        run=np.zeros(rows, np.int32),
        row=np.zeros(items if portfolio.model.mode.depends else 0, np.int32),
    )


def _tile_rows(extent: Extent) -> int:
    return _TILE_BYTES // (8 * max(extent.samples, 1)) + 1


def _draws(draws: int, extent: Extent, drawn: int) -> EventDraws:
    """Room to list as many draws as an event can have, and for the numbers of ``drawn`` of them."""
    most = min(draws, extent.most_rows)
    return EventDraws(
        number=np.full(draws, -1, np.int32),
        draw=np.zeros(most, np.int32),
        last_row=np.zeros(most, np.int32),
        seed=np.zeros(most, np.int64),
        uniform=np.zeros((min(drawn, most), extent.samples)),
    )


def _tables(extent: Extent, portfolio: Portfolio) -> EventTables:
    curves = portfolio.model.curves
    sources = max(extent.hazard_rows, curves.source_bins)
    mixed = len(curves.aggregates.member) > 0
    return EventTables(
        place=np.full(len(curves.curve), -1, np.int32),
        known=np.zeros(extent.distributions, np.int32),
        moments=np.zeros((extent.distributions, MOMENTS)),
        effective_start=np.zeros(extent.distributions, np.int64),
        effective_length=np.zeros(extent.distributions, np.int32),
        of_event=np.zeros(extent.distributions, np.int32),
        first_branch=np.zeros(extent.distributions, np.int64),
        branches=np.zeros(extent.distributions, np.int32),
        branch_start=np.zeros(extent.branches, np.int64),
        branch_length=np.zeros(extent.branches, np.int32),
        table=np.zeros(extent.tables * (curves.damages + 1), np.float32),
        hazard_start=np.zeros(extent.runs, np.int64),
        hazard_length=np.zeros(extent.runs, np.int32),
        hazard_table=np.zeros(extent.hazard_entries, np.float32),
        pdf=np.zeros(extent.hazard_rows * curves.damages if mixed else 0, np.float32),
        pdf_start=np.zeros(sources, np.int64),
        hazard=np.zeros(sources, np.float32),
        used=np.zeros(3, np.int64),
    )
