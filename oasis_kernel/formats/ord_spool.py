"""Record batches that come in one order and are written in another."""

import tempfile
from collections.abc import Hashable, Iterator
from types import TracebackType
from typing import Any, BinaryIO, cast

import pyarrow as pa

#: Batches are kept in memory up to this size, then in temporary files.
MEMORY_BYTES = 64 * 2**20


class BatchSpool:
    """Batches under sortable keys, given back by key, then in the order they were added."""

    def __init__(self, memory: int = MEMORY_BYTES):
        self._memory = memory
        self._held: dict[Any, list[pa.RecordBatch]] = {}
        self._held_bytes = 0
        self._files: dict[Any, BinaryIO] = {}
        self._writers: dict[Any, pa.ipc.RecordBatchStreamWriter] = {}

    def __enter__(self) -> "BatchSpool":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for file in self._files.values():
            file.close()

    def add(self, key: Hashable, batch: pa.RecordBatch) -> None:
        """Keep a batch."""
        self._held.setdefault(key, []).append(batch)
        self._held_bytes += batch.nbytes
        if self._held_bytes > self._memory:
            self._spill()

    def _spill(self) -> None:
        for key, batches in self._held.items():
            if key not in self._files:
                self._files[key] = cast(BinaryIO, tempfile.TemporaryFile())  # noqa: SIM115 closed on exit
                self._writers[key] = pa.ipc.new_stream(self._files[key], batches[0].schema)
            for batch in batches:
                self._writers[key].write_batch(batch)
        self._held.clear()
        self._held_bytes = 0

    def ordered(self) -> Iterator[tuple[Any, pa.RecordBatch]]:
        """Every key and batch; nothing can be added afterwards."""
        for writer in self._writers.values():
            writer.close()
        for key in sorted({*self._files, *self._held}):
            if key in self._files:
                self._files[key].seek(0)
                for batch in pa.ipc.open_stream(self._files[key]):
                    yield key, batch
            for batch in self._held.get(key, ()):
                yield key, batch
