"""Where a service is: an address that a token may be sent to."""

import ipaddress
import os
from collections.abc import Mapping
from urllib.parse import urlsplit

from oasis_kernel.errors import OasisError

VERSION_PATH = "/v1"
INTERNAL_VARIABLE = "OASIS_INTERNAL_HOST"


def service_address(url: str, environment: Mapping[str, str] = os.environ) -> str:
    """The address without a trailing slash and version; OasisError when a token must not be sent there.

    https is required but on this machine itself, and at the address that ``OASIS_INTERNAL_HOST`` names: a token in
    plain text is anybody's on the way. The hub sets it in the servers it starts, where nobody else listens.
    """
    text = url.strip().rstrip("/").removesuffix(VERSION_PATH)
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise OasisError(f"the service's address must be https://HOST or http://127.0.0.1:PORT, got {_shown(url)!r}")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise OasisError(
            "the service's address must hold no user, password or query: give the token as an argument, in "
            "OASIS_TOKEN, or by `oasis login`"
        )
    if parts.scheme == "http" and not is_loopback(text) and text != environment.get(INTERNAL_VARIABLE):
        raise OasisError(
            f"the service's address must be https, got {text!r}: a token sent without encryption is anybody's. "
            f"Only this machine itself may be asked by http"
        )
    return text


def is_loopback(address: str) -> bool:
    """Whether an address is this machine itself."""
    host = urlsplit(address).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _shown(url: str) -> str:
    """The address without what may be a secret in it."""
    return url.partition("?")[0].rpartition("@")[2]
