"""Parts of finished chunks under content addresses: published once, found again by a retry or a resumed run."""

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np

#: Parts are kept for resume and reuse until they take more than this.
DEFAULT_LIMIT_BYTES = 20 * 2**30


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


class PartStore:
    """A folder of parts. Publishing writes under a temporary name, then renames, so that a part is whole or absent."""

    def __init__(self, root: Path):
        self.root = root

    def path(self, address: str) -> Path:
        """Where the part of an address lies, whether it is there or not."""
        return self.root / address[:2] / f"{address}.part"

    def has(self, address: str) -> bool:
        """Whether the part is there."""
        return self.path(address).is_file()

    def publish(self, address: str, write: Callable[[Path], None]) -> None:
        """Let ``write`` fill a temporary file, and give it its address."""
        final = self.path(address)
        final.parent.mkdir(parents=True, exist_ok=True)
        temporary = final.with_name(f".{address[:16]}-{uuid4().hex}")
        try:
            write(temporary)
            temporary.replace(final)
        finally:
            temporary.unlink(missing_ok=True)

    def discard(self, address: str) -> None:
        """Forget a part: one that turned out to be damaged."""
        self.path(address).unlink(missing_ok=True)

    def prune(self, keep: frozenset[str], limit_bytes: int = DEFAULT_LIMIT_BYTES) -> int:
        """Remove the longest unused parts, but those to ``keep``, until the rest takes at most ``limit_bytes``.

        Returns the number of bytes freed.
        """
        found = [(part.stat(), part) for part in self.root.glob("??/*.part")]
        found.sort(key=lambda entry: entry[0].st_mtime)
        excess = sum(status.st_size for status, _ in found) - limit_bytes
        freed = 0
        for status, part in found:
            if freed >= excess:
                break
            if part.stem not in keep:
                part.unlink(missing_ok=True)
                freed += status.st_size
        return freed
