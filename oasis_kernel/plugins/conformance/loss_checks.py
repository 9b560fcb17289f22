"""Checks of models that calculate their own ground-up losses."""

import numpy as np

from oasis_kernel.model.losses import SPECIAL
from oasis_kernel.model.vendor import GroundUpModel
from oasis_kernel.plugins.conformance.subject import EVENTS_LOOKED_AT, Subject
from oasis_kernel.plugins.conformance.verdict import NotApplicable, demand

SAMPLES = 3


def ground_up_valid(subject: Subject) -> None:
    """Losses are of the events asked for, of known items, finite and not negative, and the same each time."""
    model = subject.model
    if not isinstance(model, GroundUpModel):
        raise NotApplicable("the engine calculates the ground-up losses")
    items, coverages = subject.trial_items()
    events = np.asarray(model.open(subject.choice).events())[:EVENTS_LOOKED_AT]
    losses = model.ground_up(events, items, coverages, SAMPLES)
    demand(bool(np.isin(losses.event_id, events).all()), "losses must be of events asked for")
    demand(bool(np.all(np.diff(losses.event_id) > 0)), "events must ascend, each once")
    rows = len(losses.row)
    demand(
        losses.loss.shape == (rows, SPECIAL + SAMPLES),
        f"loss must have shape {(rows, SPECIAL + SAMPLES)}, got {losses.loss.shape}",
    )
    offsets = losses.offsets
    demand(
        len(offsets) == len(losses.event_id) + 1 and int(offsets[0]) == 0 and int(offsets[-1]) == rows,
        f"offsets must be {len(losses.event_id) + 1} numbers from 0 to {rows}",
    )
    demand(bool(np.all(np.diff(offsets) >= 0)), "offsets must not fall")
    known = (losses.row >= 0) & (losses.row < len(items))
    demand(bool(known.all()), f"rows must be items 0..{len(items) - 1}")
    demand(bool(np.isfinite(losses.loss).all()), "losses must be finite")
    demand(bool((losses.loss >= 0).all()), "losses must not be negative")
    again = model.ground_up(events, items, coverages, SAMPLES)
    demand(
        np.array_equal(again.loss, losses.loss) and np.array_equal(again.row, losses.row),
        "the same question must get the same losses",
    )
