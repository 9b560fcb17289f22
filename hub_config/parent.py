"""Programs of the hub end with whoever started them, also when that one was killed and could not tell them."""

import os
import signal
import threading
import time
from collections.abc import Callable

LOOK_SECONDS = 0.25


def end_this_process() -> None:
    """Ask this process to end, as its parent would."""
    os.kill(os.getpid(), signal.SIGTERM)


def when_gone(parent: int, leave: Callable[[], None] = end_this_process) -> None:
    """Call ``leave``, from a thread, once another process than ``parent`` is this one's."""

    def look() -> None:
        while os.getppid() == parent:
            time.sleep(LOOK_SECONDS)
        leave()

    threading.Thread(target=look, name="parent", daemon=True).start()
