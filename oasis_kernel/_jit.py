"""The one place that knows numba: options, cache folder, warm-up.

Kernels are strict IEEE (no fast-math), because the reference engine's samples are reproduced bit for bit
by the operations in the order written. They release the GIL, so that threads run them side by side.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


def cache_directory() -> Path:
    """The folder of compiled kernels: ``OASIS_KERNEL_CACHE``, or one per user.

    Numba keys its files by source time stamp and CPU, so that one folder serves every version of the code,
    but two processes must never fill it at once: compile once (``warm_up``), then start workers.
    """
    import platformdirs

    configured = os.environ.get("OASIS_KERNEL_CACHE")
    return Path(configured) if configured else platformdirs.user_cache_path("oasis-workbench") / "kernels"


def kernel(function: F) -> F:
    """``function`` compiled in nopython mode: no GIL, IEEE division, cached on disk."""
    return _compile(function)


def inlined(function: F) -> F:
    """``function`` compiled to be inlined by LLVM into the kernels that call it: for the small arithmetic."""
    return _compile(function, inline="never", forceinline=True)


def contracted(function: F) -> F:
    """``function`` compiled with fused multiply-add allowed: only where the reference's own bits need it."""
    return _compile(function, fastmath={"contract"})


def _compile(function: F, **options: Any) -> F:
    import numba

    numba.config.CACHE_DIR = str(cache_directory())
    compiled: F = numba.njit(cache=True, nogil=True, error_model="numpy", **options)(function)
    return compiled
