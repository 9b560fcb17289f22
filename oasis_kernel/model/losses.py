"""Losses in memory: per item inside a step, per summary when a chunk is done."""

from dataclasses import dataclass

from oasis_kernel.model.exposure import Float32, Int32, Int64

#: Columns before the samples, in the order of the reference's special sample indices -1..-5.
MEAN, DEVIATION, EXPOSURE, CHANCE, MAXIMUM = range(5)
SPECIAL = 5


@dataclass(frozen=True)
class LossBlock:
    """Losses of a few whole events: rows of event e are ``offsets[e]:offsets[e + 1]``, in the model's touch order.

    ``loss`` columns: MEAN, DEVIATION, EXPOSURE, CHANCE, MAXIMUM (the special sample indices -1..-5), then
    sample 1..S at column SPECIAL + s - 1. After ground-up the rows are items; after terms, outputs.

    An event too large for memory comes a few samples at a time, in blocks that follow one another: then S are the
    block's samples, of which ``first_sample`` come before. Nothing that is done to losses looks across samples.
    """

    event_id: Int32  # [e]
    offsets: Int64  # [e + 1]
    row: Int32  # [n] 0-based item (or output) number
    loss: Float32  # [n, SPECIAL + S]
    first_sample: int = 0

    @property
    def samples(self) -> int:
        """The number of samples S."""
        return int(self.loss.shape[1]) - SPECIAL


@dataclass(frozen=True)
class SummaryLosses:
    """Losses of one summary set, by event ascending, then summary ascending: what a chunk leaves behind.

    ``loss`` columns: MEAN; DEVIATION unused, 0; EXPOSURE: footprint exposure; CHANCE: number of affected risks;
    MAXIMUM; then the samples. Sums over items are made in float64 and stored as float32.
    """

    event_id: Int32  # [m]
    summary_id: Int32  # [m]
    loss: Float32  # [m, SPECIAL + S]

    @property
    def samples(self) -> int:
        """The number of samples S."""
        return int(self.loss.shape[1]) - SPECIAL


@dataclass(frozen=True)
class SummarySet:
    """One summary level: which summary each item (or output) belongs to, and what the summaries are called.

    ``summary_of[row]`` is the 1-based summary of 0-based item or output ``row``; ``risk_of[row]`` numbers the
    distinct (location, building) pairs, 0-based, for the count of affected risks.
    ``info`` is the summary-info table: summary_id, the OED fields (or ``_not_set_``), tiv.
    """

    id: int
    perspective: str  # gul, il, ri, rl
    summary_of: Int32
    risk_of: Int32
    info: "object"  # pyarrow.Table; kept opaque so that kernels need no Arrow
