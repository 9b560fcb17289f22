"""An OpenID Connect provider's own description and keys, fetched when they are needed and kept for a while.

Sources: OpenID Connect Discovery 1.0, sections 3 and 4; RFC 7517 (JSON web keys).
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import jwt

from hub_config.id_tokens import ALGORITHMS, NotProven, key_id, signing_key
from hub_config.settings import LOOPBACK

KEPT_SECONDS = 600.0
PAUSE_SECONDS = 10.0  # between two fetches because of a key nobody knows, which anybody can cause
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri")


@dataclass(frozen=True)
class Metadata:
    """What a provider says of itself, as far as the hub needs it."""

    authorize_url: str
    token_url: str
    userinfo_url: str
    keys_url: str
    logout_url: str | None
    algorithms: tuple[str, ...]


def metadata_of(found: Any, issuer: str) -> Metadata:
    """Return a discovery document as metadata. ``NotProven`` when it is another issuer's, or not all https."""
    if not isinstance(found, dict) or found.get("issuer") != issuer:
        raise NotProven(f"the discovery document is not that of {issuer}")
    for name in (*_ENDPOINTS, "end_session_endpoint"):
        address = found.get(name)
        if address is None and name == "end_session_endpoint":
            continue
        parts = urlsplit(address) if isinstance(address, str) else urlsplit("")
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
            raise NotProven(f"the provider's {name} must be https")
    offered = found.get("id_token_signing_alg_values_supported", ["RS256"])
    algorithms = tuple(name for name in ALGORITHMS if name in offered)
    if not algorithms:
        raise NotProven("the provider signs with nothing that is accepted here")
    return Metadata(
        authorize_url=found["authorization_endpoint"],
        token_url=found["token_endpoint"],
        userinfo_url=found["userinfo_endpoint"],
        keys_url=found["jwks_uri"],
        logout_url=found.get("end_session_endpoint"),
        algorithms=algorithms,
    )


@dataclass
class Provider:
    """One issuer, asked through ``fetch``, which returns the body at an address."""

    issuer: str
    fetch: Callable[[str], Awaitable[bytes]]
    clock: Callable[[], float] = time.monotonic
    _metadata: tuple[float, Metadata] | None = None
    _keys: tuple[float, jwt.PyJWKSet] | None = None
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def metadata(self) -> Metadata:
        """What the provider says of itself, at most ten minutes old."""
        async with self._lock:
            if self._metadata is None or self.clock() - self._metadata[0] > KEPT_SECONDS:
                address = self.issuer.rstrip("/") + "/.well-known/openid-configuration"
                self._metadata = self.clock(), metadata_of(await self._json(address), self.issuer)
            return self._metadata[1]

    async def key_of(self, id_token: str) -> jwt.PyJWK:
        """The key that an ID token names, fetched anew for a name not seen yet. ``NotProven`` when there is none."""
        name = key_id(id_token)
        metadata = await self.metadata()
        async with self._lock:
            age = self.clock() - self._keys[0] if self._keys else float("inf")
            key = signing_key(self._keys[1], name) if self._keys and age <= KEPT_SECONDS else None
            if key is None and age > PAUSE_SECONDS:
                self._keys = self.clock(), _key_set(await self._json(metadata.keys_url))
                key = signing_key(self._keys[1], name)
        if key is None:
            raise NotProven("the ID token is signed with a key that is not the provider's")
        return key

    async def _json(self, address: str) -> Any:
        try:
            return json.loads(await self.fetch(address))
        except ValueError as error:
            raise NotProven(f"{urlsplit(address).path} of the provider is not JSON") from error


def _key_set(found: Any) -> jwt.PyJWKSet:
    try:
        return jwt.PyJWKSet.from_dict(found)
    except (jwt.PyJWTError, AttributeError, TypeError) as error:
        raise NotProven(f"the provider's keys cannot be read: {error}") from error
