"""Tell whoever asked that a run has ended: a small POST, to allowed hosts only, never in anybody's way."""

import json
import logging
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from http.client import HTTPException, HTTPMessage
from typing import IO, Any

from oasis_kernel.service import events_log, runs
from oasis_kernel.service.database import Database
from oasis_kernel.service.requests import refused_callback
from oasis_kernel.service.settings import ServiceSettings
from oasis_kernel.service.tables import Run, now

TIMEOUT_SECONDS = 10.0
#: Seconds before each further try.
AGAIN_AFTER = (1.0, 5.0, 25.0)

log = logging.getLogger(__name__)


class Callbacks:
    """Notifies, in threads of its own, the addresses of runs that have ended and were not told of yet."""

    def __init__(self, database: Database, settings: ServiceSettings, again_after: tuple[float, ...] = AGAIN_AFTER):
        self._database = database
        self._settings = settings
        self._again_after = again_after
        self._pool = ThreadPoolExecutor(2, thread_name_prefix="callback")
        self._under_way: dict[str, Future[None]] = {}

    def send_due(self) -> None:
        """Begin with every notification that is due."""
        self._under_way = {run_id: sent for run_id, sent in self._under_way.items() if not sent.done()}
        with self._database.read() as session:
            for run in runs.to_notify(session):
                if run.id not in self._under_way and run.callback_url:
                    self._under_way[run.id] = self._pool.submit(self._notify, run.id, run.callback_url, message_of(run))

    def close(self) -> None:
        """Begin with no more; what has not been sent is due again at the next start."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _notify(self, run_id: str, url: str, message: Mapping[str, Any]) -> None:
        refused = refused_callback(url, self._settings.callback_schemes, self._settings.callback_hosts)
        problem = str(refused) if refused is not None else self._post(url, message)
        if problem:
            log.warning("run %s: its end could not be told: %s", run_id, problem)
        with self._database.write() as session:
            run = session.get(Run, run_id)
            if run is not None:
                run.notified = now()
                events_log.note(session, run_id, "log", {"callback": problem or "sent"})

    def _post(self, url: str, message: Mapping[str, Any]) -> str:
        """Send a message; returns why it could not be, after several tries."""
        problem = ""
        for wait in (0.0, *self._again_after):
            time.sleep(wait)
            problem = post(url, message)
            if not problem:
                return ""
        return problem


def message_of(run: Run) -> dict[str, Any]:
    """What is told of a run that has ended: no results, which the receiver may have no right to."""
    finished = run.finished.isoformat() if run.finished is not None else None
    return {"id": run.id, "name": run.name, "state": run.state, "finished": finished, "url": f"/v1/analyses/{run.id}"}


def post(url: str, message: Mapping[str, Any]) -> str:
    """Send a message once; returns what went wrong, nothing when it arrived. Redirects are not followed."""
    request = urllib.request.Request(  # noqa: S310 - its scheme and host are among the operator's
        url, json.dumps(message).encode(), {"Content-Type": "application/json"}, method="POST"
    )
    opener = urllib.request.build_opener(_NoRedirect)
    try:
        with opener.open(request, timeout=TIMEOUT_SECONDS):
            return ""
    except urllib.error.HTTPError as error:
        with error:
            return f"it answered {error.code}"
    except (OSError, HTTPException, ValueError) as error:
        return f"{type(error).__name__}: {error}"


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """An allowed host must not lead to one that is not."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> None:
        return None
