"""Portfolios: OED files under a name, in versions."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from oasis_kernel.service import portfolios
from oasis_kernel.service.access import Analyst, Viewer, find_visible, require_change, require_own_groups, visible_to
from oasis_kernel.service.context import Service
from oasis_kernel.service.intake import NewPortfolio, NewVersion, body_description, given, take
from oasis_kernel.service.paging import Column, Listed, Page, listed, page, sort_order
from oasis_kernel.service.problems import answers
from oasis_kernel.service.tables import Portfolio
from oasis_kernel.service.users import note
from oasis_kernel.service.views import ROOT, PortfolioView, VersionView

router = APIRouter(prefix=f"{ROOT}/portfolios", tags=["portfolios"])

SORTS: dict[str, Column] = {"created": Portfolio.id, "name": Portfolio.name, "owner": Portfolio.owner}


class ChangedPortfolio(BaseModel):
    """What is to be different; what is not given stays."""

    model_config = ConfigDict(extra="forbid")

    name: str | None = Field(None, min_length=1, max_length=200)
    description: str | None = Field(None, max_length=10_000)
    groups: list[str] | None = None


@router.post(
    "",
    status_code=201,
    summary="Make a portfolio",
    responses=answers(403, 404, 409, 413, 415, 503),
    openapi_extra=body_description(NewPortfolio),
)
async def create_portfolio(parts: Service, user: Analyst, request: Request, response: Response) -> PortfolioView:
    """Send OED files as multipart, or name finished uploads, or link files that lie in storage already.

    The files are read and checked; what is wrong is in `latest.findings`. Files that are no tables are refused.
    """
    async with given(request, NewPortfolio) as asked:
        require_own_groups(user, asked.fields.groups)
        files = await take(parts, user, asked)
    with parts.database.write() as session:
        portfolio = Portfolio(owner=user.name, **asked.fields.model_dump(include={"name", "description", "groups"}))
        session.add(portfolio)
        session.flush()
        version = portfolios.add_version(session, portfolio, user.name, files.files, **files.columns)
        note(session, user.name, "create", "portfolio", portfolio.id)
        view = PortfolioView.of(portfolio, 1, version)
    response.headers["Location"] = view.url
    return view


@router.get("", summary="List the portfolios", responses=answers())
def list_portfolios(
    parts: Service,
    user: Viewer,
    wanted: Annotated[Page, Depends(page)],
    q: Annotated[str | None, Query(max_length=200, description="whose name has this text in it")] = None,
    owner: str | None = None,
    sort: Annotated[str, Query(description=f"{', '.join(SORTS)}; with - before it for descending")] = "-created",
) -> Listed[PortfolioView]:
    """The portfolios that the user may see with their latest versions, newest first unless told otherwise."""
    order, newest = sort_order(sort, SORTS, Portfolio.id)
    query = select(Portfolio).where(visible_to(user, Portfolio), Portfolio.deleted.is_(None))
    if q:
        query = query.where(func.lower(Portfolio.name).contains(q.lower(), autoescape=True))
    if owner is not None:
        query = query.where(Portfolio.owner == owner)
    with parts.database.read() as session:
        rows, following, total = listed(session, query, wanted, order, newest=newest)
        versions = portfolios.latest_versions(session, rows)
        items = [PortfolioView.of(row, *versions.get(row.id, (0, None))) for row in rows]
    return Listed[PortfolioView](items=items, next=following, total=total)


@router.get("/{portfolio_id}", summary="A portfolio", responses=answers(404))
def show_portfolio(parts: Service, user: Viewer, portfolio_id: str) -> PortfolioView:
    """The portfolio with its latest version."""
    with parts.database.read() as session:
        return _view(session, find_visible(session, user, Portfolio, portfolio_id))


@router.patch("/{portfolio_id}", summary="Rename, describe or share", responses=answers(403, 404))
def change_portfolio(parts: Service, user: Analyst, portfolio_id: str, changed: ChangedPortfolio) -> PortfolioView:
    """Change name, description or groups. Files never change: make a new version for that."""
    require_own_groups(user, changed.groups or [])
    with parts.database.write() as session:
        portfolio = find_visible(session, user, Portfolio, portfolio_id)
        require_change(user, portfolio)
        for name, value in changed.model_dump(exclude_none=True).items():
            setattr(portfolio, name, value)
        note(session, user.name, "change", "portfolio", portfolio.id)
        session.flush()
        return _view(session, portfolio)


@router.delete("/{portfolio_id}", status_code=204, summary="Delete a portfolio", responses=answers(403, 404, 409))
def delete_portfolio(parts: Service, user: Analyst, portfolio_id: str) -> None:
    """Delete a portfolio. Its analyses stay; none may wait or be at work."""
    with parts.database.write() as session:
        portfolio = find_visible(session, user, Portfolio, portfolio_id)
        require_change(user, portfolio)
        portfolios.delete(session, portfolio)
        note(session, user.name, "delete", "portfolio", portfolio_id)


@router.post(
    "/{portfolio_id}/versions",
    status_code=201,
    summary="Make a new version",
    responses=answers(403, 404, 409, 413, 415, 503),
    openapi_extra=body_description(NewVersion),
)
async def create_version(
    parts: Service, user: Analyst, portfolio_id: str, request: Request, response: Response
) -> VersionView:
    """Send the version's files; with `inherit`, those that are not sent are the latest version's."""
    with parts.database.read() as session:
        portfolio = find_visible(session, user, Portfolio, portfolio_id)
        require_change(user, portfolio)
        before = portfolios.latest_versions(session, [portfolio]).get(portfolio_id)
    async with given(request, NewVersion) as asked:
        files = await take(parts, user, asked, before[1] if before is not None else None)
    with parts.database.write() as session:
        version = portfolios.add_version(session, portfolio, user.name, files.files, **files.columns)
        note(session, user.name, "version", "portfolio", portfolio_id)
        view = VersionView.of(version)
    response.headers["Location"] = view.url
    return view


def _view(session: Session, portfolio: Portfolio) -> PortfolioView:
    found: tuple[int, Any] = portfolios.latest_versions(session, [portfolio]).get(portfolio.id, (0, None))
    return PortfolioView.of(portfolio, *found)
