"""Portfolios of a few records, for tests that look at one term."""

from collections.abc import Sequence

import pyarrow as pa
from parity.fm_cases import ground_up, item_map, leaves
from parity.fm_portfolios import as_portfolio
from prepare.terms.naive_execution import execute

from oasis_kernel.model.exposure import Portfolio
from oasis_kernel.prepare.terms import CompiledTerms, TermOptions, compile_programme

LOCATION = {"PortNumber": "1", "AccNumber": "A", "LocPerilsCovered": "WTC", "LocPeril": "WTC", "BuildingTIV": 100_000.0}
ACCOUNT = {
    "PortNumber": "1",
    "AccNumber": "A",
    "PolNumber": "P",
    "PolPeril": "AA1",
    "CondPeril": "AA1",
    "AccPeril": "AA1",
}
MODEL = "WW2"


def portfolio(locations: Sequence[dict], accounts: Sequence[dict]) -> Portfolio:
    """Records given by what they differ in from a building of 100,000 in account A, policy P."""
    places = [{**LOCATION, "LocNumber": str(number), **record} for number, record in enumerate(locations, 1)]
    return as_portfolio((places, [{**ACCOUNT, **record} for record in accounts]))


def compiled(
    locations: Sequence[dict], accounts: Sequence[dict] = ({},), options: TermOptions | None = None
) -> tuple[CompiledTerms, pa.Table]:
    """The programme of such a portfolio, and its items."""
    small = portfolio(locations, accounts)
    items = item_map(small, MODEL)
    return compile_programme(small, items, options), items


def paid(locations: Sequence[dict], accounts: Sequence[dict] = ({},), factor: float = 1.0) -> dict[tuple, float]:
    """What the portfolio pays by (location, coverage, peril, layer), when every item loses ``factor`` of its share."""
    terms, items = compiled(locations, accounts)
    losses = execute(terms.programme, leaves(items), ground_up(items, factor))
    outputs = terms.output_map.to_pandas()
    key = outputs[["LocNumber", "coverage_type_id", "peril_id", "layer_id"]].itertuples(index=False, name=None)
    found: dict[tuple, float] = {}
    for place, output in zip(key, outputs["output_id"], strict=True):
        found[place] = found.get(place, 0.0) + losses[output]
    return {place: round(loss, 3) for place, loss in found.items()}


def total(locations: Sequence[dict], accounts: Sequence[dict] = ({},), factor: float = 1.0) -> float:
    """What the portfolio pays in all."""
    return round(sum(paid(locations, accounts, factor).values()), 1)
