"""The door for bearer tokens of an OpenID Connect issuer.

Sources: OpenID Connect Discovery 1.0 section 4, RFC 7517 (keys), RFC 7519 section 4.1 (claims), RFC 8725 (refusals).
"""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from oasis_kernel.errors import Finding, InvalidInput
from oasis_kernel.service.identity import Claim, Door, Refused, role_of
from oasis_kernel.service.remote import Declined, Unreachable, fetch_json, is_private_enough
from oasis_kernel.service.settings import OidcSettings

KINDS = {"RS256": "RSA", "ES256": "EC"}  # the only algorithms: no shared secret, and never "none"
LEEWAY_SECONDS = 30
KEYS_FRESH_SECONDS = 600.0
KEYS_STALE_SECONDS = 3600.0  # how long old keys serve while the issuer cannot be reached
ASK_AGAIN_SECONDS = 10.0
LEAST_RSA_BITS = 2048
MOST_GROUPS = 500
# What issuers write beside audience and expiry, under several names, into a token that is for them alone.
USES = ("token_use", "token_type", "typ")
NOT_FOR_ASKING = frozenset({"refresh", "offline", "logout"})


def _no_keys() -> dict[tuple[str, str], Any]:
    return {}


@dataclass
class KeySet:
    """The issuer's public keys by (kind, id): fetched when first needed, when old, and when a token names a new one.

    ``keys`` are asked for at most every ``ASK_AGAIN_SECONDS``, whatever ids the tokens name.
    """

    issuer: str
    clock: Callable[[], float] = time.monotonic
    keys: dict[tuple[str, str], Any] = field(default_factory=_no_keys)
    fetched: float = float("-inf")
    asked: float = float("-inf")
    lock: threading.Lock = field(default_factory=threading.Lock)

    def find(self, kind: str, key_id: str | None, *, ask: bool = True) -> Any:
        """Return the key with this id, or the only one of its kind for None; ``Refused``, ``Unreachable`` without."""
        with self.lock:
            found = self._known(kind, key_id)
            fresh = self.clock() - self.fetched < KEYS_FRESH_SECONDS
            if (found is None or not fresh) and ask and self.clock() - self.asked >= ASK_AGAIN_SECONDS:
                self._renew()
                found = self._known(kind, key_id)
            if self.clock() - self.fetched >= KEYS_STALE_SECONDS:
                raise Unreachable("the issuer's keys could not be read")
        if found is None:
            raise Refused("is signed with a key that its issuer does not publish")
        return found

    def _known(self, kind: str, key_id: str | None) -> Any:
        if key_id is not None:
            return self.keys.get((kind, key_id))
        those = [key for (known_kind, _), key in self.keys.items() if known_kind == kind]
        return those[0] if len(those) == 1 else None

    def _renew(self) -> None:
        """Read the keys; the old ones stay while the issuer cannot be reached, until they are stale."""
        self.asked = self.clock()
        try:
            document = fetch_json(self.issuer.rstrip("/") + "/.well-known/openid-configuration")
            if document.get("issuer") != self.issuer:
                raise Unreachable("the issuer's configuration names another issuer")
            place = document.get("jwks_uri")
            if not isinstance(place, str) or not is_private_enough(place):
                raise Unreachable("the issuer's configuration names no https address of keys")
            keys = usable_keys(fetch_json(place))
        except (Unreachable, Declined) as error:
            if self.clock() - self.fetched >= KEYS_STALE_SECONDS:
                raise Unreachable(str(error)) from error
            return
        self.keys, self.fetched = keys, self.clock()


def usable_keys(document: Mapping[str, Any]) -> dict[tuple[str, str], Any]:
    """Return the signing keys of a JSON web key set by (kind, id); those for other uses or too short are left out."""
    found: dict[tuple[str, str], Any] = {}
    entries = document.get("keys")
    for number, entry in enumerate(entries if isinstance(entries, list) else []):
        if not isinstance(entry, dict) or entry.get("use", "sig") != "sig":
            continue
        kind = str(entry.get("kty"))
        if kind not in KINDS.values() or KINDS.get(entry.get("alg", ""), kind) != kind:
            continue
        key = _public_key(kind, entry)
        if key is not None:
            found[kind, str(entry.get("kid", f"#{number}"))] = key
    return found


def _public_key(kind: str, entry: Mapping[str, Any]) -> RSAPublicKey | EllipticCurvePublicKey | None:
    try:
        key = (RSAAlgorithm if kind == "RSA" else ECAlgorithm).from_jwk(dict(entry))
    except (jwt.InvalidKeyError, ValueError):
        return None
    if isinstance(key, RSAPublicKey) and key.key_size >= LEAST_RSA_BITS:
        return key
    return key if isinstance(key, EllipticCurvePublicKey) and key.curve.name == "secp256r1" else None


class OidcDoor:
    """Says who a JSON web token of one issuer is about."""

    def __init__(self, settings: OidcSettings, clock: Callable[[], float] = time.monotonic):
        if not is_private_enough(settings.issuer):
            place = Finding("settings", "must be an https address", field="oidc.issuer", value=settings.issuer)
            raise InvalidInput(place)
        self.settings = settings
        self.keys = KeySet(settings.issuer, clock)

    def identify(self, token: str, *, ask: bool = True) -> Claim:
        """Return what the token claims once it is proved; ``Refused`` says why not, ``Unreachable`` that nobody knows.

        With ``ask`` False the issuer is not asked for keys.
        """
        algorithm, key_id = _header(token)
        key = self.keys.find(KINDS[algorithm], key_id, ask=ask)
        try:
            claims = jwt.decode(
                token,
                key,
                algorithms=[algorithm],
                audience=self.settings.audience,
                issuer=self.settings.issuer,
                leeway=LEEWAY_SECONDS,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except jwt.InvalidTokenError as error:
            raise Refused(_reason(error)) from error
        return self._claim(claims)

    def _claim(self, claims: Mapping[str, Any]) -> Claim:
        for use in USES:
            if str(claims.get(use)).lower() in NOT_FOR_ASKING:
                raise Refused(f"is for its issuer alone ({use} {claims[use]})")
        name = claims.get(self.settings.name_claim)
        if not isinstance(name, str) or not name:
            raise Refused(f"has no claim {self.settings.name_claim}, which names the user")
        if self.settings.name_claim == "email" and claims.get("email_verified") is not True:
            raise Refused("names its user by an address that its issuer has not verified")
        groups = listed_groups(claims.get(self.settings.groups_claim, []), f"the claim {self.settings.groups_claim}")
        role = role_of(groups, self.settings.role_map, self.settings.default_role)
        return Claim(name.lower(), role, groups, Door.OIDC)


def listed_groups(value: Any, what: str) -> tuple[str, ...]:
    """Return the groups of a list of texts, sorted; ``Refused`` for anything else.

    A single text is refused too: taken for a list it would be as many groups as it has letters.
    """
    if not isinstance(value, list) or not all(isinstance(group, str) and 0 < len(group) <= 100 for group in value):
        raise Refused(f"is of no use: {what} must be a list of texts of up to 100 letters")
    if len(value) > MOST_GROUPS:
        raise Refused(f"is of no use: {what} lists {len(value)} groups, and {MOST_GROUPS} are the most")
    return tuple(sorted(set(value)))


def _header(token: str) -> tuple[str, str | None]:
    """The algorithm and key id that a token names; ``Refused`` where that is not one of ours."""
    try:
        header = jwt.get_unverified_header(token)
    except jwt.InvalidTokenError as error:
        raise Refused("is not a JSON web token") from error
    algorithm, key_id = header.get("alg"), header.get("kid")
    if algorithm not in KINDS:
        raise Refused(f"is signed with {algorithm!r}; only {' and '.join(KINDS)} are taken")
    if header.get("crit"):
        raise Refused("asks for an extension that is not known here")
    if str(header.get("typ", "JWT")).lower().removeprefix("application/") not in ("jwt", "at+jwt"):
        raise Refused(f"is of the type {header['typ']!r}, which is not for asking")
    return str(algorithm), str(key_id) if key_id is not None else None


def _reason(error: jwt.InvalidTokenError) -> str:
    reasons: dict[type[jwt.InvalidTokenError], str] = {
        jwt.ExpiredSignatureError: "has expired",
        jwt.ImmatureSignatureError: "is not valid yet",
        jwt.InvalidAudienceError: "is for another audience",
        jwt.InvalidIssuerError: "is from another issuer",
        jwt.InvalidSignatureError: "has a signature that does not fit",
    }
    if isinstance(error, jwt.MissingRequiredClaimError):
        return f"has no claim {error.claim}"
    return reasons.get(type(error), "is not valid")
