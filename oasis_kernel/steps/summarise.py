"""A chunk's item losses to the losses of its summaries."""

from collections.abc import Mapping, Sequence

import numpy as np

from oasis_kernel.kernels.summaries import EventLosses, Membership, count_summaries, scratch, sum_by_summary
from oasis_kernel.model.losses import SPECIAL, LossBlock, SummaryLosses, SummarySet


def summarise(block: LossBlock, summary_set: SummarySet, *, risks_first_met: bool = False) -> SummaryLosses:
    """The losses of ``summary_set`` in a block of whole events, by event as given, then summary ascending.

    CHANCE holds the number of affected risks: each of a summary's distinct risks. ``risks_first_met`` counts as the
    reference engine does, which misses risks that several summaries of one event share. A summary whose exposure
    and mean loss are both 0 is left out. Safe to call from several threads; the GIL is released while summing.
    """
    member = Membership(
        np.ascontiguousarray(summary_set.summary_of, np.int32), np.ascontiguousarray(summary_set.risk_of, np.int32)
    )
    offsets = np.ascontiguousarray(block.offsets, np.int64)
    summaries = int(member.summary_of.max(initial=0))
    seen = scratch(offsets, summaries, int(member.risk_of.max(initial=-1)) + 1)
    pairs = count_summaries(offsets, block.row, member.summary_of, seen.summary)
    event_id = np.empty(pairs, np.int32)
    summary_id = np.empty(pairs, np.int32)
    loss = np.empty((pairs, block.loss.shape[1]), np.float32)
    events = EventLosses(block.event_id, offsets, block.row, block.loss)
    written = sum_by_summary(events, member, seen, risks_first_met, event_id, summary_id, loss)
    return SummaryLosses(event_id[:written], summary_id[:written], loss[:written])


Wanted = Sequence[tuple[str, SummarySet]]


def summed_as(wanted: Wanted) -> list[int]:
    """For each (stream, summary set) the first one of that stream with the same rows in each summary.

    All of a portfolio and its only country are such: they are summed once.
    """
    return [next(first for first, known in enumerate(wanted) if _same_sums(known, one)) for one in wanted]


def _same_sums(one: tuple[str, SummarySet], other: tuple[str, SummarySet]) -> bool:
    (stream, mine), (of, theirs) = one, other
    same = stream == of and np.array_equal(mine.summary_of, theirs.summary_of)
    return same and np.array_equal(mine.risk_of, theirs.risk_of)


def summarise_all(
    streams: Mapping[str, LossBlock], wanted: Wanted, same: Sequence[int], *, risks_first_met: bool = False
) -> list[SummaryLosses]:
    """The losses of each (stream, summary set) that is ``wanted``, in that order.

    Those that are summed as an earlier one (``same``: see ``summed_as``) share its arrays.
    """
    found: list[SummaryLosses] = []
    for number, (stream, summary_set) in enumerate(wanted):
        first = same[number]
        fresh = first == number
        found.append(
            summarise(streams[stream], summary_set, risks_first_met=risks_first_met) if fresh else found[first]
        )
    return found


def join_samples(windows: Sequence[SummaryLosses]) -> SummaryLosses:
    """The losses of one event whose samples came a few at a time, window after window; at least one.

    Which summaries there are depends on exposure and mean alone, so that all windows have the same rows.
    """
    first, *others = windows
    if not others:
        return first
    loss = np.concatenate([first.loss, *(window.loss[:, SPECIAL:] for window in others)], axis=1)
    return SummaryLosses(first.event_id, first.summary_id, loss)


def join_events(pieces: Sequence[SummaryLosses]) -> SummaryLosses:
    """The losses of consecutive blocks of events as one; at least one piece."""
    if len(pieces) == 1:
        return pieces[0]
    return SummaryLosses(
        np.concatenate([piece.event_id for piece in pieces]),
        np.concatenate([piece.summary_id for piece in pieces]),
        np.concatenate([piece.loss for piece in pieces]),
    )
