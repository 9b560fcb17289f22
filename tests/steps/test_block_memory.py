"""Memory of loss blocks serves again, and never while somebody looks at it."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from oasis_kernel.steps import block_memory
from oasis_kernel.steps.block_memory import KEPT, KEPT_BYTES, SMALLEST, loss_rows, scratch

ROWS, COLUMNS = SMALLEST // 64, 32  # twice the smallest that is kept


def address(array: np.ndarray) -> int:
    return int(array.__array_interface__["data"][0])


def test_a_block_that_nobody_refers_to_gives_its_memory_to_the_next() -> None:
    def two_places() -> tuple[int, int]:
        first = loss_rows(ROWS, COLUMNS)
        place = address(first)
        del first
        return place, address(loss_rows(ROWS + 1, COLUMNS))

    with ThreadPoolExecutor(1) as fresh:  # a thread that keeps nothing yet
        first, second = fresh.submit(two_places).result()
    assert first == second


def test_memory_that_a_part_of_a_block_looks_at_is_not_given_away() -> None:
    first = loss_rows(ROWS, COLUMNS)
    first[:] = 1.0
    part = first[10:20].reshape(-1)[::2]
    del first
    other = loss_rows(ROWS, COLUMNS)
    other[:] = 2.0
    assert (part == 1.0).all()


def test_of_what_was_given_back_little_is_kept() -> None:
    def kept_after(sizes: list[int]) -> list[int]:
        blocks = [scratch(size, np.dtype(np.uint8)) for size in sizes]
        del blocks
        scratch(SMALLEST, np.dtype(np.uint8))
        return sorted(len(piece) for piece in block_memory._kept.pieces)

    with ThreadPoolExecutor(1) as fresh:
        many = fresh.submit(kept_after, [SMALLEST] * (KEPT + 3)).result()
    with ThreadPoolExecutor(1) as fresh:
        large = fresh.submit(kept_after, [KEPT_BYTES // 2, SMALLEST, KEPT_BYTES // 2]).result()
    assert len(many) <= KEPT + 1
    assert sum(large) <= KEPT_BYTES


def test_numbers_of_any_kind_have_their_place() -> None:
    kind = np.dtype([("node", np.int32), ("loss", np.float32)])
    array = scratch(SMALLEST, kind)
    array["loss"] = 2.0
    assert array.shape == (SMALLEST,)
    assert array["loss"].sum() == 2.0 * SMALLEST


def test_small_and_large_blocks_have_the_shape_asked_for() -> None:
    for rows in (0, 1, ROWS):
        array = loss_rows(rows, COLUMNS)
        assert array.shape == (rows, COLUMNS)
        assert array.dtype == np.float32
        assert array.flags.c_contiguous
        assert array.flags.writeable
        assert array.flags.aligned
