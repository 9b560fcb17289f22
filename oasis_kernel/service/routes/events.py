"""What happens to an analysis, as it happens: server-sent events that a follower can pick up where it left off."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from oasis_kernel.service import runs
from oasis_kernel.service.access import Viewer, current_user, find_visible
from oasis_kernel.service.context import Context, Service
from oasis_kernel.service.events_log import events_after
from oasis_kernel.service.finished import AnalysisId
from oasis_kernel.service.problems import Problem, Responses, answers, plain
from oasis_kernel.service.tables import Run, RunEvent
from oasis_kernel.service.views import ROOT

router = APIRouter(prefix=f"{ROOT}/analyses/{{analysis_id}}", tags=["analyses"])

POLL_SECONDS = 0.25
HEARTBEAT_SECONDS = 10.0
ACCESS_SECONDS = 5.0  # so long may somebody follow who may not any more
MOST_AT_ONCE = 500
_STREAM: Responses = {
    200: {
        "description": "Events with `id`, `event` (state, progress, chunk, finding, log; `end` last) and JSON `data`",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    }
}


@router.get(
    "/events",
    summary="Follow an analysis",
    response_class=StreamingResponse,
    responses=answers(404) | _STREAM,
)
def follow(
    parts: Service,
    user: Viewer,
    request: Request,
    analysis_id: AnalysisId,
    after: Annotated[int | None, Query(ge=0, le=2**62, description="only events with a higher id")] = None,
    wait: Annotated[bool, Query(description="false: end after the events there are")] = True,
    last_event_id: Annotated[
        str | None, Header(max_length=40, description="the last id seen, as browsers send it")
    ] = None,
) -> StreamingResponse:
    """Server-sent events, from the first one (or after `Last-Event-ID`) until the run has ended.

    A comment every ten seconds shows that the connection is alive. The last event is `end`, with the final state.
    """
    with parts.database.read() as session:
        find_visible(session, user, Run, analysis_id)
    seen = int(last_event_id) if last_event_id and last_event_id.isdigit() else 0
    events = _events(parts, request, analysis_id, after if after is not None else min(seen, 2**62), wait=wait)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(events, media_type="text/event-stream", headers=headers)


async def _events(parts: Context, request: Request, run_id: str, seen: int, *, wait: bool) -> AsyncIterator[str]:
    """The events as text, until the run has ended and all were told, the follower has gone, or the service stops."""
    silent = since_asked = 0.0
    yield ": follow\n\n"
    while not parts.stopping and not await request.is_disconnected():
        if since_asked >= ACCESS_SECONDS:
            since_asked = 0.0
            if not await run_in_threadpool(_may_follow, parts, request, run_id):
                return
        state, happened = await run_in_threadpool(_look, parts, run_id, seen)
        for event in happened:
            seen = event.id
            yield _text(event)
        if len(happened) == MOST_AT_ONCE:
            continue
        if state in runs.ENDED or state is None or not wait:
            yield _message("end", {"state": state}, None)
            return
        silent = 0.0 if happened else silent + POLL_SECONDS
        if silent >= HEARTBEAT_SECONDS:
            silent = 0.0
            yield ": still here\n\n"
        since_asked += POLL_SECONDS
        await asyncio.sleep(POLL_SECONDS)


def _may_follow(parts: Context, request: Request, run_id: str) -> bool:
    """Whether the follower still sees the run: tokens are revoked, and groups change, while a run is at work."""
    try:
        user = current_user(request)
        with parts.database.read() as session:
            find_visible(session, user, Run, run_id)
    except Problem as problem:
        return problem.status in (429, 503)  # nobody could say
    return True


def _look(parts: Context, run_id: str, seen: int) -> tuple[str | None, list[RunEvent]]:
    """The run's state (None when it was deleted), and the events since; the state is read first, so none is missed."""
    with parts.database.read() as session:
        run = session.get(Run, run_id)
        happened = events_after(session, run_id, seen, MOST_AT_ONCE)
        return (run.state if run is not None and run.deleted is None else None), happened


def _text(event: RunEvent) -> str:
    data = {"at": event.at.isoformat(timespec="milliseconds"), **plain(event.data)}
    return _message(event.kind, data, event.id)


def _message(kind: str, data: object, number: int | None) -> str:
    """One event as the HTML standard has it: JSON has no line breaks, so that data is one line."""
    identity = f"id: {number}\n" if number is not None else ""
    return f"{identity}event: {kind}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n"
