"""Room for curves: in memory while it is small, else in a file that has its place on the disk."""

import errno

import numpy as np
import pytest

from oasis_kernel.engine.own_memory import own_memory
from oasis_kernel.formats.ord_room import FILE_BYTES, room


def test_small_room_is_memory_and_large_room_is_not() -> None:
    for rows in (10, FILE_BYTES // 64):
        array = room((rows, 16), np.float64)
        assert array.shape == (rows, 16)
        assert array.dtype == np.float64
        assert type(array) is np.ndarray
        assert array.flags.writeable
    before = own_memory()
    array[:] = 1.0
    assert array.sum() == array.size
    assert own_memory() - before < array.nbytes / 2


def test_a_disk_without_place_is_an_error_before_anything_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int, offset: int, size: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.posix_fallocate", full)
    with pytest.raises(OSError, match="exceedance curves need 33,554,432 bytes") as raised:
        room((FILE_BYTES, 2), np.int8)
    assert raised.value.errno == errno.ENOSPC
