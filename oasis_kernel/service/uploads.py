"""Files on their way in: pieces on this machine's disk, checked when they are whole, then stored as artefacts."""

import fcntl
import hashlib
import os
import shutil
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from oasis_kernel.errors import Finding, InvalidInput
from oasis_kernel.service.archives import ArchiveLimits, check_archive, check_table
from oasis_kernel.service.artefacts import Artefacts
from oasis_kernel.service.database import Database
from oasis_kernel.service.identity import Identity
from oasis_kernel.service.portfolios import KINDS
from oasis_kernel.service.problems import Problem, conflict, invalid, not_found
from oasis_kernel.service.settings import ServiceSettings
from oasis_kernel.service.tables import Upload, now
from oasis_kernel.store.failures import full_disk_named
from oasis_kernel.store.names import plain_name

#: What an upload may be: a table, rates of exchange, or a zip of a portfolio's tables.
ARCHIVE = "archive"
UPLOAD_KINDS = (*KINDS, "rates", ARCHIVE)
#: An upload that nobody sends to, or uses, for so long is removed.
LIFE = timedelta(hours=24)
LIMITS = ArchiveLimits()
#: So many uploads of one user may wait for more at the same time.
MOST_OPEN = 50


_LEFT_SECONDS = 3600.0


class UploadState(StrEnum):
    """Where an upload stands."""

    RECEIVING = "receiving"
    COMPLETE = "complete"
    FAILED = "failed"


class Piece:
    """The end of an unfinished file, where more is added."""

    def __init__(self, descriptor: int, offset: int, most: int):
        self._descriptor = descriptor
        self._most = most
        self.offset = offset

    def write(self, block: bytes) -> None:
        """Add a block; 413 when the file becomes larger than it may, StorageFull when the disk has no room."""
        if self.offset + len(block) > self._most:
            remedy = "Send no more than the size given, or make a new upload"
            raise Problem(413, f"The file must not be larger than {self._most:,} bytes", remedy=remedy)
        rest = memoryview(block)
        while rest:
            written = os.write(self._descriptor, rest)
            rest = rest[written:]
            self.offset += written


class Incoming:
    """The folder of unfinished files, one an upload. What a file holds is what was received."""

    def __init__(self, folder: Path):
        self.folder = folder

    @classmethod
    def of(cls, settings: ServiceSettings) -> "Incoming":
        """The service's folder."""
        return cls(settings.root / "incoming")

    def path(self, upload_id: str) -> Path:
        """Where an unfinished file lies."""
        return self.folder / f"{upload_id}.part"

    def received(self, upload_id: str) -> int:
        """How many bytes are there."""
        try:
            return self.path(upload_id).stat().st_size
        except FileNotFoundError:
            return 0

    @contextmanager
    def adding(self, upload_id: str, offset: int, most: int) -> Iterator[Piece]:
        """The end of a file, for one writer at a time; 409 for another offset than where the file ends.

        When a connection breaks, what came stays. When a piece is refused, or the disk is full, none of it does.
        """
        with full_disk_named("the service's folder of uploads"):
            self.folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.path(upload_id), os.O_RDWR | os.O_CREAT, 0o600)
            try:
                _lock(descriptor, upload_id)
                there = os.lseek(descriptor, 0, os.SEEK_END)
                if there != offset:
                    raise _elsewhere(there, offset)
                try:
                    yield Piece(descriptor, offset, most)
                    os.fsync(descriptor)
                except (Problem, OSError):
                    os.ftruncate(descriptor, offset)
                    raise
            finally:
                os.close(descriptor)

    def clear(self, known: Collection[str]) -> None:
        """Remove what is left here for an hour or more: files of no known upload, folders of a killed process."""
        before = time.time() - _LEFT_SECONDS
        for path in self.folder.glob("*"):
            if path.stat().st_mtime > before or (path.suffix == ".part" and path.stem in known):
                continue
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)

    def discard(self, upload_id: str) -> None:
        """Remove an unfinished file."""
        self.path(upload_id).unlink(missing_ok=True)


def _lock(descriptor: int, upload_id: str) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        remedy = "Wait until it has ended, ask how far the upload is, and go on from there"
        raise conflict(f"Another request is sending to upload {upload_id}", remedy) from error


def _elsewhere(there: int, offset: int) -> Problem:
    return Problem(
        409,
        f"The upload has {there:,} bytes, and this piece begins at {offset:,}",
        kind="upload-offset",
        remedy=f"Go on from {there}",
        headers={"Upload-Offset": str(there)},
    )


def create(session: Session, user: Identity, upload: Upload, most_bytes: int) -> Upload:
    """A new upload of a user; 413 for a size beyond the limit, 409 when too many are open already."""
    if upload.size is not None and upload.size > most_bytes:
        remedy = "Compress the file, or link it from storage"
        raise Problem(413, f"An upload must not be larger than {most_bytes:,} bytes", remedy=remedy)
    query = select(func.count()).where(Upload.owner == user.name, Upload.state == UploadState.RECEIVING)
    if (session.scalar(query) or 0) >= MOST_OPEN:
        raise conflict(f"{user.name} has {MOST_OPEN} unfinished uploads", "Finish or delete some")
    upload.owner, upload.state, upload.expires = user.name, UploadState.RECEIVING, now() + LIFE
    upload.name = plain_name(upload.name)
    session.add(upload)
    session.flush()
    return upload


def find(session: Session, user: Identity, upload_id: str) -> Upload:
    """The upload of an id; 404 when there is none of this user's (an admin: of anybody's)."""
    upload = session.get(Upload, upload_id) if "\0" not in upload_id else None
    if upload is None or not (user.is_admin or upload.owner == user.name):
        raise not_found("upload", upload_id)
    return upload


def note_received(database: Database, upload_id: str, received: int) -> None:
    """Write down how far an upload is; it lives on from now."""
    with database.write() as session:
        upload = session.get(Upload, upload_id)
        if upload is not None:
            upload.received, upload.expires = received, now() + LIFE


def finish(database: Database, artefacts: Artefacts, incoming: Incoming, upload: Upload) -> None:
    """Take an upload that is whole: compare it with its checksum, check that it is what it says, and store it.

    InvalidInput when it is another file than announced, or of no use; then it is gone, and has to be sent again.
    After any other failure the file is still there, and a further, empty, piece tries again.
    """
    path, size = incoming.path(upload.id), incoming.received(upload.id)
    with incoming.adding(upload.id, size, size):  # nobody else finishes it meanwhile
        try:
            _check(path, upload)
        except InvalidInput:
            _end(database, upload.id, state=UploadState.FAILED)
            incoming.discard(upload.id)
            raise
        stored = artefacts.put_file(path, f"uploads/{upload.id}/{upload.name}")
        values = {"url": stored.url, "sha256": stored.sha256, "size": stored.bytes, "received": stored.bytes}
        _end(database, upload.id, state=UploadState.COMPLETE, **values)
        incoming.discard(upload.id)


def _end(database: Database, upload_id: str, **values: Any) -> None:
    with database.write() as session:
        row = session.get(Upload, upload_id, with_for_update=True)
        if row is None:
            raise not_found("upload", upload_id)
        require_open(row)
        row.expires = now() + LIFE
        for name, value in values.items():
            setattr(row, name, value)


def _check(path: Path, upload: Upload) -> None:
    if upload.sha256 is not None:
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        if digest != upload.sha256.lower():
            remedy = "Send the file again"
            message = "must have the checksum it was announced with"
            raise InvalidInput(Finding(upload.name, message, value=digest, rule="upload_checksum", remedy=remedy))
    if upload.kind == ARCHIVE:
        check_archive(path, upload.name, LIMITS)
    else:
        check_table(path, upload.name, LIMITS)


def require_open(upload: Upload) -> None:
    """409 unless more of the file is awaited."""
    if upload.state != UploadState.RECEIVING:
        raise conflict(f"Upload {upload.id} is {upload.state}: it takes no more", "Make a new upload")


def offset_of(upload_offset: int | None, content_range: str | None) -> int:
    """Where a piece begins, by either header; 422 when neither says."""
    if upload_offset is not None:
        return upload_offset
    first = (content_range or "").removeprefix("bytes ").partition("-")[0]
    if not first.isdigit():
        remedy = "Send Upload-Offset: N, or Content-Range: bytes N-M/SIZE"
        raise invalid(Finding("request", "must say where the piece begins", field="Upload-Offset", remedy=remedy))
    return int(first)
