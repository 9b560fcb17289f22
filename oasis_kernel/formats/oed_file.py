"""An OED file as text columns with row numbers: csv or Parquet, plain or compressed, local or remote."""

import bz2
import csv
import gzip
import io
import os
import zipfile
import zlib
from dataclasses import dataclass
from typing import IO, Protocol, TypeAlias

import fsspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from oasis_kernel.errors import Finding, InvalidInput, Severity
from oasis_kernel.formats.oed_findings import Breach, Rule

#: A table to read: a path or URL (anything fsspec opens), or a table that is already in memory.
Source: TypeAlias = str | os.PathLike[str] | pa.Table

#: No file may expand beyond this, nor (above the free allowance) to more than so many times its size.
MAX_BYTES = 8 * 2**30
FREE_BYTES = 256 * 2**20
MAX_RATIO = 200
MAX_RECORDS = 100_000_000

#: What counts as blank in a csv: what ods_tools reads as such ('NA' is Namibia).
BLANKS = [
    *("", " ", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "1.#IND", "1.#QNAN"),
    *("N/A", "n/a", "NULL", "null", "NaN", "nan", "-NaN", "-nan"),
]
_BLOCK = 2**20
_MAGIC = {b"\x1f\x8b": "gzip", b"PK\x03\x04": "zip", b"PK\x05\x06": "zip", b"BZh": "bzip2", b"\x28\xb5\x2f\xfd": "zstd"}
_MAGIC[b"PAR1"] = "parquet"
SUFFIX_OF = {
    "gzip": (".gz", ".gzip"),
    "zip": (".zip",),
    "bzip2": (".bz2",),
    "zstd": (".zst",),
    "parquet": (".parquet", ".pq"),
}

FOUND = Rule("file", "must be a file that can be opened", "Check the path and the permissions.")
NOT_EMPTY = Rule(
    "file_empty",
    "must hold a header and at least one record, and is empty",
    "Export the table again, or leave the file out.",
)
HEADER_ALONE = Rule(
    "file_empty",
    "must hold a header and at least one record, and has no record",
    "Export the table again, or leave the file out.",
)
COMPRESSION = Rule("file_compression", "must be a sound compressed file", "Compress the file again.")
ONE_MEMBER = Rule("file_members", "must hold exactly one file", "Put each OED file into an archive of its own.")
BOUND = Rule("file_size", "expands to more than is allowed", "Split the portfolio, or send the file uncompressed.")
FORMAT = Rule("file_format", "must be a csv or Parquet file", "Export the table as csv (comma separated) or Parquet.")
ENCODING = Rule("file_encoding", "must be UTF-8 text", "Save the file with encoding UTF-8.")
RAGGED = Rule("record_length", "must have as many values as the header", "Quote values that contain a comma.")
COLUMN_ONCE = Rule("column_once", "must appear once in the header", "Remove or rename one of the columns.")
BLANK_RECORDS = Rule("blank_records", "has blank records, which are skipped", severity=Severity.NOTE)


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


@dataclass(frozen=True)
class RawTable:
    """A file's columns under the names in its header; csv columns are text, Parquet columns keep their type."""

    file: str
    table: pa.Table
    row: npt.NDArray[np.int64]  # where each record stands in the file: the header is row 1
    findings: tuple[Finding, ...] = ()


def read_raw(source: Source, name: str) -> RawTable:
    """The source's table. ``name`` is what findings call a table that has no file.

    Raises InvalidInput when nothing can be made of it; what is wrong with single records is in ``findings``.
    """
    if isinstance(source, pa.Table):
        return _checked_header(RawTable(name, source, np.arange(2, source.num_rows + 2)))
    path = os.fspath(source)
    file = path.rsplit("/", 1)[-1] or path
    data = _expanded(path, file)
    if not data:
        raise InvalidInput(Breach(NOT_EMPTY, file).finding())
    raw = _from_parquet(data, file) if data[:4] == b"PAR1" else _from_csv(data, file)
    if raw.table.num_rows == 0 and not raw.findings:
        raise InvalidInput(Breach(HEADER_ALONE, file).finding())
    return _checked_header(raw)


def container_of(start: bytes) -> str:
    """What a file is packed in, by its first bytes: a key of ``SUFFIX_OF``, or "" for plain text."""
    return next((name for magic, name in _MAGIC.items() if start.startswith(magic)), "")


def _expanded(path: str, file: str) -> bytes:
    """The file's bytes without their compression."""
    try:
        with fsspec.open(path, "rb") as stream:
            return _contents(stream, path, file)
    except (OSError, ValueError, ImportError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        found = Rule(FOUND.name, f"{FOUND.must}: {reason[:1].lower() + reason[1:]}", FOUND.remedy)
        raise InvalidInput(Breach(found, file).finding(path)) from error


def _contents(stream: IO[bytes], path: str, file: str) -> bytes:
    start = stream.read(4)
    size = stream.seek(0, os.SEEK_END)
    stream.seek(0)
    container = container_of(start)
    _check_suffix(path, file, container)
    try:
        return _read_bounded(stream, container, size, file)
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
        if not container:
            raise
        raise InvalidInput(Breach(COMPRESSION, file).finding(str(error))) from error


def _check_suffix(path: str, file: str, actual: str) -> None:
    """Refuse a file whose name promises what its first bytes deny."""
    for kind, suffixes in SUFFIX_OF.items():
        if path.lower().endswith(suffixes) and actual != kind:
            raise InvalidInput(Breach(FORMAT, file).finding(f"a name for {kind} on a file that is not {kind}"))


def _read_bounded(stream: IO[bytes], container: str, size: int, file: str) -> bytes:
    compressed = container not in ("", "parquet")
    allowed = min(MAX_BYTES, max(FREE_BYTES, MAX_RATIO * size)) if compressed else MAX_BYTES
    if container == "zip":
        return _read_zip(stream, allowed, file)
    if container == "gzip":
        with gzip.GzipFile(fileobj=stream) as opened:
            return _drain(opened, allowed, file)
    if container == "bzip2":
        with bz2.BZ2File(stream) as opened:
            return _drain(opened, allowed, file)
    if container == "zstd":
        with pa.CompressedInputStream(pa.PythonFile(stream, "r"), "zstd") as opened:
            return _drain(opened, allowed, file)
    return _drain(stream, allowed, file)


def _read_zip(stream: IO[bytes], allowed: int, file: str) -> bytes:
    with zipfile.ZipFile(stream) as archive:
        members = [member for member in archive.infolist() if not member.is_dir()]
        if len(members) != 1:
            raise InvalidInput(Breach(ONE_MEMBER, file).finding([member.filename for member in members[:5]]))
        with archive.open(members[0]) as opened:
            return _drain(opened, allowed, file)


def _drain(stream: _Readable, allowed: int, file: str) -> bytes:
    """Everything in the stream, read block by block so that a bomb stops at the bound and not at the memory."""
    buffer = io.BytesIO()
    while block := stream.read(_BLOCK):
        buffer.write(block)
        if buffer.tell() > allowed:
            raise InvalidInput(Breach(BOUND, file).finding(f"more than {allowed:,} bytes"))
    return buffer.getvalue()


def _from_parquet(data: bytes, file: str) -> RawTable:
    try:
        opened = pa.parquet.ParquetFile(pa.py_buffer(data))
        metadata = opened.metadata
        expanded = sum(metadata.row_group(group).total_byte_size for group in range(metadata.num_row_groups))
        if expanded > MAX_BYTES or metadata.num_rows > MAX_RECORDS:
            raise InvalidInput(Breach(BOUND, file).finding(f"{expanded:,} bytes in {metadata.num_rows:,} records"))
        table = opened.read(use_threads=False)
    except (pa.ArrowException, OSError) as error:
        raise InvalidInput(Breach(FORMAT, file).finding(str(error))) from error
    names = [name for name in table.column_names if not name.startswith("__index_level_")]
    return RawTable(file, table.select(names), np.arange(2, table.num_rows + 2))


def _from_csv(data: bytes, file: str) -> RawTable:
    header = _header(data, file)
    if b"\n" not in data and b"\r" not in data:
        raise InvalidInput(Breach(HEADER_ALONE, file).finding())
    skipped: list[pa.csv.InvalidRow] = []

    def refuse(record: pa.csv.InvalidRow) -> str:
        skipped.append(record)
        return "skip"

    try:
        table = pa.csv.read_csv(
            pa.py_buffer(data),
            pa.csv.ReadOptions(use_threads=False, block_size=16 * _BLOCK),
            # Blank lines are kept, to be dropped below: row numbers must count them.
            pa.csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False, invalid_row_handler=refuse),
            pa.csv.ConvertOptions(
                column_types=dict.fromkeys(header, pa.string()),
                null_values=BLANKS,
                strings_can_be_null=True,
                quoted_strings_can_be_null=True,
            ),
        )
    except pa.ArrowInvalid as error:
        raise InvalidInput(_why_not_csv(data, file, str(error))) from error
    gone = np.array([record.number for record in skipped], dtype=np.int64)
    row = np.delete(np.arange(2, table.num_rows + len(gone) + 2), gone - 2)
    ragged = Breach(RAGGED, file).findings(
        gone, [f"{record.actual_columns} values for {record.expected_columns} columns" for record in skipped]
    )
    return _without_blank_records(RawTable(file, table, row, tuple(ragged)))


def _header(data: bytes, file: str) -> list[str]:
    """The column names, as pyarrow will find them."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise InvalidInput(Breach(ENCODING, file).finding("UTF-16"))
    if b"\0" in data[:_BLOCK]:
        raise InvalidInput(Breach(FORMAT, file).finding("binary data"))
    start = io.StringIO(data[:_BLOCK].decode("utf-8-sig", errors="replace"), newline="")
    try:
        header = next(csv.reader(start), [])
    except csv.Error as error:
        raise InvalidInput(Breach(FORMAT, file).finding(str(error))) from error
    if any("\ufffd" in name for name in header):
        raise InvalidInput(_not_utf8(data, file))
    if len(header) == 1 and any(separator in header[0] for separator in ";\t|"):
        raise InvalidInput(Breach(FORMAT, file).finding(f"a header not separated by commas: {header[0][:60]}"))
    if not any(name.strip() for name in header):
        raise InvalidInput(Breach(NOT_EMPTY, file).finding())
    return header


def _why_not_csv(data: bytes, file: str, message: str) -> Finding:
    try:
        data.decode()
    except UnicodeDecodeError:
        return _not_utf8(data, file)
    return Breach(FORMAT, file).finding(message)


def _not_utf8(data: bytes, file: str) -> Finding:
    """Where the text stops being UTF-8."""
    try:
        data.decode()
    except UnicodeDecodeError as error:
        row = data.count(b"\n", 0, error.start) + 1
        return Breach(ENCODING, file).finding(f"byte 0x{data[error.start]:02X}", row)
    return Breach(ENCODING, file).finding()


def _without_blank_records(raw: RawTable) -> RawTable:
    """The table without its wholly blank records: they carry nothing, and spreadsheets leave them behind."""
    filled = np.zeros(raw.table.num_rows, dtype=bool)
    for column in raw.table.columns:
        if filled.all():
            return raw
        filled |= pc.is_valid(column).to_numpy()
    if filled.all():
        return raw
    blank = raw.row[~filled]
    note = Breach(BLANK_RECORDS, raw.file).finding(len(blank), int(blank[0]))
    return RawTable(raw.file, raw.table.filter(pa.array(filled)), raw.row[filled], (*raw.findings, note))


def _checked_header(raw: RawTable) -> RawTable:
    """The table, if no two of its columns have the same name but for case and blanks."""
    seen: dict[str, str] = {}
    twice: list[Finding] = []
    for name in raw.table.column_names:
        key = name.strip().lower()
        if key in seen:
            twice.append(Breach(COLUMN_ONCE, raw.file, name).finding(f"{seen[key]!r} and {name!r}", 1))
        seen.setdefault(key, name)
    if twice:
        raise InvalidInput([*raw.findings, *twice])
    return raw
