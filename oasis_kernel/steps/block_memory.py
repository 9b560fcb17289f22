"""Memory of loss blocks, used again block after block.

A block of an event with many samples takes tens of megabytes, a run makes thousands of them, and the system clears
every page of fresh memory: an eighth of the processor time of a run with a hundred samples.
"""

import threading
from typing import Any

import numpy as np
import numpy.typing as npt

from oasis_kernel.model.exposure import Float32

#: Bytes below which the allocator keeps memory by itself.
SMALLEST = 1 << 20
#: Pieces that a thread keeps for later, and how much larger than asked for new ones are, so that they serve again.
KEPT, MARGIN = 4, 1.25


class _Kept(threading.local):
    """What one thread keeps; it goes with the thread."""

    def __init__(self) -> None:
        self.pieces: list[npt.NDArray[np.uint8]] = []


class _Lease:
    """A piece of memory that goes back to the thread it is from when no array looks at it any more."""

    def __init__(self, piece: npt.NDArray[np.uint8], pieces: list[npt.NDArray[np.uint8]]):
        self._piece, self._pieces = piece, pieces
        self.__array_interface__: dict[str, Any] = piece.__array_interface__

    def __del__(self) -> None:
        if len(self._pieces) < KEPT:
            self._pieces.append(self._piece)


_kept = _Kept()


def loss_rows(rows: int, columns: int) -> Float32:
    """An array [rows, columns] of any content, float32; its memory serves again once nobody refers to it."""
    return scratch(rows * columns, np.dtype(np.float32)).reshape(rows, columns)


def scratch(count: int, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """An array [count] of any content; its memory serves again once nobody refers to it."""
    needed = count * dtype.itemsize
    if needed < SMALLEST:
        return np.empty(count, dtype)
    pieces = _kept.pieces
    fitting = [number for number, piece in enumerate(pieces) if len(piece) >= needed]
    if fitting:
        piece = pieces.pop(min(fitting, key=lambda number: len(pieces[number])))
    else:
        if pieces:
            pieces.pop(min(range(len(pieces)), key=lambda number: len(pieces[number])))
        piece = np.empty(int(needed * MARGIN), np.uint8)
    return np.asarray(_Lease(piece, pieces))[:needed].view(dtype)
