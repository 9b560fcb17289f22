"""Executors: take chunks and a task, give back receipts in the order they finish."""

from collections.abc import Iterable, Iterator
from typing import Protocol

from oasis_kernel.model.work import Chunk, Receipt, Task


class Executor(Protocol):
    """Two methods: run the chunks, stop early."""

    def run(self, task: Task, chunks: Iterable[Chunk]) -> Iterator[Receipt]:
        """Receipts as chunks finish. The first failure ends the run and is raised with its chunk named."""
        ...

    def cancel(self) -> None:
        """Start no more chunks; ``run`` then raises Cancelled."""
        ...
