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
#: Pieces that a thread keeps for later, and bytes of them: the largest go first, as they cost least beside their use.
KEPT, KEPT_BYTES = 4, 48 << 20
MARGIN = 1.25  # how much larger than asked for new pieces are, so that they serve again


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
    piece = _taken(_kept.pieces, needed)
    _leave(_kept.pieces)  # before there is a new one
    if piece is None:
        piece = np.empty(int(needed * MARGIN), np.uint8)
    return np.asarray(_Lease(piece, _kept.pieces))[:needed].view(dtype)


def _taken(pieces: list[npt.NDArray[np.uint8]], needed: int) -> npt.NDArray[np.uint8] | None:
    """The smallest piece that is large enough, taken out; where none is, the smallest goes, to make place."""
    fitting = [number for number, piece in enumerate(pieces) if len(piece) >= needed]
    number = min(fitting or range(len(pieces)), key=lambda number: len(pieces[number]), default=None)
    piece = pieces.pop(number) if number is not None else None
    return piece if fitting else None


def _leave(pieces: list[npt.NDArray[np.uint8]]) -> None:
    """Keep no more pieces, and no more bytes of them, than is worth it."""
    while len(pieces) > KEPT or sum(map(len, pieces)) > KEPT_BYTES:
        pieces.pop(max(range(len(pieces)), key=lambda number: len(pieces[number])))
