"""A place for files: a folder on this machine, or a prefix in object storage (anything fsspec writes to)."""

import hashlib
import json
import os
import shutil
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import IO, Any, cast
from urllib.parse import unquote, urlsplit

import fsspec
from fsspec.implementations.local import LocalFileSystem

from oasis_kernel.errors import DamagedFile, OasisError
from oasis_kernel.store.copies import LocalCopies
from oasis_kernel.store.failures import storage_errors
from oasis_kernel.store.folders import whole_file
from oasis_kernel.store.names import safe_name

#: Written last into a folder: with it the folder is whole, and says what its files must be.
MANIFEST = "manifest.json"
_BLOCK = 2**20


@dataclass(frozen=True)
class Stored:
    """Where a file lies and what it must be: checked whenever it is copied to a machine."""

    url: str
    sha256: str
    bytes: int


@dataclass(frozen=True)
class Entry:
    """A file as a listing shows it; ``modified`` in seconds since 1970, ``version`` is another when the bytes are."""

    name: str
    bytes: int
    modified: float
    version: str


class Place:
    """Files by name under one address. A file appears whole or not at all, on every kind of storage.

    ``root`` is the folder where there is one on this machine: files are then used where they lie. Files elsewhere are
    copied to ``copies`` when they are needed as files, and compared with their checksum.
    """

    def __init__(self, url: str | Path, copies: LocalCopies | None = None):
        """OasisError for an address that no file system serves, or one that chains several."""
        given = str(url)
        if "::" in given or not given:
            raise OasisError(f"storage must be a folder or an address such as s3://bucket/prefix, got {given!r}")
        if given.startswith("file:"):
            given = unquote(urlsplit(given).path)
        try:
            self._files, found = fsspec.url_to_fs(given, use_listings_cache=False)
        except (ValueError, ImportError) as error:
            raise OasisError(f"storage at {given} cannot be opened: {error}") from error
        self._prefix = str(found).rstrip("/")
        self.root = Path(self._prefix) if isinstance(self._files, LocalFileSystem) else None
        self.url = self.root.resolve().as_uri() if self.root else self._files.unstrip_protocol(self._prefix)
        self.copies = copies or LocalCopies()

    def url_of(self, name: str) -> str:
        """The address of a file, whether it is there or not."""
        return f"{self.url}/{safe_name(name)}"

    def name_of(self, url: str) -> str:
        """The name of an address under this place; OasisError for any other."""
        if not url.startswith(f"{self.url}/"):
            raise OasisError(f"{url} must lie under {self.url}")
        return safe_name(url[len(self.url) + 1 :])

    def under(self, name: str) -> "Place":
        """The place that a prefix of this one is."""
        return Place(self.url_of(name), self.copies)

    def put_file(self, source: Path, name: str) -> Stored:
        """Store a copy of a file; one of the same name is replaced once the new one is whole."""
        path = self._path(name)
        with source.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        size = source.stat().st_size
        with storage_errors(self.url, writes=True):
            if self.root is not None:
                with whole_file(Path(path)) as temporary:
                    shutil.copyfile(source, temporary)
            else:
                self._files.put_file(str(source), path)
        return Stored(self.url_of(name), digest, size)

    def put_bytes(self, data: bytes, name: str) -> Stored:
        """Store a small file."""
        path = self._path(name)
        with storage_errors(self.url, writes=True):
            if self.root is not None:
                with whole_file(Path(path)) as temporary:
                    temporary.write_bytes(data)
            else:
                self._files.pipe_file(path, data)
        return Stored(self.url_of(name), hashlib.sha256(data).hexdigest(), len(data))

    def read(self, name: str) -> bytes:
        """The bytes of a small file; FileNotFoundError when it is not there."""
        with storage_errors(self.url):
            return bytes(self._files.cat_file(self._path(name)))

    def open(self, name: str) -> IO[bytes]:
        """The file opened for reading, in blocks and with seeking; FileNotFoundError when it is not there."""
        with storage_errors(self.url):
            return cast("IO[bytes]", self._files.open(self._path(name), "rb"))

    def exists(self, name: str) -> bool:
        """Whether there is a file of this name."""
        with storage_errors(self.url):
            try:
                return bool(self._files.info(self._path(name))["type"] == "file")
            except (FileNotFoundError, NotADirectoryError):
                return False

    def size(self, name: str) -> int:
        """The size of a file in bytes; FileNotFoundError when it is not there."""
        with storage_errors(self.url):
            return int(self._files.info(self._path(name))["size"])

    def entries(self, under: str = "") -> list[Entry]:
        """The files under a prefix of whole name parts, all levels, by name; unfinished ones are left out."""
        base = self._path(under) if under else self._prefix
        with storage_errors(self.url):
            try:
                found = self._files.find(base, detail=True)
            except FileNotFoundError:
                return []
        entries = []
        for path, info in found.items():
            name = str(path)[len(self._prefix) :].lstrip("/")
            if not any(part.startswith(".") for part in name.split("/")):
                entries.append(Entry(name, int(info["size"]), _modified(info), _version(info)))
        return sorted(entries, key=lambda entry: entry.name)

    def delete(self, name: str) -> int:
        """Remove a file, or everything under a prefix of whole name parts; returns how many files went."""
        path = self._path(name)
        with storage_errors(self.url):
            if self.exists(name):
                self._files.rm_file(path)
                return 1
            found = self.entries(name)
            if self.root is not None:
                shutil.rmtree(path, ignore_errors=True)
            elif found:
                # The manifest goes first: a folder half removed must not look whole.
                self._files.rm(sorted((self._path(entry.name) for entry in found), key=_manifest_first))
        return len(found)

    def local(self, name: str, sha256: str = "") -> Path:
        """The file as one on this machine: itself, or a copy that was compared with ``sha256`` where that is known.

        FileNotFoundError when it is not there; DamagedFile when it is not what was stored.
        """
        path = self._path(name)
        if self.root is not None:
            if not Path(path).is_file():
                raise FileNotFoundError(f"{self.url_of(name)} is not there")
            return Path(path)
        key = sha256 or hashlib.sha256(f"{self.url_of(name)} {self.version(name)}".encode()).hexdigest()
        return self.copies.copy(key, name.rsplit("/", 1)[-1], partial(self.fetch, name, sha256=sha256))

    def version(self, name: str) -> str:
        """What changes when the file does: an object's tag, or a file's size and time."""
        with storage_errors(self.url):
            return _version(self._files.info(self._path(name)))

    def put_folder(self, folder: Path, name: str) -> dict[str, Stored]:
        """Store a folder's files under a name; the folder is whole once its manifest, written last, is there."""
        files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST)
        names = [path.relative_to(folder).as_posix() for path in files]
        stored = {own: self.put_file(path, f"{name}/{own}") for own, path in zip(names, files, strict=True)}
        text = json.dumps({"files": {own: asdict(file) for own, file in stored.items()}}, indent=1)
        self.put_bytes(text.encode(), f"{name}/{MANIFEST}")
        return stored

    def manifest(self, name: str) -> dict[str, Stored]:
        """The files of a folder that ``put_folder`` stored; FileNotFoundError when it is not whole."""
        try:
            listed = json.loads(self.read(f"{name}/{MANIFEST}"))["files"]
            return {
                own: Stored(self.url_of(f"{name}/{own}"), file["sha256"], file["bytes"]) for own, file in listed.items()
            }
        except (ValueError, KeyError, TypeError) as error:
            raise DamagedFile(f"{self.url_of(name)} must hold a sound {MANIFEST}: {error}") from error

    def local_folder(self, name: str) -> Path:
        """A stored folder as one on this machine, all of its files compared with the manifest when copied."""
        files = self.manifest(name)
        if self.root is not None:
            return Path(self._path(name))
        listed = json.dumps([self.url_of(name), {own: file.sha256 for own, file in files.items()}])
        key = hashlib.sha256(listed.encode()).hexdigest()
        return self.copies.copy(key, name.rsplit("/", 1)[-1], partial(self._fetch_folder, name, files=files))

    def _fetch_folder(self, name: str, target: Path, files: dict[str, Stored]) -> None:
        target.mkdir()
        for own, file in files.items():
            path = target / safe_name(own)
            path.parent.mkdir(parents=True, exist_ok=True)
            self.fetch(f"{name}/{own}", path, sha256=file.sha256)
        self.fetch(f"{name}/{MANIFEST}", target / MANIFEST, sha256="")

    def mirror(self) -> Path:
        """Everything in this place as a folder on this machine: itself, or a copy, one for each state it was in.

        Files keep their times. FileNotFoundError when there is nothing.
        """
        if self.root is not None:
            return self.root
        entries = self.entries()
        if not entries:
            raise FileNotFoundError(f"{self.url} holds no files")
        state = json.dumps([self.url, [asdict(entry) for entry in entries]])
        name = self._prefix.rsplit("/", 1)[-1]
        return self.copies.copy(
            hashlib.sha256(state.encode()).hexdigest(), name, partial(self._fetch_all, entries=entries)
        )

    def _fetch_all(self, target: Path, entries: list[Entry]) -> None:
        for entry in entries:
            path = target / safe_name(entry.name)
            path.parent.mkdir(parents=True, exist_ok=True)
            self.fetch(entry.name, path, sha256="")
            if path.stat().st_size != entry.bytes:
                raise DamagedFile(f"{self.url_of(entry.name)} must not change while it is copied. Ask again")
            os.utime(path, (entry.modified, entry.modified))

    def fetch(self, name: str, target: Path, sha256: str) -> None:
        """Copy a file here; DamagedFile when it is not what was stored."""
        digest = hashlib.sha256()
        with storage_errors(self.url), self.open(name) as source, target.open("wb") as copy:
            while block := source.read(_BLOCK):
                digest.update(block)
                copy.write(block)
        if sha256 and digest.hexdigest() != sha256:
            raise DamagedFile(f"{self.url_of(name)} must be what was stored, and is not: its checksum differs")

    def _path(self, name: str) -> str:
        return f"{self._prefix}/{safe_name(name)}"


def _manifest_first(path: str) -> tuple[bool, str]:
    return not path.endswith(f"/{MANIFEST}"), path


def _version(info: dict[str, Any]) -> str:
    """An object's tag where the storage gives one: times in listings are whole seconds, too coarse to tell by."""
    tag = info.get("ETag") or info.get("etag") or info.get("mtime") or info.get("created")
    return f"{tag} {info.get('size')}".replace('"', "")


def _modified(info: dict[str, Any]) -> float:
    """When a listed file was last written; 0 where the storage does not say."""
    found = info.get("LastModified") or info.get("mtime") or info.get("created") or 0.0
    return found.timestamp() if isinstance(found, datetime) else float(found)
