"""A vendor's model as it should not be: toy-wind, whose hazard is slow, or crashes at an event, as a file tells it.

``TRICKS`` names a JSON file such as ``{"seconds": 0.1, "event": 700, "do": "crash", "times": 1}``: every chunk takes
so long, and those with the event do what ``do`` names, so many times over all processes. With ``limit`` a chunk hangs
after so many seconds instead of ten minutes.
"""

import ctypes
import json
import os
import signal
import threading
import time
from functools import partial
from pathlib import Path
from typing import Any

from model_plugins.toy_wind.model import ToyWind
from oasis_kernel.dispatch import waiting
from oasis_kernel.dispatch.waiting import Limit
from oasis_kernel.plugins import hookimpl


@hookimpl
def register_models(data_dir: Path) -> list[Any]:
    seconds = json.loads(Path(os.environ["TRICKS"]).read_text()).get("limit")
    if seconds is not None:
        waiting.Limit = partial(Limit, times=10.0, seconds=seconds)
    return [TrickyModel(data_dir)]


class TrickyModel(ToyWind):
    name = "tricky"

    def open(self, choice: Any) -> Any:
        return TrickyData(super().open(choice))


class TrickyData:
    def __init__(self, data: Any):
        self._data = data
        self.hazard = TrickyHazard(data.hazard)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._data, name)


class TrickyHazard:
    def __init__(self, hazard: Any):
        self._hazard = hazard

    def __getattr__(self, name: str) -> Any:
        return getattr(self._hazard, name)

    def footprint(self, event_id: Any, areaperil_id: Any) -> Any:
        if threading.current_thread().name.startswith("chunk"):  # not while the run is planned
            _play(event_id)
        return self._hazard.footprint(event_id, areaperil_id)


def _play(event_id: Any) -> None:
    file = Path(os.environ["TRICKS"])
    tricks = json.loads(file.read_text())
    time.sleep(tricks.get("seconds", 0))
    if tricks.get("event") in event_id and _is_turn(file.parent, tricks.get("times", 1_000)):
        _ACTS[tricks["do"]]()


def _is_turn(folder: Path, times: int) -> bool:
    """Whether there is a turn left, which is then taken."""
    for number in range(times):
        try:
            (folder / f"played-{number}").touch(exist_ok=False)
        except FileExistsError:
            continue
        return True
    return False


def _crash() -> None:
    ctypes.string_at(0)


def _fill_memory() -> None:
    held = []
    for _ in range(1_000):
        held.append(b"x" * 2**25)
        time.sleep(0.01)


def _fail() -> None:
    raise ValueError("the hazard of this event is not there")


def _hang() -> None:
    time.sleep(3_600)


def _freeze() -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


_ACTS = {"crash": _crash, "fill": _fill_memory, "fail": _fail, "hang": _hang, "freeze": _freeze}
