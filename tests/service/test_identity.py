"""Users, groups, roles and tokens, on SQLite and on PostgreSQL."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import inspect, select, text

from oasis_kernel.service import problems, tokens
from oasis_kernel.service.access import (
    find_visible,
    hidden_models,
    may_change,
    may_operate,
    require_own_groups,
    visible_to,
)
from oasis_kernel.service.context import Context
from oasis_kernel.service.database import Database
from oasis_kernel.service.doors import local_token
from oasis_kernel.service.gate import Gate
from oasis_kernel.service.identity import Claim, Door, Identity, NoRole, Role, role_of
from oasis_kernel.service.problems import Problem
from oasis_kernel.service.routes import home
from oasis_kernel.service.routes import tokens as token_routes
from oasis_kernel.service.routes import users as user_routes
from oasis_kernel.service.settings import ServiceSettings
from oasis_kernel.service.tables import Audit, Group, ModelAccess, SettingsTemplate, Token, User, now
from oasis_kernel.service.users import directory_user, groups_of, local_user

Ask = Callable[..., Any]


@pytest.fixture
def ask(settings: ServiceSettings, database: Database) -> Ask:
    """Ask the service: method, path, the token (default: the machine's), and a body."""
    app = FastAPI()
    problems.install(app)
    app.state.context, app.state.gate = Context(settings, database), Gate(settings, database)
    for router in (home.router, token_routes.router, user_routes.router):
        app.include_router(router)
    client = TestClient(app, client=("127.0.0.1", 50000))
    machine = local_token(settings.root)

    def asking(method: str, path: str, token: str = machine, **body: Any) -> Any:
        headers = {"Authorization": f"Bearer {token}"}
        return client.request(method, f"/v1{path}", headers=headers, **({"json": body} if body else {}))

    return asking


def person(name: str = "ann", role: Role = Role.ANALYST, *groups: str) -> Identity:
    """Somebody who asks."""
    return Identity(f"id-{name}", name, role, groups, None, Door.TOKEN)


def made_user(ask: Ask, name: str, **given: Any) -> tuple[dict[str, Any], str]:
    """A new user and a token of theirs."""
    user = ask("POST", "/users", name=name, **given).json()
    return user, ask("POST", f"/users/{user['id']}/tokens", name="first").json()["token"]


def test_a_token_from_its_making_to_its_end(ask: Ask, database: Database) -> None:
    answer = ask("POST", "/tokens", name="nightly", days=7)
    assert (answer.status_code, answer.headers["Cache-Control"]) == (201, "no-store")
    made = answer.json()
    secret = made["token"]
    assert secret.startswith("oasis_")
    assert len(secret) == tokens.LENGTH == 49
    assert ask("GET", "", secret).json()["user"] == {"name": "local", "role": "admin", "groups": [], "door": "token"}
    (shown,) = ask("GET", "/tokens").json()["items"]
    assert "token" not in shown
    assert shown["last_used"] is not None
    assert shown == {**ask("GET", f"/tokens/{made['id']}").json()}
    with database.read() as session:
        for table in inspect(database.engine).get_table_names():
            assert secret not in str(session.execute(text(f"SELECT * FROM {table}")).all())
    assert ask("DELETE", f"/tokens/{made['id']}", secret).status_code == 204
    refused = ask("GET", "", secret)
    assert refused.status_code == 401
    assert refused.json()["detail"].startswith("The token nightly was revoked at 2")
    assert refused.headers["WWW-Authenticate"] == 'Bearer realm="oasis", error="invalid_token"'


def test_a_token_expires(ask: Ask, database: Database) -> None:
    secret = ask("POST", "/tokens", name="short").json()["token"]
    with database.write() as session:
        session.scalars(select(Token)).one().expires = now() - timedelta(seconds=1)
    assert ask("GET", "", secret).json()["detail"].startswith("The token short expired at 2")
    asked = ask("POST", "/tokens", name="long", days=91)
    assert (asked.status_code, asked.json()["detail"]) == (422, "A token must be valid for up to 90 days, got 91")


def test_last_use_is_noted_once_a_minute(ask: Ask, database: Database) -> None:
    secret = ask("POST", "/tokens", name="busy").json()["token"]

    def used() -> Any:
        with database.read() as session:
            return session.scalars(select(Token.last_used)).one()

    ask("GET", "", secret)
    first = used()
    ask("GET", "", secret)
    assert used() == first
    with database.write() as session:
        session.scalars(select(Token)).one().last_used = first - timedelta(seconds=61)
    ask("GET", "", secret)
    assert used() > first


def test_a_token_may_be_weaker_than_its_user_and_makes_none_stronger(ask: Ask, database: Database) -> None:
    user, full = made_user(ask, "ada", role="model_admin")
    weak = ask("POST", "/tokens", full, name="reading", role="viewer", days=5).json()
    assert ask("GET", "", weak["token"]).json()["user"]["role"] == "viewer"
    refused = ask("POST", "/tokens", weak["token"], name="stronger", role="analyst")
    assert (refused.status_code, refused.json()["title"]) == (403, "Forbidden")
    child = ask("POST", "/tokens", weak["token"], name="child").json()
    assert (child["role_cap"], child["expires"]) == ("viewer", weak["expires"])
    assert ask("POST", "/tokens", full, name="as the user").json()["role_cap"] is None
    ask("PATCH", f"/users/{user['id']}", role="viewer")  # tokens follow their user down
    assert ask("GET", "", full).json()["user"]["role"] == "viewer"
    assert ask("GET", f"/tokens/{child['id']}", full).status_code == 200


def test_only_so_many_live_tokens(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "MOST_LIVE_TOKENS", 2)
    made = [ask("POST", "/tokens", name=f"number {number}") for number in range(3)]
    assert [answer.status_code for answer in made] == [201, 201, 409]
    ask("DELETE", f"/tokens/{made[0].json()['id']}")
    assert ask("POST", "/tokens", name="again").status_code == 201


def test_tokens_are_their_users_own(ask: Ask) -> None:
    _, ada = made_user(ask, "ada")
    _, ben = made_user(ask, "ben")
    mine = ask("POST", "/tokens", ada, name="mine").json()
    assert [item["name"] for item in ask("GET", "/tokens", ada).json()["items"]] == ["mine", "first"]
    assert ask("GET", f"/tokens/{mine['id']}", ben).status_code == 404
    assert ask("DELETE", f"/tokens/{mine['id']}", ben).status_code == 404
    assert ask("DELETE", f"/tokens/{mine['id']}").status_code == 204  # an admin's doing
    assert ask("GET", "", mine["token"]).status_code == 401


def test_users_and_groups(ask: Ask) -> None:
    assert ask("POST", "/groups", name="flood").json() == {"url": "/v1/groups/flood", "name": "flood", "members": []}
    user, _ = made_user(ask, "ada", groups=["flood"])
    assert (user["role"], user["groups"], user["active"], user["directory"]) == ("analyst", ["flood"], True, False)
    assert ask("GET", "/groups/flood").json()["members"] == ["ada"]
    assert ask("POST", "/groups", name="/eu/quake", members=["ada"]).json()["url"] == "/v1/groups/%2Feu%2Fquake"
    assert ask("GET", "/groups/%2Feu%2Fquake").json()["members"] == ["ada"]
    assert ask("GET", f"/users/{user['id']}").json()["groups"] == ["/eu/quake", "flood"]
    assert ask("PATCH", "/groups/flood", members=["local"]).json()["members"] == ["local"]
    assert ask("PATCH", f"/users/{user['id']}", groups=["flood"]).json()["groups"] == ["flood"]
    assert [item["name"] for item in ask("GET", "/users").json()["items"]] == ["ada", "local"]
    assert ask("GET", "/groups").json()["total"] == 2
    for path, body, status in [
        ("/users", {"name": "ada"}, 409),
        ("/users", {"name": "local"}, 409),
        ("/users", {"name": "Ada Lovelace"}, 422),
        ("/users", {"name": "eve", "groups": ["nobody's"]}, 422),
        ("/groups", {"name": "flood"}, 409),
        ("/groups", {"name": "wind", "members": ["eve"]}, 422),
    ]:
        assert ask("POST", path, **body).status_code == status, (path, body)
    assert ask("GET", "/groups/wind").status_code == 404  # what was refused left nothing


def test_who_is_switched_off_stays_off(ask: Ask) -> None:
    user, token = made_user(ask, "ada")
    assert ask("PATCH", f"/users/{user['id']}", active=False).json()["active"] is False
    assert ask("GET", "", token).json()["detail"].startswith("The token first was revoked")
    ask("PATCH", f"/users/{user['id']}", active=True)
    assert ask("GET", "", token).status_code == 401
    again = ask("POST", f"/users/{user['id']}/tokens", name="again").json()["token"]
    assert ask("GET", "", again).status_code == 200
    assert ask("DELETE", f"/users/{user['id']}/tokens").status_code == 204
    assert ask("GET", "", again).status_code == 401


def test_admins_do_not_shut_themselves_out(ask: Ask) -> None:
    me = next(item for item in ask("GET", "/users").json()["items"] if item["name"] == "local")
    for body in ({"role": "viewer"}, {"active": False}, {"directory": True}):
        assert ask("PATCH", f"/users/{me['id']}", **body).status_code == 409


def test_every_change_is_written_down(ask: Ask) -> None:
    user, token = made_user(ask, "ada")
    ask("POST", "/groups", name="flood")
    ask("PATCH", f"/users/{user['id']}", role="viewer", groups=["flood"])
    mine = ask("POST", "/tokens", token, name="mine").json()
    ask("DELETE", f"/tokens/{mine['id']}", token)
    changes = ask("GET", "/audit?limit=100").json()["items"]
    told = [(item["user"], item["action"], item["resource"]) for item in reversed(changes)]
    assert told == [
        ("local", "create", "user"),
        ("local", "create", "user"),
        ("local", "create", "token"),
        ("local", "create", "group"),
        ("local", "role viewer", "user"),
        ("local", "groups", "user"),
        ("ada", "create", "token"),
        ("ada", "revoke", "token"),
    ]
    assert ask("GET", "/audit", token).status_code == 403


def test_a_directory_decides_on_its_users(ask: Ask, database: Database) -> None:
    user = directory_user(database, Claim("ann", Role.ANALYST, ("flood",), Door.OIDC))
    for body in ({"role": "admin"}, {"groups": []}):
        assert ask("PATCH", f"/users/{user.id}", **body).status_code == 409
    assert ask("PATCH", "/groups/flood", members=[]).status_code == 409
    assert ask("PATCH", f"/users/{user.id}", directory=False, role="viewer").json()["role"] == "viewer"
    with pytest.raises(Problem, match="ann was made by an admin here"):
        directory_user(database, Claim("ann", Role.ADMIN, (), Door.OIDC))


def test_many_first_requests_at_once_make_one_user(database: Database) -> None:
    claim = Claim("ann", Role.ANALYST, ("flood", "quake"), Door.HUB)
    with ThreadPoolExecutor(8) as pool:
        found = {future.result().id for future in [pool.submit(directory_user, database, claim) for _ in range(16)]}
        found |= {future.result().id for future in [pool.submit(local_user, database) for _ in range(16)]}
    with database.read() as session:
        assert {user.id for user in session.scalars(select(User))} == found
        assert len(found) == 2
        ann = session.scalars(select(User).where(User.name == "ann")).one()
        assert groups_of(session, ann.id) == ("flood", "quake")
        assert session.scalars(select(Group.name).order_by(Group.name)).all() == ["flood", "quake"]
        assert session.scalars(select(Audit.action).order_by(Audit.id)).all().count("create by hub") == 1


def test_who_sees_what(database: Database) -> None:
    rows = {
        "mine": ("ann", []),
        "shared": ("ben", ["quake", "flood"]),
        "theirs": ("ben", ["wind"]),
        "bens": ("ben", []),
    }
    with database.write() as session:
        for name, (owner, groups) in rows.items():
            session.add(SettingsTemplate(id=name, name=name, owner=owner, groups=groups, settings={}))

    def seen(who: Identity) -> list[str]:
        with database.read() as session:
            query = select(SettingsTemplate.id).where(visible_to(who, SettingsTemplate))
            return sorted(session.scalars(query))

    assert seen(person("ann", Role.ANALYST, "flood")) == ["mine", "shared"]
    assert seen(person("ann", Role.VIEWER)) == ["mine"]
    assert seen(person("eve", Role.MODEL_ADMIN, "flo", "wind' OR 1=1 --")) == []
    assert seen(person("root", Role.ADMIN)) == ["bens", "mine", "shared", "theirs"]
    with database.read() as session:
        assert find_visible(session, person(), SettingsTemplate, "mine").name == "mine"
        for unseen in ("bens", "nowhere", "\0", "mine\0"):
            with pytest.raises(Problem, match="There is no template"):
                find_visible(session, person(), SettingsTemplate, unseen)


def test_who_changes_what() -> None:
    row = SettingsTemplate(id="1", name="one", owner="ann", groups=["flood"], settings={})
    assert may_change(person("ann"), row)
    assert not may_change(person("ann", Role.VIEWER), row)
    assert not may_change(person("ben", Role.ANALYST, "flood"), row)
    assert may_change(person("root", Role.ADMIN), row)
    assert may_operate(person("ben", Role.ANALYST, "flood"), row)
    assert not may_operate(person("ben", Role.VIEWER, "flood"), row)
    assert not may_operate(person("ben", Role.ANALYST, "wind"), row)
    require_own_groups(person("ann", Role.ANALYST, "flood"), ["flood"])
    require_own_groups(person("root", Role.ADMIN), ["flood"])
    with pytest.raises(Problem, match="ann is not in wind"):
        require_own_groups(person("ann", Role.ANALYST, "flood"), ["flood", "wind"])


def test_models_of_other_groups_are_hidden(database: Database) -> None:
    with database.write() as session:
        session.add_all([ModelAccess(model="toy", groups=["flood"]), ModelAccess(model="shut", groups=[])])
    with database.read() as session:
        assert hidden_models(session, person("ann", Role.ANALYST, "flood")) == {"shut"}
        assert hidden_models(session, person("eve")) == {"toy", "shut"}
        assert hidden_models(session, person("max", Role.MODEL_ADMIN)) == set()


def test_roles() -> None:
    assert sorted(Role, key=lambda role: role.rank) == [Role.VIEWER, Role.ANALYST, Role.MODEL_ADMIN, Role.ADMIN]
    assert Role.ADMIN.capped("viewer") is Role.VIEWER
    assert Role.VIEWER.capped(Role.ADMIN) is Role.VIEWER
    assert Role.ANALYST.capped(None) is Role.ANALYST
    assert role_of(("a", "b"), {"a": "viewer", "b": "model_admin"}, None) is Role.MODEL_ADMIN
    assert role_of((), {"a": "admin"}, "viewer") is Role.VIEWER
    with pytest.raises(NoRole, match="no group is mapped"):
        role_of(("a",), {}, None)
