"""Arrays in one file: as they were, mapped, and refused when the file is not whole."""

import numpy as np
import pytest

from oasis_kernel.errors import DamagedFile
from oasis_kernel.formats.array_file import read_arrays, write_arrays

RECORDS = np.array([(1, 2.5), (3, 4.5)], dtype=[("number", "i4"), ("share", "f4")])
ARRAYS = {
    "integers": np.arange(12, dtype=np.int64).reshape(3, 4),
    "columns first": np.asfortranarray(np.arange(6, dtype=np.float32).reshape(2, 3)),
    "records": RECORDS,
    "flags": np.array([True, False]),
    "none": np.zeros((0, 5), np.uint64),
    "strided": np.arange(20, dtype=np.int32)[::3],
}


def test_arrays_come_back_as_they_were(tmp_path):
    write_arrays(tmp_path / "some.arrays", ARRAYS)
    found = read_arrays(tmp_path / "some.arrays")
    assert list(found) == list(ARRAYS)
    for name, array in ARRAYS.items():
        assert (found[name].dtype, found[name].shape) == (array.dtype, array.shape)
        assert (found[name] == array).all()
        assert type(found[name]) is np.ndarray
        assert found[name].flags.c_contiguous
        assert found[name].flags.writeable, "kernels are compiled for arrays that may be written to"
        assert found[name].ctypes.data % 64 == 0 or not array.size


def test_what_is_changed_stays_in_the_process(tmp_path):
    write_arrays(tmp_path / "some.arrays", ARRAYS)
    read_arrays(tmp_path / "some.arrays")["integers"][0, 0] = 99
    assert read_arrays(tmp_path / "some.arrays")["integers"][0, 0] == 0


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", (2**40).to_bytes(8, "little"), b"\x02" + bytes(7) + b"[]"])
def test_another_file_is_refused(tmp_path, content):
    (tmp_path / "other").write_bytes(content)
    with pytest.raises(DamagedFile, match="other must hold arrays as they were written"):
        read_arrays(tmp_path / "other")


@pytest.mark.parametrize("missing", [1, 64, 300])
def test_a_file_cut_short_is_refused(tmp_path, missing):
    write_arrays(tmp_path / "some.arrays", ARRAYS)
    whole = (tmp_path / "some.arrays").read_bytes()
    (tmp_path / "some.arrays").write_bytes(whole[:-missing])
    with pytest.raises(DamagedFile):
        read_arrays(tmp_path / "some.arrays")
