"""The door for models that compute ground-up losses themselves: what they return is checked, then fed to the rest."""

from collections.abc import Callable

import numpy as np

from oasis_kernel.engine.asking import asked
from oasis_kernel.errors import PluginError
from oasis_kernel.model.exposure import Int32, PreparedExposure
from oasis_kernel.model.losses import SPECIAL, LossBlock
from oasis_kernel.model.vendor import GroundUpModel


def checked_losses(model: GroundUpModel, exposure: PreparedExposure, samples: int) -> Callable[[Int32], LossBlock]:
    """A function of event ids that asks the model for losses and refuses what cannot be, naming the model."""
    name = getattr(model, "name", type(model).__name__)

    def ground_up(event_id: Int32) -> LossBlock:
        question = f"ground_up(events {event_id[0]} to {event_id[-1]}, {samples} samples)"
        block = asked(name, model).ground_up(event_id, exposure.items, exposure.coverages, samples)
        wrong = problem(block, event_id, len(exposure.items), samples)
        if wrong:
            raise PluginError(f"model {name}: {question} {wrong}")
        return block

    return ground_up


def problem(block: LossBlock, event_id: Int32, items: int, samples: int) -> str | None:
    """What is wrong with a block of losses, in words; None when nothing is."""
    rows = len(block.row)
    if not np.isin(block.event_id, event_id).all() or (np.diff(block.event_id) <= 0).any():
        return "must return events among those asked for, ascending, each once"
    if len(block.offsets) != len(block.event_id) + 1 or block.offsets[0] != 0 or block.offsets[-1] != rows:
        return f"must return offsets from 0 to {rows}, one more than events"
    if (np.diff(block.offsets) < 0).any():
        return "must return ascending offsets"
    if block.loss.shape != (rows, SPECIAL + samples):
        return f"must return losses of shape ({rows}, {SPECIAL + samples}), got {block.loss.shape}"
    if rows and (block.row.min() < 0 or block.row.max() >= items):
        return f"must return items from 0 to {items - 1}, got {block.row.min()} to {block.row.max()}"
    bad = ~np.isfinite(block.loss) | (block.loss < 0)
    if bad.any():
        row, column = np.argwhere(bad)[0]
        event = block.event_id[np.searchsorted(block.offsets, row, side="right") - 1]
        value = block.loss[row, column]
        return f"must return finite losses, not negative, got {value} for event {event}, item {block.row[row] + 1}"
    return None
