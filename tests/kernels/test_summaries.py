"""Summaries against plain dictionaries."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oasis_kernel.model.losses import CHANCE, DEVIATION, EXPOSURE, MEAN, SPECIAL, LossBlock, SummaryLosses, SummarySet
from oasis_kernel.steps.summarise import join_events, summarise, summarise_all, summed_as

SAMPLES = 3


def twin(block: LossBlock, summary_of: np.ndarray, risk_of: np.ndarray, first_met: bool) -> list[tuple]:
    rows = []
    for e, event in enumerate(block.event_id):
        total: dict[int, np.ndarray] = {}
        risks: dict[int, set[int]] = {}
        counted: dict[int, int] = {}
        met: set[int] = set()
        for n in range(block.offsets[e], block.offsets[e + 1]):
            summary, risk = summary_of[block.row[n]], risk_of[block.row[n]]
            new = risk not in met
            met.add(risk)
            counted[summary] = counted[summary] + new if summary in counted else 1
            risks.setdefault(summary, set()).add(risk)
            total[summary] = total.get(summary, 0.0) + block.loss[n].astype(np.float64)
        for summary in sorted(total):
            if total[summary][EXPOSURE] == 0 and total[summary][MEAN] == 0:
                continue
            loss = total[summary].astype(np.float32)
            loss[DEVIATION], loss[CHANCE] = 0, counted[summary] if first_met else len(risks[summary])
            rows.append((event, summary, loss))
    return rows


@st.composite
def blocks(draw: st.DrawFn) -> tuple[LossBlock, np.ndarray, np.ndarray]:
    items = draw(st.integers(1, 40))
    summaries = draw(st.sampled_from([1, 3, 300]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    counts = [draw(st.integers(0, items)) for _ in range(draw(st.integers(0, 4)))]
    row = np.concatenate([np.zeros(0), *(rng.permutation(items)[:count] for count in counts)]).astype(np.int32)
    loss = (rng.random((len(row), SPECIAL + SAMPLES)) * (rng.random((len(row), 1)) < 0.7)).astype(np.float32)
    events = np.arange(1, len(counts) + 1, dtype=np.int32)
    block = LossBlock(events, np.cumsum([0, *counts]), row, loss)
    return block, rng.integers(1, summaries + 1, items).astype(np.int32), rng.integers(0, items, items).astype(np.int32)


def assert_rows(found: SummaryLosses, expected: list[tuple]) -> None:
    assert found.event_id.tolist() == [event for event, _, _ in expected]
    assert found.summary_id.tolist() == [summary for _, summary, _ in expected]
    for loss, (_, _, wanted) in zip(found.loss, expected, strict=True):
        np.testing.assert_array_equal(loss, wanted)


@settings(deadline=None)
@given(blocks(), st.booleans())
def test_summaries_are_sums_over_their_items(given_block: tuple, first_met: bool) -> None:
    block, summary_of, risk_of = given_block
    level = SummarySet(1, "gul", summary_of, risk_of, None)
    assert_rows(summarise(block, level, risks_first_met=first_met), twin(block, summary_of, risk_of, first_met))


@settings(deadline=None)
@given(blocks())
def test_events_may_be_cut_anywhere(given_block: tuple) -> None:
    block, summary_of, risk_of = given_block
    level = SummarySet(1, "gul", summary_of, risk_of, None)
    whole = summarise(block, level)
    pieces = [
        summarise(LossBlock(block.event_id[e : e + 1], block.offsets[e : e + 2], block.row, block.loss), level)
        for e in range(len(block.event_id))
    ]
    if pieces:
        joined = join_events(pieces)
        assert joined.loss.tobytes() == whole.loss.tobytes()
        assert joined.summary_id.tobytes() == whole.summary_id.tobytes()


@pytest.mark.parametrize(("first_met", "counts"), [(False, [2, 2]), (True, [2, 1])])
def test_a_risk_in_two_summaries_counts_in_both_unless_asked_for_the_reference_s_way(
    first_met: bool, counts: list[int]
) -> None:
    loss = np.ones((4, SPECIAL + 1), np.float32)
    block = LossBlock(np.array([7], np.int32), np.array([0, 4]), np.arange(4, dtype=np.int32), loss)
    level = SummarySet(1, "gul", np.array([1, 2, 1, 2], np.int32), np.array([0, 0, 1, 1], np.int32), None)
    found = summarise(block, level, risks_first_met=first_met)
    assert found.loss[:, CHANCE].tolist() == counts


def test_a_summary_without_exposure_and_mean_is_left_out() -> None:
    loss = np.zeros((2, SPECIAL + 1), np.float32)
    loss[1, EXPOSURE] = 5
    block = LossBlock(np.array([7], np.int32), np.array([0, 2]), np.arange(2, dtype=np.int32), loss)
    level = SummarySet(1, "gul", np.array([1, 2], np.int32), np.zeros(2, np.int32), None)
    assert summarise(block, level).summary_id.tolist() == [2]


@settings(deadline=None)
@given(blocks())
def test_sets_of_the_same_rows_share_their_sums_and_others_do_not(given_block: tuple) -> None:
    block, summary_of, risk_of = given_block
    one, again = (SummarySet(number, "gul", summary_of.copy(), risk_of, None) for number in (1, 2))
    other = SummarySet(3, "gul", summary_of[::-1].copy(), risk_of, None)
    streams = {"gul": block, "il": block}
    wanted = [("gul", one), ("gul", again), ("gul", other), ("il", one)]
    assert summed_as(wanted) == [0, 0, 0 if np.array_equal(summary_of, summary_of[::-1]) else 2, 3]
    found = summarise_all(streams, wanted, summed_as(wanted))
    assert found[1] is found[0]
    assert found[3] is not found[0]
    for losses, level in zip(found, (one, again, other, one), strict=True):
        alone = summarise(block, level)
        np.testing.assert_array_equal(losses.summary_id, alone.summary_id)
        np.testing.assert_array_equal(losses.loss, alone.loss)
