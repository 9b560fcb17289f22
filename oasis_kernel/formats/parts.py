"""What a chunk leaves behind: the losses of its summaries in one file, compressed, with a checksum over all of it.

The same losses always give the same bytes.
"""

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa

from oasis_kernel.errors import DamagedPart
from oasis_kernel.model.losses import SPECIAL, SummaryLosses

MAGIC = b"OKPART2\n"
DIGEST_BYTES = 32
#: Rows of a record batch, and bytes of its losses, at most: reading and writing never hold more than one of them.
BATCH_ROWS, BATCH_BYTES = 32_768, 4 * 2**20
#: Slow storage is asked seldom.
BUFFER_BYTES = 2**20


def write_part(path: Path, losses: Mapping[str, SummaryLosses]) -> None:
    """Write the losses of several summary sets, under names such as ``gul/1``, all with the same samples."""
    with path.open("wb", buffering=BUFFER_BYTES) as file:
        file.write(MAGIC + bytes(DIGEST_BYTES))  # the digest is known when the rest is written
        hashed = _Hashed(file)
        _write_losses(pa.PythonFile(hashed, "w"), losses)
        file.seek(len(MAGIC))
        file.write(hashed.digest())


class _Hashed:
    """A file that is only written to, hashed as it grows: its content is never in memory as a whole."""

    def __init__(self, file: BinaryIO):
        self._file = file
        self._hash = hashlib.sha256()
        self.closed = False

    def write(self, data: bytes) -> int:
        self._hash.update(data)
        return self._file.write(data)

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        self.closed = True

    def digest(self) -> bytes:
        return self._hash.digest()


def _write_losses(sink: pa.NativeFile, losses: Mapping[str, SummaryLosses]) -> None:
    if not losses:
        raise ValueError("a part holds at least one summary set")
    names = list(losses)
    counts = [len(set_losses.event_id) for set_losses in losses.values()]
    metadata = {"sets": "\n".join(names), "rows": " ".join(map(str, counts))}
    schema = _schema(next(iter(losses.values())).samples).with_metadata(metadata)
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    with pa.ipc.new_file(sink, schema, options=options) as writer:
        for set_losses in losses.values():
            each = _batch_rows(set_losses.samples)
            for first in range(0, len(set_losses.event_id), each):
                writer.write_batch(_batch(set_losses, slice(first, first + each), schema))


def _batch_rows(samples: int) -> int:
    return max(min(BATCH_ROWS, BATCH_BYTES // (4 * (SPECIAL + samples))), 1)


def _schema(samples: int) -> pa.Schema:
    return pa.schema(
        [
            ("event_id", pa.int32()),
            ("summary_id", pa.int32()),
            ("loss", pa.list_(pa.float32(), SPECIAL + samples)),
        ]
    )


def _batch(losses: SummaryLosses, rows: slice, schema: pa.Schema) -> pa.RecordBatch:
    loss = np.ascontiguousarray(losses.loss[rows])
    return pa.record_batch(
        [
            pa.array(losses.event_id[rows]),
            pa.array(losses.summary_id[rows]),
            pa.FixedSizeListArray.from_arrays(pa.array(loss.ravel()), loss.shape[1]),
        ],
        schema=schema,
    )


class Part:
    """A part opened for reading, its checksum verified unless that was done before."""

    def __init__(self, path: Path, *, verified: bool = False):
        """DamagedPart when the file is gone, is not a part, is cut short, or differs from what was written."""
        try:
            with pa.memory_map(str(path)) as file:
                data = file.read_buffer()
        except FileNotFoundError as error:
            raise DamagedPart(f"{path} must be a part of a run, and is gone. Resume the run") from error
        start = len(MAGIC) + DIGEST_BYTES
        head = data.slice(0, min(start, data.size)).to_pybytes()
        if not head.startswith(MAGIC) or len(head) < start:
            raise DamagedPart(f"{path} must be a part of a run. Remove it, and the chunk is computed again")
        payload = data.slice(start)
        if not verified and hashlib.sha256(memoryview(payload)).digest() != head[len(MAGIC) :]:
            raise DamagedPart(f"{path} must match its checksum, and does not. Remove it, and resume the run")
        self._reader = pa.ipc.open_file(payload)
        metadata = self._reader.schema.metadata
        names = metadata[b"sets"].decode().split("\n")
        rows = [int(count) for count in metadata[b"rows"].split()]
        batches = np.cumsum([0, *(-(-count // _batch_rows(self.samples)) for count in rows)])
        self._batches = {
            name: range(int(first), int(last))
            for name, first, last in zip(names, batches[:-1], batches[1:], strict=True)
        }

    @property
    def names(self) -> tuple[str, ...]:
        """The summary sets, in the order written."""
        return tuple(self._batches)

    @property
    def samples(self) -> int:
        """The number of samples."""
        return int(self._reader.schema.field("loss").type.list_size) - SPECIAL

    def pieces(self, name: str) -> Iterator[SummaryLosses]:
        """The losses of a set in pieces of consecutive rows; an event may continue in the next piece."""
        for number in self._batches[name]:
            batch = self._reader.get_batch(number)
            loss = batch["loss"].flatten().to_numpy()
            yield SummaryLosses(
                batch["event_id"].to_numpy(), batch["summary_id"].to_numpy(), loss.reshape(batch.num_rows, -1)
            )

    def losses(self, name: str) -> SummaryLosses:
        """The losses of a set."""
        pieces = list(self.pieces(name))
        empty = SummaryLosses(
            np.empty(0, np.int32), np.empty(0, np.int32), np.empty((0, SPECIAL + self.samples), np.float32)
        )
        if len(pieces) == 1:
            return pieces[0]
        return SummaryLosses(
            np.concatenate([empty.event_id, *(piece.event_id for piece in pieces)]),
            np.concatenate([empty.summary_id, *(piece.summary_id for piece in pieces)]),
            np.concatenate([empty.loss, *(piece.loss for piece in pieces)]),
        )


def read_part(path: Path, name: str) -> SummaryLosses:
    """The losses of one summary set of a part; DamagedPart when the file is not what was written."""
    return Part(path).losses(name)
