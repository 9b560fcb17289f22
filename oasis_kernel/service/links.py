"""Files linked from storage instead of uploaded: only under the prefixes an operator allows, and only as registered."""

import hashlib
import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any
from urllib.parse import unquote, urlsplit

from oasis_kernel.errors import Finding, InvalidInput, OasisError, StorageFailed, StorageFull
from oasis_kernel.formats.model_data.functions import replacement_file
from oasis_kernel.store.places import Place

#: Storage that may be linked. No http or https: what such a host answers, or redirects to, is nobody's choice here.
SCHEMES = frozenset({"file", "s3", "gs", "az", "abfs"})
#: A file of replacement rows goes into the run's settings.
MOST_REPLACEMENT_BYTES = 32 * 2**20
_BLOCK = 2**20
_REMEDY = "Link a file under one of the storage_links prefixes, or upload it"


@dataclass(frozen=True)
class Linked:
    """A linked file as it was when it was registered: what a run compares with."""

    name: str
    url: str
    version: str  # the object's tag, or the file's time, and its size
    sha256: str
    bytes: int

    def as_dict(self) -> dict[str, Any]:
        """The link as plain values, for the database."""
        return {**asdict(self), "linked": True}

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> "Linked":
        """The link that ``as_dict`` gave."""
        return cls(**{name: values[name] for name in cls.__dataclass_fields__})


class Links:
    """The prefixes of storage that users may link files from."""

    def __init__(self, prefixes: Iterable[str]):
        """InvalidInput for a prefix that is no address of storage."""
        self._prefixes = [_normal(prefix.rstrip("/") or "/", "storage_links") for prefix in prefixes]

    def checked(self, url: str, field: str = "links") -> str:
        """The address, written plainly; InvalidInput when it does not lie under an allowed prefix.

        Of files, the path counts where symbolic links lead. Anything that reads differently to different programs
        (``..``, empty parts, backslashes, escapes, user names, queries) is refused, not repaired.
        """
        address = _normal(url, field)
        if not self._allowed(address):
            raise _refused(field, "must lie under a prefix that the operator allows", url)
        return address

    def register(self, url: str, field: str = "links", most_bytes: int | None = None) -> Linked:
        """The file at an address as it is now, read once for its checksum; InvalidInput when it cannot be used."""
        address = self.checked(url, field)
        digest, size = hashlib.sha256(), 0
        try:
            place, name = _place(address)
            before = place.version(name)
            for block in self._blocks(address, field):
                digest.update(block)
                size += len(block)
                if most_bytes is not None and size > most_bytes:
                    raise _refused(field, f"must not be larger than {most_bytes:,} bytes", url)
            after = place.version(name)
        except (OSError, OasisError) as error:
            if isinstance(error, InvalidInput):
                raise
            raise _refused(field, f"must be a file that this service can read: {error}", url) from error
        if after != before:
            raise _refused(field, "must not change while it is registered", url)
        return Linked(name, address, before, digest.hexdigest(), size)

    def local(self, linked: Linked, field: str = "links") -> Path:
        """A copy on this machine of the linked file as registered; InvalidInput when the file is another by now.

        The prefixes are asked again: they may have changed, and so may what a symbolic link leads to.
        """
        address = self.checked(linked.url, field)
        try:
            place, name = _place(address)
            if place.version(name) != linked.version and self._digest(address, field) != linked.sha256:
                raise _changed(linked, field)
            return place.copies.copy(linked.sha256, name, partial(self._copy, linked, address, field))
        except (OSError, StorageFailed) as error:
            if isinstance(error, StorageFull):
                raise
            raise _changed(linked, field) from error

    def _copy(self, linked: Linked, address: str, field: str, target: Path) -> None:
        digest = hashlib.sha256()
        with target.open("wb") as copy:
            for block in self._blocks(address, field):
                digest.update(block)
                copy.write(block)
        if digest.hexdigest() != linked.sha256:
            raise _changed(linked, field)

    def _digest(self, address: str, field: str) -> str:
        digest = hashlib.sha256()
        for block in self._blocks(address, field):
            digest.update(block)
        return digest.hexdigest()

    def _blocks(self, address: str, field: str) -> Iterator[bytes]:
        """The file's bytes, from where it was allowed: a symbolic link may have come in between."""
        place, name = _place(address)
        with self._opened(place, name, field) as stream:
            while block := stream.read(_BLOCK):
                yield block

    def _opened(self, place: Place, name: str, field: str) -> IO[bytes]:
        if place.root is None:
            return place.open(name)
        descriptor = os.open(place.root / name, os.O_RDONLY | os.O_NONBLOCK)  # a pipe must not keep us waiting
        stream = os.fdopen(descriptor, "rb")
        actual = Path(f"/proc/self/fd/{descriptor}").readlink()
        if stat.S_ISREG(os.fstat(descriptor).st_mode) and self._allowed(f"file://{actual}"):
            return stream
        stream.close()
        raise _refused(field, "must be a file under a prefix that the operator allows", place.url_of(name))

    def _allowed(self, address: str) -> bool:
        return any(_under(address, prefix) for prefix in self._prefixes)


def confine(settings: Mapping[str, Any], links: Links) -> dict[str, Any]:
    """The settings with the rows of any file that they name in its place, so that they read no file when they run.

    ``vulnerability_adjustments.replace_file`` is the one setting of analyses that names a file; it is read from under
    the allowed prefixes only, once, when the settings arrive. InvalidInput for a file elsewhere or of no use.
    """
    found = dict(settings)
    adjustments = found.get("vulnerability_adjustments")
    if not isinstance(adjustments, Mapping) or not adjustments.get("replace_file"):
        return found
    field = "vulnerability_adjustments.replace_file"
    given = {name: value for name, value in adjustments.items() if name != "replace_file"}
    if not given.get("replace_data"):
        linked = links.register(str(adjustments["replace_file"]), field, MOST_REPLACEMENT_BYTES)
        given["replace_data"] = _rows(links.local(linked, field))
    found["vulnerability_adjustments"] = given
    return found


def _rows(file: Path) -> dict[str, list[list[float]]]:
    """The file's rows as ``replace_data`` has them."""
    rows: dict[str, list[list[float]]] = {}
    for vulnerability, *row in replacement_file(str(file)).tolist():
        rows.setdefault(str(vulnerability), []).append(row)
    return rows


def confined_path(path: str, links: Links, field: str) -> Path:
    """A file on this machine (such as an ``oasislmf.json``) under an allowed prefix; InvalidInput for any other."""
    address = links.checked(path, field)
    if not address.startswith("file:"):
        raise _refused(field, "must be a file on this machine", path)
    return Path(unquote(urlsplit(address).path))


def _normal(url: str, field: str) -> str:
    """An address in the one way it is compared and opened."""
    if re.search(r"[\x00-\x20\x7f\\]", url.replace(" ", "")) or "::" in url or len(url) > 2000:
        raise _refused(field, "must be a plain address", url[:200])
    try:
        parts = urlsplit(url if "://" in url else f"file://{url}")
    except ValueError as error:
        raise _refused(field, "must be a plain address", url) from error
    if parts.scheme not in SCHEMES or parts.query or parts.fragment or set("@:") & set(parts.netloc):
        raise _refused(field, "must be an address in storage, such as s3://bucket/name", url)
    path = parts.path
    if any(part in (".", "..") for part in path.split("/")) or "//" in path or "%" in path:
        raise _refused(field, "must not have .., empty parts or escapes in it", url)
    if parts.scheme == "file":
        if parts.netloc or not path.startswith("/"):
            raise _refused(field, "must be an absolute path", url)
        return "file://" + str(Path(path).resolve())
    if not parts.netloc:
        raise _refused(field, "must name a bucket or host", url)
    return f"{parts.scheme}://{parts.netloc}{path}"


def _under(address: str, prefix: str) -> bool:
    """Whether an address lies below a prefix, by whole parts: ``s3://a/bc`` is not below ``s3://a/b``."""
    return address.startswith(prefix.rstrip("/") + "/") if prefix != "file:///" else address.startswith(prefix)


def _place(address: str) -> tuple[Place, str]:
    folder, _, name = address.rpartition("/")
    return Place(folder), name


def _refused(field: str, message: str, value: str) -> InvalidInput:
    return InvalidInput(Finding("request", message, field=field, value=value, rule="storage_links", remedy=_REMEDY))


def _changed(linked: Linked, field: str) -> InvalidInput:
    message = "must be as it was when it was linked, and has changed or is gone"
    remedy = "Make a new version of the portfolio with the file as it is now"
    return InvalidInput(Finding(linked.name, message, field=field, value=linked.url, rule="linked_file", remedy=remedy))


def fetched(files: Mapping[str, Mapping[str, Any]], artefacts: Place, prefixes: Sequence[str]) -> dict[str, Path]:
    """A portfolio version's files on this machine, by kind: linked ones as registered, the others as stored.

    ``files`` is ``PortfolioVersion.files``. InvalidInput for a linked file that changed, DamagedFile for a stored one.
    """
    links = Links(prefixes)
    return {
        kind: links.local(Linked.of(file), kind)
        if file.get("linked")
        else artefacts.local(artefacts.name_of(file["url"]), file.get("sha256") or "")
        for kind, file in files.items()
    }
