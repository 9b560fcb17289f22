"""Two of the three doors onto the same roles: the machine's local token, and JupyterHub. The third is in ``oidc``.

Sources: JupyterHub's REST API, ``GET /user``, and its scopes, ``access:services!service=NAME``.
"""

import hashlib
import os
import re
import secrets
import stat
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from oasis_kernel.errors import Finding, InvalidInput
from oasis_kernel.service.identity import Claim, Door, Refused, role_of
from oasis_kernel.service.oidc import listed_groups
from oasis_kernel.service.remote import Declined, Unreachable, fetch_json
from oasis_kernel.service.settings import HubSettings
from oasis_kernel.service.tokens import new_secret

LOCAL_FILE = "local-token"
HUB_CACHE_SECONDS = 30.0  # so long a token that the hub revoked may still open
HUB_PAUSE_SECONDS = 5.0
MOST_CACHED = 10_000
_HUB_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]{8,512}")
_SCOPE = "scope:"


def local_token(root: Path) -> str:
    """Return the local token under a service's root, making it, readable by its owner only, when there is none.

    InvalidInput when others can read the file.
    """
    path = root / LOCAL_FILE
    if not path.exists():
        root.mkdir(parents=True, exist_ok=True)
        _write_whole(path, new_secret())
    if os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o077:
        remedy = "Delete it: a new one is made at the next start"
        raise InvalidInput(Finding(path.name, "must be readable by its owner only", remedy=remedy))
    return path.read_text(encoding="ascii").strip()


def _write_whole(path: Path, text: str) -> None:
    """Write a file that is never seen half-written, nor readable by others; what is there already stays."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(text + "\n")
    try:
        os.link(temporary, path)
    except FileExistsError:  # another process made it just now; its token is the one
        pass
    finally:
        temporary.unlink()


@dataclass(frozen=True)
class LocalDoor:
    """Knows the local token of this machine."""

    token: str = field(repr=False)

    def opens(self, secret: str) -> bool:
        """Whether ``secret`` is the local token, in the same time for any that is not."""
        return secrets.compare_digest(secret.encode(), self.token.encode())


@dataclass
class HubDoor:
    """Says whose token a hub's token is: asks the hub with the token itself, and remembers the answer for a while."""

    settings: HubSettings
    clock: Callable[[], float] = time.monotonic
    known: OrderedDict[str, tuple[float, Claim]] = field(default_factory=OrderedDict)
    paused_until: float = float("-inf")
    lock: threading.Lock = field(default_factory=threading.Lock)

    def identify(self, token: str, *, ask: bool = True) -> Claim:
        """Return whose token it is; ``Refused`` says why not, ``Unreachable`` that the hub does not answer.

        With ``ask`` False only what is remembered counts.
        """
        key = hashlib.sha256(token.encode()).hexdigest()
        with self.lock:
            until, claim = self.known.get(key, (float("-inf"), None))
        if claim is not None and self.clock() < until:
            return claim
        if not ask or not _HUB_TOKEN.fullmatch(token):
            raise Refused("is not known here")
        claim = self._claim(self._ask(token))
        with self.lock:
            self.known[key] = (self.clock() + HUB_CACHE_SECONDS, claim)
            self.known.move_to_end(key)
            while len(self.known) > MOST_CACHED:
                self.known.popitem(last=False)
        return claim

    def _ask(self, token: str) -> dict[str, Any]:
        if self.clock() < self.paused_until:
            raise Unreachable("the hub did not answer a moment ago")
        try:
            return fetch_json(self.settings.api_url.rstrip("/") + "/user", {"Authorization": f"token {token}"})
        except Declined as error:
            if error.status in (401, 403):
                raise Refused("is not known to the hub") from error
            raise Unreachable(f"the hub answers with status {error.status}") from error
        except Unreachable:
            self.paused_until = self.clock() + HUB_PAUSE_SECONDS
            raise

    def _claim(self, found: Mapping[str, Any]) -> Claim:
        """The hub's answer as a claim: a token without the scope was given for something else."""
        name, scopes = found.get("name"), found.get("scopes", [])
        if not isinstance(name, str) or not name or not isinstance(scopes, list):
            raise Refused("has no user at the hub")
        wanted = self.settings.scope
        if wanted and wanted not in scopes and wanted.partition("!")[0] not in scopes:
            raise Refused(f"lacks the hub scope {wanted}")
        groups = listed_groups(found.get("groups", []), "what the hub gives as groups")
        named = tuple(group for group in groups if not group.startswith(_SCOPE))
        scoped = tuple(_SCOPE + str(scope) for scope in scopes)
        role = role_of(named + scoped, self.settings.role_map, self.settings.default_role)
        account = name.lower() if found.get("kind", "user") == "user" else f"{Door.HUB}-service:{name.lower()}"
        return Claim(account, role, groups, Door.HUB)
