"""One chunk of events through the whole chain, in memory: footprint, ground-up, terms, reinsurance, summaries."""

import time
from collections.abc import Iterator
from pathlib import Path

from oasis_kernel.formats.parts import write_part
from oasis_kernel.model.losses import LossBlock, SummaryLosses
from oasis_kernel.model.work import Chunk, Receipt
from oasis_kernel.run.prepare import Prepared
from oasis_kernel.steps.summarise import join_events, summarise
from oasis_kernel.store.parts import PartStore, content_hash


class ChunkTask:
    """Computes a chunk and publishes its part; called from several threads at once."""

    def __init__(self, prepared: Prepared, store: PartStore, *, block_bytes: int, reuse: bool):
        self._prepared = prepared
        self._store = store
        self._block_bytes = block_bytes
        self._reuse = reuse

    def __call__(self, chunk: Chunk) -> Receipt:
        """The receipt of a finished part; a part that is there already is not computed again."""
        began = time.perf_counter()
        address = content_hash([self._prepared.key, chunk.event_id])
        reused = self._reuse and self._store.has(address)
        rows = 0
        if not reused:
            losses = self._compute(chunk)
            rows = sum(len(part.event_id) for part in losses.values())
            self._store.publish(address, lambda path: self._write(path, losses))
        return Receipt(chunk.number, address, len(chunk.event_id), rows, time.perf_counter() - began, reused)

    def _write(self, path: Path, losses: dict[str, SummaryLosses]) -> None:
        write_part(path, losses)

    def _compute(self, chunk: Chunk) -> dict[str, SummaryLosses]:
        prepared = self._prepared
        pieces: dict[str, list[SummaryLosses]] = {output.name: [] for output in prepared.outputs}
        for block in self._ground_up(chunk):
            streams = prepared.chain.streams(block)
            for output in prepared.outputs:
                summary = summarise(streams[output.stream], output.summary_set, risks_first_met=prepared.compatible)
                pieces[output.name].append(summary)
        empty = prepared.empty_losses
        return {name: join_events(found) if found else empty for name, found in pieces.items()}

    def _ground_up(self, chunk: Chunk) -> Iterator[LossBlock]:
        prepared = self._prepared
        if prepared.own_ground_up is not None:
            yield prepared.own_ground_up(chunk.event_id)
            return
        footprint = prepared.data.hazard.footprint(chunk.event_id, prepared.areaperil_id)
        yield from prepared.ground_up.blocks(footprint, self._block_bytes)
