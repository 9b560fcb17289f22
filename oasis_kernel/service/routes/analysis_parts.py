"""What belongs to an analysis while it runs and after: chunks, findings, log."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi import Path as InPath
from pydantic import BaseModel, Field
from sqlalchemy import select

from oasis_kernel.service import chunks
from oasis_kernel.service.access import Viewer, find_visible
from oasis_kernel.service.context import Service
from oasis_kernel.service.events_log import tail
from oasis_kernel.service.finished import AnalysisId
from oasis_kernel.service.paging import Listed, Page, listed, page
from oasis_kernel.service.problems import answers, not_found
from oasis_kernel.service.tables import ChunkRow, Run
from oasis_kernel.service.views import ROOT, ChunkView, FindingsView

router = APIRouter(prefix=f"{ROOT}/analyses/{{analysis_id}}", tags=["analyses"])


class ChunksView(Listed[ChunkView]):
    """A page of chunks, and how many of all of them are in each state."""

    states: dict[str, int] = Field(examples=[{"done": 12, "running": 2, "waiting": 26}])


class LogView(BaseModel):
    """The end of a run's log."""

    lines: list[str]


@router.get("/chunks", summary="List the chunks", responses=answers(404))
def list_chunks(
    parts: Service,
    user: Viewer,
    analysis_id: AnalysisId,
    wanted: Annotated[Page, Depends(page)],
    state: Annotated[Sequence[chunks.ChunkState], Query(description="in one of these states")] = (),
) -> ChunksView:
    """Each chunk's state, worker, times, memory and error, in order; none before the run is planned."""
    with parts.database.read() as session:
        find_visible(session, user, Run, analysis_id)
        query = select(ChunkRow).where(ChunkRow.run_id == analysis_id)
        if state:
            query = query.where(ChunkRow.state.in_(state))
        rows, following, total = listed(session, query, wanted, [ChunkRow.number, ChunkRow.part], newest=False)
        states = chunks.counts(session, analysis_id)
        items = [ChunkView.of(row) for row in rows]
    return ChunksView(items=items, next=following, total=total, states=states)


@router.get("/chunks/{number}", summary="A chunk", responses=answers(404))
def show_chunk(
    parts: Service,
    user: Viewer,
    analysis_id: AnalysisId,
    number: Annotated[int, InPath(ge=0, le=2**31 - 1)],
    part: Annotated[str, Query(max_length=40, pattern="^[01]*$", description="the half, of one that was split")] = "",
) -> ChunkView:
    """A chunk with its error and the end of its log."""
    with parts.database.read() as session:
        find_visible(session, user, Run, analysis_id)
        row = session.get(ChunkRow, (analysis_id, number, part))
        if row is None:
            raise not_found("chunk", f"{number}{f' part {part}' if part else ''} of analysis {analysis_id}")
        return ChunkView.of(row)


@router.get("/findings", summary="What was found in the inputs", responses=answers(404))
def show_findings(parts: Service, user: Viewer, analysis_id: AnalysisId) -> FindingsView:
    """Everything that checking brought to light; empty before the run has checked its inputs."""
    with parts.database.read() as session:
        return FindingsView.of(find_visible(session, user, Run, analysis_id).findings or [])


@router.get("/log", summary="The end of the log", responses=answers(404))
def show_log(
    parts: Service,
    user: Viewer,
    analysis_id: AnalysisId,
    lines: Annotated[int, Query(ge=1, le=5000, description="at most so many lines")] = 200,
) -> LogView:
    """The last lines that the run's processes wrote."""
    with parts.database.read() as session:
        find_visible(session, user, Run, analysis_id)
    return LogView(lines=tail(parts.settings.run_log(analysis_id), lines))
