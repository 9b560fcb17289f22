"""Kernels of pages: some wait ready for whoever comes, and each belongs to its viewer from then on.

A kernel that waits has run what is the same for everybody: the cells that are tagged ``ahead``, which import. It knows
no viewer and none of the hub's secrets. When a viewer takes it, the viewer's token and the request's address go to it
in one message that the kernel neither shows to others nor keeps in its history; they stand in no file, log or command
line. The message goes over sockets in a folder that only this account reads.
"""

import asyncio
import json
import os
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import Any, NamedTuple

from jupyter_core.utils import ensure_async
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from jupyter_server.utils import ApiPath
from jupyterhub.singleuser.extension import JupyterHubAuthorizer
from tornado import web
from traitlets import Float, Integer, Unicode
from traitlets.config import Config
from voila.shutdown_kernel_handler import VoilaShutdownKernelHandler

from hub_config.settings import PREFIX

SECRET_PREFIXES = ("JUPYTERHUB_", "JPY_", PREFIX)
AHEAD = "ahead"
_HAND_OVER_SECONDS, _START_SECONDS, _OPENING_SECONDS = 5.0, 120.0, 60.0

#: Who is being answered, and their token: set where they are identified, read where a kernel is taken for them.
viewer: ContextVar[tuple[str, str] | None] = ContextVar("viewer", default=None)


class Waiting(NamedTuple):
    """A kernel that is ready, the client that speaks to it, and the environment it was started with."""

    kernel_id: str
    client: Any
    environment: Mapping[str, str]


def environment_for(token: str, environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of a page's kernel: its viewer's token, and nothing that is the hub's or this service's."""
    return {**without_secrets(environment), "OASIS_TOKEN": token}


def without_secrets(environment: Mapping[str, str]) -> dict[str, str]:
    """What of this service's environment every kernel may know."""
    return {name: value for name, value in environment.items() if not name.startswith(SECRET_PREFIXES)}


def code_ahead(folder: Path) -> str:
    """The code of all cells tagged ``ahead`` in a folder's notebooks, each once."""
    return "\n".join(dict.fromkeys(_cells_ahead(folder)))


def _cells_ahead(folder: Path) -> Iterator[str]:
    for path in sorted(folder.glob("*.ipynb")):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            if cell["cell_type"] == "code" and AHEAD in cell["metadata"].get("tags", ()):
                yield "".join(cell["source"])


class PageKernels(AsyncMappingKernelManager):
    """Kernels of pages, each with its viewer's token. ``ready`` of them wait for the next viewers."""

    ready = Integer(2, min=0, config=True, help="kernels that wait ready; 0: each is started when somebody comes")
    ahead = Unicode(config=True, help="code that kernels run before they belong to anybody")
    settle_seconds = Float(2.0, config=True, help="how long a page has the machine before another kernel is started")
    most_left = Integer(4, min=0, config=True, help="kernels that no page is connected to; older ones end at once")

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.owners: dict[str, str] = {}
        self._taken: dict[str, float] = {}  # when, oldest first
        self._waiting: deque[Waiting] = deque()
        self._filling: asyncio.Task[None] | None = None

    def fill(self) -> None:
        """Start kernels in the background until enough of them wait."""
        if self._filling is None or self._filling.done():
            self._filling = asyncio.get_running_loop().create_task(self._fill())

    async def start_kernel(self, **kwargs: Any) -> str:  # type: ignore[override]
        """Return a kernel for whoever is being answered, one that waits if there is one; 403 for nobody."""
        known = viewer.get()
        if known is None:
            raise web.HTTPError(403, "Log in to open a page.")
        name, token = known
        wanted = environment_for(token, kwargs.get("env") or os.environ)
        kernel_id = await self._take(wanted) if self._is_usual(kwargs) else None
        if kernel_id is None:
            kernel_id = await super().start_kernel(**{**kwargs, "env": wanted})
        self.owners[kernel_id], self._taken[kernel_id] = name, time.monotonic()
        await self._end_left()
        self.fill()
        return kernel_id

    async def _end_left(self) -> None:
        """End the oldest of the kernels whose pages have gone without saying so, as crashed browsers do."""
        opened = time.monotonic() - _OPENING_SECONDS  # pages that are just being opened hold no kernel yet
        left = [found for found, at in self._taken.items() if at < opened and not self._kernel_connections.get(found)]
        for kernel_id in left[: max(len(left) - self.most_left, 0)]:
            self.log.info("No page holds kernel %s any more", kernel_id)
            await ensure_async(self.shutdown_kernel(kernel_id, now=True))

    async def cull_kernel_if_idle(self, kernel_id: str) -> None:
        """End a kernel that nobody uses, but not one that waits to be used."""
        if not any(waiting.kernel_id == kernel_id for waiting in self._waiting):
            await super().cull_kernel_if_idle(kernel_id)

    def remove_kernel(self, kernel_id: str) -> Any:
        """Forget a kernel that has ended, and whose it was."""
        self.owners.pop(kernel_id, None)
        self._taken.pop(kernel_id, None)
        for waiting in [waiting for waiting in self._waiting if waiting.kernel_id == kernel_id]:
            waiting.client.stop_channels()
            self._waiting.remove(waiting)
        return super().remove_kernel(kernel_id)

    def _is_usual(self, kwargs: Mapping[str, Any]) -> bool:
        """Whether the kernels that wait are like the one that is asked for: of the pages' own folder and language."""
        return not kwargs.get("path") and kwargs.get("kernel_name") in (None, self.default_kernel_name)

    async def _take(self, wanted: Mapping[str, str]) -> str | None:
        while self._waiting:
            waiting = self._waiting.popleft()
            new = {name: value for name, value in wanted.items() if waiting.environment.get(name) != value}
            code = f"__import__('os').environ.update(__import__('json').loads({json.dumps(new)!r}))"
            try:
                await self._execute(waiting.client, code, _HAND_OVER_SECONDS)
            except (TimeoutError, RuntimeError):
                self.log.warning("A kernel that waited does not answer: %s", waiting.kernel_id)
                await ensure_async(self.shutdown_kernel(waiting.kernel_id, now=True))
                continue
            finally:
                waiting.client.stop_channels()
            return waiting.kernel_id
        return None

    async def _fill(self) -> None:
        """One kernel after the other, so that a viewer's page has a core meanwhile."""
        viewer.set(None)  # of this task only: what is started here is nobody's
        if self.owners:
            await asyncio.sleep(self.settle_seconds)
        while len(self._waiting) < self.ready:
            try:
                self._waiting.append(await self._prepared())
            except (RuntimeError, TimeoutError) as error:
                self.log.warning("No kernel waits for the next viewer, who gets a new one: %s", error)
                return

    async def _prepared(self) -> Waiting:
        environment = without_secrets(os.environ)
        kernel_id = await super().start_kernel(env=environment, path=ApiPath(""))
        client: Any = self.get_kernel(kernel_id).client()
        client.start_channels()
        try:
            await client.wait_for_ready(timeout=_START_SECONDS)
            await self._execute(client, self.ahead, _START_SECONDS)
        except BaseException:
            client.stop_channels()
            await ensure_async(self.shutdown_kernel(kernel_id, now=True))
            raise
        return Waiting(kernel_id, client, environment)

    async def _execute(self, client: Any, code: str, seconds: float) -> None:
        """Run code that the kernel neither shows nor remembers; RuntimeError when it fails, without saying the code."""
        reply = await client.execute(code, silent=True, store_history=False, reply=True, timeout=seconds)
        if reply["content"]["status"] != "ok":
            raise RuntimeError(f"a kernel refused what it was to run: {reply['content'].get('ename')}")


class OwnersOnly(JupyterHubAuthorizer):
    """Lets viewers reach the kernels of their own pages only."""

    def is_authorized(self, handler: web.RequestHandler, user: Any, action: str, resource: str) -> bool:
        """Whether somebody may see the pages at all, and the kernel, where one is named, is theirs."""
        kernel = handler.path_kwargs.get("kernel_id") or (handler.path_args[0] if handler.path_args else None)
        there = kernel in handler.settings["kernel_manager"]  # one that has ended is not found, which pages understand
        if resource == "kernels" and there and not is_owner(handler, kernel, user):
            return False
        return super().is_authorized(handler, user, action, resource)


class OwnersEnd(VoilaShutdownKernelHandler):
    """Ends the kernel of a page that is left: for its owner, because Voila's own does it for everybody who asks."""

    @web.authenticated
    async def post(self, kernel_id: str) -> None:
        """End the kernel."""
        if not is_owner(self, kernel_id, self.current_user):
            raise web.HTTPError(403)
        await super().post(kernel_id)


def is_owner(handler: web.RequestHandler, kernel_id: str | None, user: Any) -> bool:
    """Whether a kernel is the user's; one that waits is nobody's."""
    owner = handler.settings["kernel_manager"].owners.get(kernel_id)
    return owner is not None and owner == user.username


def apply(c: Config, folder: Path, ready: int, left_seconds: int) -> None:
    """Set how kernels start, wait and end."""
    c.VoilaConfiguration.multi_kernel_manager_class = PageKernels
    c.VoilaConfiguration.preheat_kernel = False  # Voila's own runs whole notebooks ahead, which need a token
    c.PageKernels.ready = ready
    c.PageKernels.ahead = code_ahead(folder)
    c.KernelManager.transport = "ipc"
    c.KernelRestarter.restart_limit = 0  # a page whose kernel has died is no page: it says so, and is opened again
    c.KernelRestarter.time_to_dead = 1.0
    c.MappingKernelManager.cull_idle_timeout = left_seconds
    c.MappingKernelManager.cull_interval = max(left_seconds // 4, 1)
