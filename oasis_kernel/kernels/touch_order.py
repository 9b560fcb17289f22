"""The order in which an event touches a portfolio: coverages by first touch, a coverage's items as they are touched.

The footprint's runs (rows of one area peril) come in file order; a run touches its items by vulnerability, then by
item id. With coverage dependency a coverage is followed by the coverages that depend on it, depth first.

Index letters: a = area peril, p = position (items in visiting order), c = coverage, r = row (touched item).
"""

from typing import NamedTuple

from oasis_kernel._jit import inlined, kernel
from oasis_kernel.model.exposure import Float32, Float64, Int32, Int64


class Exposure(NamedTuple):
    """A portfolio's items in visiting order: by area peril, vulnerability, item id."""

    first_item: Int64  # [a + 1]
    item: Int32  # [p] 0-based
    coverage: Int32  # [p] 0-based
    distribution: Int32  # [p] items of one distribution lose alike
    draw: Int32  # [p] items of one draw share their damage uniforms
    hazard_draw: Int32  # [p]
    amplification: Int32  # [p]
    source: Int32  # [p] the position of the item that drives this one; -1: none
    return_period: Int32  # [p] protected against events more frequent; 0: not
    tiv: Float64  # [c]
    first_dependent: Int32  # [c + 1] coverage dependency
    dependent: Int32  # coverages, ascending in each group
    source_coverage: Int32  # [c]; -1: none


class HazardRuns(NamedTuple):
    """A footprint's rows, and its runs at area perils where there are items."""

    event: Int32  # [e]
    first_run: Int64  # [e + 1]
    areaperil: Int32  # [run] row of Exposure.first_item
    begin: Int64  # [run] rows begin:end
    end: Int64  # [run]
    intensity_bin: Int32
    probability: Float32
    intensity: Int32  # dynamic footprints
    return_period: Int32  # dynamic footprints


class TouchOrder(NamedTuple):
    """The touch order of one event."""

    items: Int32  # [c] how many items are touched; all 0 between events
    last_row: Int32  # [c] the row after the coverage's last
    coverage: Int32  # touched coverages in order
    stack: Int32  # [c] room for the depth-first walk
    position: Int32  # [r]
    run: Int32  # [r]
    row: Int32  # [p] the row of a touched item (coverage dependency only)


@kernel
def touch(
    exposure: Exposure, runs: HazardRuns, first_run: int, last_run: int, depends: bool, order: TouchOrder
) -> tuple[int, int]:
    """Fill ``order`` with what the runs ``first_run:last_run`` touch; return the numbers of rows and coverages."""
    coverages = 0
    for run in range(first_run, last_run):
        areaperil = runs.areaperil[run]
        for p in range(exposure.first_item[areaperil], exposure.first_item[areaperil + 1]):
            c = exposure.coverage[p]
            if order.items[c] == 0:
                order.coverage[coverages] = c
                coverages += 1
            order.items[c] += 1
    if depends:
        _depth_first(exposure, coverages, order)
    rows = 0
    for k in range(coverages):
        c = order.coverage[k]
        order.last_row[c] = rows
        rows += order.items[c]
    for run in range(first_run, last_run):
        areaperil = runs.areaperil[run]
        for p in range(exposure.first_item[areaperil], exposure.first_item[areaperil + 1]):
            c = exposure.coverage[p]
            r = order.last_row[c]
            order.last_row[c] = r + 1
            order.position[r] = p
            order.run[r] = run
            if depends:
                order.row[p] = r
    return rows, coverages


@inlined
def _depth_first(exposure: Exposure, coverages: int, order: TouchOrder) -> None:
    """Put the touched coverages in depth-first order from those without a touched source, in order of touch.

    Dependents are pushed in ascending order, hence visited descending. ``last_row`` keeps the order of touch
    meanwhile.
    """
    for k in range(coverages):
        order.last_row[k] = order.coverage[k]
    written = 0
    for k in range(coverages):
        root = order.last_row[k]
        source = exposure.source_coverage[root]
        if source >= 0 and order.items[source] > 0:
            continue
        order.stack[0] = root
        depth = 1
        while depth > 0:
            depth -= 1
            c = order.stack[depth]
            order.coverage[written] = c
            written += 1
            for at in range(exposure.first_dependent[c], exposure.first_dependent[c + 1]):
                if order.items[exposure.dependent[at]] > 0:
                    order.stack[depth] = exposure.dependent[at]
                    depth += 1


@kernel
def clear(coverages: int, order: TouchOrder) -> None:
    """Make ``order`` ready for the next event."""
    for k in range(coverages):
        order.items[order.coverage[k]] = 0
