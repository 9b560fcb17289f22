"""Analyses: made, listed, changed, started, cancelled, resumed, deleted."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Select, func, select

from oasis_kernel.service import runs
from oasis_kernel.service.access import (
    Analyst,
    Viewer,
    find_visible,
    forbidden,
    require_change,
    require_operate,
    require_own_groups,
    visible_to,
)
from oasis_kernel.service.asked import Asked, resolved
from oasis_kernel.service.context import Context, Service
from oasis_kernel.service.database import holds_any
from oasis_kernel.service.finished import AnalysisId
from oasis_kernel.service.identity import Identity
from oasis_kernel.service.paging import Column, Listed, Page, listed, page, sort_order
from oasis_kernel.service.problems import answers, conflict, invalid
from oasis_kernel.service.requests import MOST_PRIORITY, AnalysisRequest, Tag, refused_callback
from oasis_kernel.service.tables import Run
from oasis_kernel.service.users import note
from oasis_kernel.service.views import ROOT, AnalysisDetail, AnalysisView

router = APIRouter(prefix=f"{ROOT}/analyses", tags=["analyses"])

SORTS: dict[str, Column] = {
    "created": Run.id,
    "name": Run.name,
    "state": Run.state,
    "model": Run.model,
    "priority": Run.priority,
}


class Filters(BaseModel):
    """Which analyses are listed."""

    state: Annotated[list[runs.State], Field(default_factory=list, description="in one of these states")]
    model: str | None = None
    tag: Annotated[list[str], Field(default_factory=list, description="with one of these tags")]
    portfolio: str | None = Field(None, description="of this portfolio's id")
    owner: str | None = None
    q: str | None = Field(None, max_length=200, description="whose name has this text in it")
    sort: str = Field("-created", description=f"{', '.join(SORTS)}; with - before it for descending")


class ChangedAnalysis(BaseModel):
    """What is to be different; what is not given stays."""

    model_config = ConfigDict(extra="forbid")

    name: str | None = Field(None, max_length=200)
    tags: list[Tag] | None = Field(None, max_length=20)
    priority: int | None = Field(None, ge=-MOST_PRIORITY, le=MOST_PRIORITY)
    groups: list[str] | None = None


@router.post("", status_code=201, summary="Make an analysis, and run it", responses=answers(403, 404, 409, 413))
def create_analysis(parts: Service, user: Analyst, asked: AnalysisRequest, response: Response) -> AnalysisDetail:
    """Queue a run of a model on a portfolio; it outlives this request, its sender and a restart of the service.

    Its process checks everything first. Follow `links.events`, or give a `callback`.
    """
    require_own_groups(user, asked.groups)
    _require_priority(user, asked.priority)
    _require_callback(parts, asked.callback)
    found = resolved(parts, user, asked)
    with parts.database.write() as session:
        run = runs.create(session, **_columns(parts, user, asked, found))
        note(session, user.name, "create", "analysis", run.id)
        view = AnalysisDetail.of(run)
    response.headers["Location"] = view.url
    return view


@router.get("", summary="List the analyses", responses=answers())
def list_analyses(
    parts: Service, user: Viewer, wanted: Annotated[Page, Depends(page)], filters: Annotated[Filters, Query()]
) -> Listed[AnalysisView]:
    """The analyses that the user may see, newest first unless told otherwise."""
    order, newest = sort_order(filters.sort, SORTS, Run.id)
    with parts.database.read() as session:
        query = _filtered(select(Run).where(visible_to(user, Run), Run.deleted.is_(None)), filters)
        rows, following, total = listed(session, query, wanted, order, newest=newest)
        return Listed[AnalysisView](items=[AnalysisView.of(row) for row in rows], next=following, total=total)


@router.get("/{analysis_id}", summary="An analysis", responses=answers(404))
def show_analysis(parts: Service, user: Viewer, analysis_id: AnalysisId) -> AnalysisDetail:
    """What was asked for, where it stands, and what came of it."""
    with parts.database.read() as session:
        return AnalysisDetail.of(find_visible(session, user, Run, analysis_id))


@router.patch("/{analysis_id}", summary="Rename, tag, share or prioritise", responses=answers(403, 404))
def change_analysis(parts: Service, user: Analyst, analysis_id: AnalysisId, changed: ChangedAnalysis) -> AnalysisDetail:
    """Change name, tags, groups or priority. What is computed never changes: make a new analysis for that."""
    require_own_groups(user, changed.groups or [])
    _require_priority(user, changed.priority or 0)
    with parts.database.write() as session:
        run = find_visible(session, user, Run, analysis_id)
        require_change(user, run)
        for name, value in changed.model_dump(exclude_none=True).items():
            setattr(run, name, value)
        note(session, user.name, "change", "analysis", run.id)
        session.flush()
        return AnalysisDetail.of(run)


@router.delete("/{analysis_id}", status_code=204, summary="Delete an analysis", responses=answers(403, 404, 409))
def delete_analysis(parts: Service, user: Analyst, analysis_id: AnalysisId) -> None:
    """Delete an analysis with its results. One that is at work must be cancelled first."""
    with parts.database.write() as session:
        require_change(user, find_visible(session, user, Run, analysis_id))
        runs.delete(session, analysis_id)
        note(session, user.name, "delete", "analysis", analysis_id)


@router.post("/{analysis_id}/run", summary="Start an analysis", responses=answers(403, 404, 409))
def run_analysis(parts: Service, user: Analyst, analysis_id: AnalysisId) -> AnalysisDetail:
    """Start an analysis that was made with `start` false, or one that failed or was cancelled."""
    return _resumed(parts, user, analysis_id, "run")


@router.post("/{analysis_id}/resume", summary="Go on with an analysis", responses=answers(403, 404, 409))
def resume_analysis(parts: Service, user: Analyst, analysis_id: AnalysisId) -> AnalysisDetail:
    """Queue a failed or cancelled analysis again; finished chunks serve, only what is missing is computed."""
    return _resumed(parts, user, analysis_id, "resume")


@router.post("/{analysis_id}/cancel", status_code=202, summary="Cancel an analysis", responses=answers(403, 404, 409))
def cancel_analysis(parts: Service, user: Analyst, analysis_id: AnalysisId) -> AnalysisDetail:
    """Ask an analysis to stop. It is acknowledged at once; the state is `cancelled` once its process has stopped."""
    with parts.database.write() as session:
        require_operate(user, find_visible(session, user, Run, analysis_id))
        run = runs.request_cancel(session, analysis_id)
        note(session, user.name, "cancel", "analysis", analysis_id)
        session.flush()
        return AnalysisDetail.of(run)


def _resumed(parts: Context, user: Identity, analysis_id: str, action: str) -> AnalysisDetail:
    with parts.database.write() as session:
        require_operate(user, find_visible(session, user, Run, analysis_id))
        run = runs.resume(session, analysis_id)
        note(session, user.name, action, "analysis", analysis_id)
        session.flush()
        return AnalysisDetail.of(run)


def _columns(parts: Context, user: Identity, asked: AnalysisRequest, found: Asked) -> dict[str, object]:
    return {
        "name": asked.name or f"{asked.model}, {found.portfolio.name}"[:200],
        "owner": user.name,
        "groups": asked.groups,
        "model": asked.model,
        "portfolio_id": found.portfolio.id,
        "version_id": found.version.id,
        "request": dict(found.kept),
        "tags": asked.tags,
        "priority": asked.priority,
        "callback_url": asked.callback,
        "executor": _executor(parts, asked),
        "state": runs.State.QUEUED if asked.start else runs.State.CANCELLED,
    }


def _executor(parts: Context, asked: AnalysisRequest) -> str:
    """The cluster where there is one, unless told otherwise; 409 for a cluster that is not there."""
    has_cluster = parts.settings.ray != "none"
    if asked.executor == "ray" and not has_cluster:
        remedy = "Leave executor out, or let the operator set ray to local or a cluster's address"
        raise conflict("This service has no Ray cluster", remedy)
    return asked.executor or ("ray" if has_cluster else "threads")


def _filtered(query: Select[Run], filters: Filters) -> Select[Run]:
    if filters.state:
        query = query.where(Run.state.in_(filters.state))
    if filters.tag:
        query = query.where(holds_any(Run.tags, filters.tag))
    if filters.q:
        query = query.where(func.lower(Run.name).contains(filters.q.lower(), autoescape=True))
    for column, value in (
        (Run.model, filters.model),
        (Run.portfolio_id, filters.portfolio),
        (Run.owner, filters.owner),
    ):
        if value is not None:
            query = query.where(column == value)
    return query


def _require_priority(user: Identity, priority: int) -> None:
    if priority > 0 and not user.is_admin:
        raise forbidden("Only admins may put an analysis before others (priority above 0)", "Ask for 0 or less")


def _require_callback(parts: Context, callback: str | None) -> None:
    settings = parts.settings
    if callback is None:
        return
    refused = refused_callback(callback, settings.callback_schemes, settings.callback_hosts)
    if refused is not None:
        raise invalid(refused, detail=str(refused))
