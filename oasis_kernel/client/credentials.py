"""The token that a service is asked with: given, in the environment, stored by ``oasis login``, or this machine's."""

import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path

import platformdirs

from oasis_kernel.client.address import is_loopback
from oasis_kernel.errors import OasisError

TOKEN_VARIABLE = "OASIS_TOKEN"  # noqa: S105 - the name of a variable
HUB_TOKEN_VARIABLE = "JUPYTERHUB_API_TOKEN"  # noqa: S105 - the name of a variable
HUB_SERVER_VARIABLES = ("JUPYTERHUB_SERVICE_PREFIX", "JUPYTERHUB_USER")
LOCAL_TOKEN = "local-token"  # noqa: S105 - the name of a file
PRIVATE = 0o600


def token_for(address: str, given: str | None = None, environment: Mapping[str, str] = os.environ) -> str | None:
    """The token to ask the service at an address with; None when there is none anywhere.

    In this order: the given one, ``OASIS_TOKEN``, the hub's in a server that a hub started, the one that
    ``oasis login`` stored for this address, and on this machine itself its local token.
    """
    if given:
        return given
    if found := environment.get(TOKEN_VARIABLE):
        return found
    in_hub = any(name in environment for name in HUB_SERVER_VARIABLES)
    if in_hub and (found := environment.get(HUB_TOKEN_VARIABLE)):
        return found
    if stored := stored_tokens(environment).get(address):
        return stored
    return local_token(environment) if is_loopback(address) else None


def tokens_file(environment: Mapping[str, str] = os.environ) -> Path:
    """Where ``oasis login`` keeps tokens, by address; ``OASIS_CONFIG`` names another folder."""
    folder = environment.get("OASIS_CONFIG")
    return (Path(folder) if folder else platformdirs.user_config_path("oasis-workbench")) / "tokens.json"


def stored_tokens(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The stored tokens by address; OasisError when the file is not this user's alone."""
    path = tokens_file(environment)
    if not path.is_file():
        return {}
    _refuse_shared(path)
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise OasisError(f"{path} must hold the stored tokens: {error}. Remove it and `oasis login` again") from error
    return {str(address): str(token) for address, token in found.items()}


def store_token(address: str, token: str, environment: Mapping[str, str] = os.environ) -> Path:
    """Keep a token for an address, in a file that nobody else can read; returns the file."""
    path = tokens_file(environment)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    tokens = {**stored_tokens(environment), address: token}
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(tokens, file)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return path


def local_token(environment: Mapping[str, str] = os.environ) -> str | None:
    """The token that a service of this machine's user left in its folder; None when there is none."""
    root = environment.get("OASIS_SERVICE_ROOT")
    folder = Path(root) if root else platformdirs.user_data_path("oasis-workbench") / "service"
    path = folder / LOCAL_TOKEN
    if not path.is_file():
        return None
    _refuse_shared(path)
    return path.read_text(encoding="utf-8").strip() or None


def _refuse_shared(path: Path) -> None:
    """OasisError when others can read a file of tokens."""
    if os.name == "posix" and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise OasisError(f"{path} must be readable by its owner only; run: chmod 600 {path}")
