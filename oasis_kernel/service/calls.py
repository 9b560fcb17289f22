"""Engine work that a request waits for, such as a check: in a few threads, a short queue before them, and a limit."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from oasis_kernel.service.problems import Problem

P = ParamSpec("P")
T = TypeVar("T")


class EngineCalls:
    """Threads for work that takes seconds, so that neither the event loop nor quick requests wait for it.

    A thread cannot be stopped: work that exceeds the time limit is answered with a problem and keeps its thread until
    it ends, which is why only so much may wait.
    """

    def __init__(self, threads: int = 2, waiting: int = 16, seconds: float = 120.0):
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="engine-call")
        self._room = threading.BoundedSemaphore(threads + waiting)
        self.seconds = seconds

    async def run(self, work: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        """What the work returns. Problem 503 when too much is waiting already, or when it takes too long."""
        if not self._room.acquire(blocking=False):
            raise Problem(
                503,
                "The service is busy with other checks and estimates",
                kind="busy",
                remedy="Ask again in a moment",
                headers={"Retry-After": "5"},
            )
        future = self._pool.submit(work, *arguments, **named)
        future.add_done_callback(self._leave)
        try:
            return await asyncio.wait_for(asyncio.wrap_future(future), self.seconds)
        except TimeoutError as error:
            raise Problem(
                503,
                f"This takes longer than {self.seconds:.0f} s, the limit of what a request may wait for",
                kind="too-long",
                remedy="Make it an analysis: its process checks first, and has no such limit",
            ) from error

    def _leave(self, _: Future[T]) -> None:
        self._room.release()

    def close(self) -> None:
        """Let nothing more begin."""
        self._pool.shutdown(wait=False, cancel_futures=True)
