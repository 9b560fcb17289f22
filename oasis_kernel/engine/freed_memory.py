"""Memory that was freed, given back: allocators keep it, and the losses that come next would be added on top."""

import ctypes
import sys
from functools import cache

import pyarrow as pa

# Numbers of the GNU C library's mallopt. Pieces above the first number of bytes are mapped, and so given back at once;
# by itself the library raises that number whenever such a piece is freed, and then keeps what it should not.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_MAPPED_FROM = 4 << 20
_KEPT_AT_THE_TOP = 32 << 20  # of each heap: with less, small pieces are given back and asked for again all the time


@cache
def share_one_allocator() -> None:
    """Let Arrow take the C library's allocator, instead of one that shares no freed memory with the rest."""
    pa.set_memory_pool(pa.system_memory_pool())


@cache
def keep_little_freed_memory() -> None:
    """Let the allocators of this process keep little of what is freed, where they can be told: once is enough.

    For losses, which keep their large pieces themselves. Preparing is a fifth slower with it: it asks for large pieces
    all the time, and the system clears every page of them.
    """
    share_one_allocator()
    tell = getattr(_c_library(), "mallopt", None)
    if tell is not None:
        tell(_MMAP_THRESHOLD, _MAPPED_FROM)
        tell(_TRIM_THRESHOLD, _KEPT_AT_THE_TOP)


def give_back_freed_memory() -> None:
    """Return to the system what Arrow and the C library hold without need; where they can."""
    pa.default_memory_pool().release_unused()
    trim = getattr(_c_library(), "malloc_trim", None)
    if trim is not None:
        trim(0)


@cache
def _c_library() -> ctypes.CDLL | None:
    """The C library on Linux; both functions are of the GNU one only."""
    return ctypes.CDLL(None) if sys.platform.startswith("linux") else None
