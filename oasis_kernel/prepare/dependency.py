"""Coverages whose damage follows another coverage's: contents after building, and so on."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from oasis_kernel.errors import Finding, InvalidInput
from oasis_kernel.model.exposure import Int32, Int64, UInt64

Mask = npt.NDArray[np.bool_]


def coverage_dependencies(model_settings: Mapping[str, Any]) -> tuple[tuple[int, int], ...]:
    """The pairs (source coverage type, dependent coverage type) of a model, checked to form trees.

    Source: ``model_settings.coverage_dependency_settings`` of the Oasis model settings.
    """
    entries = (model_settings.get("model_settings") or {}).get("coverage_dependency_settings") or ()
    source_of: dict[int, int] = {}
    for entry in entries:
        try:
            source, dependent = int(entry["source_coverage_type"]), int(entry["dependent_coverage_type"])
        except (KeyError, TypeError, ValueError) as error:
            raise _refused("must name a source_coverage_type and a dependent_coverage_type", entry) from error
        if dependent in source_of:
            raise _refused("must give each dependent coverage type one source", entry)
        source_of[dependent] = source
        seen = {dependent}
        while source not in seen and source in source_of:
            seen.add(source)
            source = source_of[source]
        if source in seen:
            raise _refused("must not run in a circle", entry)
    return tuple((source, dependent) for dependent, source in source_of.items())


def _refused(message: str, entry: Any) -> InvalidInput:
    name = "coverage_dependency_settings"
    return InvalidInput(Finding("model_settings.json", message, field=name, value=entry, rule=name))


def driving_sources(pairs: Sequence[tuple[int, int]], place: Int64, coverage_type: Int32, has_value: Mask) -> Mask:
    """Which rows without value are kept because they drive a row that is.

    place  [r]  one number per (location, peril, area peril): a dependent finds its source at its own place
    """
    kept = has_value.copy()
    for _ in pairs:  # each pass can lengthen a chain by one link
        before = kept.sum()
        for source, dependent in pairs:
            needed = place[kept & (coverage_type == dependent)]
            kept |= (coverage_type == source) & np.isin(place, needed)
        if kept.sum() == before:
            break
    return kept & ~has_value


def source_rows(
    pairs: Sequence[tuple[int, int]], risk: Int64, coverage_type: Int32, areaperil_id: UInt64
) -> npt.NDArray[np.intp]:
    """The row each row's damage follows: the source coverage of its own risk and area peril; -1 where none.

    risk  [r]  one number per (location, peril); (risk, coverage type) is unique
    """
    found = np.full(len(risk), -1, dtype=np.intp)
    for source, dependent in pairs:
        sources = np.flatnonzero(coverage_type == source)
        if not len(sources):
            continue
        sources = sources[np.argsort(risk[sources], kind="stable")]
        wanting = np.flatnonzero(coverage_type == dependent)
        at = np.minimum(np.searchsorted(risk[sources], risk[wanting]), len(sources) - 1)
        row = sources[at]
        same = (risk[row] == risk[wanting]) & (areaperil_id[row] == areaperil_id[wanting])
        found[wanting[same]] = row[same]
    return found
