"""The one place that knows numba: options, cache folder, warm-up.

Kernels are strict IEEE (no fast-math), because the reference engine's samples are reproduced bit for bit
by the operations in the order written. They release the GIL, so that threads run them side by side.
"""

import hashlib
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


def cache_directory() -> Path:
    """The folder of compiled kernels: ``OASIS_KERNEL_CACHE``, or one per user, and in it one per set of sources.

    Numba notices a changed function, but not a changed function that it calls: without a folder per content of all
    kernels, an upgrade could go on running old arithmetic. Two processes must not fill one folder at once: compile
    once (any small run does), then start workers.
    """
    import platformdirs

    configured = os.environ.get("OASIS_KERNEL_CACHE")
    root = Path(configured) if configured else platformdirs.user_cache_path("oasis-workbench") / "kernels"
    return root / sources_hash()


@cache
def sources_hash() -> str:
    """A short hash of every kernel's source and of this module's."""
    here = Path(__file__)
    digest = hashlib.sha256(here.read_bytes())
    for source in sorted((here.parent / "kernels").glob("*.py")):
        digest.update(source.name.encode() + source.read_bytes())
    return digest.hexdigest()[:16]


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

    numba.config.CACHE_DIR = str(cache_directory())  # type: ignore[attr-defined]
    compiled: F = numba.njit(cache=True, nogil=True, error_model="numpy", **options)(function)
    return compiled
