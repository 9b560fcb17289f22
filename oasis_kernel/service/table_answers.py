"""Tables as responses: JSON for a page of rows, CSV and Parquet for as many as are asked for; files as one archive."""

import hashlib
import io
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import IO

import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.parquet as parquet
from fastapi import Request
from fastapi.responses import Response, StreamingResponse

from oasis_kernel.service.problems import json_bytes

BLOCK = 2**18
_SPOOLED = 8 * 2**20
_LAST_ZIP_YEAR, _FIRST_ZIP_YEAR = 2107, 1980
_PACKED = (".parquet", ".zip", ".gz", ".png")


class TableFormat(StrEnum):
    """How rows are sent."""

    JSON = "json"
    CSV = "csv"
    PARQUET = "parquet"


MEDIA_TYPES = {
    TableFormat.JSON: "application/json",
    TableFormat.CSV: "text/csv; charset=utf-8",
    TableFormat.PARQUET: "application/vnd.apache.parquet",
}


def etag_of(*parts: object) -> str:
    """The tag of an answer that follows from these values alone."""
    return '"' + hashlib.sha256("\x1f".join(map(str, parts)).encode()).hexdigest()[:32] + '"'


def unchanged(request: Request, etag: str) -> Response | None:
    """304 when the caller has the answer of this tag already."""
    known = [tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")]
    return Response(status_code=304, headers={"ETag": etag}) if etag in known or "*" in known else None


def file_answer(
    schema: pa.Schema, batches: Iterable[pa.RecordBatch], form: TableFormat, name: str, etag: str = ""
) -> StreamingResponse:
    """The rows as a CSV or Parquet file of this name, sent as they are read."""
    pieces = _csv(schema, batches) if form is TableFormat.CSV else _parquet(schema, batches)
    headers = {"Content-Disposition": f'attachment; filename="{name}.{form}"', **({"ETag": etag} if etag else {})}
    return StreamingResponse(pieces, media_type=MEDIA_TYPES[form], headers=headers)


def json_answer(value: object, etag: str = "") -> Response:
    """A value as JSON; numbers that are not finite are null."""
    return Response(json_bytes(value), media_type="application/json", headers={"ETag": etag} if etag else None)


def zip_answer(files: Iterable[tuple[str, Path]], name: str, made: datetime, etag: str = "") -> StreamingResponse:
    """The files as one archive, sent as it is packed; the same bytes for the same files."""
    headers = {"Content-Disposition": f'attachment; filename="{name}.zip"', **({"ETag": etag} if etag else {})}
    return StreamingResponse(_zip(files, made), media_type="application/zip", headers=headers)


class _Outbox(io.RawIOBase):
    """Where a writer puts bytes until they are sent."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._position = 0

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        piece = bytes(data)  # type: ignore[call-overload]
        self._pieces.append(piece)
        self._position += len(piece)
        return len(piece)

    def tell(self) -> int:
        return self._position

    def take(self) -> bytes:
        """What was written since the last time."""
        found, self._pieces = b"".join(self._pieces), []
        return found


def _csv(schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> Iterator[bytes]:
    yield (",".join(schema.names) + "\n").encode()
    options = csv.WriteOptions(include_header=False, quoting_style="needed")
    for batch in batches:
        sink = pa.BufferOutputStream()
        csv.write_csv(batch, sink, options)
        yield sink.getvalue().to_pybytes()


def _parquet(schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> Iterator[bytes]:
    with tempfile.SpooledTemporaryFile(_SPOOLED) as file:
        with parquet.ParquetWriter(file, schema) as writer:
            for batch in batches:
                writer.write_batch(batch)
        file.seek(0)
        yield from _blocks(file)


def _blocks(file: IO[bytes]) -> Iterator[bytes]:
    while block := file.read(BLOCK):
        yield block


def _zip(files: Iterable[tuple[str, Path]], made: datetime) -> Iterator[bytes]:
    outbox = _Outbox()
    year = min(max(made.year, _FIRST_ZIP_YEAR), _LAST_ZIP_YEAR)
    date = (year, made.month, made.day, made.hour, made.minute, made.second)
    with zipfile.ZipFile(outbox, "w", compresslevel=3) as archive:
        for name, path in files:
            entry = zipfile.ZipInfo(name, date)
            entry.compress_type = zipfile.ZIP_STORED if path.suffix in _PACKED else zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            large = path.stat().st_size >= zipfile.ZIP64_LIMIT
            with path.open("rb") as source, archive.open(entry, "w", force_zip64=large) as target:
                for block in _blocks(source):
                    target.write(block)
                    yield outbox.take()
    yield outbox.take()
