"""Peril filters: which of the items' perils a term's ``;``-separated OED perils and peril groups let through."""

from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from oasis_kernel.errors import Finding, InvalidInput
from oasis_kernel.model.oed_standard import oed_standard


@lru_cache(maxsize=1)
def _single_perils() -> Mapping[str, frozenset[str]]:
    """The single perils that each OED peril code stands for."""
    covered = oed_standard()["perils"]["covered"]
    return {code: frozenset(perils) for code, perils in covered.items()}


def single_perils(code: str) -> frozenset[str]:
    """The single perils that an OED peril or group stands for; none for a code that is neither."""
    return _single_perils().get(code, frozenset())


def is_covered(peril: str, code: str) -> bool:
    """Whether OED peril or group ``code`` contains ``peril`` (itself a peril or a group)."""
    perils = _single_perils()
    return peril in perils and perils[peril] <= perils[code]


def peril_filters(filters: Sequence[str], perils: Sequence[str], place: Finding) -> npt.NDArray[np.bool_]:
    """Which perils each filter lets through, [filters, perils]. A blank filter lets none through.

    ``place`` says where a filter that names no OED peril would be reported: it is raised as InvalidInput.
    """
    unknown = sorted({code for text in filters if text for code in text.split(";")} - set(_single_perils()))
    if unknown:
        raise InvalidInput(
            Finding(
                place.file,
                "must be OED peril codes separated by ';'",
                place.row,
                place.field,
                unknown[0],
                place.rule,
                "See OED's list of perils (WTC, WSS, WW1 ...)",
            )
        )
    through = [
        [bool(text) and any(is_covered(peril, code) for code in text.split(";")) for peril in perils]
        for text in filters
    ]
    return np.array(through, dtype=bool).reshape(len(filters), len(perils))
