"""Coverage dependency: items whose damage is driven by the damage of another coverage's item at the same place."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from oasis_kernel.errors import Finding, InvalidInput
from oasis_kernel.model.exposure import Coverages, Int32, Int64, Items
from oasis_kernel.model.options import GroundUpOptions


@dataclass(frozen=True)
class Dependency:
    """A forest of coverages, and the links between their items."""

    source: Int64  # [item] the item that drives it, 0-based; -1: none
    source_coverage: Int32  # [coverage] 0-based; -1: none
    first_dependent: Int32  # [coverage + 1]
    dependent: Int32  # coverages, ascending in each group

    @property
    def applies(self) -> bool:
        """Whether any coverage depends on another."""
        return len(self.dependent) > 0

    def positions(self, order: Int64) -> Int32:
        """The position in ``order`` of each position's source; -1: none."""
        place = np.empty(len(order) + 1, np.int32)
        place[order] = np.arange(len(order), dtype=np.int32)
        place[-1] = -1
        return place[self.source[order]]


def dependency(items: Items, coverages: Coverages, options: GroundUpOptions) -> Dependency:
    """The dependencies of a portfolio. InvalidInput unless they form a forest inside area perils."""
    source = items.source_item_id.astype(np.int64) - 1
    linked = np.flatnonzero(source >= 0)
    _refuse(linked[source[linked] >= len(items)], "must be an item", items)
    if options.coverage_dependency is not None:
        kept = _follows(items, coverages, linked, source[linked], options.coverage_dependency)
        source[linked[~kept]] = -1
        linked = linked[kept]
    _refuse(linked[items.areaperil_id[linked] != items.areaperil_id[source[linked]]],
            "must be an item at the same area peril", items)  # fmt: skip
    parent = np.full(len(coverages.tiv), -1, np.int32)
    child_coverage = items.coverage_id[linked] - 1
    parent_coverage = items.coverage_id[source[linked]] - 1
    parent[child_coverage] = parent_coverage
    _refuse(linked[parent[child_coverage] != parent_coverage], "must lie in the one coverage that drives it", items)
    _refuse(linked[_in_cycle(parent)[child_coverage]], "must not come back to itself", items)
    dependent = np.flatnonzero(parent >= 0)
    dependent = dependent[np.argsort(parent[dependent], kind="stable")]
    counts = np.bincount(parent[dependent], minlength=len(parent))
    first = np.concatenate([[0], np.cumsum(counts)])
    return Dependency(source, parent, first.astype(np.int32), dependent.astype(np.int32))


def _follows(
    items: Items, coverages: Coverages, linked: npt.NDArray[np.intp], source: Int64, pairs: frozenset[tuple[int, int]]
) -> npt.NDArray[np.bool_]:
    """Which links join a pair of coverage types that the options name."""
    driver = coverages.coverage_type[items.coverage_id[source] - 1]
    driven = coverages.coverage_type[items.coverage_id[linked] - 1]
    return np.array([pair in pairs for pair in zip(driver.tolist(), driven.tolist(), strict=True)], bool)


def _in_cycle(parent: Int32) -> npt.NDArray[np.bool_]:
    """Which coverages never reach a root by following parents."""
    ancestor = parent.copy()
    for _ in range(max(len(parent), 1).bit_length()):  # each step doubles how far ``ancestor`` has climbed
        ancestor = np.where(ancestor >= 0, ancestor[ancestor], -1)
    return ancestor >= 0


def _refuse(wrong: npt.NDArray[np.intp], rule: str, items: Items) -> None:
    if len(wrong):
        raise InvalidInput(Finding("items", f"{rule} (item {wrong[0] + 1})", field="source_item_id",
                                   value=int(items.source_item_id[wrong[0]]), rule="coverage dependency",
                                   remedy="Generate the input files again"))  # fmt: skip
