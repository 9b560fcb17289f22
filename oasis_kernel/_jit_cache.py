"""One folder of compiled kernels for several processes: each reads and writes a kernel's files alone.

Numba numbers the files of a kernel's specialisations by what it finds. Two processes that do so at the same time give
one number to two of them, and a third then runs code that was compiled for other arguments. This is not in ``_jit``
because the content of that module is part of every folder's name.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from numba.core import caching


class _SharedCacheFile(caching.IndexDataCacheFile):
    """Numba's files of one kernel, under a lock that every process takes."""

    def save(self, key: Any, data: Any) -> None:
        """Add a specialisation."""
        with self._alone(fcntl.LOCK_EX):
            super().save(key, data)

    def load(self, key: Any) -> Any:
        """The specialisation of a key; None when it is not there."""
        if not Path(self._cache_path).is_dir():
            return None
        with self._alone(fcntl.LOCK_SH):
            return super().load(key)

    @contextmanager
    def _alone(self, kind: int) -> Iterator[None]:
        with Path(self._index_path).with_suffix(".lock").open("a") as file:
            fcntl.flock(file, kind)
            yield


def share_kernel_folders() -> None:
    """Let this process share its folder of compiled kernels with others; to be called before kernels are imported."""
    caching.IndexDataCacheFile = _SharedCacheFile  # type: ignore[misc]
