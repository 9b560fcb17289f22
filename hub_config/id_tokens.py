"""What an ID token must prove before anything in it is believed.

Source: OpenID Connect Core 1.0, sections 3.1.3.7 (validation), 12.2 (refresh) and 5.3.2 (UserInfo).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jwt

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
LEEWAY_SECONDS = 30
LEAST_RSA_BITS = 2048


class NotProven(ValueError):
    """What the provider sent does not prove who somebody is."""


@dataclass(frozen=True)
class Expected:
    """Whom an ID token must be from and for, and with what it must be signed."""

    issuer: str
    client_id: str
    algorithms: Sequence[str]
    nonce: str | None = None  # None: a refresh, whose token need not have one


def key_id(id_token: str) -> str | None:
    """The name of the key that a token says it was signed with."""
    try:
        return jwt.get_unverified_header(id_token).get("kid")
    except jwt.PyJWTError as error:
        raise NotProven("the ID token is no signed JSON web token") from error


def signing_key(keys: jwt.PyJWKSet, name: str | None) -> jwt.PyJWK | None:
    """The provider's key of that name; its only one where the token names none."""
    fit = [key for key in keys.keys if key.public_key_use in (None, "sig")]
    if name is None:
        return fit[0] if len(fit) == 1 else None
    return next((key for key in fit if key.key_id == name), None)


def proven_claims(id_token: str, key: jwt.PyJWK, expected: Expected) -> dict[str, Any]:
    """Return an ID token's claims. ``NotProven`` unless it is signed by ``key``, from and for whom it must be, now."""
    if getattr(key.key, "key_size", LEAST_RSA_BITS) < LEAST_RSA_BITS and key.key_type == "RSA":
        raise NotProven("the provider's key is too short")
    try:
        claims = jwt.decode(
            id_token,
            key,
            algorithms=[name for name in expected.algorithms if name in ALGORITHMS],
            issuer=expected.issuer,
            audience=expected.client_id,
            leeway=LEEWAY_SECONDS,
            options={"require": ["iss", "sub", "aud", "exp", "iat"]},
        )
    except jwt.PyJWTError as error:
        raise NotProven(f"the ID token is refused: {error}") from error
    audience = claims["aud"]
    party = claims.get("azp")
    if isinstance(audience, list) and len(audience) > 1 and party is None:
        raise NotProven("the ID token is for several, and does not say who asked for it")
    if party is not None and party != expected.client_id:
        raise NotProven("the ID token was asked for by somebody else")
    if expected.nonce is not None and claims.get("nonce") != expected.nonce:
        raise NotProven("the ID token is of another log-in: its nonce is not the one sent")
    return claims


def listed_groups(claims: Mapping[str, Any], name: str) -> list[str]:
    """The groups that a claim lists, sorted; none where there is no such claim.

    ``NotProven`` when it is no list of texts: a text would become a list of its letters.
    """
    groups = claims.get(name, [])
    if not isinstance(groups, list) or not all(isinstance(group, str) and group for group in groups):
        raise NotProven(f"the claim {name} is not a list of texts")
    return sorted(set(groups))
