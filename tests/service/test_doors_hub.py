"""The hub's door beside a real JupyterHub: users, groups, scopes and revocation as the hub itself has them."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from oasis_kernel.service.doors import HubDoor
from oasis_kernel.service.identity import Claim, Door, Refused, Role
from oasis_kernel.service.settings import HubSettings

pytest.importorskip("jupyterhub", reason="needs the extra hub")

ADMIN, BATCH, OTHER = "admin-token-0123456789", "batch-token-0123456789", "other-token-0123456789"
# The services and roles are those of docs/operator/identity.md.
CONFIG = """
c = get_config()
c.JupyterHub.bind_url = "http://127.0.0.1:{public}"
c.JupyterHub.hub_bind_url = "http://127.0.0.1:{hub}"
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{proxy}"
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allowed_users = {{"ann", "bob"}}
c.JupyterHub.load_groups = {{"flood": {{"users": ["ann"]}}}}
c.JupyterHub.services = [
    {{"name": "oasis"}},
    {{"name": "keeper", "api_token": "admin-token-0123456789"}},
    {{"name": "batch", "api_token": "batch-token-0123456789"}},
    {{"name": "other", "api_token": "other-token-0123456789"}},
]
c.JupyterHub.load_roles = [
    {{"name": "user", "scopes": ["self", "access:services!service=oasis"]}},
    {{"name": "keepers", "services": ["keeper"], "scopes": ["admin:users", "tokens"]}},
    {{"name": "batches", "services": ["batch"], "scopes": ["access:services!service=oasis"]}},
]
"""


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [listening.getsockname()[1] for listening in held]
    for listening in held:
        listening.close()
    return ports


def call(url: str, method: str = "GET", body: Any = None, token: str = ADMIN) -> Any:
    """The hub's answer."""
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(url, data, {"Authorization": f"token {token}"}, method=method)
    with closing(urllib.request.urlopen(request, timeout=10)) as answer:
        content = answer.read()
    return json.loads(content) if content else None


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the API of a hub."""
    folder = tmp_path_factory.mktemp("hub")
    public, port, proxy = free_ports(3)
    (folder / "jupyterhub_config.py").write_text(CONFIG.format(public=public, hub=port, proxy=proxy))
    programs = Path(sys.executable).parent
    environment = {**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    with (folder / "log").open("wb") as log:
        command = [programs / "jupyterhub", "-f", "jupyterhub_config.py"]
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}/hub/api"
    try:
        for _ in range(240):
            assert process.poll() is None, (folder / "log").read_text()
            try:
                call(address)
                break
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.25)
        else:
            raise AssertionError((folder / "log").read_text())
        yield address
    finally:
        process.terminate()  # the hub stops its proxy
        process.wait(30)


@pytest.fixture
def door(hub: str) -> HubDoor:
    return HubDoor(HubSettings(api_url=hub, role_map={"flood": "model_admin"}))


def made_token(hub: str, name: str, **asked: Any) -> tuple[str, str]:
    """A new token of a hub's user, and where it can be revoked."""
    made = call(f"{hub}/users/{name}/tokens", "POST", asked)
    return made["token"], f"{hub}/users/{name}/tokens/{made['id']}"


@pytest.mark.slow
def test_a_hubs_users_come_with_their_groups(hub: str, door: HubDoor) -> None:
    ann, _ = made_token(hub, "ann")
    bob, _ = made_token(hub, "bob", scopes=["access:services!service=oasis"])
    assert door.identify(ann) == Claim("ann", Role.MODEL_ADMIN, ("flood",), Door.HUB)
    assert door.identify(bob) == Claim("bob", Role.ANALYST, (), Door.HUB)
    assert door.identify(BATCH) == Claim("hub-service:batch", Role.ANALYST, (), Door.HUB)


@pytest.mark.slow
def test_a_hubs_other_tokens_open_nothing(hub: str, door: HubDoor) -> None:
    narrow, _ = made_token(hub, "ann", scopes=["users:activity!user"])
    for token in (narrow, OTHER):
        with pytest.raises(Refused, match="lacks the hub scope access:services!service=oasis"):
            door.identify(token)
    gone, place = made_token(hub, "ann")
    call(place, "DELETE")
    for token in (gone, "f" * 32):
        with pytest.raises(Refused, match="is not known to the hub"):
            door.identify(token)
