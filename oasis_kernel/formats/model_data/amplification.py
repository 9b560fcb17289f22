"""Post-loss amplification: ``lossfactors.bin`` or csv."""

import numpy as np

from oasis_kernel.errors import Finding, InvalidInput
from oasis_kernel.formats.model_data import tables
from oasis_kernel.formats.model_data.delimited import read_csv
from oasis_kernel.formats.model_data.folder import as_records
from oasis_kernel.formats.model_data.small_tables import Lookup, Table
from oasis_kernel.formats.model_data.tables import Records
from oasis_kernel.model.hazard import LossFactors
from oasis_kernel.model.vendor import ModelChoice

_WORD = np.dtype("<i4")


def read_loss_factors(lookup: Lookup, choice: ModelChoice) -> LossFactors | None:
    """The factors by (event, amplification); None when the model has none and none was asked for by name.

    Raises ``InvalidInput`` for a negative factor, a pair listed twice, or a truncated file.
    """
    name = lookup.find("lossfactors", choice.pla_loss_factors_set)
    if name is None:
        if choice.pla_loss_factors_set:
            raise lookup.missing("loss factors", "lossfactors", choice.pla_loss_factors_set, "pla_loss_factors_set")
        return None
    rows = read_csv(lookup.folder, name, tables.LOSS_FACTOR) if name.endswith(".csv") else _from_binary(lookup, name)
    table = Table(name, rows)
    factor = rows["factor"]
    table.refuse(~((factor >= 0) & np.isfinite(factor)), "factor", "must not be negative", "Correct the factor")
    table.refuse_repeats("event_id", "amplification_id")
    rows = rows[np.lexsort((rows["amplification_id"], rows["event_id"]))]
    return LossFactors(rows["event_id"].copy(), rows["amplification_id"].copy(), rows["factor"].copy())


def _from_binary(lookup: Lookup, name: str) -> Records:
    content = lookup.folder.read(name)
    words = as_records(content, np.dtype([("word", _WORD)]), name)["word"]
    position, starts, counts, events = 1, [], [], []  # word 0 is a header
    while position < len(words):
        count = int(words[position + 1]) if position + 1 < len(words) else -1
        if count < 0 or position + 2 + 2 * count > len(words):
            raise InvalidInput(
                Finding(
                    file=name,
                    field="count",
                    message=f"must be the number of factors that follow event {words[position]}: the file is truncated",
                    value=count,
                    rule="whole records",
                    remedy="Copy the file again, or convert it again from the csv",
                )
            )
        events.append(int(words[position]))
        counts.append(count)
        starts.append(position + 2)
        position += 2 + 2 * count
    rows = np.empty(sum(counts), dtype=tables.LOSS_FACTOR)
    rows["event_id"] = np.repeat(np.array(events, dtype=np.int32), counts)
    blocks = [words[start : start + 2 * count] for start, count in zip(starts, counts, strict=True)]
    pairs = np.concatenate([np.empty(0, dtype=_WORD), *blocks]).reshape(-1, 2)
    rows["amplification_id"] = pairs[:, 0]
    rows["factor"] = np.ascontiguousarray(pairs[:, 1]).view("<f4")
    return rows
