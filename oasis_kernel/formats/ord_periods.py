"""The tables by period (PALT, ALT, ALCT, EPT, PSEPT) from chunks of events, in bounded memory."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from oasis_kernel.errors import Finding, InvalidInput
from oasis_kernel.formats.ord_averages import alct_batch, alt_batch, palt_batches
from oasis_kernel.formats.ord_curves import CurveContext, curve_batches
from oasis_kernel.formats.ord_occurrence import Occurrences
from oasis_kernel.formats.ord_period_losses import (
    DEFAULT_MEMORY,
    Chunks,
    PeriodLosses,
    count_touched,
    period_losses,
)
from oasis_kernel.formats.ord_spool import BatchSpool
from oasis_kernel.model.exposure import Int32
from oasis_kernel.model.results import Basis, OutputRequest

PERIOD_TABLES = ("PALT", "ALT", "ALCT", "EPT", "PSEPT")


@dataclass(frozen=True)
class PeriodContext:
    """What the tables by period need beside the losses.

    ``return_periods`` (strictly descending) are used if the request asks for listed ones; ``memory`` in bytes bounds
    what is held at a time, and changes no result.
    """

    occurrences: Occurrences
    return_periods: Int32 | None = None
    memory: int = DEFAULT_MEMORY


def period_tables(
    chunks: Chunks, request: OutputRequest, context: PeriodContext
) -> Iterator[tuple[str, pa.RecordBatch]]:
    """The name and the record batches of each requested table by period, one table after the other.

    ``chunks`` is called once to count, and once for each range of summaries that fits in memory. Rows of a range
    wait in a temporary file until those before them in the table are there. InvalidInput when curves are asked for at
    listed return periods, and no list is given.
    """
    if not any(name in PERIOD_TABLES for name in request.tables):
        return
    _check_return_periods(request, context)
    touched = count_touched(chunks, context.occurrences)
    curves = CurveContext(
        context.occurrences,
        touched.samples,
        context.return_periods if request.listed_return_periods else None,
    )
    bases = {basis for _, basis in request.curves}
    averages = any(name in request.tables for name in ("PALT", "ALT", "ALCT"))
    ranges = period_losses(
        chunks,
        context.occurrences,
        touched,
        aggregate=averages or Basis.AGGREGATE in bases,
        largest=Basis.OCCURRENCE in bases,
        memory=context.memory,
    )
    with BatchSpool() as spool:
        for losses in ranges:
            for name, place, batch in _range_batches(losses, request, curves):
                spool.add((PERIOD_TABLES.index(name), *place), batch)
        for key, batch in spool.ordered():
            yield PERIOD_TABLES[key[0]], batch


def _check_return_periods(request: OutputRequest, context: PeriodContext) -> None:
    if request.curves and request.listed_return_periods and context.return_periods is None:
        remedy = "List return_periods in the settings, add a returnperiods file, or set return_period_file to false"
        raise InvalidInput(
            Finding(
                "analysis settings",
                "must name the return periods that curves are asked for at, and the model lists none",
                field="return_periods",
                rule="listed return periods",
                remedy=remedy,
            )
        )


def _range_batches(
    losses: PeriodLosses, request: OutputRequest, curves: CurveContext
) -> Iterator[tuple[str, tuple[Any, ...], pa.RecordBatch]]:
    """Each table's batches of a range of summaries, with their place in the table."""
    if "PALT" in request.tables:
        for sample_type, batch in palt_batches(losses, curves.occurrences):
            yield "PALT", (sample_type,), batch
    if "ALT" in request.tables:
        yield "ALT", (0,), alt_batch(losses, curves.occurrences)
    if "ALCT" in request.tables:
        first, last = losses.summaries
        batch = alct_batch(losses, curves.occurrences, request.confidence, (max(first, 1), max(last, 1)))
        yield "ALCT", (0,), batch
    for name, block, batch in curve_batches(losses, request.curves, curves):
        yield name, (block,), batch
