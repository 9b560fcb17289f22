"""What a run leaves beside its parts, so that a later run of a changed portfolio takes from them what did not change.

There is one ledger for each frame (model, options, samples, reinsurance, summary fields): that of the last run.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from oasis_kernel.engine.outputs import Output
from oasis_kernel.engine.prepare import Prepared
from oasis_kernel.errors import DamagedFile, DamagedPart
from oasis_kernel.formats.array_file import read_arrays, write_arrays
from oasis_kernel.model.exposure import Int32, UInt64
from oasis_kernel.model.work import Plan, Receipt
from oasis_kernel.prepare.account_hashes import AccountHashes, summary_hashes
from oasis_kernel.store.parts import PartStore
from oasis_kernel.store.remote_parts import part_store

SUFFIX = ".ledger"
_SUMMARIES = "summaries "
_ADDRESS = 64  # hexadecimal digits


@dataclass(frozen=True)
class Ledger:
    """Which part holds each event, and what its losses depended on beside the frame."""

    event_id: Int32  # ascending: all that were selected
    part: Int32  # [event] row of ``addresses``; -1: the event touched nothing
    addresses: tuple[str, ...]
    accounts: AccountHashes
    areaperil_id: UInt64  # [item]
    summaries: Mapping[str, UInt64]  # by output: the hash of each summary, by its number - 1

    @staticmethod
    def of(prepared: Prepared, accounts: AccountHashes, plan: Plan, receipts: Sequence[Receipt]) -> "Ledger":
        """The ledger of a run whose chunks are done: receipts in event order, all of the plan's events."""
        touched = np.concatenate([chunk.event_id for chunk in plan.chunks]) if plan.chunks else np.zeros(0, np.int32)
        part = np.full(len(prepared.event_id), -1, np.int32)
        part[np.searchsorted(prepared.event_id, touched)] = np.repeat(
            np.arange(len(receipts), dtype=np.int32), [receipt.events for receipt in receipts]
        )
        return Ledger(
            event_id=prepared.event_id,
            part=part,
            addresses=tuple(receipt.address for receipt in receipts),
            accounts=accounts,
            areaperil_id=prepared.exposure.items.areaperil_id,
            summaries=hashes_of_summaries(prepared.outputs),
        )

    def write(self, path: Path) -> None:
        """Write it as arrays."""
        arrays: dict[str, np.ndarray] = {
            "event_id": self.event_id,
            "part": self.part,
            "addresses": as_array(self.addresses),
            "account_of_item": self.accounts.of_item,
            "account_hash": self.accounts.hash,
            "areaperil_id": self.areaperil_id,
        }
        write_arrays(path, arrays | under_outputs(self.summaries))

    @staticmethod
    def read(path: Path) -> "Ledger":
        """The ledger in a file, mapped; DamagedFile when it is not whole."""
        found = read_arrays(path)
        return Ledger(
            event_id=found["event_id"],
            part=found["part"],
            addresses=as_texts(found["addresses"]),
            accounts=AccountHashes(found["account_of_item"], found["account_hash"]),
            areaperil_id=found["areaperil_id"],
            summaries=of_outputs(found),
        )


def under_outputs(values: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """An array for each output under the name that it has in files."""
    return {_SUMMARIES + name: array for name, array in values.items()}


def of_outputs(found: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The arrays of a file that belong to an output each, by the output's name."""
    return {name.removeprefix(_SUMMARIES): array for name, array in found.items() if name.startswith(_SUMMARIES)}


def as_array(addresses: Sequence[str]) -> npt.NDArray[np.uint8]:
    """Addresses of parts as bytes."""
    return np.frombuffer("".join(addresses).encode(), np.uint8)


def as_texts(addresses: npt.NDArray[np.uint8]) -> tuple[str, ...]:
    """The addresses in bytes."""
    text = addresses.tobytes().decode()
    return tuple(text[at : at + _ADDRESS] for at in range(0, len(text), _ADDRESS))


def hashes_of_summaries(outputs: Sequence[Output]) -> dict[str, UInt64]:
    """The hash of each summary of each output."""
    return {output.name: summary_hashes(output.summary_set) for output in outputs}


def ledgers_in(parts: str) -> PartStore:
    """The ledgers among the parts under a folder or an address."""
    return part_store(parts, SUFFIX)


def ledger_in(store: PartStore, frame: str) -> Ledger | None:
    """The ledger of the last run of a frame; None when there is none, or not a whole one."""
    if not store.has(frame):
        return None
    try:
        found = Ledger.read(store.local(frame))
    except (DamagedFile, DamagedPart, KeyError):
        store.discard(frame)
        return None
    store.touch(frame)
    return found
