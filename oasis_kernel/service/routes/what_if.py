"""What-if: a completed analysis again with other terms, reinsurance or summaries, on the ground-up losses it kept."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from oasis_kernel.engine.progress import Clock, Progress
from oasis_kernel.engine.what_if import begin_what_if, require_kept
from oasis_kernel.errors import Finding
from oasis_kernel.formats.oed_accounts import account_named
from oasis_kernel.service import runs
from oasis_kernel.service.access import Analyst, find_visible, require_model, require_own_groups
from oasis_kernel.service.asked import confined
from oasis_kernel.service.context import Context, Service
from oasis_kernel.service.finished import Finished, finished
from oasis_kernel.service.identity import Identity
from oasis_kernel.service.intake import Given, Kind, NewVersion, take
from oasis_kernel.service.portfolios import find_version
from oasis_kernel.service.problems import answers, conflict, invalid
from oasis_kernel.service.requests import Tag, analysis_of
from oasis_kernel.service.tables import Portfolio, PortfolioVersion, Run
from oasis_kernel.service.users import note
from oasis_kernel.service.views import ROOT, AnalysisDetail

router = APIRouter(prefix=f"{ROOT}/analyses/{{analysis_id}}/whatif", tags=["results"])


class Change(BaseModel):
    """What is to be different; what is not given stays as it was."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"without_account": "HOMES"}]})

    version: int | None = Field(None, ge=1, le=2**31 - 1, description="another version of the same portfolio")
    uploads: dict[Kind, str] = Field(default_factory=dict, description="tables that change, by finished upload")
    links: dict[Kind, str] = Field(default_factory=dict, description="tables that change, linked from storage")
    settings: dict[str, Any] | None = Field(None, description="other summaries or tables; samples must stay")
    without_account: str | None = Field(None, max_length=200, description="leave out ACC or PORT/ACC")
    name: str = Field("", max_length=200)
    tags: list[Tag] = Field(default_factory=list, max_length=20)
    groups: list[str] = Field(default_factory=list, description="groups that see it")


@router.post("", status_code=201, summary="Ask what if", responses=answers(403, 404, 409, 413, 502, 503))
async def what_if(
    parts: Service,
    user: Analyst,
    result: Annotated[Finished, Depends(finished)],
    change: Change,
    response: Response,
) -> AnalysisDetail:
    """Queue a new analysis that differs from a completed one in terms only; nothing is sampled again.

    The completed one must have been made with `keep_ground_up`. Its tables are those of a full run with the change,
    byte for byte. A change that would need other ground-up losses (values, places, samples, events) is refused.
    """
    require_own_groups(user, change.groups)
    if not change.model_fields_set & {"version", "uploads", "links", "settings", "without_account"}:
        raise invalid(Finding("body", "must change something", remedy="Give version, uploads, settings, ..."))
    require_kept(result.run.record)
    version = await _changed_version(parts, user, result.row, change)
    kept = _request(parts, result, change)
    await parts.calls.run(_require_possible, parts, result, kept, version)
    with parts.database.write() as session:
        if version.id is None:
            version = _own_portfolio(session, user, result.row, version)
        run = runs.create(session, **_columns(user, result.row, change, kept, version))
        note(session, user.name, "whatif", "analysis", run.id)
        view = AnalysisDetail.of(run)
    response.headers["Location"] = view.url
    return view


async def _changed_version(parts: Context, user: Identity, row: Run, change: Change) -> PortfolioVersion:
    """The version of the portfolio to use; one without an id yet when tables are given."""
    with parts.database.read() as session:
        require_model(session, user, row.model)
        before = session.get(PortfolioVersion, row.version_id) if row.version_id else None
        if before is not None:
            # Whoever sees an analysis need not see its portfolio, whose tables the new one would show.
            portfolio = find_visible(session, user, Portfolio, before.portfolio_id)
            before = find_version(session, portfolio, change.version or before.number)
    if before is None:
        raise conflict(f"Analysis {row.id} has no portfolio any more", "Make a new analysis")
    if not change.uploads and not change.links:
        return before
    asked = Given(NewVersion(uploads=change.uploads, links=change.links, inherit=True))
    taken = await take(parts, user, asked, before)
    return PortfolioVersion(number=1, files=taken.files, created_by=user.name, **taken.columns)


def _request(parts: Context, result: Finished, change: Change) -> dict[str, Any]:
    """The run's request, changed: its samples stay, and what it kept is used."""
    before, record = result.row.request, result.run.record
    words: dict[str, str] = dict.fromkeys([*change.uploads, *change.links], "a table")
    if change.version is not None:
        words["portfolio"] = f"version {change.version}"
    settings = before.get("settings")
    if change.settings is not None:
        settings, words["settings"] = confined(parts, change.settings), "given"
    if change.without_account is not None:
        words["without_account"] = change.without_account
    own_samples = "number_of_samples" in (change.settings or {})
    return {
        **before,
        "settings": settings,
        "samples": None if own_samples else record.samples,
        "keep_ground_up": True,
        "without_account": change.without_account,
        "what_if_of": record.id,
        "change": words,
    }


def _require_possible(parts: Context, result: Finished, kept: Mapping[str, Any], version: PortfolioVersion) -> None:
    """OasisError when the change asks for other ground-up losses than were kept; InvalidInput as a check's."""
    analysis, noticed = analysis_of(parts.plugins, result.row.model, kept, parts.portfolio(version))
    begun = begin_what_if(result.run.record, analysis, Clock(_silent), noticed)
    if kept["without_account"] is not None:
        account_named(begun.given.portfolio, kept["without_account"])


def _silent(progress: Progress) -> None:
    """Show nothing: a request has no progress."""


def _own_portfolio(session: Session, user: Identity, row: Run, version: PortfolioVersion) -> PortfolioVersion:
    """The changed tables as a portfolio of the user's own: the original, perhaps another's, stays as it is."""
    portfolio = Portfolio(owner=user.name, name=f"what if: {row.name}"[:200], groups=[])
    session.add(portfolio)
    session.flush()
    version.portfolio_id = portfolio.id
    session.add(version)
    session.flush()
    return version


def _columns(
    user: Identity, row: Run, change: Change, kept: dict[str, Any], version: PortfolioVersion
) -> dict[str, Any]:
    return {
        "name": change.name or f"what if: {row.name}"[:200],
        "owner": user.name,
        "groups": change.groups,
        "model": row.model,
        "portfolio_id": version.portfolio_id,
        "version_id": version.id,
        "request": kept,
        "tags": change.tags,
        "priority": min(row.priority, 0),
        "executor": row.executor,
    }
