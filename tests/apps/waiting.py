"""Waiting for what takes a while."""

import time
from collections.abc import Callable
from typing import Any


def until(what: Callable[[], Any], seconds: float) -> Any:
    """What a function returns once it is true."""
    end = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < end, f"not so after {seconds} s"
        time.sleep(0.2)
    return found
