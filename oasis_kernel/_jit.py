"""The one place that knows numba: options, cache folder, warm-up.

Kernels are strict IEEE (no fast-math), because the reference engine's samples are reproduced bit for bit
by the operations in the order written. They release the GIL, so that threads run them side by side.
"""

import hashlib
import os
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

_IMPORT = re.compile(r"^(?:from|import) (oasis_kernel\.(?:kernels|model)\.\w+)", re.MULTILINE)
F = TypeVar("F", bound=Callable[..., Any])


def cache_directory(module: str) -> Path:
    """The folder of a module's compiled kernels: under ``OASIS_KERNEL_CACHE``, or one per user.

    Numba notices a changed function, but not a changed function that it calls: without a folder per content of the
    module and of all it imports, an upgrade could go on running old arithmetic. Two processes must not fill one
    folder at once: compile once (any small run does), then start workers.
    """
    import platformdirs

    configured = os.environ.get("OASIS_KERNEL_CACHE")
    root = Path(configured) if configured else platformdirs.user_cache_path("oasis-workbench") / "kernels"
    return root / _content(module)


@cache
def _content(module: str) -> str:
    """A hash of the module and of all it imports."""
    digest = hashlib.sha256(Path(__file__).read_bytes())
    for source in sorted(_sources(module)):
        digest.update(source.name.encode() + source.read_bytes())
    return digest.hexdigest()[:16]


@cache
def _sources(module: str) -> frozenset[Path]:
    """The file of a kernel module and those of the kernels and constants it imports, directly or not."""
    found: set[Path] = set()
    waiting = [module]
    while waiting:
        path = Path(__file__).parent.parent.joinpath(*waiting.pop().split(".")).with_suffix(".py")
        if path.is_file() and path not in found:
            found.add(path)
            waiting.extend(_IMPORT.findall(path.read_text(encoding="utf-8")))
    return frozenset(found)


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
    numba = _numba()
    numba.config.CACHE_DIR = str(cache_directory(function.__module__))
    compiled: F = numba.njit(cache=True, nogil=True, error_model="numpy", **options)(function)
    return compiled


@cache
def _numba() -> Any:
    """Numba, which would load scipy to see whether there is one: a quarter of a second of every run.

    It asks when its array functions are loaded, and again when a kernel's linear algebra is compiled. The first
    question is answered with yes.
    """
    import numba
    from numba.np import linalg

    asked = linalg.ensure_blas
    linalg.ensure_blas = lambda: None
    try:
        from numba.np import arraymath
    finally:
        linalg.ensure_blas = asked
    arraymath.ensure_blas = asked
    return numba
