"""A server is ready when it is ours: JupyterHub by itself takes any answer, even a foreign proxy's 403."""

import asyncio
import logging
from typing import Any
from urllib.parse import urlsplit

from tornado.httpclient import AsyncHTTPClient, HTTPRequest

OURS = "X-JupyterHub-Version"
ASK_SECONDS = 0.25
log = logging.getLogger(__name__)


class NotOurs(Exception):
    """A server ended before it answered as ours."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.jupyterhub_message = message  # what the hub's page shows


def address_of(started: Any) -> str:
    """Where a spawner says that its server listens: an address, or host and port."""
    if isinstance(started, str):
        parts = urlsplit(started)
        return f"{parts.scheme}://{parts.netloc}"
    host, port = started
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


async def is_ours(address: str) -> bool:
    """Whether a server of JupyterHub's answers there, for this person: by its header, and without being sent away."""
    # A client of its own knows no proxy of the environment.
    client = AsyncHTTPClient(force_instance=True)
    request = HTTPRequest(address, follow_redirects=False, connect_timeout=2, request_timeout=5)
    try:
        response = await client.fetch(request, raise_error=False)
    except OSError:
        return False
    finally:
        client.close()
    return response.code == 200 and OURS in response.headers


async def until_ours(spawner: Any, started: Any) -> None:
    """Return once the server answers as ours; ``NotOurs`` when it has ended. The hub's start timeout bounds it."""
    address = address_of(started) + spawner.server.base_url + "api"
    while not await is_ours(address):
        status = await spawner.poll()
        if status is not None:
            raise NotOurs(f"The server ended while it started (status {status}). See the hub's log, or start it again.")
        await asyncio.sleep(ASK_SECONDS)


class OnlyOurs:
    """Makes the start of the spawner that it is put before wait until the server is ours."""

    async def start(self) -> Any:
        """Start the server; return where it listens once it answers as ours."""
        started = await super().start()  # type: ignore[misc]
        await until_ours(self, started)
        return started
