"""The service as one command: the database brought up to date, its processes kept at work, pages served."""

import copy
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import uvicorn
from fastapi import FastAPI

from oasis_kernel.errors import OasisError
from oasis_kernel.service.app import create_app
from oasis_kernel.service.children import Children, Program, module_program
from oasis_kernel.service.database import Database
from oasis_kernel.service.migrations import upgrade
from oasis_kernel.service.redaction import redacting_log_config
from oasis_kernel.service.settings import PREFIX, ServiceSettings

#: Followers of events keep their connections: so long they may, when the service stops.
CLOSE_SECONDS = 2


def serve(
    settings: ServiceSettings,
    ready: Callable[[str], None],
    log_file: Path | None = None,
    beside: Sequence[Program] = (),
    ending: Callable[[], None] = lambda: None,
) -> None:
    """Serve until told to stop; ``ready`` gets the address once it answers, ``ending`` is told that it stops.

    What the processes beside the pages say, its own and those of ``beside``, goes to the terminal, or to the end of
    ``log_file``.

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
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup
            signal.signal(signal.SIGHUP, _hang_up)
        children = Children([*_own_programs(settings), *beside], log_file)
        open_things.callback(children.stop)
        open_things.callback(_only_finish)
        children.start()
        config = redacting_log_config(_quiet(uvicorn.config.LOGGING_CONFIG))
        server = _Server(
            uvicorn.Config(app, log_config=config, timeout_graceful_shutdown=CLOSE_SECONDS, server_header=False)
        )
        port = listening.getsockname()[1]
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        server.ready = lambda: ready(f"http://{host}:{port}")
        server.ending = lambda: _let_go(app, ending)
        server.run(sockets=[listening])


def _let_go(app: FastAPI, ending: Callable[[], None]) -> None:
    app.state.context.stopping = True
    ending()


class _Server(uvicorn.Server):
    """A server that says when it answers, and when it is about to stop."""

    ready: Callable[[], None]
    ending: Callable[[], None]

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self.ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self.ending()
        await super().shutdown(sockets)


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


def _hang_up(number: int, frame: FrameType | None) -> None:
    signal.raise_signal(signal.SIGTERM)


def _only_finish() -> None:
    """From now on nothing may interrupt the stopping, which takes seconds and would leave processes behind."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def _own_programs(settings: ServiceSettings) -> list[Program]:
    """What works beside the pages, each in a process of its own."""
    modules = ["oasis_kernel.service.supervisor"]
    if settings.ray != "none" and settings.ray_dispatcher:
        modules.append("oasis_kernel.service.dispatcher")
    return [module_program(module, settings.environment()) for module in modules]


def environment_of(**given: object) -> dict[str, str]:
    """What was given on a command line as the environment that it overrides; None is left out."""
    return {PREFIX + name.upper(): str(value) for name, value in given.items() if value is not None}
