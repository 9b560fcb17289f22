"""The events that cost most, as rows."""

from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc

from oasis_kernel.model.results import SampleType
from widgets import markup

PAGE = 25
Order = Literal["MeanLoss", "MaxLoss", "SDLoss", "ChanceOfLoss", "EventId"]
ORDERS: dict[str, Order] = {
    "Mean loss": "MeanLoss",
    "Largest loss possible": "MaxLoss",
    "Standard deviation": "SDLoss",
    "Chance of a loss": "ChanceOfLoss",
    "Event number": "EventId",
}
COLUMNS = {
    "EventId": "Event",
    "ChanceOfLoss": "Chance of a loss",
    "MeanLoss": "Mean loss",
    "SDLoss": "Standard deviation",
    "MaxLoss": "Largest loss possible",
    "FootprintExposure": "Exposure in the footprint",
}


def event_rows(melt: pa.Table, summary_id: int = 1, order: Order = "MeanLoss") -> pa.Table:
    """The events of one summary of a MELT table in an order, largest first (event numbers ascend), a row each.

    By samples where there are any, otherwise analytical.
    """
    kinds = pc.unique(melt["SampleType"]).to_pylist()
    kind = SampleType.SAMPLE if int(SampleType.SAMPLE) in kinds else SampleType.ANALYTICAL
    here = pc.and_(pc.equal(melt["SampleType"], int(kind)), pc.equal(melt["SummaryId"], summary_id))
    direction = "ascending" if order == "EventId" else "descending"
    rows: pa.Table = melt.filter(here).select(list(COLUMNS))
    return rows.sort_by([(order, direction), ("EventId", "ascending")])


def event_page(rows: pa.Table, page: int, size: int = PAGE) -> str:
    """One page of events as a table; pages count from 0."""
    first = page * size
    found = rows.slice(first, size).to_pylist()
    last = first + len(found)
    caption = f"Events {first + 1:,} to {last:,} of {rows.num_rows:,}" if found else "No event has a loss"
    return markup.table(caption, [*COLUMNS.values()], [_row(row) for row in found])


def _row(row: dict[str, Any]) -> list[Any]:
    event = str(row["EventId"])  # a name, not an amount
    chance = f"{100 * row['ChanceOfLoss']:.0f} %"
    return [event, chance, *(round(row[name]) for name in ("MeanLoss", "SDLoss", "MaxLoss", "FootprintExposure"))]
