"""What happens to a run, as it happens: server-sent events, taken up again where a connection broke.

Source: the HTML standard's event streams (``id``, ``event``, ``data``; the header ``Last-Event-ID``).
"""

import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx

from oasis_kernel.client.problems import ServiceProblem
from oasis_kernel.client.service import TRANSIENT, Patience, Service

#: A service sends something at least this often, if only a comment; longer silence is a broken connection.
SILENCE = httpx.Timeout(60.0, connect=10.0, read=45.0)
#: About a minute: longer than a service takes to start again.
LONG_PATIENCE = Patience(tries=11)
FINAL = frozenset({"completed", "failed", "cancelled"})
END = "end"  # the event after the last


@dataclass(frozen=True)
class RunEvent:
    """One thing that happened to a run; ``kind`` is state, progress, chunk, finding or log."""

    id: str
    kind: str
    data: dict[str, Any]


@dataclass
class Follower:
    """Follows a run's events until it has ended, over as many connections as it takes.

    ServiceLost when the service stays away for ``patience`` in a row; the run goes on there.
    """

    service: Service
    path: str
    last: str | None = None
    patience: Patience = LONG_PATIENCE

    def __iter__(self) -> Iterator[RunEvent]:
        missed = 0
        while True:
            cause: Exception = ConnectionError("the connection was closed")
            try:
                for event in self._connection():
                    missed = 0
                    if event.kind == END:
                        return
                    yield event
            except httpx.TransportError as error:
                cause = error
            except ServiceProblem as error:
                if error.status not in TRANSIENT:
                    raise
                cause = error
            if missed >= self.patience.tries:
                raise self.service.lost(cause)
            time.sleep(self.patience.pause(missed))
            missed += 1

    def _connection(self) -> Iterator[RunEvent]:
        """The events of one connection, from the one after the last that was seen."""
        headers = {"Accept": "text/event-stream", "Cache-Control": "no-store"}
        if self.last is not None:
            headers["Last-Event-ID"] = self.last
        with self.service.stream(self.path, headers, SILENCE) as response:
            for event in parse_events(response.iter_lines()):
                self.last = event.id or self.last
                yield event


def parse_events(lines: Iterable[str]) -> Iterator[RunEvent]:
    """The events in the lines of an event stream; comments, and an event that was cut off, are left out."""
    kind, identifier, data = "", "", list[str]()
    for line in lines:
        if not line:
            if data:
                yield RunEvent(identifier, kind or "message", json.loads("\n".join(data)))
            kind, data = "", []
            continue
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "data":
            data.append(value)
        elif field == "event":
            kind = value
        elif field == "id":
            identifier = value
