"""Executors: take chunks and a task, give back receipts in the order they finish."""

from collections.abc import Iterable, Iterator
from typing import Protocol

from oasis_kernel.errors import ChunkFailure
from oasis_kernel.model.work import Chunk, Receipt, Task


class Executor(Protocol):
    """Two methods: run the chunks, stop early."""

    def run(self, task: Task, chunks: Iterable[Chunk]) -> Iterator[Receipt]:
        """Receipts as chunks, or their halves, finish.

        The first chunk that fails for good ends the run and is raised (ChunkFailed, or the error itself where it
        is one of ours). An executor that keeps going raises ChunksFailed when all others are finished.
        """
        ...

    def cancel(self) -> None:
        """Start no more chunks and stop those under way; ``run`` then raises Cancelled."""
        ...


class Observer(Protocol):
    """Hears what becomes of each chunk, in the thread that runs the executor."""

    def started(self, chunk: Chunk, worker: str) -> None:
        """A worker has begun with a chunk."""
        ...

    def finished(self, receipt: Receipt) -> None:
        """A chunk is finished."""
        ...

    def failed(self, chunk: Chunk, failure: ChunkFailure, will_retry: bool) -> None:
        """An attempt at a chunk failed; it is tried again, or set aside for good."""
        ...

    def copied(self, chunk: Chunk) -> None:
        """A chunk that takes much longer than others is sent out a second time; whichever ends first counts."""
        ...

    def split(self, chunk: Chunk, into: tuple[Chunk, ...]) -> None:
        """A chunk that does not fit a worker's memory goes on as its halves."""
        ...


class Unobserved:
    """Nobody listens."""

    def started(self, chunk: Chunk, worker: str) -> None:
        """Say nothing."""

    def finished(self, receipt: Receipt) -> None:
        """Say nothing."""

    def failed(self, chunk: Chunk, failure: ChunkFailure, will_retry: bool) -> None:
        """Say nothing."""

    def copied(self, chunk: Chunk) -> None:
        """Say nothing."""

    def split(self, chunk: Chunk, into: tuple[Chunk, ...]) -> None:
        """Say nothing."""
