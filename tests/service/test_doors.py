"""The three doors. The issuer and the hub are small servers on loopback (see ``loopback``); all else is real."""

import base64
import hmac
import json
import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fastapi import FastAPI
from fastapi.testclient import TestClient
from loopback import AUDIENCE, FakeHub, Issuer, ec_key, rsa_key, serving
from sqlalchemy import select

from oasis_kernel.errors import InvalidInput
from oasis_kernel.service import doors, gate, oidc, problems
from oasis_kernel.service.access import Viewer
from oasis_kernel.service.database import Database
from oasis_kernel.service.doors import LOCAL_FILE, local_token
from oasis_kernel.service.gate import Gate
from oasis_kernel.service.settings import HubSettings, OidcSettings, ServiceSettings
from oasis_kernel.service.tables import Audit, Membership, User
from oasis_kernel.service.users import create_user

HUB_TOKEN = "0123456789abcdef0123456789abcdef"
SCOPE = "access:services!service=oasis"


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.time = 1000.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """SQLite alone: what the doors write down is tested on both in ``test_identity``."""
    return f"sqlite:///{tmp_path / 'service.db'}"


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    made = Issuer(keys={"one": rsa_key(), "two": ec_key()})
    with serving(made):
        yield made


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    ann = {"kind": "user", "name": "ann", "groups": ["flood"], "admin": False, "scopes": [SCOPE]}
    made = FakeHub(users={HUB_TOKEN: ann})
    with serving(made):
        yield made


class Service:
    """A service with one route, which tells who asks."""

    def __init__(self, settings: ServiceSettings, database: Database, address: str = "127.0.0.1"):
        app = FastAPI()
        problems.install(app)
        self.gate = app.state.gate = Gate(settings, database)

        @app.get("/who")
        def who(user: Viewer) -> dict[str, Any]:
            return {"name": user.name, "role": user.role, "groups": user.groups, "door": user.door}

        self.client = TestClient(app, client=(address, 50000))

    def ask(self, token: str, scheme: str = "Bearer") -> Any:
        return self.client.get("/who", headers={"Authorization": f"{scheme} {token}"})

    def refusal(self, token: str, status: int = 401) -> str:
        answer = self.ask(token)
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        detail: str = answer.json()["detail"]
        assert token not in answer.text
        return detail


def settings_for(settings: ServiceSettings, **changed: Any) -> ServiceSettings:
    return settings.model_copy(update=changed)


@pytest.fixture
def with_issuer(settings: ServiceSettings, database: Database, issuer: Issuer) -> Service:
    roles = {"flood": "analyst", "wb-admins": "admin"}
    chosen = OidcSettings(issuer=issuer.url, audience=AUDIENCE, role_map=roles)
    return Service(settings_for(settings, oidc=chosen), database)


@pytest.fixture
def with_hub(settings: ServiceSettings, database: Database, hub: FakeHub) -> Service:
    roles = {"modellers": "model_admin", "scope:admin:users": "admin"}
    return Service(settings_for(settings, hub=HubSettings(api_url=f"{hub.url}/hub/api", role_map=roles)), database)


def test_signed_token_of_either_kind_opens(with_issuer: Service, issuer: Issuer) -> None:
    for key in ("one", "two"):
        answer = with_issuer.ask(issuer.token(key, groups=["flood", "quake"]))
        assert answer.json() == {"name": "ada", "role": "analyst", "groups": ["flood", "quake"], "door": "oidc"}
    assert issuer.asked.count("/keys") == 1  # the keys are kept


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"aud": "another-service"}, "The token is for another audience"),
        ({"aud": ["another-service"]}, "The token is for another audience"),
        ({"iss": "https://elsewhere.example"}, "The token is from another issuer"),
        ({"exp": int(time.time()) - 3600}, "The token has expired"),
        ({"nbf": int(time.time()) + 3600}, "The token is not valid yet"),
        ({"exp": None}, "The token has no claim exp"),
        ({"aud": None}, "The token has no claim aud"),
        ({"iss": None}, "The token has no claim iss"),
        ({"sub": None}, "The token has no claim sub"),
        ({"preferred_username": None}, "The token has no claim preferred_username, which names the user"),
        ({"token_use": "refresh"}, "The token is for its issuer alone (token_use refresh)"),
        ({"typ": "Offline"}, "The token is for its issuer alone (typ Offline)"),
        ({"groups": "flood"}, "The token is of no use: the claim groups must be a list of texts of up to 100 letters"),
        ({"groups": [{"name": "flood"}]}, "The token is of no use: the claim groups must be a list of texts"),
        ({"groups": [f"g{number}" for number in range(501)]}, "lists 501 groups, and 500 are the most"),
    ],
)
def test_wrong_claims_are_refused_with_the_reason(
    with_issuer: Service, issuer: Issuer, changed: dict[str, Any], reason: str
) -> None:
    assert reason in with_issuer.refusal(issuer.token("one", **changed))


def test_leeway_is_small(with_issuer: Service, issuer: Issuer) -> None:
    assert with_issuer.ask(issuer.token("one", exp=int(time.time()) - 5)).status_code == 200
    assert with_issuer.refusal(issuer.token("one", exp=int(time.time()) - 60)) == "The token has expired"


def test_unsigned_and_shared_secret_tokens_are_refused(with_issuer: Service, issuer: Issuer) -> None:
    signed = issuer.token("one")
    body = signed.split(".")[1]
    nothing = base64.urlsafe_b64encode(json.dumps({"alg": "none", "typ": "JWT"}).encode()).decode().rstrip("=")
    assert "'none'" in with_issuer.refusal(f"{nothing}.{body}.")
    claims = jwt.decode(signed, options={"verify_signature": False})
    head = base64.urlsafe_b64encode(json.dumps({"alg": "HS256", "kid": "one"}).encode()).decode().rstrip("=")
    public = issuer.keys["one"].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    code = hmac.digest(public, f"{head}.{body}".encode(), "sha256")  # the public key taken for a shared secret
    shared = f"{head}.{body}.{base64.urlsafe_b64encode(code).decode().rstrip('=')}"
    assert with_issuer.refusal(shared) == "The token is signed with 'HS256'; only RS256 and ES256 are taken"
    pss = jwt.encode(claims, issuer.keys["one"], "PS256", headers={"kid": "one"})
    assert "'PS256'" in with_issuer.refusal(pss)


def test_a_changed_token_and_a_strangers_key_are_refused(with_issuer: Service, issuer: Issuer) -> None:
    head, _, signature = issuer.token("one").split(".")
    _, other, _ = issuer.token("one", groups=["wb-admins"]).split(".")
    assert with_issuer.refusal(f"{head}.{other}.{signature}") == "The token has a signature that does not fit"
    stranger = Issuer(keys={"one": rsa_key()}, url=issuer.url)
    assert with_issuer.refusal(stranger.token("one")) == "The token has a signature that does not fit"
    # the other kind of key under the same id is another key
    confused = issuer.token("one", header={"kid": "two"})
    assert "a key that its issuer does not publish" in with_issuer.refusal(confused)


def test_a_logout_token_opens_nothing(with_issuer: Service, issuer: Issuer) -> None:
    assert "logout+jwt" in with_issuer.refusal(issuer.token("one", header={"typ": "logout+jwt"}))
    assert with_issuer.ask(issuer.token("one", header={"typ": "at+jwt"})).status_code == 200


def test_new_keys_are_found_and_old_ones_go(with_issuer: Service, issuer: Issuer) -> None:
    clock = Clock()
    assert with_issuer.gate.oidc is not None
    keys = with_issuer.gate.oidc.keys
    keys.clock = clock
    old = issuer.token("one")
    assert with_issuer.ask(old).status_code == 200
    issuer.keys = {"three": rsa_key()}
    clock.time += oidc.ASK_AGAIN_SECONDS
    assert with_issuer.ask(issuer.token("three")).status_code == 200  # an id not seen before: asked again
    assert "does not publish" in with_issuer.refusal(old)
    asked = len(issuer.asked)
    for number in range(5):  # made-up ids do not make us ask the issuer each time
        with_issuer.refusal(issuer.token("three", header={"kid": f"made-up-{number}"}))
    assert len(issuer.asked) == asked


def test_while_the_issuer_is_away_known_keys_serve_until_stale(with_issuer: Service, issuer: Issuer) -> None:
    clock = Clock()
    assert with_issuer.gate.oidc is not None
    with_issuer.gate.oidc.keys.clock = clock
    assert with_issuer.ask(issuer.token("one")).status_code == 200
    issuer.down = True
    clock.time += oidc.KEYS_FRESH_SECONDS + 1
    assert with_issuer.ask(issuer.token("one")).status_code == 200
    clock.time += oidc.KEYS_STALE_SECONDS
    answer = with_issuer.ask(issuer.token("one"))
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "30"
    issuer.down = False
    clock.time += oidc.ASK_AGAIN_SECONDS
    assert with_issuer.ask(issuer.token("one")).status_code == 200


def test_a_configuration_that_names_another_issuer_is_not_believed(with_issuer: Service, issuer: Issuer) -> None:
    issuer.named = "https://elsewhere.example"
    assert with_issuer.ask(issuer.token("one")).status_code == 503


def test_an_issuer_without_tls_is_refused(settings: ServiceSettings, database: Database) -> None:
    chosen = OidcSettings(issuer="http://id.example.org", audience=AUDIENCE)
    with pytest.raises(InvalidInput, match=r"oidc.issuer must be an https address, got 'http://id.example.org'"):
        Gate(settings_for(settings, oidc=chosen), database)


def test_short_and_encryption_keys_are_left_out() -> None:
    issuer = Issuer(keys={"short": rsa_key(1024), "good": rsa_key(), "crypt": rsa_key()})
    entries = [issuer.published("short"), issuer.published("good"), {**issuer.published("crypt"), "use": "enc"}]
    assert set(oidc.usable_keys({"keys": [*entries, {"kty": "oct", "k": "AAAA"}, "nonsense", {}]})) == {("RSA", "good")}


def test_the_strongest_mapped_group_gives_the_role(with_issuer: Service, issuer: Issuer) -> None:
    assert with_issuer.ask(issuer.token("one", groups=["flood", "wb-admins"])).json()["role"] == "admin"
    assert with_issuer.ask(issuer.token("one", groups=["flood"])).json()["role"] == "analyst"
    detail = with_issuer.refusal(issuer.token("one", groups=["visitors"]), 403)
    assert detail == "You are known, but none of its groups has a role here (flood, wb-admins)"


def test_what_a_directory_says_is_written_down_once(with_issuer: Service, issuer: Issuer, database: Database) -> None:
    for _ in range(2):
        with_issuer.ask(issuer.token("one", groups=["flood", "quake"]))
    with_issuer.ask(issuer.token("one", groups=["wb-admins"]))
    with database.read() as session:
        (user,) = session.scalars(select(User)).all()
        assert (user.name, user.role, user.directory) == ("ada", "admin", True)
        assert session.scalars(select(Membership.group)).all() == ["wb-admins"]
        assert session.scalars(select(Audit.action)).all() == ["create by oidc", "role admin by oidc"]


def test_a_directory_cannot_take_a_user_made_here(with_issuer: Service, issuer: Issuer, database: Database) -> None:
    with database.write() as session:
        create_user(session, "batch", gate.Role.ADMIN)
    detail = with_issuer.refusal(issuer.token("one", preferred_username="batch"), 403)
    assert detail == "batch was made by an admin here, and is not the oidc user of that name"
    for name in ("local", "hub-service:x", "a b", "\u0430da", "x" * 101):
        assert "cannot be a user's name" in with_issuer.refusal(issuer.token("one", preferred_username=name), 403)


def test_a_user_who_is_switched_off_stays_out(with_issuer: Service, issuer: Issuer, database: Database) -> None:
    with_issuer.ask(issuer.token("one"))
    with database.write() as session:
        session.scalars(select(User)).one().active = False
    assert with_issuer.refusal(issuer.token("one")) == "The token is of a user who is switched off"


def test_hub_token_opens_and_is_remembered(with_hub: Service, hub: FakeHub) -> None:
    for scheme in ("token", "Bearer", "bearer"):
        answer = with_hub.ask(HUB_TOKEN, scheme)
        assert answer.json() == {"name": "ann", "role": "analyst", "groups": ["flood"], "door": "hub"}
    assert hub.asked == ["/hub/api/user"]
    assert with_hub.gate.hub is not None
    assert doors.HUB_CACHE_SECONDS <= 60
    clock = with_hub.gate.hub.clock = Clock()
    with_hub.gate.hub.known.clear()
    with_hub.ask(HUB_TOKEN)
    del hub.users[HUB_TOKEN]
    clock.time += doors.HUB_CACHE_SECONDS
    assert with_hub.refusal(HUB_TOKEN) == "The token is not known to the hub"


@pytest.mark.parametrize(
    ("changed", "role"),
    [
        ({"groups": ["modellers"]}, "model_admin"),
        ({"scopes": ["access:services", "admin:users"]}, "admin"),
        ({"groups": ["scope:admin:users"]}, "analyst"),  # a group cannot pass for a scope
        ({"admin": True}, "analyst"),  # the hub's admins are not ours, but where they are mapped
    ],
)
def test_hub_groups_and_scopes_give_roles(with_hub: Service, hub: FakeHub, changed: dict[str, Any], role: str) -> None:
    hub.users[HUB_TOKEN].update(changed)
    assert with_hub.ask(HUB_TOKEN).json()["role"] == role


def test_a_hub_token_for_something_else_is_refused(with_hub: Service, hub: FakeHub) -> None:
    hub.users[HUB_TOKEN]["scopes"] = ["access:services!service=other", "users:activity!user"]
    assert with_hub.refusal(HUB_TOKEN) == f"The token lacks the hub scope {SCOPE}"
    assert with_hub.refusal("f" * 32) == "The token is not known to the hub"


def test_a_hub_service_is_no_user_of_that_name(with_hub: Service, hub: FakeHub) -> None:
    hub.users[HUB_TOKEN] = {"kind": "service", "name": "ann", "admin": False, "scopes": [SCOPE]}
    assert with_hub.ask(HUB_TOKEN).json()["name"] == "hub-service:ann"


def test_a_hub_that_redirects_or_fails_is_not_followed(with_hub: Service, hub: FakeHub) -> None:
    hub.status = 302
    assert with_hub.ask(HUB_TOKEN).status_code == 503
    assert hub.asked == ["/hub/api/user"]
    hub.status, hub.down = 200, True
    assert with_hub.ask(HUB_TOKEN).status_code == 503
    asked = len(hub.asked)
    assert with_hub.ask(HUB_TOKEN).status_code == 503  # and is left alone for a moment
    assert len(hub.asked) == asked


def test_no_door_sees_what_is_for_another(settings: ServiceSettings, database: Database, hub: FakeHub) -> None:
    service = Service(settings_for(settings, hub=HubSettings(api_url=f"{hub.url}/hub/api")), database)
    service.refusal("oasis_" + "a" * 43)
    service.refusal(Issuer(url="https://id.example", keys={"one": ec_key()}).token("one"))
    service.refusal("not a token at all")
    assert hub.asked == []


def test_local_token_opens_on_loopback_only(settings: ServiceSettings, database: Database) -> None:
    service = Service(settings, database)
    path = settings.root / LOCAL_FILE
    token = path.read_text().strip()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert service.ask(token).json() == {"name": "local", "role": "admin", "groups": [], "door": "local"}
    assert Gate(settings, database).local == service.gate.local  # the next start finds it
    away = Service(settings, database, "192.0.2.7")
    assert away.refusal(token) == "The token opens from this machine only"


@pytest.mark.parametrize("changed", [{"host": "0.0.0.0"}, {"host": "192.0.2.7"}, {"local_token": False}])
def test_local_door_stays_shut(settings: ServiceSettings, database: Database, changed: dict[str, Any]) -> None:
    token = local_token(settings.root)
    assert Service(settings_for(settings, **changed), database).refusal(token) == "The token is not known here"


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX file modes")
def test_a_local_token_that_others_can_read_is_refused(tmp_path: Path) -> None:
    first = local_token(tmp_path)
    assert local_token(tmp_path) == first
    (tmp_path / LOCAL_FILE).chmod(0o640)
    with pytest.raises(InvalidInput, match=r"local-token: must be readable by its owner only. Delete it"):
        local_token(tmp_path)


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic YTpi", "Bearer " + "x" * 20_000])
def test_no_usable_header_is_challenged(settings: ServiceSettings, database: Database, header: str | None) -> None:
    client = Service(settings, database).client
    answer = client.get("/who", headers={"Authorization": header} if header is not None else {})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="oasis"'
    assert answer.json()["detail"] == "This needs a token"


def test_two_headers_are_none(settings: ServiceSettings, database: Database) -> None:
    token = local_token(settings.root)
    headers = [("Authorization", f"Bearer {token}"), ("Authorization", "Bearer other")]
    assert Service(settings, database).client.get("/who", headers=headers).status_code == 401


@pytest.mark.parametrize("query", ["token=abc", "access_token=abc", "API_KEY=abc", "q=oasis_" + "a" * 43])
def test_a_token_in_the_address_is_refused(settings: ServiceSettings, database: Database, query: str) -> None:
    token = local_token(settings.root)
    client = Service(settings, database).client
    answer = client.get(f"/who?{query}", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 400
    assert answer.json()["detail"] == "A token must not be in the address, which is logged on the way"


def test_guessing_is_slowed_down_and_known_tokens_go_on(with_hub: Service, hub: FakeHub) -> None:
    clock = with_hub.gate.attempts.clock = Clock()
    assert with_hub.ask(HUB_TOKEN).status_code == 200
    for number in range(gate.MOST_FAILURES):
        with_hub.refusal(f"guess-number-{number}")
    asked = len(hub.asked)
    answer = with_hub.ask("guess-once-more")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "60")
    assert len(hub.asked) == asked  # nobody else is asked for a guesser
    assert with_hub.ask(HUB_TOKEN).status_code == 200
    clock.time += gate.WITHIN_SECONDS
    assert with_hub.ask("guess-once-more").status_code == 401


def test_attempts_are_counted_by_network() -> None:
    attempts = gate.Attempts(Clock())
    for number in range(gate.MOST_FAILURES):
        attempts.failed(f"2001:db8::{number:x}")
    assert attempts.wait("2001:db8::ffff") == 60
    assert attempts.wait("2001:db8:0:1::1") == 0
    for number in range(gate.MOST_ADDRESSES + 10):
        attempts.failed(f"host-{number}")
    assert len(attempts.failures) == gate.MOST_ADDRESSES
