"""A footprint's rows as runs: the rows of one event at one area peril where there are items."""

import numpy as np
import numpy.typing as npt

from oasis_kernel.errors import Finding, InvalidInput
from oasis_kernel.kernels.touch_order import HazardRuns
from oasis_kernel.model.hazard import Footprint
from oasis_kernel.steps.ground_up_tables import Portfolio

_FILE = "footprint"


def find_runs(footprint: Footprint, portfolio: Portfolio) -> HazardRuns:
    """The runs that touch items, in the footprint's order, of the events that have any."""
    _check_bins(footprint, portfolio)
    rows = len(footprint.areaperil_id)
    starts = np.zeros(rows, bool)
    starts[1:] = footprint.areaperil_id[1:] != footprint.areaperil_id[:-1]
    starts[footprint.offsets[:-1][footprint.offsets[:-1] < rows]] = True
    begin = np.flatnonzero(starts)
    end = np.append(begin[1:], rows)
    known = portfolio.areaperil_id
    at = np.searchsorted(known, footprint.areaperil_id[begin])
    at = np.minimum(at, len(known) - 1)
    touches = known[at] == footprint.areaperil_id[begin]
    begin, end, at = begin[touches], end[touches], at[touches]
    event = np.searchsorted(footprint.offsets, begin, side="right") - 1
    _check_together(event, at, footprint, portfolio)
    touched, first_run = np.unique(event, return_index=True)
    return HazardRuns(
        event=np.ascontiguousarray(footprint.event_id[touched], np.int32),
        first_run=np.append(first_run, len(begin)).astype(np.int64),
        areaperil=at.astype(np.int32),
        begin=begin.astype(np.int64),
        end=end.astype(np.int64),
        intensity_bin=np.ascontiguousarray(footprint.intensity_bin, np.int32),
        probability=np.ascontiguousarray(footprint.probability, np.float32),
        intensity=np.ascontiguousarray(footprint.intensity, np.int32),
        return_period=np.ascontiguousarray(footprint.return_period, np.int32),
    )


def _check_bins(footprint: Footprint, portfolio: Portfolio) -> None:
    """A dynamic footprint has intensities; another's bins must be the model's (bin 0 would read the last one)."""
    rows = len(footprint.areaperil_id)
    if portfolio.model.mode.dynamic:
        if len(footprint.intensity) != rows or len(footprint.return_period) != rows:
            raise InvalidInput(Finding(_FILE, "must give intensities, because the model has an intensity dictionary",
                                       field="intensity", rule="dynamic footprint"))  # fmt: skip
        return
    most = portfolio.model.curves.intensities
    wrong = np.flatnonzero((footprint.intensity_bin < 1) | (footprint.intensity_bin > most))
    if len(wrong):
        event = footprint.event_id[np.searchsorted(footprint.offsets, wrong[0], side="right") - 1]
        raise InvalidInput(
            Finding(
                _FILE,
                f"must lie between 1 and {most} (event {event}, area peril {footprint.areaperil_id[wrong[0]]})",
                field="intensity_bin_id",
                value=int(footprint.intensity_bin[wrong[0]]),
                rule="known intensity bin",
                remedy="Correct the footprint, or the vulnerability's number of intensity bins",
            )
        )


def _check_together(
    event: npt.NDArray[np.intp], areaperil: npt.NDArray[np.intp], footprint: Footprint, portfolio: Portfolio
) -> None:
    """An area peril must have one run in an event: a second would touch its items twice."""
    order = np.lexsort((areaperil, event))
    same = (np.diff(event[order]) == 0) & (np.diff(areaperil[order]) == 0)
    if same.any():
        where = order[np.flatnonzero(same)[0]]
        raise InvalidInput(
            Finding(
                _FILE,
                f"must keep an event's rows of one area peril together: event {footprint.event_id[event[where]]} "
                f"has area peril {portfolio.areaperil_id[areaperil[where]]} in two places",
                field="areaperil_id",
                rule="contiguous area perils",
                remedy="Sort the footprint by event and area peril",
            )
        )
