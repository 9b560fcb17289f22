"""Threads that compute chunks and can be left behind: neither a run nor the interpreter waits for one that hangs."""

import sys
import threading
import time
import traceback
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue

from oasis_kernel.dispatch.attempts import attempt, tail, this_worker
from oasis_kernel.dispatch.waiting import Attempt, Begun, Setback, Trouble, too_long
from oasis_kernel.errors import Cancelled
from oasis_kernel.model.work import Receipt, Stopped, Task

#: Seconds between two looks at what has ended.
POLL = 0.2
#: A chunk that was asked to stop, which takes half a second, and has not after so many seconds, hangs.
GRACE_SECONDS = 3.0
Outcome = Receipt | Setback


@dataclass(eq=False)
class _Work:
    """One attempt, and what its thread and the run tell each other."""

    attempt: Attempt
    thread: "_ChunkThread"
    stop: threading.Event = field(default_factory=threading.Event)
    outcome: "Future[Outcome]" = field(default_factory=Future)
    asked: float = 0.0  # when it was asked to stop because it was overdue, on the monotonic clock
    took: float = 0.0  # the seconds it had taken by then


class _ChunkThread(threading.Thread):
    """A thread for one chunk after the other, since kernels keep their working memory by thread.

    It is a daemon. Those of a ThreadPoolExecutor are joined at the end of the pool and of the interpreter, for ever
    where one hangs.
    """

    def __init__(self, task: Task, cancelled: Stopped):
        super().__init__(name="chunk", daemon=True)
        self._task = task
        self._cancelled = cancelled
        self._given: SimpleQueue[_Work | None] = SimpleQueue()
        self.start()

    def give(self, work: _Work) -> None:
        """Let the thread make an attempt."""
        self._given.put(work)

    def dismiss(self) -> None:
        """Let the thread end when it has done what it was given."""
        self._given.put(None)

    def stack(self) -> traceback.StackSummary:
        """Where the thread stands, its innermost call last."""
        frame = sys._current_frames().get(self.ident or 0)
        return traceback.extract_stack(frame) if frame is not None else traceback.StackSummary()

    def run(self) -> None:
        """Make attempts until dismissed."""
        while (work := self._given.get()) is not None:
            self._make(work)

    def _make(self, work: _Work) -> None:
        def stopped() -> bool:
            return work.stop.is_set() or self._cancelled()

        try:
            work.outcome.set_result(attempt(self._task, work.attempt.chunk, stopped))
        except BaseException as error:  # as in a pool's thread: raised where the outcome is asked for
            work.outcome.set_exception(error)


class ChunkThreads:
    """Attempts under way in this process, each in a thread; as many threads as there were attempts at once."""

    def __init__(self, task: Task, cancelled: Stopped):
        self._task = task
        self._cancelled = cancelled
        self._running: dict[Future[Outcome], _Work] = {}
        self._idle: list[_ChunkThread] = []
        self._left_behind: list[_ChunkThread] = []

    def __len__(self) -> int:
        """How many attempts are under way, without those that were left behind."""
        return len(self._running)

    @property
    def left_behind(self) -> int:
        """How many threads hang in chunks that were given up."""
        return sum(thread.is_alive() for thread in self._left_behind)

    def begin(self, taken: Attempt) -> None:
        """Begin with an attempt, in a thread that is idle or a new one."""
        thread = self._idle.pop() if self._idle else _ChunkThread(self._task, self._cancelled)
        work = _Work(taken, thread)
        self._running[work.outcome] = work
        thread.give(work)

    def news(self) -> Iterator[tuple[Attempt, Outcome]]:
        """Attempts that have ended, and such as were asked to stop and hang; waits for one for a moment.

        Cancelled, where nobody asked a chunk to stop, and whatever else is no Exception passes.
        """
        done, _ = wait(self._running, return_when=FIRST_COMPLETED, timeout=POLL)
        for future in done:
            work = self._running.pop(future)
            self._idle.append(work.thread)
            outcome = self._outcome(work)
            if outcome is not None:
                yield work.attempt, outcome
        late = time.monotonic() - GRACE_SECONDS
        for work in [work for work in self._running.values() if work.asked and work.asked < late]:
            yield work.attempt, self._leave_behind(work)

    def stop(self, overdue: Iterable[Begun]) -> None:
        """Ask attempts to stop that have taken too long; each is in the news within a few seconds."""
        begun_at = {begun.attempt.key: begun.at for begun in overdue}
        now = time.monotonic()
        for work in self._running.values():
            if work.attempt.key in begun_at and not work.asked:
                work.asked, work.took = now, now - begun_at[work.attempt.key]
                work.stop.set()

    def leave(self) -> None:
        """Ask all attempts to stop, and wait for their threads a few seconds at most."""
        for work in self._running.values():
            work.stop.set()
        threads = [*self._idle, *(work.thread for work in self._running.values())]
        for thread in threads:
            thread.dismiss()
        end = time.monotonic() + GRACE_SECONDS
        for thread in threads:
            thread.join(max(end - time.monotonic(), 0.0))

    def _outcome(self, work: _Work) -> Outcome | None:
        """What became of an attempt that has ended; None where the run was cancelled."""
        try:
            return work.outcome.result()
        except Cancelled:
            if work.asked:
                return Setback(Trouble.TIME, f"{too_long(work.took)}, and was stopped", this_worker())
            if self._cancelled():
                return None
            raise

    def _leave_behind(self, work: _Work) -> Setback:
        """What became of an attempt that does not stop. Should its thread ever come back, it ends."""
        del self._running[work.outcome]
        self._left_behind.append(work.thread)
        work.thread.dismiss()
        stack = work.thread.stack()
        where = f" in {Path(stack[-1].filename).name}, line {stack[-1].lineno} ({stack[-1].name})" if stack else ""
        cause = f"{too_long(work.took)}, and did not stop when it was asked to: its thread was left behind{where}"
        return Setback(Trouble.TIME, cause, this_worker(), tail("".join(stack.format()).splitlines()))
