"""Parts of finished chunks under content addresses: published once, found again by a retry or a resumed run."""

import hashlib
import math
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from oasis_kernel.store.folders import whole_file

#: Parts are kept for resume and reuse until they take more than this.
DEFAULT_LIMIT_BYTES = 20 * 2**30
#: A temporary file that nobody wrote to for so long belongs to a process that was killed.
ABANDONED_SECONDS = 24 * 3600.0


def content_hash(values: Iterable[Any]) -> str:
    """The SHA-256 of texts, bytes and arrays, in order, each framed by its length, so that no two lists collide."""
    digest = hashlib.sha256()
    for value in values:
        array = np.ascontiguousarray(value) if isinstance(value, np.ndarray) else None
        data = value.encode() if isinstance(value, str) else (value if array is None else array.tobytes())
        label = f"{array.dtype.str}{array.shape}" if array is not None else type(value).__name__
        digest.update(f"{label}:{len(data)}:".encode())
        digest.update(data)
    return digest.hexdigest()


@dataclass(frozen=True)
class Contents:
    """How much lies in a store."""

    parts: int
    bytes: int
    oldest: float | None  # when the longest unused part was used last, seconds since 1970; None where there is none


class PartStore:
    """A folder of parts, used where they lie. Publishing writes under a temporary name, then renames: whole or absent.

    Several kinds of parts, told apart by their ``suffix``, can share a folder and so the limit of what is kept in it.
    """

    def __init__(self, root: Path, suffix: str = ".part"):
        self.root = root
        self.suffix = suffix

    def path(self, address: str) -> Path:
        """Where the part of an address lies, whether it is there or not."""
        return self.root / address[:2] / f"{address}{self.suffix}"

    def has(self, address: str) -> bool:
        """Whether the part is there."""
        return self.path(address).is_file()

    def local(self, address: str) -> Path:
        """The part as a file on this machine. Its reader finds out whether it is whole; it may have vanished, too."""
        return self.path(address)

    def touch(self, address: str) -> None:
        """Note that a part was used, so that others are removed before it."""
        try:
            os.utime(self.path(address))
        except FileNotFoundError:
            return  # removed meanwhile by another run, which its reader will notice

    def publish(self, address: str, write: Callable[[Path], None]) -> None:
        """Let ``write`` fill a temporary file, and give it its address."""
        with self.publishing(address) as temporary:
            write(temporary)

    @contextmanager
    def publishing(self, address: str) -> Iterator[Path]:
        """A temporary file that gets its address when the block ends well, and vanishes otherwise."""
        with whole_file(self.path(address)) as temporary:
            yield temporary

    def discard(self, address: str) -> None:
        """Forget a part: one that turned out to be damaged."""
        self.path(address).unlink(missing_ok=True)

    def prune(
        self, keep: frozenset[str], limit_bytes: int = DEFAULT_LIMIT_BYTES, unused_seconds: float = math.inf
    ) -> int:
        """Remove the longest unused parts of every kind, but those to ``keep``, until the rest fits ``limit_bytes``.

        Parts that nobody used for ``unused_seconds`` go whatever the size, and what a killed process left
        half-written. Returns the number of bytes freed.
        """
        found = [(status, part) for part in self.root.glob("??/*") if (status := _status(part)) is not None]
        now = time.time()
        found.sort(key=lambda entry: entry[0].st_mtime)
        excess = sum(status.st_size for status, _ in found) - limit_bytes
        freed = 0
        for status, part in found:
            age = now - status.st_mtime
            temporary = part.name.startswith(".")
            unused = (freed < excess or age > unused_seconds) and part.stem not in keep
            if age > ABANDONED_SECONDS if temporary else unused:
                part.unlink(missing_ok=True)
                freed += status.st_size
        return freed

    def contents(self) -> "Contents":
        """How much lies here, of every kind."""
        found = [status for part in self.root.glob("??/*") if (status := _status(part)) is not None]
        used = [status.st_mtime for status in found]
        return Contents(len(found), sum(status.st_size for status in found), min(used, default=None))


def _status(path: Path) -> os.stat_result | None:
    """A file's size and times; None when another run has removed it meanwhile."""
    try:
        return path.stat()
    except FileNotFoundError:
        return None
