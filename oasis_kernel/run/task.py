"""One chunk of events through the whole chain, in memory: footprint, ground-up, terms, reinsurance, summaries."""

import time
from functools import partial

from oasis_kernel.formats.parts import DamagedPart, Part, write_part
from oasis_kernel.model.losses import SummaryLosses
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
        reused = self._reuse and self._usable(address)
        rows = 0
        if not reused:
            losses = self._compute(chunk)
            rows = sum(len(part.event_id) for part in losses.values())
            self._store.publish(address, partial(write_part, losses=losses))
        return Receipt(chunk.number, address, len(chunk.event_id), rows, time.perf_counter() - began, reused)

    def _usable(self, address: str) -> bool:
        """Whether the part is there and whole; a damaged one is discarded, to be computed again."""
        if not self._store.has(address):
            return False
        try:
            Part(self._store.path(address))
        except DamagedPart:
            self._store.discard(address)
            return False
        return True

    def _compute(self, chunk: Chunk) -> dict[str, SummaryLosses]:
        prepared = self._prepared
        pieces: dict[str, list[SummaryLosses]] = {output.name: [] for output in prepared.outputs}
        for block in prepared.blocks(chunk.event_id, self._block_bytes):
            streams = prepared.chain.streams(block)
            for output in prepared.outputs:
                summary = summarise(streams[output.stream], output.summary_set, risks_first_met=prepared.compatible)
                pieces[output.name].append(summary)
        empty = prepared.empty_losses
        return {name: join_events(found) if found else empty for name, found in pieces.items()}
