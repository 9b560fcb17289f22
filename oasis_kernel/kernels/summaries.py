"""Sums of item losses by summary, event by event."""

from typing import NamedTuple

import numpy as np

from oasis_kernel._jit import kernel
from oasis_kernel.model.exposure import Float32, Float64, Int32, Int64
from oasis_kernel.model.losses import CHANCE, DEVIATION, EXPOSURE, MEAN


class EventLosses(NamedTuple):
    """Losses of some events: rows of event e are ``offsets[e]:offsets[e + 1]``."""

    event_id: Int32  # [e]
    offsets: Int64  # [e + 1]
    row: Int32  # [n] 0-based item or output
    loss: Float32  # [n, c]


class Membership(NamedTuple):
    """Which 1-based summary and which 0-based risk each 0-based item or output belongs to."""

    summary_of: Int32
    risk_of: Int32


class Seen(NamedTuple):
    """Working memory of one call: when each summary and risk was last met, so that nothing is ever cleared."""

    summary: Int64  # [summaries + 1] stamp
    slot: Int32  # [summaries + 1] place of the summary in the event
    risk: Int64  # [risks] stamp
    present: Int32  # [most rows of an event] summaries of the event
    start: Int64  # [most rows of an event + 1] where each slot starts in ``order``
    order: Int64  # [most rows of an event] rows by slot
    affected: Int32  # [most rows of an event] affected risks of each slot, as the reference counts them


def scratch(offsets: Int64, summaries: int, risks: int) -> Seen:
    """Working memory for events whose rows are ``offsets``, with so many summaries and risks."""
    rows = int(np.diff(offsets).max(initial=0))
    return Seen(
        np.zeros(summaries + 1, np.int64),
        np.zeros(summaries + 1, np.int32),
        np.zeros(risks, np.int64),
        np.empty(rows, np.int32),
        np.empty(rows + 1, np.int64),
        np.empty(rows, np.int64),
        np.empty(rows, np.int32),
    )


# e = events, n = rows, c = columns, k = slots (summaries of one event)
@kernel
def count_summaries(offsets: Int64, row: Int32, summary_of: Int32, stamp: Int64) -> int:
    """The number of (event, summary) pairs in some events; ``stamp`` [summaries + 1] starts at 0 and is cleared."""
    pairs = 0
    for e in range(len(offsets) - 1):
        for n in range(offsets[e], offsets[e + 1]):
            summary = summary_of[row[n]]
            if stamp[summary] != e + 1:
                stamp[summary] = e + 1
                pairs += 1
    stamp[:] = 0
    return pairs


@kernel
def find_present(first: int, last: int, stamp: int, row: Int32, member: Membership, seen: Seen) -> int:
    """The number of summaries that rows ``first:last`` touch: ``seen.present``, ascending, with their ``seen.slot``."""
    k = 0
    ascending = True
    for n in range(first, last):
        summary = member.summary_of[row[n]]
        if seen.summary[summary] != stamp:
            seen.summary[summary] = stamp
            ascending &= k == 0 or summary > seen.present[k - 1]
            seen.present[k] = summary
            k += 1
    if not ascending:
        summaries = len(seen.summary)
        if k * 16 > summaries:
            k = 0
            for summary in range(summaries):
                if seen.summary[summary] == stamp:
                    seen.present[k] = summary
                    k += 1
        else:
            seen.present[:k].sort()
    for slot in range(k):
        seen.slot[seen.present[slot]] = slot
    return k


@kernel
def group_rows(first: int, last: int, slots: int, row: Int32, member: Membership, seen: Seen) -> None:
    """Rows ``first:last`` by slot, in the order met: ``seen.order``, slot k at ``seen.start[k]:seen.start[k + 1]``."""
    seen.start[: slots + 1] = 0
    for n in range(first, last):
        seen.start[seen.slot[member.summary_of[row[n]]] + 1] += 1
    for k in range(slots):
        seen.start[k + 1] += seen.start[k]
    for n in range(first, last):
        slot = seen.slot[member.summary_of[row[n]]]
        seen.order[seen.start[slot]] = n
        seen.start[slot] += 1
    for k in range(slots, 0, -1):
        seen.start[k] = seen.start[k - 1]
    seen.start[0] = 0


@kernel
def count_first_met(first: int, last: int, stamp: int, row: Int32, member: Membership, seen: Seen) -> None:
    """Affected risks of each slot as the reference counts them, into ``seen.affected``.

    A risk counts in the summary where the event meets it first, and each summary's first row counts always: risks
    spread over several summaries are missed.
    """
    for n in range(first, last):
        slot = seen.slot[member.summary_of[row[n]]]
        risk = member.risk_of[row[n]]
        new = seen.risk[risk] != stamp
        seen.risk[risk] = stamp
        if seen.order[seen.start[slot]] == n:
            seen.affected[slot] = 1
        elif new:
            seen.affected[slot] += 1


@kernel
def add_rows(loss: Float32, rows: Int64, total: Float64) -> None:
    """Write to ``total`` [c] the sums of ``rows`` of ``loss``, in the order given."""
    for c in range(len(total)):
        total[c] = 0.0
    for n in rows:
        for c in range(len(total)):
            total[c] += loss[n, c]


@kernel
def count_risks(rows: Int64, row: Int32, risk_of: Int32, stamp: int, seen_risk: Int64) -> int:
    """The number of different risks among ``rows``."""
    risks = 0
    for n in rows:
        risk = risk_of[row[n]]
        if seen_risk[risk] != stamp:
            seen_risk[risk] = stamp
            risks += 1
    return risks


@kernel
def sum_by_summary(
    events: EventLosses,
    member: Membership,
    seen: Seen,
    first_met: bool,
    out_event: Int32,
    out_summary: Int32,
    out_loss: Float32,
) -> int:
    """Write the losses of each summary of each event, ascending, and return the number of rows written.

    events     losses by item or output
    member     the summary set
    seen       working memory of ``scratch``, fresh
    first_met  count affected risks as the reference does, not each of a summary's risks
    out_*      room for ``count_summaries`` rows; CHANCE holds affected risks, DEVIATION 0

    Sums run in float64 in the order of the rows. A summary without exposure and without mean loss is dropped.
    """
    total = np.empty(out_loss.shape[1], np.float64)
    written = 0
    stamp = 0
    for e in range(len(events.event_id)):
        first, last = events.offsets[e], events.offsets[e + 1]
        stamp += 1
        slots = find_present(first, last, stamp, events.row, member, seen)
        group_rows(first, last, slots, events.row, member, seen)
        if first_met:
            count_first_met(first, last, stamp, events.row, member, seen)
        for k in range(slots):
            rows = seen.order[seen.start[k] : seen.start[k + 1]]
            add_rows(events.loss, rows, total)
            if total[EXPOSURE] == 0.0 and total[MEAN] == 0.0:
                continue
            if first_met:
                total[CHANCE] = seen.affected[k]
            else:
                stamp += 1
                total[CHANCE] = count_risks(rows, events.row, member.risk_of, stamp, seen.risk)
            total[DEVIATION] = 0.0
            out_event[written] = events.event_id[e]
            out_summary[written] = seen.present[k]
            for c in range(len(total)):
                out_loss[written, c] = total[c]
            written += 1
    return written
