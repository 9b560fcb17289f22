"""How long a process beside the pages stays: alone of its kind, until it is told to leave or its parent is gone."""

import fcntl
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from oasis_kernel.errors import OasisError
from oasis_kernel.service.settings import PREFIX, ServiceSettings

LOOK_SECONDS = 0.25
TAKE_OVER_SECONDS = 20.0
PARENT = PREFIX + "PARENT"  # the process that started this one, and without which it is to leave


@contextmanager
def only_one(settings: ServiceSettings, kind: str) -> Iterator[None]:
    """The right to be this root's process of a ``kind``; OasisError when another one does not leave."""
    settings.root.mkdir(parents=True, exist_ok=True)
    with (settings.root / f"{kind}.lock").open("w") as file:
        end = time.monotonic() + TAKE_OVER_SECONDS
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() > end:
                    raise OasisError(f"another {kind} works in {settings.root}; stop it first") from error
                time.sleep(0.1)
        yield


def leave_when_told(leave: threading.Event, stopping: threading.Event | None = None) -> None:
    """Set ``leave`` on SIGTERM and Ctrl-C, with ``stopping``, and when whoever started this process is gone, alone."""

    def told(number: int, frame: FrameType | None) -> None:
        if stopping is not None:
            stopping.set()
        leave.set()

    signal.signal(signal.SIGTERM, told)
    signal.signal(signal.SIGINT, told)
    parent = os.environ.get(PARENT)
    if parent is not None:

        def look() -> None:
            while os.getppid() == int(parent):
                time.sleep(LOOK_SECONDS)
            leave.set()

        threading.Thread(target=look, name="parent", daemon=True).start()
