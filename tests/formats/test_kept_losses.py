"""Kept ground-up losses come back as they went, or are refused."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oasis_kernel.errors import DamagedPart
from oasis_kernel.formats.kept_losses import kept_blocks, kept_file, read_contents, write_contents
from oasis_kernel.model.losses import SPECIAL, LossBlock
from oasis_kernel.model.work import Workload

SAMPLES = 3


def block(first_event: int, rows: list[int], seed: int = 1) -> LossBlock:
    """Random losses of consecutive events with so many rows each."""
    random = np.random.default_rng(seed)
    total = sum(rows)
    loss = random.lognormal(8, 3, (total, SPECIAL + SAMPLES)).astype(np.float32)
    loss[random.random(loss.shape) < 0.3] = 0
    event_id = np.arange(first_event, first_event + len(rows), dtype=np.int32)
    offsets = np.concatenate([[0], np.cumsum(rows)]).astype(np.int64)
    return LossBlock(event_id, offsets, random.permutation(total).astype(np.int32), loss)


def write(path: Path, blocks: list[LossBlock]) -> None:
    with kept_file(path, SAMPLES) as file:
        for each in blocks:
            file.add(each)


def same(left: LossBlock, right: LossBlock) -> bool:
    return all(
        np.array_equal(getattr(left, name), getattr(right, name)) for name in ("event_id", "offsets", "row", "loss")
    )


@settings(deadline=None, max_examples=20)
@given(sizes=st.lists(st.lists(st.integers(1, 7), min_size=1, max_size=4), max_size=4), seed=st.integers(0, 99))
def test_blocks_come_back_bit_for_bit(tmp_path_factory, sizes, seed):
    path = tmp_path_factory.mktemp("kept") / "kept.parquet"
    blocks = [block(10 * number + 1, rows, seed + number) for number, rows in enumerate(sizes)]
    write(path, blocks)
    found = list(kept_blocks(path, SAMPLES))
    assert len(found) == len(blocks)
    assert all(map(same, found, blocks))
    assert all(each.loss.flags.writeable for each in found), "a plugin may adjust losses in place"


def test_any_parquet_reader_can_read_them(tmp_path):
    losses = block(5, [2, 1])
    write(tmp_path / "kept.parquet", [losses])
    table = pq.read_table(tmp_path / "kept.parquet")
    assert table.column_names[:4] == ["event_id", "item_id", "mean", "deviation"]
    assert table.column_names[-1] == f"sample_{SAMPLES}"
    assert table["event_id"].to_pylist() == [5, 5, 6]
    assert table["item_id"].to_pylist() == (losses.row + 1).tolist()
    assert table["sample_1"].to_numpy().tolist() == losses.loss[:, SPECIAL].tolist()


def test_a_block_without_rows_takes_no_room(tmp_path):
    write(tmp_path / "kept.parquet", [block(1, [0]), block(2, [1])])
    assert len(list(kept_blocks(tmp_path / "kept.parquet", SAMPLES))) == 1


def test_flipped_bytes_are_noticed(tmp_path):
    path = tmp_path / "kept.parquet"
    blocks = [block(1, [3, 2]), block(9, [4])]
    write(path, blocks)
    whole = path.read_bytes()
    for position in range(0, len(whole), 7):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 0x41]) + whole[position + 1 :])
        try:
            found = list(kept_blocks(path, SAMPLES))
        except DamagedPart:
            continue
        # a byte that says nothing of the losses, such as the name of the program that wrote the file
        assert len(found) == len(blocks)
        assert all(map(same, found, blocks)), f"byte {position}"


@pytest.mark.parametrize("content", [b"", b"PAR1", b"not a Parquet file at all"])
def test_what_is_no_such_file_is_refused(tmp_path, content):
    (tmp_path / "kept.parquet").write_bytes(content)
    with pytest.raises(DamagedPart):
        list(kept_blocks(tmp_path / "kept.parquet", SAMPLES))
    with pytest.raises(DamagedPart):
        read_contents(tmp_path / "kept.parquet")


def test_a_file_cut_short_is_refused(tmp_path):
    path = tmp_path / "kept.parquet"
    write(path, [block(1, [3])])
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DamagedPart, match="must hold the ground-up losses kept in it"):
        list(kept_blocks(path, SAMPLES))


def test_losses_of_other_samples_are_refused(tmp_path):
    write(tmp_path / "kept.parquet", [block(1, [3])])
    with pytest.raises(DamagedPart):
        list(kept_blocks(tmp_path / "kept.parquet", SAMPLES + 1))


def test_contents_come_back(tmp_path):
    events = np.array([3, 5, 9], np.int32)
    workload = Workload(events, np.array([4, 1, 2]), np.array([8, 2, 6]), np.array([1, 1, 1]), SAMPLES)
    write_contents(tmp_path / "contents.parquet", workload, np.array([0, 0, 1], np.int32))
    found = read_contents(tmp_path / "contents.parquet")
    assert found["event_id"].tolist() == [3, 5, 9]
    assert found["footprint_rows"].tolist() == [4, 1, 2]
    assert found["item_events"].tolist() == [8, 2, 6]
    assert found["chunk"].tolist() == [0, 0, 1]
