"""Calls that take long, away from the thread that answers the page; what they give comes back to that thread."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

T = TypeVar("T")
Callback = Callable[[], None]


class Background(Protocol):
    """Does work elsewhere and brings back what it gives."""

    def start(self, work: Callable[[], T], done: Callable[[T], None], failed: Callable[[Exception], None]) -> None:
        """Do ``work``; then call ``done`` with what it gave, or ``failed`` with what it raised."""

    def deliver(self, callback: Callback) -> None:
        """Call back from the thread that answers the page."""


class Threads:
    """Work in daemon threads. Results come back through the event loop that was running when this was made.

    Without a running loop, as in a script, they are delivered from the worker's own thread.
    """

    def __init__(self) -> None:
        try:
            self._loop: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
        except RuntimeError:
            self._loop = None

    def start(self, work: Callable[[], T], done: Callable[[T], None], failed: Callable[[Exception], None]) -> None:
        """Do ``work`` in a thread of its own."""

        def at_work() -> None:
            try:
                result = work()
            except Exception as error:  # the page's border: whoever asked shows it
                problem = error
                self.deliver(lambda: failed(problem))
            else:
                self.deliver(lambda: done(result))

        threading.Thread(target=at_work, name="panel", daemon=True).start()

    def deliver(self, callback: Callback) -> None:
        """Call back from the event loop's thread; never when the loop has ended, for nobody looks any more."""
        if self._loop is None:
            callback()
        elif not self._loop.is_closed():
            self._loop.call_soon_threadsafe(callback)


class AtOnce:
    """Work done while the caller waits: for scripts and tests."""

    def start(self, work: Callable[[], Any], done: Callable[[Any], None], failed: Callable[[Exception], None]) -> None:
        """Do ``work`` here."""
        try:
            result = work()
        except Exception as error:  # the page's border, as above
            failed(error)
        else:
            done(result)

    def deliver(self, callback: Callback) -> None:
        """Call back."""
        callback()
