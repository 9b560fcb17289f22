"""Copies, on this machine's disk, of files that lie in object storage."""

import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import platformdirs

from oasis_kernel.store.failures import full_disk_named

#: Copies are kept until they take more than this.
DEFAULT_LIMIT_BYTES = 20 * 2**30


def default_cache() -> Path:
    """The folder of copies: ``OASIS_STORAGE_CACHE``, else in the user's cache folder."""
    configured = os.environ.get("OASIS_STORAGE_CACHE")
    return Path(configured) if configured else platformdirs.user_cache_path("oasis-workbench") / "storage"


class LocalCopies:
    """Copies under keys (hexadecimal); each appears whole or not at all, and keeps its file's own name."""

    def __init__(self, folder: Path | None = None, limit_bytes: int = DEFAULT_LIMIT_BYTES):
        self.folder = folder or default_cache()
        self.limit_bytes = limit_bytes

    def copy(self, key: str, name: str, fill: Callable[[Path], None]) -> Path:
        """The copy under a key, made by ``fill`` (which is given a path that does not exist) if it is not there.

        ``fill`` may make a file or a folder; when it raises, nothing stays.
        """
        place = self.folder / "files" / key[:2] / key
        final = place / name
        if final.exists():
            os.utime(place)
            return final
        with full_disk_named(str(self.folder)):
            place.parent.mkdir(parents=True, exist_ok=True)
            temporary = place.with_name(f".{key[:16]}-{uuid4().hex}")
            temporary.mkdir()
            try:
                fill(temporary / name)
                _give_name(temporary, place)
            finally:
                shutil.rmtree(temporary, ignore_errors=True)
        return final

    def forget(self, key: str) -> None:
        """Remove a copy: one that turned out to be damaged."""
        shutil.rmtree(self.folder / "files" / key[:2] / key, ignore_errors=True)

    def prune(self) -> int:
        """Remove the longest unused copies until the rest fits the limit; returns the bytes freed."""
        found = [(_modified(path), _bytes(path), path) for path in self.folder.glob("files/??/*")]
        excess, freed = sum(size for _, size, _ in found) - self.limit_bytes, 0
        for _, size, path in sorted(found):
            if freed >= excess:
                break
            shutil.rmtree(path, ignore_errors=True)
            freed += size
        return freed


def _give_name(temporary: Path, place: Path) -> None:
    """Rename, unless another process has made the same copy meanwhile."""
    try:
        temporary.replace(place)
    except OSError:
        if not place.is_dir():
            raise


def _modified(path: Path) -> float:
    """When a folder was last used; 0 when another process has removed it meanwhile."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _bytes(folder: Path) -> int:
    """What a folder takes, without what another process removes meanwhile."""
    total = 0
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):
            total += path.lstat().st_size if not path.is_dir() else 0
    return total
