"""Uploads: large files in pieces, over any number of connections, checked when they are whole."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from oasis_kernel.service import uploads
from oasis_kernel.service.access import Analyst
from oasis_kernel.service.context import Context, Service
from oasis_kernel.service.identity import Identity
from oasis_kernel.service.paging import Listed, Page, listed, page
from oasis_kernel.service.problems import Problem, answers
from oasis_kernel.service.tables import Upload
from oasis_kernel.service.uploads import Incoming, Piece, UploadState
from oasis_kernel.service.users import note
from oasis_kernel.service.views import ROOT

router = APIRouter(prefix=f"{ROOT}/uploads", tags=["uploads"])

#: A sender that is silent for so long has gone; what came before stays.
SILENCE_SECONDS = 60.0
_BLOCK = 2**20
_MOST = 2**50
_PIECE = {"requestBody": {"required": True, "content": {"application/octet-stream": {"schema": {"type": "string"}}}}}


class NewUpload(BaseModel):
    """A file to come."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=200, description="the file's name: its ending must fit its content")
    kind: Literal["location", "account", "ri_info", "ri_scope", "rates", "archive"] = Field(
        description="the table it is; archive: a zip of a portfolio's tables"
    )
    size: int | None = Field(None, ge=1, le=_MOST, description="bytes; without it the last piece must say so")
    sha256: str | None = Field(None, pattern="^[0-9a-fA-F]{64}$", description="compared when the file is whole")


class UploadView(BaseModel):
    """An upload: how far it is, and what it became."""

    url: str
    id: str
    name: str
    kind: str
    owner: str
    state: str = Field(description=", ".join(UploadState), examples=["receiving"])
    size: int | None = Field(description="bytes; null while nobody has said")
    received: int = Field(description="bytes that are there: the next piece begins here")
    sha256: str | None = None
    created: datetime
    expires: datetime | None = Field(None, description="removed then, unless a portfolio uses it")

    @classmethod
    def of(cls, row: Upload, received: int) -> "UploadView":
        """The view of an upload of which so much is there."""
        names = ("id", "name", "kind", "owner", "state", "size", "sha256", "created", "expires")
        values = {name: getattr(row, name) for name in names}
        return cls(url=f"{ROOT}/uploads/{row.id}", received=received, **values)


@router.post("", status_code=201, summary="Announce a file", responses=answers(403, 409, 413))
def create_upload(parts: Service, user: Analyst, new: NewUpload, response: Response) -> UploadView:
    """Announce a file; then send it with PATCH, in as many pieces as you like."""
    with parts.database.write() as session:
        upload = uploads.create(session, user, Upload(**new.model_dump()), parts.settings.max_upload_bytes)
        note(session, user.name, "create", "upload", upload.id)
        view = UploadView.of(upload, 0)
    response.headers["Location"] = view.url
    response.headers["Upload-Offset"] = "0"
    return view


@router.get("", summary="List your uploads", responses=answers(403))
def list_uploads(
    parts: Service,
    user: Analyst,
    wanted: Annotated[Page, Depends(page)],
    state: Annotated[UploadState | None, Query(description="those in this state")] = None,
) -> Listed[UploadView]:
    """Your own uploads, newest first."""
    query = select(Upload).where(Upload.owner == user.name)
    if state is not None:
        query = query.where(Upload.state == state)
    with parts.database.read() as session:
        rows, following, total = listed(session, query, wanted, [Upload.id])
        views = [UploadView.of(row, _received(parts, row)) for row in rows]
    return Listed[UploadView](items=views, next=following, total=total)


@router.get("/{upload_id}", summary="How far an upload is", responses=answers(403, 404))
@router.head("/{upload_id}", summary="How far an upload is, as headers", responses=answers(403, 404))
def show_upload(parts: Service, user: Analyst, upload_id: str, response: Response) -> UploadView:
    """The upload; `Upload-Offset` is where the next piece begins, `Upload-Length` the whole size."""
    view = _view(parts, user, upload_id)
    _say_how_far(response, view)
    return view


@router.patch(
    "/{upload_id}",
    summary="Send a piece",
    responses=answers(400, 403, 404, 408, 409, 413, 507),
    openapi_extra=_PIECE,
)
async def add_piece(
    parts: Service,
    user: Analyst,
    upload_id: str,
    request: Request,
    response: Response,
    upload_offset: Annotated[int | None, Header(ge=0, le=_MOST, description="where the piece begins")] = None,
    content_range: Annotated[str | None, Header(max_length=100, description="the same as bytes N-M/SIZE")] = None,
    upload_complete: Annotated[bool, Header(description="with the last piece, where no size was given")] = False,
) -> UploadView:
    """Send the next piece as the body, `application/octet-stream`.

    When the connection breaks, what came stays: ask how far the upload is, and go on from there. With the last byte
    the file is checked and stored; an empty piece does that again when it could not be stored.
    """
    offset = uploads.offset_of(upload_offset, content_range)
    row = await run_in_threadpool(_open_upload, parts, user, upload_id)
    received = await _receive(parts, row, offset, request)
    if received == row.size or (upload_complete and row.size is None):
        await run_in_threadpool(uploads.finish, parts.database, parts.artefacts, _incoming(parts), row)
    view = await run_in_threadpool(_view, parts, user, upload_id)
    _say_how_far(response, view)
    return view


@router.delete("/{upload_id}", status_code=204, summary="Give an upload up", responses=answers(403, 404))
def delete_upload(parts: Service, user: Analyst, upload_id: str) -> None:
    """Forget an upload. What a portfolio uses of it stays with the portfolio."""
    with parts.database.write() as session:
        session.delete(uploads.find(session, user, upload_id))
        note(session, user.name, "delete", "upload", upload_id)
    _incoming(parts).discard(upload_id)


async def _receive(parts: Context, row: Upload, offset: int, request: Request) -> int:
    """Add the body to the file as it comes; returns where the file ends."""
    most = row.size if row.size is not None else parts.settings.max_upload_bytes
    incoming = _incoming(parts)
    adding = incoming.adding(row.id, offset, most)
    piece = await run_in_threadpool(adding.__enter__)
    try:
        await _write(piece, request)
    except BaseException as error:
        await run_in_threadpool(adding.__exit__, type(error), error, error.__traceback__)
        raise error.problem if isinstance(error, _Broken) else error from error.__cause__
    else:
        await run_in_threadpool(adding.__exit__, None, None, None)
    finally:
        received = incoming.received(row.id)
        await run_in_threadpool(uploads.note_received, parts.database, row.id, received)
    return received


async def _write(piece: Piece, request: Request) -> None:
    """The body to the file, in blocks; 408 when the sender falls silent, 400 when it is gone."""
    waiting = bytearray()
    try:
        async for block in _blocks(request):
            waiting += block
            if len(waiting) >= _BLOCK:
                await run_in_threadpool(piece.write, bytes(waiting))
                waiting.clear()
    finally:
        if waiting:
            await run_in_threadpool(piece.write, bytes(waiting))


async def _blocks(request: Request) -> AsyncIterator[bytes]:
    """The body's blocks as they come."""
    stream = request.stream()
    while True:
        try:
            block = await asyncio.wait_for(anext(stream), SILENCE_SECONDS)
        except StopAsyncIteration:
            return
        except TimeoutError as error:
            raise _Broken(408, "The sender was silent for too long") from error
        except ClientDisconnect as error:
            raise _Broken(400, "The connection broke") from error
        yield block


class _Broken(Exception):
    """A sender that stopped in the middle; what came stays."""

    def __init__(self, status: int, detail: str):
        super().__init__(detail)
        self.problem = Problem(status, detail, remedy="Ask how far the upload is, and go on from there")


def _open_upload(parts: Context, user: Identity, upload_id: str) -> Upload:
    with parts.database.read() as session:
        row = uploads.find(session, user, upload_id)
    uploads.require_open(row)
    return row


def _view(parts: Context, user: Identity, upload_id: str) -> UploadView:
    with parts.database.read() as session:
        row = uploads.find(session, user, upload_id)
    return UploadView.of(row, _received(parts, row))


def _received(parts: Context, row: Upload) -> int:
    """How much is there: what the file on the disk says while it is on its way."""
    return _incoming(parts).received(row.id) if row.state == UploadState.RECEIVING else row.received


def _incoming(parts: Context) -> Incoming:
    return Incoming.of(parts.settings)


def _say_how_far(response: Response, view: UploadView) -> None:
    response.headers["Upload-Offset"] = str(view.received)
    response.headers["Cache-Control"] = "no-store"
    if view.size is not None:
        response.headers["Upload-Length"] = str(view.size)
