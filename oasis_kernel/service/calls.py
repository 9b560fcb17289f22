"""Engine work that a request waits for, such as a check: in a few threads, a short queue before them, and a limit."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from queue import SimpleQueue
from typing import Any, ParamSpec, TypeVar

from oasis_kernel.service.problems import Problem

P = ParamSpec("P")
T = TypeVar("T")
_Work = tuple[Future[Any], Callable[[], Any]]


class EngineCalls:
    """Threads for work that takes seconds, so that neither the event loop nor quick requests wait for it.

    A thread cannot be stopped: work that exceeds the time limit is answered with a problem and keeps its thread until
    it ends, which is why only so much may wait. The threads are daemons (an executor's are not): the service does not
    wait for them when it ends.
    """

    def __init__(self, threads: int = 2, waiting: int = 16, seconds: float = 300.0):
        self.seconds = seconds
        self._room = threading.BoundedSemaphore(threads + waiting)
        self._queue: SimpleQueue[_Work | None] = SimpleQueue()
        self._threads = [
            threading.Thread(target=self._serve, name=f"engine-call-{number}", daemon=True) for number in range(threads)
        ]
        for thread in self._threads:
            thread.start()

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
        future: Future[T] = Future()
        future.add_done_callback(self._leave)
        self._queue.put((future, partial(work, *arguments, **named)))
        try:
            return await asyncio.wait_for(asyncio.wrap_future(future), self.seconds)
        except TimeoutError as error:
            raise Problem(
                503,
                f"This takes longer than {self.seconds:g} s, the limit of what a request may wait for",
                kind="too-long",
                remedy="Make it an analysis: its process checks first, and has no such limit",
            ) from error

    def close(self) -> None:
        """Let every thread end after what it is at."""
        for _ in self._threads:
            self._queue.put(None)

    def _serve(self) -> None:
        while (given := self._queue.get()) is not None:
            future, work = given
            if not future.set_running_or_notify_cancel():  # nobody waits for it any more
                continue
            try:
                result = work()
            except BaseException as error:  # the thread's boundary: it is raised again where the request waits
                future.set_exception(error)
            else:
                future.set_result(result)

    def _leave(self, _: Future[Any]) -> None:
        self._room.release()
