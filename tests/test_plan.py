"""The plan is arithmetic: every event once, in order, within memory, or refused with both numbers."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oasis_kernel.errors import PlanRefused
from oasis_kernel.model.losses import SPECIAL
from oasis_kernel.model.work import Workload
from oasis_kernel.plan import make_plan

MIB = 2**20


def workload(item_events: list[int], samples: int = 10) -> Workload:
    touched = np.array(item_events, np.int64)
    return Workload(np.arange(1, len(touched) + 1, dtype=np.int32), touched, touched, touched, samples)


@given(
    st.lists(st.integers(0, 100_000), min_size=1, max_size=60),
    st.integers(1, 4),
    st.one_of(st.none(), st.integers(1, 80)),
)
def test_every_event_once_in_order(item_events, workers, chunks):
    plan = make_plan(workload(item_events), workers=workers, memory_bytes=4096 * MIB, block_bytes=MIB, chunks=chunks)
    events = np.concatenate([chunk.event_id for chunk in plan.chunks])
    assert events.tolist() == list(range(1, len(item_events) + 1))
    assert [chunk.number for chunk in plan.chunks] == list(range(len(plan.chunks)))
    if chunks:
        assert len(plan.chunks) <= chunks


def test_chunks_are_balanced_by_touched_work_not_by_event_count():
    plan = make_plan(
        workload([100_000] * 10 + [10] * 990), workers=1, memory_bytes=4096 * MIB, block_bytes=MIB, chunks=5
    )
    assert [chunk.item_events for chunk in plan.chunks[:4]] == [200_000] * 4


def test_chunks_fit_the_memory_they_are_given():
    plan = make_plan(workload([50_000] * 40, samples=100), workers=2, memory_bytes=256 * MIB, block_bytes=8 * MIB)
    assert plan.peak_bytes <= 256 * MIB
    assert len(plan.chunks) > 1


def test_an_event_that_cannot_fit_is_refused_with_both_numbers():
    with pytest.raises(PlanRefused, match=r"event 2 needs [\d,]+ MiB, and each of 2 workers has 24 MiB"):
        make_plan(workload([1, 5_000_000], samples=100), workers=2, memory_bytes=64 * MIB, block_bytes=8 * MIB)


def test_an_event_too_large_for_memory_is_computed_a_few_samples_at_a_time():
    work = replace(workload([1, 400_000], samples=100), summary_rows=np.array([1, 1]), divisible=True, blocks=3.0)
    plan = make_plan(work, workers=2, memory_bytes=256 * MIB, block_bytes=8 * MIB)
    assert plan.peak_bytes <= 256 * MIB
    at_once = plan.chunks[-1].samples_at_once
    assert 1 < at_once < 100
    assert 400_000 * 3 * (SPECIAL + at_once) * 4 < 120 * MIB < 400_000 * 3 * (SPECIAL + at_once + 1) * 4 + 8 * MIB
    roomy = make_plan(work, workers=2, memory_bytes=4096 * MIB, block_bytes=8 * MIB)
    assert [chunk.samples_at_once for chunk in roomy.chunks] == [100] * len(roomy.chunks)
    with pytest.raises(PlanRefused, match="event 2 needs"):
        make_plan(work, workers=2, memory_bytes=64 * MIB, block_bytes=8 * MIB)
    with pytest.raises(PlanRefused, match="event 2 needs"):
        make_plan(replace(work, divisible=False), workers=2, memory_bytes=256 * MIB, block_bytes=8 * MIB)


def test_a_large_event_is_computed_in_up_to_four_windows_of_samples_however_much_memory_there_is():
    few = replace(workload([1, 400_000], samples=100), divisible=True)
    many = replace(few, samples=1_000)
    for work, wanted in ((few, 100), (many, 250)):
        plan = make_plan(work, workers=1, memory_bytes=65_536 * MIB, block_bytes=8 * MIB)
        assert [chunk.samples_at_once for chunk in plan.chunks[-1:]] == [wanted]
    small = replace(workload([10_000], samples=1_000), divisible=True)
    [chunk] = make_plan(small, workers=1, memory_bytes=65_536 * MIB, block_bytes=8 * MIB).chunks
    assert chunk.samples_at_once == 16 * MIB // 40_000 - SPECIAL
    whole = replace(many, divisible=False)
    assert make_plan(whole, workers=1, memory_bytes=65_536 * MIB, block_bytes=8 * MIB).chunks[-1].samples_at_once == 0


def test_a_chunk_keeps_no_more_the_more_samples_there_are():
    few, many = (replace(workload([10_000] * 400), samples=samples) for samples in (10, 1_000))
    for work in (few, many):
        plan = make_plan(work, workers=1, memory_bytes=65_536 * MIB, block_bytes=8 * MIB)
        each = 10_000 * (16 + 2 * 4 * (SPECIAL + work.samples))
        assert all(len(chunk.event_id) * each <= max(96 * MIB, each) for chunk in plan.chunks)


def test_no_events_is_an_empty_plan():
    assert make_plan(workload([]), workers=2, memory_bytes=MIB, block_bytes=MIB).chunks == ()


def test_the_cuts_of_an_earlier_plan_are_taken_again_where_they_fit():
    work = workload([50_000] * 40, samples=100)
    earlier = make_plan(work, workers=1, memory_bytes=256 * MIB, block_bytes=8 * MIB, chunks=20)
    cuts = np.cumsum([len(chunk.event_id) for chunk in earlier.chunks])[:-1].tolist()
    again = make_plan(work, workers=2, memory_bytes=512 * MIB, block_bytes=8 * MIB, chunks=cuts)
    assert [chunk.event_id.tolist() for chunk in again.chunks] == [chunk.event_id.tolist() for chunk in earlier.chunks]
    smaller = make_plan(work, workers=1, memory_bytes=100 * MIB, block_bytes=8 * MIB, chunks=[20])
    assert len(smaller.chunks) > 2
    assert smaller.peak_bytes <= 100 * MIB
