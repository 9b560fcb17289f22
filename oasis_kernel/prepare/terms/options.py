"""How a programme is compiled, beyond what the portfolio says."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class TermOptions:
    """Choices of the analysis; the defaults are the reference toolkit's."""

    #: Locations are split into buildings: the amounts of an aggregate location are shared among its risks.
    do_disaggregation: bool = True
    #: Node keys instead of the standard's, by level id (1 to 14): the ``FMAggKey`` fields of an aggregation profile.
    aggregation: Mapping[int, tuple[str, ...]] | None = None


def read_aggregation(profile: Mapping[str, Mapping[str, object]]) -> dict[int, tuple[str, ...]]:
    """The node keys of an aggregation profile as the reference toolkit writes them: level id -> fields.

    ``{"2": {"FMAggKey": {"loc_id": {"field": "loc_id", ...}, ...}}, ...}``
    """
    return {
        int(level): tuple(str(part["field"]) for part in info["FMAggKey"].values())  # type: ignore[attr-defined]
        for level, info in profile.items()
    }
