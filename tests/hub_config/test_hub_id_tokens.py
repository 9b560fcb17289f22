"""What an ID token and a provider's description must be before anything in them is believed."""

import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from hub_config.discovery import metadata_of
from hub_config.id_tokens import Expected, NotProven, key_id, listed_groups, proven_claims, signing_key

ISSUER = "https://id.example.org"
EXPECTED = Expected(ISSUER, "workbench", ("RS256", "ES256"), "the-nonce")


@pytest.fixture(scope="module")
def private() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def published(private: rsa.RSAPrivateKey, **extra: Any) -> jwt.PyJWK:
    made = jwt.algorithms.RSAAlgorithm.to_jwk(private.public_key(), as_dict=True)
    return jwt.PyJWK.from_dict({**made, "kid": "k", "use": "sig", **extra})


def signed(private: Any, algorithm: str = "RS256", **changes: Any) -> str:
    now = int(time.time())
    claims = {"iss": ISSUER, "aud": "workbench", "sub": "s", "iat": now, "exp": now + 60, "nonce": "the-nonce"}
    claims = {name: value for name, value in {**claims, **changes}.items() if value is not None}
    return jwt.encode(claims, private, algorithm=algorithm, headers={"kid": "k"})


def test_a_proven_token_gives_its_claims(private: rsa.RSAPrivateKey) -> None:
    assert proven_claims(signed(private), published(private), EXPECTED)["sub"] == "s"


def test_elliptic_curves_are_accepted() -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    made = jwt.algorithms.ECAlgorithm.to_jwk(private.public_key(), as_dict=True)
    assert proven_claims(signed(private, "ES256"), jwt.PyJWK.from_dict(made), EXPECTED)["sub"] == "s"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"iss": "https://evil.example"}, "issuer"),
        ({"aud": "another"}, "udience"),
        ({"nonce": "another"}, "its nonce is not the one sent"),
        ({"nonce": None}, "its nonce is not the one sent"),
        ({"exp": 1}, "expired"),
        ({"iat": None}, "iat"),
        ({"sub": None}, "sub"),
        ({"aud": ["workbench", "another"]}, "does not say who asked"),
        ({"azp": "another"}, "asked for by somebody else"),
    ],
)
def test_anything_else_is_refused(private: rsa.RSAPrivateKey, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(NotProven, match=said):
        proven_claims(signed(private, **changes), published(private), EXPECTED)


def test_a_key_of_somebody_else_is_refused(private: rsa.RSAPrivateKey) -> None:
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    with pytest.raises(NotProven, match="ignature"):
        proven_claims(signed(other), published(private), EXPECTED)


@pytest.mark.filterwarnings("ignore:.*bits:jwt.InsecureKeyLengthWarning")
def test_a_short_key_is_refused() -> None:
    short = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    with pytest.raises(NotProven, match="too short"):
        proven_claims(signed(short), published(short), EXPECTED)


@pytest.mark.parametrize("algorithm", ["HS256", "none"])
def test_shared_secrets_and_no_signature_are_refused(private: rsa.RSAPrivateKey, algorithm: str) -> None:
    forged = signed("a-secret-of-at-least-32-characters" if algorithm == "HS256" else None, algorithm)
    expected = Expected(ISSUER, "workbench", ("RS256", "HS256", "none"), "the-nonce")
    with pytest.raises(NotProven):
        proven_claims(forged, published(private), expected)


def test_no_token_at_all() -> None:
    with pytest.raises(NotProven, match="no signed JSON web token"):
        key_id("x.y")


def test_a_token_without_a_key_name_takes_the_only_key(private: rsa.RSAPrivateKey) -> None:
    one = jwt.PyJWKSet.from_dict({"keys": [published(private)._jwk_data]})
    two = jwt.PyJWKSet.from_dict({"keys": [published(private)._jwk_data, {**published(private)._jwk_data, "kid": "l"}]})
    assert signing_key(one, None) is not None
    assert signing_key(two, None) is None
    assert signing_key(two, "l") is not None
    assert signing_key(one, "other") is None


@pytest.mark.parametrize("groups", ["wb-users", {"wb-users": True}, ["wb-users", 3], ["wb-users", ""], None, 7])
def test_malformed_groups_are_refused(groups: Any) -> None:
    with pytest.raises(NotProven, match="the claim groups is not a list of texts"):
        listed_groups({"groups": groups}, "groups")


def test_groups_are_a_list_of_texts_or_absent() -> None:
    assert listed_groups({"groups": ["b", "a", "b"]}, "groups") == ["a", "b"]
    assert listed_groups({}, "groups") == []


FOUND = {
    "issuer": ISSUER,
    "authorization_endpoint": ISSUER + "/a",
    "token_endpoint": ISSUER + "/t",
    "userinfo_endpoint": ISSUER + "/u",
    "jwks_uri": ISSUER + "/k",
}


def test_a_providers_description() -> None:
    found = metadata_of({**FOUND, "id_token_signing_alg_values_supported": ["HS256", "RS256"]}, ISSUER)
    assert (found.algorithms, found.logout_url) == (("RS256",), None)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"issuer": ISSUER + "/"}, "not that of"),
        ({"token_endpoint": "http://id.example.org/t"}, "token_endpoint must be https"),
        ({"jwks_uri": None}, "jwks_uri must be https"),
        ({"end_session_endpoint": "javascript:alert(1)"}, "end_session_endpoint must be https"),
        ({"id_token_signing_alg_values_supported": ["HS256"]}, "signs with nothing"),
    ],
)
def test_a_description_that_is_refused(change: dict[str, Any], said: str) -> None:
    with pytest.raises(NotProven, match=said):
        metadata_of({**FOUND, **change}, ISSUER)
