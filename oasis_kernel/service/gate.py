"""The doors in one: from a request's ``Authorization`` header to who asks, or to the problem to answer."""

import ipaddress
import logging
import math
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field

from fastapi import Request
from sqlalchemy.exc import OperationalError

from oasis_kernel.service.database import Database
from oasis_kernel.service.doors import HubDoor, LocalDoor, local_token
from oasis_kernel.service.identity import Claim, Door, Identity, NoRole, Refused, Role
from oasis_kernel.service.oidc import OidcDoor
from oasis_kernel.service.problems import Problem
from oasis_kernel.service.redaction import TOKEN_PARAMETERS, looks_like_token
from oasis_kernel.service.remote import Unreachable, is_loopback
from oasis_kernel.service.settings import ServiceSettings
from oasis_kernel.service.tables import now
from oasis_kernel.service.tokens import PREFIX, find_token, needs_note, note_use, why_dead
from oasis_kernel.service.users import directory_user, groups_of, local_user

CHALLENGE = 'Bearer realm="oasis"'
MOST_FAILURES = 20
WITHIN_SECONDS = 60.0
MOST_ADDRESSES = 10_000
LONGEST_SECRET = 16_384
log = logging.getLogger(__name__)


@dataclass
class Attempts:
    """Failed attempts by address, of the last minute."""

    clock: Callable[[], float] = time.monotonic
    failures: OrderedDict[str, deque[float]] = field(default_factory=OrderedDict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def wait(self, address: str) -> float:
        """Return for how many seconds the address has to wait, 0 when it may try."""
        with self.lock:
            times = self.failures.get(_network(address))
            if times is None or len(times) < MOST_FAILURES:
                return 0.0
            return max(times[0] + WITHIN_SECONDS - self.clock(), 0.0)

    def failed(self, address: str) -> None:
        """Count one more."""
        with self.lock:
            times = self.failures.setdefault(_network(address), deque(maxlen=MOST_FAILURES))
            times.append(self.clock())
            self.failures.move_to_end(_network(address))
            while len(self.failures) > MOST_ADDRESSES:
                self.failures.popitem(last=False)


def _network(address: str) -> str:
    """The address, or its /64 where one host has as many addresses as it likes."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(found) if found.version == 4 else str(ipaddress.ip_network((found, 64), strict=False))


class Gate:
    """The doors that are open: the service's own tokens always, the others as the settings say."""

    def __init__(self, settings: ServiceSettings, database: Database):
        self.database = database
        local = settings.local_token and is_loopback(settings.host)
        self.local = LocalDoor(local_token(settings.root)) if local else None
        self.hub = HubDoor(settings.hub) if settings.hub else None
        self.oidc = OidcDoor(settings.oidc) if settings.oidc else None
        self.attempts = Attempts()

    def identify(self, request: Request) -> Identity:
        """Return who asks; raises the ``Problem`` to answer: 400, 401, 403, 429 or 503."""
        _refuse_in_url(request)
        secret = _bearer(request)
        address = request.client.host if request.client else ""
        wait = self.attempts.wait(address)
        try:
            return self._open(secret, address, ask=wait == 0)
        except (Refused, Unreachable) as error:
            if wait:
                raise _too_many(wait) from error
            if isinstance(error, Unreachable):
                log.warning("nobody to ask about a token: %s", error)
                detail = "Who you are cannot be asked at the moment"
                raise Problem(503, detail, remedy="Try again in a minute", headers={"Retry-After": "30"}) from error
            self.attempts.failed(address)
            raise _unknown(f"The token {error}", "Make a new token, or sign in again") from error
        except NoRole as error:
            raise Problem(403, f"You are known, but {error}", remedy="Ask your administrator for a group") from error

    def _open(self, secret: str, address: str, *, ask: bool) -> Identity:
        """Who the secret stands for. Each goes to its own door only: no door shows another's secret to anybody."""
        if self.local is not None and self.local.opens(secret):
            return self._local(address)
        if secret.startswith(PREFIX):
            return self._token(secret)
        if secret.count(".") == 2 and secret.startswith("eyJ"):
            if self.oidc is None:
                raise Refused("is a JSON web token, and this service has no OpenID issuer")
            return self._directory(self.oidc.identify(secret, ask=ask))
        if self.hub is None:
            raise Refused("is not known here")
        return self._directory(self.hub.identify(secret, ask=ask))

    def _local(self, address: str) -> Identity:
        if address and not is_loopback(address):
            raise Refused("opens from this machine only")
        user = local_user(self.database)
        if not user.active or user.directory:
            raise Refused("is of a user who is switched off")
        with self.database.read() as session:
            groups = groups_of(session, user.id)
        return Identity(user.id, user.name, Role(user.role), groups, None, Door.LOCAL)

    def _token(self, secret: str) -> Identity:
        at = now()
        with self.database.read() as session:
            found = find_token(session, secret)
            if found is None:
                raise Refused("is not known here")
            token, user = found
            if (reason := why_dead(token, at)) is not None:
                raise Refused(reason)
            if not user.active:
                raise Refused("is of a user who is switched off")
            groups = groups_of(session, user.id)
        if needs_note(token, at):
            try:
                with self.database.write() as session:
                    note_use(session, token.id, at)
            except OperationalError as error:  # a busy database is no reason to refuse the request
                log.warning("the last use of token %s could not be written: %s", token.id, error)
        role = Role(user.role).capped(token.role_cap)
        return Identity(user.id, user.name, role, groups, token.id, Door.TOKEN)

    def _directory(self, claim: Claim) -> Identity:
        user = directory_user(self.database, claim)
        if not user.active:
            raise Refused("is of a user who is switched off")
        return Identity(user.id, user.name, claim.role, claim.groups, None, claim.door)


def _refuse_in_url(request: Request) -> None:
    """Answer 400 to a token in the address: addresses stay in logs, histories and referrers."""
    for name, value in request.query_params.multi_items():
        if name.lower() in TOKEN_PARAMETERS or looks_like_token(value):
            detail = "A token must not be in the address, which is logged on the way"
            raise Problem(400, detail, remedy="Revoke it, and send the new one as a header, Authorization: Bearer ...")


def _bearer(request: Request) -> str:
    """The secret of the one Authorization header; 401 without."""
    headers = request.headers.getlist("authorization")
    scheme, _, secret = headers[0].partition(" ") if len(headers) == 1 else ("", "", "")
    secret = secret.strip()
    if scheme.lower() not in ("bearer", "token") or not secret or len(secret) > LONGEST_SECRET:
        raise _unknown("This needs a token", "Send one header, Authorization: Bearer and the token", invalid=False)
    return secret


def _unknown(detail: str, remedy: str, *, invalid: bool = True) -> Problem:
    challenge = CHALLENGE + (', error="invalid_token"' if invalid else "")
    return Problem(401, detail, remedy=remedy, headers={"WWW-Authenticate": challenge})


def _too_many(wait: float) -> Problem:
    seconds = max(math.ceil(wait), 1)
    detail = "Too many unknown tokens came from this address"
    return Problem(429, detail, remedy=f"Wait {seconds} seconds", headers={"Retry-After": str(seconds)})
