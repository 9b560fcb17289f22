"""Ground-up losses that are kept, so that terms can be tried on them later: one Parquet file for each chunk of events.

A row is one item in one event: ``event_id``, ``item_id`` (from 1), the five special values, then ``sample_1`` and so
on, in the portfolio's currency. Any Parquet reader reads them. A row group is a block of whole events, with a digest
in the file's metadata, so that a damaged one is found before a loss is taken from it.
"""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from oasis_kernel.errors import DamagedPart
from oasis_kernel.model.exposure import Int32
from oasis_kernel.model.losses import SPECIAL, LossBlock
from oasis_kernel.model.work import Workload

SPECIAL_NAMES = ("mean", "deviation", "exposure", "chance", "maximum")
COMPRESSION, COMPRESSION_LEVEL = "zstd", 1
DIGESTS = "oasis_kernel.digests"
WORKLOAD = ("event_id", "footprint_rows", "item_events")
#: What a reader of a damaged file may raise, whatever the damage hit.
_UNREADABLE = (OSError, ValueError, KeyError, EOFError, pa.ArrowException)


class KeptWriter:
    """A file that blocks of losses are added to, one by one: never more than one of them in memory."""

    def __init__(self, path: Path, samples: int):
        self._schema = _schema(samples)
        self._digests: list[str] = []
        losses = self._schema.names[2:]
        self._file = pq.ParquetWriter(
            path,
            self._schema,
            compression=COMPRESSION,
            compression_level=COMPRESSION_LEVEL,
            use_dictionary=False,
            use_byte_stream_split=losses,  # bytes of like weight side by side compress better and faster
            write_statistics=["event_id"],
            write_page_checksum=True,
        )

    def add(self, block: LossBlock) -> None:
        """Append a block."""
        if not len(block.row):
            return
        event_id = np.repeat(block.event_id, np.diff(block.offsets))
        columns = np.ascontiguousarray(block.loss.T)
        arrays = [pa.array(event_id), pa.array(block.row + 1), *(pa.array(column) for column in columns)]
        rows = len(block.row)
        self._file.write_table(pa.Table.from_arrays(arrays, schema=self._schema), row_group_size=rows)
        self._digests.append(_digest(event_id, block.row, block.loss))

    def through(self, blocks: Iterator[LossBlock]) -> Iterator[LossBlock]:
        """The same blocks, each added as it passes."""
        for block in blocks:
            self.add(block)
            yield block

    def close(self) -> None:
        """Finish the file."""
        self._file.add_key_value_metadata({DIGESTS: json.dumps(self._digests)})
        self._file.close()


@contextmanager
def kept_file(path: Path, samples: int) -> Iterator[KeptWriter]:
    """A writer whose file is finished when the block ends well, and worthless otherwise."""
    writer = KeptWriter(path, samples)
    try:
        yield writer
    finally:
        writer.close()


def kept_blocks(path: Path, samples: int) -> Iterator[LossBlock]:
    """The blocks of a file as they were added; DamagedPart when one is not what was written."""
    try:
        file = pq.ParquetFile(path, page_checksum_verification=True)
        digests = json.loads((file.metadata.metadata or {})[DIGESTS.encode()])
        if file.num_row_groups != len(digests) or file.schema_arrow.names != _schema(samples).names:
            raise ValueError("other contents")
    except _UNREADABLE as error:
        raise _damaged(path) from error
    with file:
        for number, digest in enumerate(digests):
            yield _block(file, number, digest, path)


def _block(file: pq.ParquetFile, number: int, digest: str, path: Path) -> LossBlock:
    try:
        table = file.read_row_group(number, use_threads=False)
    except _UNREADABLE as error:
        raise _damaged(path) from error
    event_id, row = table.column(0).to_numpy(), table.column(1).to_numpy() - 1
    loss = np.empty((table.num_rows, table.num_columns - 2), np.float32)
    for column in range(loss.shape[1]):
        loss[:, column] = table.column(column + 2).to_numpy()
    if _digest(event_id, row, loss) != digest:
        raise _damaged(path)
    first = np.flatnonzero(np.diff(event_id, prepend=event_id[0] - 1))
    return LossBlock(event_id[first], np.append(first, len(event_id)).astype(np.int64), row, loss)


def _digest(event_id: np.ndarray, row: np.ndarray, loss: np.ndarray) -> str:
    digest = hashlib.sha256()
    for array, dtype in ((event_id, np.int32), (row, np.int32), (loss, np.float32)):
        digest.update(np.ascontiguousarray(array, dtype).data)
    return digest.hexdigest()


def _schema(samples: int) -> pa.Schema:
    losses = [*SPECIAL_NAMES, *(f"sample_{sample}" for sample in range(1, samples + 1))]
    assert len(losses) == SPECIAL + samples
    identity = [pa.field("event_id", pa.int32(), False), pa.field("item_id", pa.int32(), False)]
    return pa.schema([*identity, *(pa.field(name, pa.float32(), False) for name in losses)])


def _damaged(path: Path) -> DamagedPart:
    return DamagedPart(f"{path} must hold the ground-up losses kept in it, and does not. Remove it, and run again")


def write_contents(path: Path, workload: Workload, chunk: Int32) -> None:
    """Write what is kept of a portfolio: the workload of its events, and the ``chunk`` (number) each one lies in.

    With it, the same cuts are found again by a run that has other summaries or another amount of memory.
    """
    columns = [*(getattr(workload, name) for name in WORKLOAD), chunk]
    table = pa.Table.from_arrays([pa.array(column) for column in columns], names=[*WORKLOAD, "chunk"])
    pq.write_table(table, path, write_page_checksum=True)


def read_contents(path: Path) -> dict[str, np.ndarray]:
    """The columns of a table of contents: event_id, footprint_rows, item_events, chunk; DamagedPart when it is none."""
    try:
        table = pq.read_table(path, page_checksum_verification=True)
        return {name: table[name].to_numpy() for name in (*WORKLOAD, "chunk")}
    except _UNREADABLE as error:
        raise _damaged(path) from error
