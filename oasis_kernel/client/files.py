"""Files of a run's results: fetched when asked for, kept where only this user can read them, checked before use."""

import hashlib
import json
import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import httpx
import platformdirs

from oasis_kernel.client.service import Service
from oasis_kernel.errors import OasisError
from oasis_kernel.store.folders import whole_file, whole_folder

RECORD = "run.json"
TAGS = ".etags.json"
TRIES = 3
BLOCK = 2**20


def cache_folder(address: str, environment: Mapping[str, str] = os.environ) -> Path:
    """Where files of the service at an address are kept; ``OASIS_CACHE`` names another place than the user's cache."""
    given = environment.get("OASIS_CACHE")
    root = Path(given) if given else platformdirs.user_cache_path("oasis-workbench")
    return root / "services" / hashlib.sha256(address.encode()).hexdigest()[:16]


class ResultFiles:
    """The result files of one run, in a private folder."""

    def __init__(self, service: Service, path: str, folder: Path):
        """``path`` is the run's, such as ``/v1/analyses/ID``."""
        self.service = service
        self.path = path
        self.folder = folder
        self._checked: set[str] = set()

    def names(self) -> tuple[str, ...]:
        """The names of all files that the service has of the run."""
        tables = [item["file"].rpartition("/")[2] for item in self.service.items(f"{self.path}/results")]
        return tuple(sorted({*tables, RECORD}))

    def fetched(self, name: str) -> Path:
        """A file's own bytes, on this machine; asked for once, and from then on only whether it has changed."""
        local = self.folder / _plain(name)
        if name not in self._checked:
            self._fetch(name, local)
            self._checked.add(name)
        return local

    def download(self, out: Path) -> None:
        """All files into the folder ``out``, which appears whole or not at all."""
        self._make_private()
        with tempfile.TemporaryDirectory(dir=self.folder) as scratch:
            packed = Path(scratch) / "results.zip"
            with packed.open("wb") as file:
                self._receive(f"{self.path}/results.zip", {}, file)
            with whole_folder(out, RECORD) as folder:
                _unpack(packed, folder)

    def forget(self) -> None:
        """Remove what is kept here of the run."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self._checked.clear()

    def _fetch(self, name: str, local: Path) -> None:
        self._make_private()
        tags = self._tags()
        known = {"If-None-Match": tags[name]} if name in tags and local.is_file() else {}
        with whole_file(local) as temporary:
            with temporary.open("wb") as file:
                tag = self._receive(f"{self.path}/files/{name}", known, file)
            if tag is None:
                temporary.write_bytes(local.read_bytes())  # it has not changed
        if tag:
            with whole_file(self.folder / TAGS) as temporary:
                temporary.write_text(json.dumps({**self._tags(), name: tag}))

    def _receive(self, path: str, headers: Mapping[str, str], file: IO[bytes]) -> str | None:
        """Write what is at a path, tried again when the connection breaks; its ETag, None when it is as known."""
        for left in reversed(range(TRIES)):
            file.seek(0)
            file.truncate()
            try:
                with self.service.stream(path, headers) as response:
                    if response.status_code == httpx.codes.NOT_MODIFIED:
                        return None
                    for block in response.iter_bytes(BLOCK):
                        file.write(block)
                    return response.headers.get("etag", "")
            except httpx.TransportError as error:
                if not left:
                    raise self.service.lost(error) from error
        raise OasisError("a file must be asked for at least once")

    def _tags(self) -> dict[str, str]:
        path = self.folder / TAGS
        try:
            return dict(json.loads(path.read_text())) if path.is_file() else {}
        except ValueError:  # of another version: everything is fetched again
            return {}

    def _make_private(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)


@contextmanager
def opened(archive: Path) -> Iterator[zipfile.ZipFile]:
    """An archive of results; OasisError when it is none."""
    try:
        with zipfile.ZipFile(archive) as found:
            yield found
    except zipfile.BadZipFile as error:
        raise OasisError(f"the service sent results that are no archive: {error}. Ask again") from error


def _unpack(archive: Path, folder: Path) -> None:
    """The files of an archive, each directly in ``folder``: a name that leads elsewhere is refused."""
    with opened(archive) as found:
        for entry in found.infolist():
            target = folder / _plain(entry.filename)
            with found.open(entry) as source, target.open("xb") as file:
                while block := source.read(BLOCK):
                    file.write(block)


def _plain(name: str) -> str:
    """The name of a file, if it is one and no path; OasisError otherwise."""
    if not name or name != Path(name).name or name in (".", "..") or "\\" in name:
        raise OasisError(f"the service named a file {name!r}, which is no plain name; nothing was written for it")
    return name
