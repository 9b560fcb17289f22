"""Follows a run from a thread of its own, also when the service is away for a while."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace

from oasis_kernel.client.events import Follower
from oasis_kernel.client.problems import ServiceLost
from oasis_kernel.client.run import RemoteRun
from oasis_kernel.client.service import Patience
from oasis_kernel.errors import OasisError
from widgets.background import Background
from widgets.board import Board

#: A lost service is told after about a second; then it is asked again, less and less often.
HASTY = Patience(tries=2, first=0.25, most=1.0)
PAUSES = (1.0, 2.0, 5.0, 10.0)
READ_SECONDS = 1.0  # the service's own view of run and chunks is read so often at most
SHOW_SECONDS = 0.25


class RunWatch:
    """Tells ``show`` how a run fares until it has ended or ``stop`` is called; the last board it shows is final.

    The run does not need to be watched: it goes on in the service. Errors that no waiting mends go to ``failed``.
    """

    def __init__(
        self,
        run: RemoteRun,
        background: Background,
        show: Callable[[Board], None],
        failed: Callable[[Exception], None],
        pauses: tuple[float, ...] = PAUSES,
    ):
        self.run = run
        self.board = Board(state=str(run.view["state"]))
        self._background, self._show, self._failed = background, show, failed
        self._pauses = pauses
        self._stopped = threading.Event()
        self._last_id: str | None = None
        self._read_at = self._shown_at = -1e9
        self._missed = 0

    def start(self) -> None:
        """Follow in the background."""
        self._background.start(self.follow, lambda _: None, self._failed)

    def stop(self) -> None:
        """Follow no further; nothing is shown any more."""
        self._stopped.set()

    def follow(self) -> None:
        """Follow until the run has ended."""
        while not self._stopped.is_set():
            try:
                self._connected()
                self._read()
            except ServiceLost as error:
                self._wait(error)
                continue
            if self._stopped.is_set() or self.board.ended:
                self._tell(at_once=True)
                return
            self._stopped.wait(self._pause())

    def _connected(self) -> None:
        """Take in events until the run ends or the connection is lost."""
        service = self.run.workbench.service
        self._read()
        self._tell(at_once=True)
        following = Follower(service, f"{self.run.view['url']}/events", self._last_id, HASTY)
        for event in following:
            if self._stopped.is_set():
                return
            self._missed = 0
            self._last_id = event.id or self._last_id
            self.board = self.board.after(event)
            if time.monotonic() - self._read_at > READ_SECONDS:
                self._read()
            self._tell()

    def _read(self) -> None:
        self.run.refresh()
        self.board = self.board.read(self.run.view, self.run.chunks())
        self._read_at = time.monotonic()

    def _wait(self, error: OasisError) -> None:
        self.board = replace(self.board, lost=str(error).partition(". ")[0])
        self._tell(at_once=True)
        self._stopped.wait(self._pause())

    def _pause(self) -> float:
        pause = self._pauses[min(self._missed, len(self._pauses) - 1)]
        self._missed += 1
        return pause

    def _tell(self, *, at_once: bool = False) -> None:
        if self._stopped.is_set() or not (at_once or time.monotonic() - self._shown_at > SHOW_SECONDS):
            return
        self._shown_at = time.monotonic()
        board = self.board
        self._background.deliver(lambda: None if self._stopped.is_set() else self._show(board))
