"""The service as one command: the database brought up to date, its processes kept at work, pages served."""

import copy
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import uvicorn

from oasis_kernel.errors import OasisError
from oasis_kernel.service.app import create_app
from oasis_kernel.service.database import Database
from oasis_kernel.service.migrations import upgrade
from oasis_kernel.service.redaction import redacting_log_config
from oasis_kernel.service.settings import PREFIX, ServiceSettings
from oasis_kernel.service.staying import PARENT

LOOK_SECONDS = 0.5
#: A child that dies is started again after this, and after twice as long each time it dies soon again.
AGAIN_SECONDS, MOST_SECONDS, SOON_SECONDS = 0.5, 30.0, 30.0
#: Followers of events keep their connections: so long they may, when the service stops.
CLOSE_SECONDS = 2
CHILD_CLOSE_SECONDS = 20.0

log = logging.getLogger(__name__)


def serve(settings: ServiceSettings, ready: Callable[[str], None], log_file: Path | None = None) -> None:
    """Serve until told to stop; ``ready`` gets the address once it answers.

    What the processes beside the pages say goes to the terminal, or to the end of ``log_file``.

    Everything that was started is stopped again. OasisError when the address cannot be listened on or the database is
    of a newer version.
    """
    settings.root.mkdir(parents=True, exist_ok=True, mode=0o700)
    with ExitStack() as open_things:
        listening = open_things.enter_context(_listen(settings))
        database = Database(settings.database_url)
        upgrade(database)
        database.close()
        app = create_app(settings)
        signal.signal(signal.SIGTERM, _end)
        children = Children(_children_of(settings), settings.environment(), log_file)
        open_things.callback(children.stop)
        children.start()
        config = redacting_log_config(_quiet(uvicorn.config.LOGGING_CONFIG))
        server = _Server(
            uvicorn.Config(app, log_config=config, timeout_graceful_shutdown=CLOSE_SECONDS, server_header=False)
        )
        port = listening.getsockname()[1]
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        server.ready = lambda: ready(f"http://{host}:{port}")
        server.run(sockets=[listening])


class _Server(uvicorn.Server):
    """A server that says when it answers."""

    ready: Callable[[], None]

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self.ready()


def _listen(settings: ServiceSettings) -> socket.socket:
    """A socket on the address of the settings; OasisError when it is taken."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listening = socket.socket(family)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((settings.host, settings.port))
    except OSError as error:
        listening.close()
        raise OasisError(
            f"cannot listen on {settings.host} port {settings.port}: {error.strerror}. Give --port 0 for a free one, "
            f"or stop what listens there"
        ) from error
    return listening


def _quiet(config: dict[str, Any]) -> dict[str, Any]:
    """The server's logging without a line for each request."""
    changed = copy.deepcopy(config)
    changed["loggers"]["uvicorn.access"]["level"] = "WARNING"
    changed["loggers"]["uvicorn"]["level"] = "WARNING"
    changed["loggers"]["uvicorn.error"]["level"] = "WARNING"
    return changed


def _end(number: int, frame: FrameType | None) -> NoReturn:
    sys.exit(0)


def _children_of(settings: ServiceSettings) -> list[str]:
    """The modules that work beside the pages, each in a process of its own."""
    modules = ["oasis_kernel.service.supervisor"]
    return modules if settings.ray == "none" else [*modules, "oasis_kernel.service.dispatcher"]


@dataclass
class Child:
    """A module that is kept running."""

    module: str
    process: "subprocess.Popen[bytes]"
    began: float
    wait: float = AGAIN_SECONDS  # before it is started again
    due: float | None = None  # when it is to be started again; None while it runs


@dataclass
class Children:
    """Processes of Python modules that are started again when they die, and stopped at the end."""

    modules: list[str]
    environment: dict[str, str] = field(repr=False)
    log_file: Path | None = None
    _running: list[Child] = field(default_factory=list)
    _stopping: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Start every module, and a thread that looks after them."""
        self._running = [Child(module, self._started(module), time.monotonic()) for module in self.modules]
        self._thread = threading.Thread(target=self._look_after, name="children", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop them: first kindly, then not."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
        for child in self._running:
            child.process.terminate()
        end = time.monotonic() + CHILD_CLOSE_SECONDS
        for child in self._running:
            try:
                child.process.wait(max(0.1, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.process.kill()
                child.process.wait()

    def _started(self, module: str) -> "subprocess.Popen[bytes]":
        environment = {**os.environ, **self.environment, PARENT: str(os.getpid())}
        # A group of its own: Ctrl-C in the terminal is for the service, which then stops its children in order.
        with ExitStack() as open_file:
            said = open_file.enter_context(self.log_file.open("ab")) if self.log_file is not None else None
            return subprocess.Popen(
                [sys.executable, "-m", module],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                process_group=0,
            )

    def _look_after(self) -> None:
        while not self._stopping.wait(LOOK_SECONDS):
            for child in self._running:
                self._look(child, time.monotonic())

    def _look(self, child: Child, moment: float) -> None:
        """Start a child again that has died, not too often."""
        if child.process.poll() is None:
            return
        if child.due is None:
            soon = moment - child.began < SOON_SECONDS
            child.wait = min(child.wait * 2, MOST_SECONDS) if soon else AGAIN_SECONDS
            child.due = moment + child.wait
            log.warning("%s ended (%s); it is started again", child.module, child.process.returncode)
        elif moment >= child.due:
            child.process, child.began, child.due = self._started(child.module), moment, None


def environment_of(**given: object) -> dict[str, str]:
    """What was given on a command line as the environment that it overrides; None is left out."""
    return {PREFIX + name.upper(): str(value) for name, value in given.items() if value is not None}
