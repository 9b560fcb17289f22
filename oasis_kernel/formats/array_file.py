"""Arrays in one file that is mapped, not read: processes of a machine that open it share one copy in memory.

Little-endian length of the header, the header (JSON: each array's type, shape and place), then the arrays, each at a
multiple of 64 bytes. Nothing in it runs when it is read.
"""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import descr_to_dtype, dtype_to_descr

from oasis_kernel.errors import DamagedFile

_LENGTH, _ALIGNMENT = 8, 64


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write arrays under their names, row-major."""
    contiguous = {name: np.require(array, requirements="C") for name, array in arrays.items()}
    header, end = {}, 0
    for name, array in contiguous.items():
        header[name] = {"type": dtype_to_descr(array.dtype), "shape": array.shape, "at": end}
        end = _aligned(end + array.nbytes)
    text = json.dumps(header).encode()
    with path.open("wb") as file:
        file.write(len(text).to_bytes(_LENGTH, "little"))
        file.write(text)
        for array in contiguous.values():
            file.write(bytes(_aligned(file.tell()) - file.tell()))
            file.write(array.data)


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a file; changes to them stay in this process. DamagedFile when it is not whole."""
    try:
        mapped = np.memmap(path, np.uint8, mode="c")
        length = int.from_bytes(mapped[:_LENGTH].tobytes(), "little")
        header: dict[str, Any] = json.loads(mapped[_LENGTH : _LENGTH + length].tobytes())
        start = _aligned(_LENGTH + length)
        return {name: _array(mapped, start, told) for name, told in header.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DamagedFile(f"{path.name} must hold arrays as they were written: {error}") from error


def _array(mapped: np.ndarray, start: int, told: Mapping[str, Any]) -> np.ndarray:
    kind, shape = descr_to_dtype(_descr(told["type"])), tuple(told["shape"])
    begin = start + told["at"]
    size = math.prod(shape) * kind.itemsize
    if begin + size > len(mapped):
        raise ValueError("its end is missing")
    if not size:
        return np.zeros(shape, kind)
    return np.asarray(mapped[begin : begin + size]).view(kind).reshape(shape)


def _descr(told: Any) -> Any:
    """A type as JSON gave it back: fields of records are tuples."""
    return [tuple(field) for field in told] if isinstance(told, list) else told


def _aligned(place: int) -> int:
    return -(-place // _ALIGNMENT) * _ALIGNMENT
