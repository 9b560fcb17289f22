"""One chunk of events through the whole chain, in memory: footprint, ground-up, terms, reinsurance, summaries."""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial

from oasis_kernel.engine.earlier import Earlier, in_order
from oasis_kernel.engine.freed_memory import give_back_freed_memory, keep_little_freed_memory
from oasis_kernel.engine.kept import KeptGroundUp
from oasis_kernel.engine.prepare import Prepared
from oasis_kernel.engine.progress import peak_memory
from oasis_kernel.errors import Cancelled, DamagedPart, OasisError
from oasis_kernel.formats.parts import Part, write_part
from oasis_kernel.model.exposure import Int32
from oasis_kernel.model.losses import LossBlock, SummaryLosses
from oasis_kernel.model.work import Chunk, Receipt, Stopped, TaskReference, never
from oasis_kernel.steps.sample_windows import sample_windows
from oasis_kernel.steps.summarise import join_events, join_samples, summarise_all, summed_as
from oasis_kernel.store.parts import PartStore, content_hash

ByOutput = dict[str, SummaryLosses]


class ChunkTask:
    """Computes a chunk and publishes its part; called from several threads at once."""

    def __init__(
        self,
        prepared: Prepared,
        store: PartStore,
        *,
        block_bytes: int,
        reuse: bool,
        kept: KeptGroundUp | None = None,
        earlier: Earlier | None = None,
        reference: Callable[[], TaskReference] | None = None,
    ):
        keep_little_freed_memory()
        self._prepared = prepared
        self._store = store
        self._block_bytes = block_bytes
        self._reuse = reuse
        self._kept = kept
        self._earlier = earlier
        self._reference = reference
        self._wanted = [(output.stream, output.summary_set) for output in prepared.outputs]
        self._same = summed_as(self._wanted)

    def reference(self) -> TaskReference:
        """What makes this task in another process; OasisError when nobody said."""
        if self._reference is None:
            raise OasisError("these chunks can be computed in this process only: run them on threads")
        return self._reference()

    def __call__(self, chunk: Chunk, stopped: Stopped = never) -> Receipt:
        """The receipt of a finished part; a part that is there already is not computed again.

        Cancelled when ``stopped`` says so; it is asked after every block of losses.
        """
        started, began, cpu_began = time.time(), time.perf_counter(), time.thread_time()
        address = content_hash([self._prepared.key, chunk.event_id])
        kept = self._kept
        kept_before = self._reuse and kept is not None and kept.has(chunk.event_id)
        # Without its ground-up losses a part is made again, so that they are kept this time.
        reused = self._reuse and (kept is None or kept_before) and self._usable(address)
        rows = taken = 0
        if not reused:
            losses, kept_before, taken = self._compute(chunk, kept_before, stopped)
            rows = sum(len(part.event_id) for part in losses.values())
            self._store.publish(address, partial(write_part, losses=losses))
            del losses
            give_back_freed_memory()  # else what this chunk left in pieces comes on top of the next ones
        return Receipt(
            chunk.number,
            address,
            len(chunk.event_id),
            rows,
            time.perf_counter() - began,
            reused,
            kept.address(chunk.event_id) if kept is not None else "",
            kept_before,
            taken,
            part=chunk.part,
            started=started,
            cpu_seconds=time.thread_time() - cpu_began,
            peak_bytes=peak_memory(),
        )

    def _usable(self, address: str) -> bool:
        """Whether the part is there and whole; a damaged one is discarded, to be computed again."""
        if not self._store.has(address):
            return False
        try:
            Part(self._store.local(address))
        except DamagedPart:
            self._store.discard(address)
            return False
        self._store.touch(address)
        return True

    def _compute(self, chunk: Chunk, from_kept: bool, stopped: Stopped) -> tuple[ByOutput, bool, int]:
        """The chunk's losses, whether kept ground-up losses served, and how many events an earlier run had.

        Damaged ground-up losses are made, and kept, again.
        """
        kept = self._kept
        if kept is not None and from_kept:
            try:
                return self._summarised(_until(stopped, kept.read(chunk.event_id))), True, 0
            except DamagedPart:
                pass  # discarded by its reader
        if kept is None:
            losses, taken = self._joined(chunk, stopped)
            return losses, False, taken
        computed = self._ground_up(chunk, chunk.event_id, stopped)
        with kept.keeping(chunk.event_id, computed) as blocks:
            return self._summarised(blocks), False, 0

    def _joined(self, chunk: Chunk, stopped: Stopped) -> tuple[ByOutput, int]:
        """The chunk's losses, and of how many events an earlier run had them: those are taken, the rest computed."""
        events, taken = chunk.event_id, ByOutput()
        if self._earlier is not None and (has := self._earlier.has(events)).any():
            with suppress(DamagedPart):  # then all of it is computed
                taken, events = self._earlier.losses(events[has]), events[~has]
        computed = self._summarised(self._ground_up(chunk, events, stopped)) if len(events) else {}
        count, nothing = len(chunk.event_id) - len(events), self._prepared.empty_losses
        if not taken:
            return computed or dict.fromkeys(self._names, nothing), count
        pieces = {name: [losses[name] for losses in (taken, computed) if name in losses] for name in self._names}
        return {name: in_order(found) if found else nothing for name, found in pieces.items()}, count

    @property
    def _names(self) -> list[str]:
        return [output.name for output in self._prepared.outputs]

    def _ground_up(self, chunk: Chunk, events: Int32, stopped: Stopped) -> Iterator[LossBlock]:
        """The ground-up losses of events of a chunk, until somebody asks to stop."""
        return _until(stopped, self._prepared.ground_up_blocks(events, self._block_bytes, chunk.samples_at_once))

    def _summarised(self, ground_up: Iterator[LossBlock]) -> dict[str, SummaryLosses]:
        """The losses of every output, of blocks of ground-up ones."""
        prepared = self._prepared
        pieces: dict[str, list[list[SummaryLosses]]] = {output.name: [] for output in prepared.outputs}
        for block in self._narrow(prepared.adjusted(ground_up)):
            for name, summary in zip(self._names, self._summaries(block), strict=True):
                if not block.first_sample:
                    pieces[name].append([])
                pieces[name][-1].append(summary)
            del block  # before the next is made: of a large event, never two windows are there
        joined = {}
        for name in self._names:
            found = pieces.pop(name)  # so that never all outputs are there twice
            joined[name] = join_events([join_samples(windows) for windows in found]) if found else prepared.empty_losses
        return joined

    def _summaries(self, block: LossBlock) -> list[SummaryLosses]:
        """The losses of every output, of one block of ground-up ones."""
        streams = self._prepared.chain.streams(block)
        return summarise_all(streams, self._wanted, self._same, risks_first_met=self._prepared.compatible)

    def _narrow(self, ground_up: Iterator[LossBlock]) -> Iterator[LossBlock]:
        """The blocks, a large event in windows of samples: terms make ten times its losses of it."""
        for block in ground_up:
            yield from sample_windows(block, self._block_bytes) if self._prepared.divisible else (block,)
            del block


def _until(stopped: Stopped, blocks: Iterator[LossBlock]) -> Iterator[LossBlock]:
    """The blocks, up to when somebody asks to stop: Cancelled then."""
    for block in blocks:
        if stopped():
            raise Cancelled("the chunk was stopped between two blocks of losses")
        yield block
        del block
