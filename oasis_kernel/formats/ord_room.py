"""Room for the numbers that curves are made of, in memory or, where it is large, in a temporary file."""

import math
import os
import tempfile
from typing import Any

import numpy as np
import numpy.typing as npt

#: Summaries are taken a range at a time, but one of them cannot be cut: periods x samples of a portfolio may be more
#: than all else that a run holds. Larger arrays than this are pages of a file, which the system may put on the disk.
FILE_BYTES = 1 << 24


def room(shape: tuple[int, ...], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """An array of any content; OSError when it is large and the disk of temporary files has no place for it."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    if size <= FILE_BYTES:
        return np.empty(shape, dtype)
    with tempfile.TemporaryFile() as file:
        _claim(file.fileno(), size)
        return np.memmap(file, dtype, "r+", shape=shape).view(np.ndarray)


def _claim(descriptor: int, size: int) -> None:
    """Make the file as large, with its place on the disk: a full disk would end the process when a page is touched."""
    if not hasattr(os, "posix_fallocate"):  # macOS and Windows
        os.truncate(descriptor, size)
        return
    try:
        os.posix_fallocate(descriptor, 0, size)
    except OSError as error:
        said = f"{error.strerror}: exceedance curves need {size:,} bytes for temporary files"
        raise OSError(error.errno, said, tempfile.gettempdir()) from error
