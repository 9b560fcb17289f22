"""A large event goes on a few samples at a time: nothing is lost, nothing else is cut."""

import numpy as np

from oasis_kernel.model.losses import SPECIAL, LossBlock
from oasis_kernel.steps.sample_windows import LEAST_SAMPLES, sample_windows


def block(events: int, rows: int, samples: int, first_sample: int = 0) -> LossBlock:
    """Losses that are all different, ``rows`` in each event."""
    loss = np.arange(events * rows * (SPECIAL + samples), dtype=np.float32).reshape(events * rows, -1)
    event_id = np.arange(1, events + 1, dtype=np.int32)
    row = np.tile(np.arange(rows, dtype=np.int32), events)
    return LossBlock(event_id, np.arange(events + 1) * rows, row, loss, first_sample)


def test_windows_of_a_large_event_are_its_samples_in_order() -> None:
    whole = block(1, 50, 130, first_sample=200)
    windows = list(sample_windows(whole, 1_000))
    assert [window.samples for window in windows] == [32, 33, 32, 33]
    assert [window.first_sample for window in windows] == [200, 232, 265, 297]
    assert all((window.loss[:, :SPECIAL] == whole.loss[:, :SPECIAL]).all() for window in windows)
    together = np.concatenate([window.loss[:, SPECIAL:] for window in windows], axis=1)
    np.testing.assert_array_equal(together, whole.loss[:, SPECIAL:])


def test_a_window_takes_about_what_it_may() -> None:
    windows = list(sample_windows(block(1, 100, 1_000), 100 * 4 * (SPECIAL + 250)))
    assert [window.samples for window in windows] == [250] * 4


def test_what_is_small_or_of_several_events_stays_whole() -> None:
    small, several = block(1, 50, LEAST_SAMPLES), block(3, 50, 200)
    assert list(sample_windows(small, 1)) == [small]
    assert list(sample_windows(several, 1)) == [several]
    assert [window.samples for window in sample_windows(block(1, 50, 0), 1)] == [0]
