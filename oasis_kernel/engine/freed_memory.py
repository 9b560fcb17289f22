"""Memory that was freed, given back: allocators keep it, and the losses that come next would be added on top."""

import ctypes
import sys

import pyarrow as pa


def give_back_freed_memory() -> None:
    """Return to the system what Arrow and the C library hold without need; where they can."""
    pa.default_memory_pool().release_unused()
    if sys.platform.startswith("linux"):
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # the GNU C library's own
        if trim is not None:
            trim(0)
