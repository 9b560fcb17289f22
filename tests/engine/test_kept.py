"""Kept losses: parts of a portfolio, contents, room on the disk."""

from pathlib import Path

import numpy as np
import pytest

from oasis_kernel.engine.kept import KeptGroundUp, of_rows, refuse_full_disk
from oasis_kernel.errors import PlanRefused
from oasis_kernel.model.losses import LossBlock
from oasis_kernel.model.work import Chunk, Plan, Workload
from oasis_kernel.store.parts import PartStore

SAMPLES = 2


def kept(folder: Path) -> KeptGroundUp:
    return KeptGroundUp(PartStore(folder, ".parquet"), "key", SAMPLES)


def workload(events: int, items: int) -> Workload:
    each = np.ones(events, np.int64)
    return Workload(np.arange(1, events + 1, dtype=np.int32), each, each * items, each, SAMPLES)


def test_rows_that_go_on_keep_their_order_and_events_without_any_are_out():
    loss = np.arange(4, dtype=np.float32)[:, None] * np.ones(SAMPLES + 5, np.float32)
    block = LossBlock(np.array([3, 5, 8], np.int32), np.array([0, 2, 3, 4]), np.array([2, 0, 1, 2], np.int32), loss)
    rest = of_rows(block, np.array([0, -1, 1], np.int32))
    assert rest.event_id.tolist() == [3, 8]
    assert rest.offsets.tolist() == [0, 2, 3]
    assert rest.row.tolist() == [1, 0, 1]
    assert rest.loss[:, 0].tolist() == [0, 1, 3]


def test_contents_give_back_the_cuts(tmp_path):
    work = workload(5, 1)
    chunks = [Chunk(number, events, 0, 0) for number, events in enumerate(np.split(work.event_id, [2, 4]))]
    kept(tmp_path).keep_contents(work.event_id, work, Plan(tuple(chunks), 1, 0))
    found = kept(tmp_path).contents(work.event_id)
    assert found is not None
    assert found.cuts == (2, 4)
    assert found.workload.event_id.tolist() == [1, 2, 3, 4, 5]
    assert kept(tmp_path).contents(work.event_id[:4]) is None, "other events are other contents"


def test_damaged_contents_are_none_and_gone(tmp_path):
    work = workload(2, 1)
    address = kept(tmp_path).keep_contents(work.event_id, work, Plan((Chunk(0, work.event_id, 0, 0),), 1, 0))
    path = kept(tmp_path).store.path(address)
    path.write_bytes(path.read_bytes()[:-9])
    assert kept(tmp_path).contents(work.event_id) is None
    assert not path.exists()


def test_losses_that_do_not_fit_the_disk_are_refused_with_both_numbers(tmp_path):
    refuse_full_disk(kept(tmp_path), workload(1, 1))
    with pytest.raises(PlanRefused, match=r"takes up to 26,07\d,\d{3}\.\d GiB, and [\d,.]+ GiB are free in"):
        refuse_full_disk(kept(tmp_path), workload(1_000_000, 10**9))
