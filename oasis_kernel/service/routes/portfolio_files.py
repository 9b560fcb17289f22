"""What is in a portfolio: its versions, files, locations, and what is wrong with them."""

from collections.abc import Mapping
from typing import Annotated, Any

import pyarrow as pa
from fastapi import APIRouter, Depends, Query, Request
from fastapi import Path as InPath
from fastapi.responses import FileResponse, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select

from oasis_kernel.engine.check import CheckReport, check_whole
from oasis_kernel.errors import Finding, InvalidInput
from oasis_kernel.formats.result_table import expression, known_columns, parse_where
from oasis_kernel.model.exposure import Portfolio as Exposure
from oasis_kernel.service.access import Viewer, find_model_for, find_visible
from oasis_kernel.service.asked import confined
from oasis_kernel.service.context import Context, Service
from oasis_kernel.service.paging import Listed, Page, listed, page
from oasis_kernel.service.portfolios import find_version
from oasis_kernel.service.problems import answers, invalid, not_found
from oasis_kernel.service.requests import analysis_of
from oasis_kernel.service.routes.asking import check_view
from oasis_kernel.service.table_answers import TableFormat, file_answer, json_answer
from oasis_kernel.service.tables import Portfolio, PortfolioVersion
from oasis_kernel.service.views import ROOT, CheckView, RowsView, VersionView

router = APIRouter(prefix=f"{ROOT}/portfolios/{{portfolio_id}}", tags=["portfolios"])

MOST_ROWS = 100_000
Number = Annotated[int | None, Query(ge=1, le=2**31 - 1, description="number of a version; default: the latest")]


class AskedCheck(BaseModel):
    """What a portfolio is checked with."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"model": "toy-wind"}]})

    model: str | None = Field(None, max_length=200, description="also whether this model can be run on it")
    settings: dict[str, Any] | None = Field(None, description="also whether these settings fit; needs a model")
    samples: int | None = Field(None, ge=0, le=1_000_000)
    options: dict[str, Any] = Field(default_factory=dict)
    version: int | None = Field(None, ge=1, le=2**31 - 1)


@router.get("/versions", summary="List the versions", responses=answers(404))
def list_versions(
    parts: Service, user: Viewer, portfolio_id: str, wanted: Annotated[Page, Depends(page)]
) -> Listed[VersionView]:
    """The portfolio's versions, newest first."""
    with parts.database.read() as session:
        find_visible(session, user, Portfolio, portfolio_id)
        query = select(PortfolioVersion).where(PortfolioVersion.portfolio_id == portfolio_id)
        rows, following, total = listed(session, query, wanted, [PortfolioVersion.number])
        return Listed[VersionView](items=[VersionView.of(row) for row in rows], next=following, total=total)


@router.get("/versions/{number}", summary="A version", responses=answers(404))
def show_version(
    parts: Service, user: Viewer, portfolio_id: str, number: Annotated[int, InPath(ge=1, le=2**31 - 1)]
) -> VersionView:
    """The files of a version, and what reading them brought to light."""
    return VersionView.of(_version(parts, user, portfolio_id, number))


@router.get(
    "/files/{kind}",
    summary="An OED file as it was sent",
    response_class=FileResponse,
    responses=answers(404) | {200: {"content": {"application/octet-stream": {}}}},
)
def show_file(parts: Service, user: Viewer, portfolio_id: str, kind: str, version: Number = None) -> FileResponse:
    """The file of a kind (location, account, ri_info, ri_scope): its own bytes."""
    found = _version(parts, user, portfolio_id, version)
    file = found.files.get(kind)
    if file is None:
        raise not_found(f"{kind} file in portfolio", portfolio_id, f"It has {', '.join(found.files)}")
    path = parts.files({kind: file})[kind]
    return FileResponse(path, media_type="application/octet-stream", filename=file["name"])


@router.get(
    "/locations",
    summary="Locations, for tables and maps",
    response_model=RowsView,
    responses=answers(404, 409, 503) | {200: {"content": {"text/csv": {}, "application/vnd.apache.parquet": {}}}},
)
async def show_locations(
    parts: Service,
    user: Viewer,
    request: Request,
    portfolio_id: str,
    version: Number = None,
    columns: Annotated[str, Query(description="OED columns, with commas between; all by default")] = "",
    where: Annotated[str, Query(max_length=2000, description="COLUMN op VALUE, joined by AND")] = "",
    limit: Annotated[int, Query(ge=1, le=MOST_ROWS)] = 1000,
    offset: Annotated[int, Query(ge=0, le=2**53)] = 0,
    form: Annotated[TableFormat, Query(alias="format")] = TableFormat.JSON,
) -> Response:
    """The location file's rows as the engine reads them: typed, amounts in the reporting currency."""
    found = _version(parts, user, portfolio_id, version)
    names = [name.strip() for name in columns.split(",") if name.strip()]
    rows = await parts.calls.run(_locations, parts, found, names, where)
    piece = rows.slice(offset, limit)
    if form is not TableFormat.JSON:
        return file_answer(piece.schema, piece.to_batches(), form, "locations")
    after = offset + piece.num_rows
    more = (
        request.url.include_query_params(offset=after, limit=limit)
        if 0 < piece.num_rows < rows.num_rows - offset
        else None
    )
    following = f"{more.path}?{more.query}" if more is not None else None
    items = piece.to_pylist()
    return json_answer(
        {"table": "location", "columns": rows.column_names, "items": items, "total": rows.num_rows, "next": following}
    )


@router.post("/check", summary="Check a portfolio", responses=answers(404, 413, 503))
async def check_portfolio(parts: Service, user: Viewer, portfolio_id: str, asked: AskedCheck) -> CheckView:
    """What is wrong, or worth knowing, with a portfolio: by itself, or (with a model) for a run of that model.

    The answer is 200 with `passed` false when something stops a run.
    """
    if asked.model is None and (asked.settings is not None or asked.options):
        raise invalid(Finding("request", "needs a model beside settings or options", field="model", remedy="Name one"))
    if asked.model is not None:
        with parts.database.read() as session:
            find_model_for(session, user, parts.plugins, asked.model)
    version = _version(parts, user, portfolio_id, asked.version)
    settings = confined(parts, asked.settings) if asked.settings is not None else None
    kept = {"settings": settings, "samples": asked.samples, "options": asked.options}
    return check_view(await parts.calls.run(_checked, parts, version, asked.model, kept))


def _version(parts: Context, user: Viewer, portfolio_id: str, number: int | None) -> PortfolioVersion:
    with parts.database.read() as session:
        return find_version(session, find_visible(session, user, Portfolio, portfolio_id), number)


def _checked(parts: Context, version: PortfolioVersion, model: str | None, kept: Mapping[str, Any]) -> CheckReport:
    try:
        exposure: Exposure = parts.portfolio(version)
        if model is None:
            return CheckReport(exposure.findings, None)
        analysis, noticed = analysis_of(parts.plugins, model, kept, exposure)
    except InvalidInput as error:
        return CheckReport(error.findings, None)
    return check_whole(analysis, noticed)


def _locations(parts: Context, version: PortfolioVersion, names: list[str], where: str) -> pa.Table:
    table = parts.portfolio(version).location
    if table is None:
        raise not_found("location file in portfolio", version.portfolio_id)
    known_columns(names, table.schema, "columns")
    condition = expression(parse_where(where), table.schema)
    if condition is not None:
        table = table.filter(condition)
    return table.select(names) if names else table
