"""What an earlier run of a portfolio has computed of events that a change to the portfolio does not reach.

An event's losses depend on the accounts that it touches, and on what all events share. So where two runs share the
frame, an event that touches only accounts that are in both portfolios, unchanged, loses what it lost before. What is
taken is told by account, not by location: terms of an account look at all of its locations.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from oasis_kernel.engine.analysis import Resources
from oasis_kernel.engine.ledger import (
    Ledger,
    as_array,
    as_texts,
    hashes_of_summaries,
    ledger_in,
    ledgers_in,
    of_outputs,
    under_outputs,
)
from oasis_kernel.engine.prepare import Prepared
from oasis_kernel.engine.workload import EVENTS_AT_A_TIME
from oasis_kernel.errors import DamagedFile, DamagedPart
from oasis_kernel.formats.array_file import read_arrays, write_arrays
from oasis_kernel.formats.parts import Part
from oasis_kernel.model.exposure import Int32, UInt64
from oasis_kernel.model.hazard import Hazard
from oasis_kernel.model.losses import SummaryLosses
from oasis_kernel.prepare.account_hashes import AccountHashes
from oasis_kernel.steps.summarise import join_events
from oasis_kernel.store.parts import PartStore, content_hash

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Earlier:
    """The events whose losses an earlier run has, and the parts they lie in."""

    store: PartStore
    addresses: tuple[str, ...]
    event_id: Int32  # ascending
    part: Int32  # [event] row of ``addresses``; -1: it touched nothing
    summaries: Mapping[str, Int32]  # by output: the number here of each summary there, by its number - 1; 0: none

    def has(self, event_id: Int32) -> Mask:
        """Which events it has."""
        return np.isin(event_id, self.event_id)

    def losses(self, event_id: Int32) -> dict[str, SummaryLosses]:
        """The losses of events that it has, by output; DamagedPart when a part is not whole, or gone."""
        parts = np.unique(self.part[np.searchsorted(self.event_id, event_id)])
        opened = [Part(self.store.local(self.addresses[number])) for number in parts if number >= 0]
        found = {}
        for name, numbers in self.summaries.items():
            pieces = [_of_events(piece, event_id, numbers) for part in opened for piece in part.pieces(name)]
            if pieces:
                found[name] = in_order(pieces)
        return found

    def save(self, store: PartStore) -> str:
        """Write it where other processes find it; returns its address."""
        arrays: dict[str, np.ndarray] = {
            "event_id": self.event_id,
            "part": self.part,
            "addresses": as_array(self.addresses),
        }
        arrays |= under_outputs(self.summaries)
        address = content_hash(value for pair in arrays.items() for value in pair)
        if not store.has(address):
            store.publish(address, partial(write_arrays, arrays=arrays))
        return address


def _of_events(piece: SummaryLosses, event_id: Int32, numbers: Int32) -> SummaryLosses:
    """The losses of some events, their summaries under other numbers."""
    rows = np.flatnonzero(np.isin(piece.event_id, event_id))
    return SummaryLosses(piece.event_id[rows], numbers[piece.summary_id[rows] - 1], piece.loss[rows])


def saved(address: str, ledgers: PartStore, parts: PartStore) -> Earlier | None:
    """What was saved under an address; None when it is gone, or not whole."""
    try:
        found = read_arrays(ledgers.local(address))
    except (DamagedFile, DamagedPart):
        return None
    return Earlier(parts, as_texts(found["addresses"]), found["event_id"], found["part"], of_outputs(found))


def earlier_for(prepared: Prepared, resources: Resources) -> Earlier | None:
    """What the last run of the same frame has of this one; None when nothing, or when nothing is to be reused."""
    if not resources.reuse:
        return None
    ledger = ledger_in(ledgers_in(resources.parts_address), prepared.frame)
    return find_earlier(prepared, ledger, resources.parts()) if ledger is not None else None


def find_earlier(prepared: Prepared, ledger: Ledger, store: PartStore) -> Earlier | None:
    """What can be taken of the run that left a ledger of the same frame; None when nothing can.

    Nothing can where accounts that did not change come in another order: sums of floats would be added up otherwise.
    """
    if prepared.accounts is None:
        return None
    mine, theirs = prepared.accounts, ledger.accounts
    stays, stayed = _stays(mine, theirs), _stays(theirs, mine)
    if not np.array_equal(mine.hash[mine.of_item[stays]], theirs.hash[theirs.of_item[stayed]]):
        return None
    changed = [prepared.exposure.items.areaperil_id[~stays], ledger.areaperil_id[~stayed]]
    reached = np.unique(np.concatenate(changed))
    shared, _, at = np.intersect1d(prepared.event_id, ledger.event_id, assume_unique=True, return_indices=True)
    left = ~_touches(prepared.hazard, shared, reached)
    if not left.any():
        return None
    numbers = {
        name: _numbers(hashes, ledger.summaries[name]) for name, hashes in hashes_of_summaries(prepared.outputs).items()
    }
    return Earlier(store, ledger.addresses, shared[left], ledger.part[at[left]], numbers)


def _stays(one: AccountHashes, other: AccountHashes) -> Mask:
    """Which items of one portfolio belong to accounts that the other has, too."""
    stays: Mask = np.isin(one.hash, other.hash)[one.of_item]
    return stays


def _touches(hazard: Hazard, event_id: Int32, areaperil_id: UInt64) -> Mask:
    """Which events have a footprint at one of some area perils."""
    touched = np.zeros(len(event_id), bool)
    if not len(areaperil_id):
        return touched
    for first in range(0, len(event_id), EVENTS_AT_A_TIME):
        some = slice(first, first + EVENTS_AT_A_TIME)
        touched[some] = np.diff(hazard.footprint(event_id[some], areaperil_id).offsets) > 0
    return touched


def _numbers(mine: UInt64, theirs: UInt64) -> Int32:
    """The number here of each summary there; 0 for those that are not here."""
    order = np.argsort(mine)
    at = order[np.minimum(np.searchsorted(mine, theirs, sorter=order), len(mine) - 1)]
    return np.where(mine[at] == theirs, at + 1, 0).astype(np.int32)


def in_order(pieces: Sequence[SummaryLosses]) -> SummaryLosses:
    """The losses of several pieces, at least one, by event and summary ascending."""
    joined = join_events(pieces)
    order = np.lexsort((joined.summary_id, joined.event_id))
    return SummaryLosses(joined.event_id[order], joined.summary_id[order], joined.loss[order])
