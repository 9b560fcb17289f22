"""Files from outside: what they are by their first bytes, and archives unpacked within limits."""

import bz2
import gzip
import re
import stat
import struct
import tempfile
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

import pyarrow as pa

from oasis_kernel.errors import Finding, InvalidInput
from oasis_kernel.formats.oed_file import SUFFIX_OF, container_of
from oasis_kernel.store.folders import whole_file
from oasis_kernel.store.names import plain_name

_BLOCK = 2**20
_START = 64 * 2**10
#: What a broken or hostile file may make a decompressor raise.
_BROKEN = (OSError, EOFError, zlib.error, zipfile.BadZipFile, RuntimeError, NotImplementedError, pa.ArrowException)


@dataclass(frozen=True)
class ArchiveLimits:
    """How much may come out of what was sent."""

    entries: int = 200
    expanded_bytes: int = 8 * 2**30
    free_bytes: int = 256 * 2**20  # expanded up to this, the ratio does not matter
    ratio: int = 200  # expanded to packed

    def allowed(self, packed: int) -> int:
        """The bytes that so many packed ones may expand to."""
        return min(self.expanded_bytes, max(self.free_bytes, self.ratio * packed))


def refused(file: str, rule: str, message: str, remedy: str, value: object = None) -> InvalidInput:
    """The error for a file that is not taken."""
    return InvalidInput(Finding(file, message, value=value, rule=rule, remedy=remedy))


def check_table(path: Path, file: str, limits: ArchiveLimits) -> str:
    """What an OED file is (``csv``, or a key of ``SUFFIX_OF``); InvalidInput when its name says another thing.

    Compressed files are read to their end, within the limits, so that no bomb is ever stored.
    """
    kind = _kind(path, file)
    if kind == "zip":
        members = _members(path, file, limits)
        if len(members) != 1:
            remedy = "Put each OED file into an archive of its own, or send the whole portfolio as one zip"
            raise refused(file, "file_members", "must hold exactly one file", remedy, len(members))
    start = _expand(path, kind, file, limits)
    if kind != "parquet":
        _check_inside(start, kind, file)
    return kind


def _kind(path: Path, file: str) -> str:
    with path.open("rb") as stream:
        actual = container_of(stream.read(8))
    lower = file.lower()
    promised = next((kind for kind, endings in SUFFIX_OF.items() if lower.endswith(endings)), "")
    if not promised and not lower.endswith(".csv"):
        known = ", ".join([".csv", *(ending for endings in SUFFIX_OF.values() for ending in endings)])
        raise refused(file, "file_type", f"must end in one of {known}", "Export the table as csv or Parquet")
    if actual != promised:
        remedy = "Give the file the ending of what it is, or export it again"
        message = f"must be {promised or 'csv text'}, as its name says"
        raise refused(file, "file_type", message, remedy, actual or "no known type")
    return promised or "csv"


def _expand(path: Path, kind: str, file: str, limits: ArchiveLimits) -> bytes:
    """The first bytes of the content; all of a compressed one is read, and refused when it is too much."""
    allowed, seen, start = limits.allowed(path.stat().st_size), 0, b""
    with _reading(file), _opened(path, kind) as stream:
        while block := stream.read(_BLOCK):
            start = start or block[:_START]
            seen += len(block)
            if seen > allowed:
                raise _bomb(file, allowed)
            if kind in ("csv", "parquet"):
                break
    return start


@contextmanager
def _opened(path: Path, kind: str) -> Iterator[IO[bytes]]:
    with path.open("rb") as raw:
        if kind == "gzip":
            yield cast("IO[bytes]", gzip.GzipFile(fileobj=raw))
        elif kind == "bzip2":
            yield cast("IO[bytes]", bz2.BZ2File(raw))
        elif kind == "zstd":
            yield pa.CompressedInputStream(pa.PythonFile(raw, "r"), "zstd")
        elif kind == "zip":
            with zipfile.ZipFile(raw) as archive:
                yield archive.open(next(member for member in archive.infolist() if not member.is_dir()))
        else:
            yield raw


@contextmanager
def _reading(file: str) -> Iterator[None]:
    try:
        yield
    except InvalidInput:
        raise
    except _BROKEN as error:
        message = "must be a sound compressed file"
        raise refused(file, "file_compression", message, "Compress the file again", str(error)) from error


def _bomb(file: str, allowed: int) -> InvalidInput:
    message = f"must not expand to more than {allowed:,} bytes"
    return refused(file, "file_size", message, "Split the portfolio, or send the file uncompressed")


def _check_inside(start: bytes, kind: str, file: str) -> None:
    """Refuse content that is no text: another archive in it, UTF-16, binary data."""
    if not start:
        remedy = "Export the table again, or leave the file out"
        raise refused(file, "file_empty", "must hold a header and at least one record, and is empty", remedy)
    inner = container_of(start)
    if inner and not (inner == "parquet" and kind == "zip"):
        raise refused(file, "file_nested", "must not hold another archive", "Compress the file once", inner)
    if inner == "parquet":
        return
    if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise refused(file, "file_encoding", "must be UTF-8 text", "Save the file with encoding UTF-8", "UTF-16")
    if b"\0" in start:
        raise refused(file, "file_type", "must be a table in csv", "Export the table as csv", "binary data")


def unpack(archive: Path, folder: Path, file: str, limits: ArchiveLimits) -> list[Path]:
    """The files of a zip, unpacked flat into ``folder`` under plain names.

    InvalidInput for names that lead elsewhere, links, encryption, archives in it, two files of a name, entries that
    overlap, and anything beyond the limits; then some files may be in ``folder`` already.
    """
    members = _members(archive, file, limits)
    room = limits.allowed(archive.stat().st_size)
    names = _flat_names(members, file)
    found = []
    with _reading(file), zipfile.ZipFile(archive) as opened:
        for member, name in zip(members, names, strict=True):
            with opened.open(member) as source, whole_file(folder / name) as temporary:
                room -= _copy(source, temporary, room, f"{file}/{member.filename}")
            found.append(folder / name)
    return found


def _copy(source: IO[bytes], target: Path, room: int, file: str) -> int:
    written = 0
    with target.open("wb") as copy:
        while block := source.read(_BLOCK):
            if not written and container_of(block) not in ("", "parquet"):
                raise refused(file, "file_nested", "must not be an archive itself", "Put the plain file into the zip")
            written += len(block)
            if written > room:
                raise _bomb(file, room)
            copy.write(block)
    return written


def _flat_names(members: list[zipfile.ZipInfo], file: str) -> list[str]:
    names = [plain_name(member.filename) for member in members]
    seen: dict[str, str] = {}
    for member, name in zip(members, names, strict=True):
        key = unicodedata.normalize("NFC", name).casefold()
        if key in seen:
            value = f"{seen[key]} and {member.filename}"
            raise refused(file, "archive_names", "must not hold two files of the same name", "Rename one", value)
        seen[key] = member.filename
    return names


def _members(archive: Path, file: str, limits: ArchiveLimits) -> list[zipfile.ZipInfo]:
    """The files in a zip, all of them checked before one is read; what systems add by themselves is left out."""
    _check_directory(archive, file, limits)
    with _reading(file), zipfile.ZipFile(archive) as opened:
        entries = opened.infolist()
    if len(entries) > limits.entries:
        raise refused(file, "archive_entries", f"must hold at most {limits.entries} files", "Leave out", len(entries))
    for entry in entries:
        _check_entry(entry, file)
    files = [entry for entry in entries if not entry.is_dir() and not _added_by_a_system(entry.filename)]
    if not files:
        raise refused(file, "file_members", "must hold a file", "Put the portfolio's files into the zip", 0)
    _check_extent(files, archive.stat().st_size, file)
    declared, allowed = sum(entry.file_size for entry in files), limits.allowed(archive.stat().st_size)
    if declared > allowed:
        raise _bomb(file, allowed)
    return files


def _check_directory(archive: Path, file: str, limits: ArchiveLimits) -> None:
    """Refuse a table of contents too long for the entries allowed, before all of it is read into memory."""
    end = struct.Struct("<4s4H2LH")
    with archive.open("rb") as stream:
        size = stream.seek(0, 2)
        tail_bytes = min(size, end.size + 2**16)
        stream.seek(size - tail_bytes)
        tail = stream.read(tail_bytes)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or at + end.size > len(tail):
        message = "must be a sound zip file"
        raise refused(file, "file_compression", message, "Compress the files again", "no table of contents")
    entries, directory_bytes = end.unpack_from(tail, at)[4:6]
    if directory_bytes > limits.entries * 1000 or entries > limits.entries:
        message = f"must hold at most {limits.entries} files"
        raise refused(file, "archive_entries", message, "Leave out what is no part of the portfolio", entries)


def _check_entry(entry: zipfile.ZipInfo, file: str) -> None:
    raw, shown = entry.orig_filename, f"{file}/{entry.filename}"
    parts = raw.rstrip("/").split("/")
    if (
        not raw
        or re.search(r"[\x00-\x1f\x7f\\]|^[A-Za-z]:", raw)
        or raw.startswith("/")
        or any(part in ("", ".", "..") for part in parts)
        or len(raw) > 500
    ):
        message = "must have a relative name without .. or control characters"
        raise refused(shown, "archive_names", message, "Make the zip again, in the folder of the files", raw[:200])
    if entry.flag_bits & 0x41 or entry.compress_type == 99:
        raise refused(shown, "archive_encrypted", "must not be encrypted", "Make the zip without a password")
    if stat.S_IFMT(entry.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
        message = "must be a file, not a link or device"
        raise refused(shown, "archive_links", message, "Put the file itself into the zip")


def _check_extent(files: list[zipfile.ZipInfo], size: int, file: str) -> None:
    """Refuse entries that share packed bytes: so a small zip can hold any amount."""
    end = 0
    for entry in sorted(files, key=lambda entry: entry.header_offset):
        if entry.header_offset < end or entry.header_offset + entry.compress_size > size:
            message = "must be a zip whose files do not overlap"
            raise refused(file, "archive_overlap", message, "Compress the files again", entry.filename)
        end = entry.header_offset + 30 + entry.compress_size


def _added_by_a_system(name: str) -> bool:
    return name.startswith("__MACOSX/") or name.rsplit("/", 1)[-1].lower() in (".ds_store", "thumbs.db", "desktop.ini")


def check_archive(path: Path, file: str, limits: ArchiveLimits) -> tuple[str, ...]:
    """The tables of a portfolio in a zip, tried by unpacking it; InvalidInput when it is none, or not safe."""
    if _kind(path, file) != "zip":
        raise refused(file, "file_type", "must be a zip of a portfolio's tables", "Put the tables into a .zip")
    with tempfile.TemporaryDirectory(prefix=".unpack-", dir=path.parent) as folder:
        tables = portfolio_tables(unpack(path, Path(folder), file, limits), file)
        for table in tables.values():
            check_table(table, f"{file}/{table.name}", limits)
    return tuple(tables)


#: The words in a file's name that say which table of a portfolio it is.
WORDS = {
    "location": ("loc", "location", "locations", "oedlocation", "oedloc"),
    "account": ("acc", "account", "accounts", "oedaccount", "oedacc"),
}
_REINSURANCE = re.compile(r"(?i)(ri|reins|reinsurance)[ _.-]*(info|scope)")
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


def table_of(name: str) -> str | None:
    """Which table of a portfolio a file holds, by its name: location, account, ri_info, ri_scope; None if none."""
    stem = name.rsplit("/", 1)[-1].split(".", 1)[0]
    if found := _REINSURANCE.search(stem):
        return f"ri_{found[2].lower()}"
    words = {word.lower() for word in _WORD.findall(stem)}
    named = [table for table, known in WORDS.items() if words.intersection(known)]
    return named[0] if len(named) == 1 else None


def portfolio_tables(files: list[Path], archive: str) -> dict[str, Path]:
    """The tables of a portfolio among the files of an archive; InvalidInput unless each file is one of them."""
    findings, tables = [], dict[str, Path]()
    for path in files:
        table = table_of(path.name)
        remedy = "Name the files location, account, ri_info and ri_scope, and leave out others"
        if table is None:
            message = "must say by its name which table it is"
            findings.append(Finding(f"{archive}/{path.name}", message, rule="archive_tables", remedy=remedy))
        elif table in tables:
            message = f"must be the only {table} file, beside {tables[table].name}"
            findings.append(Finding(f"{archive}/{path.name}", message, rule="archive_tables", remedy=remedy))
        else:
            tables[table] = path
    if findings:
        raise InvalidInput(findings)
    return tables
