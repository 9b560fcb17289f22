"""Keys: what a model makes of locations, before anything is computed."""

from typing import Annotated, Any

import pyarrow as pa
from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from oasis_kernel.service.access import Viewer, find_model_for, find_visible
from oasis_kernel.service.context import Context, Service
from oasis_kernel.service.lookups import Keys, keys_of, typed_portfolio
from oasis_kernel.service.portfolios import find_version
from oasis_kernel.service.problems import FindingView, answers, plain
from oasis_kernel.service.table_answers import TableFormat, file_answer
from oasis_kernel.service.tables import Portfolio, PortfolioVersion
from oasis_kernel.service.views import ROOT

router = APIRouter(prefix=ROOT, tags=["keys"])

MOST_LOCATIONS = 10_000
MOST_ROWS = 10_000
_EXAMPLE: Any = {
    "model": "toy-wind",
    "locations": [
        {
            "CountryCode": "US",
            "Latitude": 25.4611,
            "Longitude": -80.5867,
            "OccupancyCode": 1051,
            "ConstructionCode": 5100,
        }
    ],
}
Cell = str | float | int | bool | None


class TypedLocations(BaseModel):
    """Locations, field by field under their OED names, and the model to ask."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [_EXAMPLE]})

    model: str = Field(max_length=200)
    locations: list[dict[str, Cell]] = Field(min_length=1, max_length=MOST_LOCATIONS)


class PortfolioKeys(BaseModel):
    """The model to ask about a portfolio."""

    model_config = ConfigDict(extra="forbid")

    model: str = Field(max_length=200, examples=["toy-wind"])
    version: int | None = Field(None, ge=1, le=2**31 - 1, description="number of its version; default: the latest")


class KeysView(BaseModel):
    """A lookup's answer."""

    model: str
    items: list[dict[str, Any]] = Field(
        description="a row for each location, peril and coverage: area peril, vulnerability, status and message"
    )
    total: int = Field(description="rows there are")
    locations: list[dict[str, Any]] = Field(description="what became of each location, and why")
    by_reason: list[dict[str, Any]] = Field(description="locations and insured value by what became of them")
    findings: list[FindingView]


@router.post("/keys", summary="Look up locations", responses=answers(404, 413, 502, 503))
async def look_up_locations(parts: Service, user: Viewer, asked: TypedLocations) -> KeysView:
    """The keys of locations typed in, one or many: the classic keys server.

    Numbers, values, currency and perils need not be given (perils: all).
    """
    _visible(parts, user, asked.model)
    keys = await parts.calls.run(_of_locations, parts, asked)
    return _view(asked.model, keys, 0, keys.rows.num_rows)


@router.post(
    "/portfolios/{portfolio_id}/keys",
    summary="Look up a portfolio",
    response_model=KeysView,
    responses=answers(404, 413, 502, 503) | {200: {"content": {"text/csv": {}, "application/vnd.apache.parquet": {}}}},
)
async def look_up_portfolio(
    parts: Service,
    user: Viewer,
    request: Request,
    portfolio_id: str,
    asked: PortfolioKeys,
    limit: Annotated[int, Query(ge=1, le=MOST_ROWS)] = 1000,
    offset: Annotated[int, Query(ge=0, le=2**53)] = 0,
    form: Annotated[
        TableFormat, Query(alias="format", description="csv and parquet have every key")
    ] = TableFormat.JSON,
) -> Response:
    """The keys of a portfolio's locations, and how much of its insured value a model covers."""
    _visible(parts, user, asked.model)
    with parts.database.read() as session:
        version = find_version(session, find_visible(session, user, Portfolio, portfolio_id), asked.version)
    keys = await parts.calls.run(_of_portfolio, parts, asked.model, version)
    if form is not TableFormat.JSON:
        return file_answer(keys.rows.schema, keys.rows.to_batches(), form, "keys")
    view = _view(asked.model, keys, offset, limit)
    return Response(view.model_dump_json(), media_type="application/json")


def _visible(parts: Context, user: Viewer, model: str) -> None:
    with parts.database.read() as session:
        find_model_for(session, user, parts.plugins, model)


def _of_locations(parts: Context, asked: TypedLocations) -> Keys:
    return keys_of(parts.plugins, asked.model, typed_portfolio(asked.locations))


def _of_portfolio(parts: Context, model: str, version: PortfolioVersion) -> Keys:
    return keys_of(parts.plugins, model, parts.portfolio(version))


def _view(model: str, keys: Keys, offset: int, limit: int) -> KeysView:
    return KeysView(
        model=model,
        items=_rows(keys.rows.slice(offset, limit)),
        total=keys.rows.num_rows,
        locations=_rows(keys.locations.status.slice(0, MOST_ROWS)),
        by_reason=_rows(keys.locations.tiv_by_reason),
        findings=[FindingView.model_validate(plain(finding.as_dict())) for finding in keys.findings],
    )


def _rows(table: pa.Table) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = plain(table.to_pylist())
    return found
