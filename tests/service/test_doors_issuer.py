"""The OpenID door beside a real issuer (nanoidp): its own configuration, keys, tokens, and a rotation of its keys."""

import base64
import json
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from test_doors_hub import free_ports

from oasis_kernel.service.identity import Claim, Door, NoRole, Refused, Role
from oasis_kernel.service.oidc import ASK_AGAIN_SECONDS, OidcDoor
from oasis_kernel.service.settings import OidcSettings

pytest.importorskip("nanoidp", reason="needs the extra hub")

SETTINGS = """
config_version: 1
server: {{host: 127.0.0.1, port: {port}}}
oauth:
  issuer: http://127.0.0.1:{port}
  audience: oasis-workbench
  token_expiry_minutes: 5
  clients:
    - {{client_id: page, client_secret: page-secret, description: a page}}
"""
USERS = """
config_version: 1
users:
  ann: {password: ann-password, email: ann@example.org, groups: [flood], roles: [USER], tenant: default}
  eve: {password: eve-password, email: eve@example.org, groups: [visitors], roles: [USER], tenant: default}
"""


def call(url: str, form: dict[str, str] | None = None, *, post: bool = False) -> Any:
    """The issuer's answer; a form is sent as its client ``page``."""
    data = urllib.parse.urlencode(form or {}).encode() if form is not None or post else None
    client = base64.b64encode(b"page:page-secret").decode()
    request = urllib.request.Request(url, data, {"Authorization": f"Basic {client}"} if form is not None else {})
    with closing(urllib.request.urlopen(request, timeout=10)) as answer:
        return json.loads(answer.read())


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an issuer."""
    folder = tmp_path_factory.mktemp("issuer")
    (port,) = free_ports(1)
    (folder / "settings.yaml").write_text(SETTINGS.format(port=port))
    (folder / "users.yaml").write_text(USERS)
    (folder / "keys").mkdir()
    command = [Path(sys.executable).parent / "nanoidp", "--config", folder, "--host", "127.0.0.1", "--port", str(port)]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(240):
            assert process.poll() is None, (folder / "log").read_text()
            try:
                call(f"{address}/.well-known/openid-configuration")
                break
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.25)
        else:
            raise AssertionError((folder / "log").read_text())
        yield address
    finally:
        process.terminate()
        process.wait(30)


def tokens_of(issuer: str, user: str) -> dict[str, str]:
    """The tokens that a user signs in for."""
    form = {"grant_type": "password", "username": user, "password": f"{user}-password", "scope": "openid profile"}
    found: dict[str, str] = call(f"{issuer}/token", form)
    return found


def door_to(issuer: str, clock: Any = time.monotonic) -> OidcDoor:
    """A door for the issuer's tokens; this issuer names users in ``sub`` alone."""
    roles: dict[str, Any] = {"flood": "analyst"}
    return OidcDoor(OidcSettings(issuer=issuer, audience="oasis-workbench", name_claim="sub", role_map=roles), clock)


@pytest.mark.slow
def test_a_signed_in_user_comes_with_groups_and_only_by_the_access_token(issuer: str) -> None:
    door, tokens = door_to(issuer), tokens_of(issuer, "ann")
    assert door.identify(tokens["access_token"]) == Claim("ann", Role.ANALYST, ("flood",), Door.OIDC)
    with pytest.raises(Refused, match="is for another audience"):
        door.identify(tokens["id_token"])  # it is for the page
    with pytest.raises(Refused, match=r"is for its issuer alone \(token_use refresh\)"):
        door.identify(tokens["refresh_token"])
    with pytest.raises(NoRole, match="none of its groups has a role here"):
        door.identify(tokens_of(issuer, "eve")["access_token"])


@pytest.mark.slow
def test_the_issuer_may_change_its_keys(issuer: str) -> None:
    present = [0.0]
    door = door_to(issuer, lambda: present[0])
    assert door.identify(tokens_of(issuer, "ann")["access_token"]).name == "ann"
    before = set(door.keys.keys)
    call(f"{issuer}/api/keys/rotate", post=True)
    after = tokens_of(issuer, "ann")["access_token"]
    with pytest.raises(Refused, match="a key that its issuer does not publish"):
        door.identify(after)  # asked a moment ago
    present[0] += ASK_AGAIN_SECONDS
    assert door.identify(after).name == "ann"
    assert set(door.keys.keys) - before
