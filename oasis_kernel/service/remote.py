"""A JSON document of another server (the hub, the OpenID issuer): no redirect is followed, and its size is bounded."""

import ipaddress
import json
import ssl
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException, HTTPMessage
from typing import IO, Any

TIMEOUT_SECONDS = 5.0
MOST_BYTES = 1 << 20


class Unreachable(Exception):
    """The other server gave no usable answer."""


class Declined(Exception):
    """The other server answered with an error status."""

    def __init__(self, status: int):
        super().__init__(f"status {status}")
        self.status = status


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would carry the Authorization header on to whatever it names."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> None:
        return None


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this machine alone."""
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def is_private_enough(url: str) -> bool:
    """Whether nobody on the way can change what ``url`` answers: https, or http on this machine."""
    parts = urllib.parse.urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))


def fetch_json(url: str, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return the JSON object at ``url``; ``Declined`` for an error status, ``Unreachable`` for anything else."""
    if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
        raise Unreachable(f"{url} is not an http address")
    request = urllib.request.Request(url, headers={"Accept": "application/json", **(headers or {})})  # noqa: S310
    opener = urllib.request.build_opener(
        _NoRedirect(), urllib.request.HTTPSHandler(context=ssl.create_default_context())
    )
    try:
        with opener.open(request, timeout=TIMEOUT_SECONDS) as answer:
            body = answer.read(MOST_BYTES + 1)
    except urllib.error.HTTPError as error:
        with error:
            raise Declined(error.code) from None
    except (OSError, HTTPException) as error:
        raise Unreachable(f"{url} cannot be reached: {type(error).__name__}") from error
    if len(body) > MOST_BYTES:
        raise Unreachable(f"{url} answers with more than {MOST_BYTES} bytes")
    try:
        found = json.loads(body)
    except ValueError as error:
        raise Unreachable(f"{url} does not answer with JSON") from error
    if not isinstance(found, dict):
        raise Unreachable(f"{url} does not answer with a JSON object")
    return found
