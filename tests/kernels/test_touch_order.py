import numpy as np

from oasis_kernel.kernels.touch_order import Exposure, HazardRuns, TouchOrder, clear, touch


def touched(runs: list[int], coverage: list[int], source: dict[int, int] | None = None) -> tuple[list[int], list[int]]:
    """The positions in touch order and the order of coverages; two items in each area peril."""
    items, coverages = len(coverage), max(coverage) + 1
    parent = np.full(coverages, -1, np.int32)
    for child, driver in (source or {}).items():
        parent[child] = driver
    dependent = sorted(np.flatnonzero(parent >= 0), key=lambda c: parent[c])
    first = np.concatenate([[0], np.cumsum(np.bincount(parent[parent >= 0], minlength=coverages))])
    none, zeros = np.zeros(0, np.int32), np.zeros(items, np.int32)
    exposure = Exposure(
        np.arange(0, items + 1, 2), zeros, np.array(coverage, np.int32), zeros, zeros, zeros, zeros, zeros, zeros,
        np.ones(coverages), first.astype(np.int32), np.array(dependent, np.int32), parent,
    )  # fmt: skip
    hazard = HazardRuns(none, np.array([0, len(runs)]), np.array(runs, np.int32), np.zeros(len(runs), np.int64),
                        np.zeros(len(runs), np.int64), none, np.zeros(0, np.float32), none, none)  # fmt: skip
    order = TouchOrder(
        *(np.zeros(n, np.int32) for n in (coverages, coverages, coverages, coverages + 1, items, items, items))
    )
    rows, count = touch(exposure, hazard, 0, len(runs), source is not None, order)
    assert rows == 2 * len(runs)
    if source is not None:
        assert order.row[order.position[:rows]].tolist() == list(range(rows))
    result = order.position[:rows].tolist(), order.coverage[:count].tolist()
    clear(count, order)
    assert (order.items == 0).all()
    return result


def test_coverages_come_by_first_touch_and_items_as_they_are_touched() -> None:
    assert touched([2, 0], [1, 0, 2, 2, 0, 1]) == ([4, 1, 5, 0], [0, 1])
    assert touched([0, 2], [1, 0, 2, 2, 0, 1]) == ([0, 5, 1, 4], [1, 0])


def test_dependents_follow_their_source_the_last_first() -> None:
    coverage = [3, 2, 1, 0, 4, 4]
    assert touched([0, 1, 2], coverage, {1: 0, 2: 0, 3: 1})[1] == [0, 2, 1, 3, 4]
    assert touched([0, 2], coverage, {1: 0, 2: 0, 3: 1})[1] == [3, 2, 4]  # the source is not touched
