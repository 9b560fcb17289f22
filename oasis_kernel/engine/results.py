"""Parts to ORD tables: every requested table of every output, streamed in event order."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from oasis_kernel.engine.analysis import Analysis
from oasis_kernel.engine.outputs import Output
from oasis_kernel.engine.prepare import Prepared
from oasis_kernel.engine.progress import Clock
from oasis_kernel.formats.ord import TableWriter, write_summary_info
from oasis_kernel.formats.ord_events import EventContext, event_rows
from oasis_kernel.formats.ord_occurrence import Occurrences
from oasis_kernel.formats.ord_periods import PERIOD_TABLES, PeriodContext, period_tables
from oasis_kernel.formats.parts import Part
from oasis_kernel.model.exposure import Float32, Int32
from oasis_kernel.model.hazard import EventRates
from oasis_kernel.model.losses import SummaryLosses
from oasis_kernel.model.results import TABLES, OutputRequest, file_name
from oasis_kernel.model.vendor import ModelData

Chunks = Callable[[], Iterable[SummaryLosses]]


@dataclass(frozen=True)
class Timeline:
    """What the tables need of the model and the analysis beside the losses."""

    occurrences: Occurrences | None
    rates: EventRates | None
    quantiles: Float32 | None
    return_periods: Int32 | None


def write_results(analysis: Analysis, prepared: Prepared, parts: Sequence[Path], folder: Path, clock: Clock) -> None:
    """Write the tables of every output into ``folder``; the bytes do not depend on how events were cut into parts."""
    requests = [OutputRequest.of(output.request.ord_output) for output in prepared.outputs]
    timeline = timeline_of(analysis, prepared.data, requests)
    total, done = sum(len(request.tables) for request in requests), 0
    losses = _Parts(parts)
    for output, request in zip(prepared.outputs, requests, strict=True):
        writing = _Writing(output, request, folder, timeline, analysis.settings.join_summary_info)
        writing.write(partial(losses.of, output.name))
        done += len(request.tables)
        clock.advance(done, total)


class _Parts:
    """The parts of a run in event order; each one's checksum is verified once, however often it is read."""

    def __init__(self, paths: Sequence[Path]):
        self._paths = paths
        self._verified: set[Path] = set()

    def of(self, name: str) -> Iterator[SummaryLosses]:
        """An output's losses, part by part."""
        for path in self._paths:
            part = Part(path, verified=path in self._verified)
            self._verified.add(path)
            yield part.losses(name)


def timeline_of(analysis: Analysis, data: ModelData, requests: Sequence[OutputRequest]) -> Timeline:
    """Occurrences, rates, quantiles and return periods: the analysis' own where it lists them, else the model's."""
    needed = any(request.needs_occurrence for request in requests)
    occurrence = data.occurrence() if needed else None
    settings = analysis.settings
    quantiles = np.array(sorted(settings.quantiles), np.float32) if settings.quantiles else data.quantiles()
    listed = any(request.listed_return_periods for request in requests)
    own = np.array(sorted(set(settings.return_periods), reverse=True), np.int32)
    return Timeline(
        Occurrences.of(occurrence, data.period_weights()) if occurrence is not None else None,
        data.event_rates(),
        quantiles,
        (own if len(own) else data.return_periods()) if listed else None,
    )


@dataclass(frozen=True)
class _Writing:
    """The files of one output."""

    output: Output
    request: OutputRequest
    folder: Path
    timeline: Timeline
    join_summary_info: bool

    def write(self, chunks: Chunks) -> None:
        """Write the summary-info file and every requested table."""
        write_summary_info(self._path("summary-info"), self.output.summary_set.info)
        with ExitStack() as open_files:
            writers = {name: open_files.enter_context(self._writer(name)) for name in self.request.tables}
            self._events(chunks, writers)
            if self.timeline.occurrences is not None:
                context = PeriodContext(self.timeline.occurrences, self.timeline.return_periods)
                for name, batch in period_tables(chunks, self.request, context):
                    writers[name].write(batch)

    def _events(self, chunks: Chunks, writers: dict[str, TableWriter]) -> None:
        """The tables by event and by occurrence, all in one pass over the parts."""
        names = [name for name in self.request.tables if name not in PERIOD_TABLES]
        context = EventContext(
            self.output.perspective, self.timeline.occurrences, self.timeline.quantiles, self.timeline.rates
        )
        for losses in chunks() if names else ():
            for name in names:
                for batch in event_rows(name, losses, context):
                    writers[name].write(batch)

    def _writer(self, name: str) -> TableWriter:
        info = self.output.summary_set.info if self.join_summary_info else None
        return TableWriter(self._path(TABLES[name].stem), name, info)

    def _path(self, stem: str) -> str:
        extension = "parquet" if self.request.parquet else "csv"
        output = self.output
        name = file_name(output.perspective, output.request.id, stem, extension, output.inuring_priority)
        return str(self.folder / name)
