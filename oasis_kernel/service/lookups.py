"""What a model makes of locations: the keys of a portfolio, or of a few locations that somebody typed in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from oasis_kernel.engine.analysis import Analysis
from oasis_kernel.engine.check import LocationReport, look_up
from oasis_kernel.errors import Finding
from oasis_kernel.formats.oed import read_portfolio
from oasis_kernel.model import fields as f
from oasis_kernel.model.exposure import Portfolio
from oasis_kernel.model.settings import AnalysisSettings
from oasis_kernel.plugins import Plugins

#: What a lookup does not ask about, and OED wants to have: who the location is and what it is worth.
UNASKED = {
    f.PORTFOLIO_NUMBER: "1",
    f.ACCOUNT_NUMBER: "1",
    f.LOCATION_PERILS_COVERED: "AA1",
    f.LOCATION_CURRENCY: "USD",
    f.BUILDING_TIV: "1",
    f.OTHER_TIV: "1",
    f.CONTENTS_TIV: "1",
    f.BI_TIV: "1",
}


@dataclass(frozen=True)
class Keys:
    """A lookup's answer: a row for each location, peril and coverage, what became of locations, what was noticed."""

    rows: pa.Table
    locations: LocationReport
    findings: tuple[Finding, ...]


def keys_of(plugins: Plugins, model: str, portfolio: Portfolio) -> Keys:
    """A model's keys of a portfolio, with the numbers of each location beside them; InvalidInput as a check's."""
    analysis = Analysis(plugins.model(model), portfolio, AnalysisSettings(), plugins=plugins)
    keys, locations, noticed = look_up(analysis)
    names = [name for name in locations.status.column_names if name not in ("status", "reason", "tiv")]
    rows = keys.join(locations.status.select(names), f.LOC_ID, join_type="left outer")
    order = [("loc_id", "ascending"), ("peril_id", "ascending"), ("coverage_type", "ascending")]
    return Keys(rows.sort_by(order), locations, (*portfolio.findings, *noticed))


def typed_portfolio(locations: Sequence[Mapping[str, Any]]) -> Portfolio:
    """The portfolio of locations given field by field; fields that no lookup asks about need not be given.

    InvalidInput, with OED's rules, for values that cannot be; its row 2 is the first location.
    """
    names = list(dict.fromkeys(name for location in locations for name in location))
    columns = {name: pa.array([_text(location.get(name)) for location in locations], pa.string()) for name in names}
    given = {name.lower() for name in names}
    for name, value in UNASKED.items():
        if name.lower() not in given:
            columns[str(name)] = pa.array([value] * len(locations), pa.string())
    if f.LOCATION_NUMBER.lower() not in given:
        columns[str(f.LOCATION_NUMBER)] = pa.array([str(row + 1) for row in range(len(locations))], pa.string())
    return read_portfolio(location=pa.table(columns))


def _text(value: Any) -> str | None:
    """A value as a file would have it."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return str(value)
