"""Who may do what: every route of the OpenAPI description with every role, and the invisible stays so everywhere."""

import itertools
import socket
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
import uvicorn
from rest_service import Rest, rest_service
from routes_and_roles import ROUTES, WHO
from sqlalchemy import select

from oasis_kernel.service import runs
from oasis_kernel.service.routes import events
from oasis_kernel.service.settings import ServiceSettings
from oasis_kernel.service.tables import (
    ChunkRow,
    Group,
    Portfolio,
    PortfolioVersion,
    Run,
    SettingsTemplate,
    Token,
    Upload,
    User,
    now,
)
from oasis_kernel.service.tokens import create_token

REFUSALS = ("401", "403", "404", "429")
TINY = (
    b"PortNumber,AccNumber,LocNumber,CountryCode,Latitude,Longitude,LocPerilsCovered,BuildingTIV,OtherTIV,"
    b"ContentsTIV,BITIV,LocCurrency,OccupancyCode,ConstructionCode\n"
    b"1,A,1,US,25.4611,-80.5867,WW1,1000,0,0,0,USD,1051,5100\n"
)


class World:
    """Things of Ann's, shared with her group, made anew for each request so that none sees what another did."""

    def __init__(self, rest: Rest):
        self.rest = rest
        self.numbers = itertools.count()
        sent = {"name": "Tiny", "groups": ["quants"]}
        made = rest["ann"].post("/v1/portfolios", data=sent, files={"location": ("location.csv", TINY)})
        assert made.status_code == 201, made.text
        with rest.database.read() as session:
            self.files = dict(session.get_one(PortfolioVersion, made.json()["latest"]["id"]).files)

    def fresh(self) -> dict[str, str]:
        """The ids of new things, by the names that paths have for them."""
        number = next(self.numbers)
        shared: dict[str, Any] = {"owner": "ann", "groups": ["quants"]}
        with self.rest.database.write() as session:
            portfolio = Portfolio(name="Tiny", **shared)
            template = SettingsTemplate(name="Usual", settings={}, **shared)
            person = User(name=f"person-{number}", role="analyst")
            ann = session.scalars(select(User).where(User.name == "ann")).one()
            upload = Upload(owner="ann", kind="location", name="a.csv", size=10, state="receiving")
            session.add_all([portfolio, template, person, upload, Group(name=f"others-{number}")])
            session.flush()
            files = {"number": 1, "files": self.files, "created_by": "ann"}
            version = PortfolioVersion(portfolio_id=portfolio.id, **files)
            session.add(version)
            session.flush()
            # In the queue, and deletable only once cancelled, which is a 409 to those who may delete.
            run = runs.create(
                session, name="Run", model="toy-wind", portfolio_id=None, version_id=None, request={}, **shared
            )
            chunk = ChunkRow(run_id=run.id, number=1, events={"first": 1, "last": 9, "count": 9}, event_ids=b"")
            session.add(chunk)
            token = create_token(session, ann, "spare", now() + timedelta(days=1)).row
            made = {"portfolio_id": portfolio, "template_id": template, "user_id": person, "upload_id": upload}
            ids = {name: str(row.id) for name, row in made.items()}
            return ids | {
                "analysis_id": run.id,
                "token_id": token.id,
                "number": "1",
                "kind": "location",
                "table": "gul_S1_ept",
                "unique": str(number),
            }

    def ask(self, who: str, operation: str) -> Any:
        """The answer to a request of the table."""
        route = ROUTES[operation]
        method, path = operation.split(" ")
        ids = self.fresh()
        unique = {**ids, "number": ids["unique"]}  # in names; in paths, number is a version's or a chunk's
        ids["name"] = route.name.format(**unique)
        body = filled(route.body, unique)
        url = (path + route.query).format(**ids)
        given = {"json": body} if body is not None else {}
        return self.rest[who].request(method, url, headers=route.headers, **given)


def filled(value: Any, ids: dict[str, str]) -> Any:
    """The value with ids put in for their names."""
    if isinstance(value, dict):
        return {name: filled(item, ids) for name, item in value.items()}
    if isinstance(value, list):
        return [filled(item, ids) for item in value]
    return value.format(**ids) if isinstance(value, str) else value


def operations(rest: Rest) -> set[str]:
    """Every operation of the OpenAPI description, as the table names them."""
    paths = rest.app.openapi()["paths"]
    methods = {"get", "put", "post", "patch", "delete", "head", "options"}
    return {f"{method.upper()} {path}" for path, item in paths.items() for method in item if method in methods}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with rest_service(ServiceSettings(root=tmp_path_factory.mktemp("world"), port=0)) as rest:
        yield World(rest)


def test_every_route_has_its_row(world: World) -> None:
    there = operations(world.rest)
    assert sorted(there - set(ROUTES)) == [], "routes that the table does not have: say who may use them"
    assert sorted(set(ROUTES) - there) == [], "rows of routes that are not there"


@pytest.mark.parametrize("who", WHO)
def test_every_route_answers_each_role_as_the_table_says(world: World, who: str) -> None:
    wrong = []
    for operation in sorted(operations(world.rest) & set(ROUTES)):
        expected = ROUTES[operation].expected[WHO.index(who)]
        answer = world.ask(who, operation)
        status = str(answer.status_code)
        got = status if status in REFUSALS or status >= "500" else "ok"
        if got != expected:
            wrong.append(f"{operation}: {expected} expected, got {status} {answer.text[:200]}")
        if status == "401":
            assert answer.headers["WWW-Authenticate"].startswith("Bearer"), operation
            assert answer.headers["content-type"] == "application/problem+json", operation
    assert wrong == []


def test_lists_leave_out_what_is_invisible(rest: Rest) -> None:
    """On both databases: the filters are SQL."""
    ids = World(rest).fresh()
    for path, name in (
        ("portfolios", "portfolio_id"),
        ("settings-templates", "template_id"),
        ("analyses", "analysis_id"),
    ):
        for who, sees in zip(WHO[1:], (True, True, True, False, True, False), strict=True):
            listed = rest[who].get(f"/v1/{path}?limit=500").json()
            assert (ids[name] in [item["id"] for item in listed["items"]]) is sees, (path, who)
            assert (listed["total"] > 0) is sees, (path, who)
    for who, own in (("ann", 1), ("bob", 0), ("eve", 0)):
        assert rest[who].get("/v1/uploads").json()["total"] == own
    for who, sees in (("bob", True), ("eve", False), ("mona", False)):
        queue = rest[who].get("/v1/cluster").json()["queue"]
        assert (f"/v1/analyses/{ids['analysis_id']}" in [item["url"] for item in queue["items"]]) is sees


def test_what_is_invisible_cannot_be_used(rest: Rest) -> None:
    """To name an invisible thing in a body is answered as if there were none of that id."""
    world = World(rest)
    ids, own = world.fresh(), world.fresh()
    with rest.database.write() as session:
        session.get_one(Portfolio, own["portfolio_id"]).owner = "eve"
        session.get_one(Run, own["analysis_id"]).owner = "eve"
    eve = rest["eve"]
    asked = {"model": "toy-wind", "start": False}
    template = {**asked, "portfolio": own["portfolio_id"], "template": ids["template_id"]}
    for path in ("/v1/analyses", "/v1/analyses/check", "/v1/analyses/estimate"):
        for body in ({**asked, "portfolio": ids["portfolio_id"]}, template):
            nobodys = {name: "0" * 26 if value in ids.values() else value for name, value in body.items()}
            refused, unknown = eve.post(path, json=body), eve.post(path, json=nobodys)
            assert refused.status_code == unknown.status_code == 404, (path, body, refused.text)
            assert set(refused.json()) == set(unknown.json())
    assert eve.get(f"/v1/compare?a={own['analysis_id']}&b={ids['analysis_id']}").status_code == 404


def test_models_are_seen_by_the_groups_they_are_given_to(rest: Rest) -> None:
    ids = World(rest).fresh()
    given = rest["root"].put("/v1/models/toy-wind/access", json={"groups": ["quants"]})
    assert given.json()["groups"] == ["quants"]
    body = {"model": "toy-wind", "portfolio": ids["portfolio_id"], "start": False}
    for who, sees in (("vera", True), ("ann", True), ("mona", True), ("root", True), ("eve", False)):
        names = [item["name"] for item in rest[who].get("/v1/models").json()["items"]]
        assert ("toy-wind" in names) is sees
        assert rest[who].get("/v1/models/toy-wind").status_code == (200 if sees else 404)
    with rest.database.write() as session:
        session.get_one(Portfolio, ids["portfolio_id"]).groups = ["others", "quants"]
    eve = rest["eve"]
    hidden = [
        eve.post("/v1/analyses", json=body),
        eve.post("/v1/analyses/check", json=body),
        eve.post("/v1/analyses/estimate", json=body),
        eve.post("/v1/keys", json={"model": "toy-wind", "locations": [{"CountryCode": "US"}]}),
        eve.post(f"/v1/portfolios/{ids['portfolio_id']}/keys", json={"model": "toy-wind"}),
        eve.post(f"/v1/portfolios/{ids['portfolio_id']}/check", json={"model": "toy-wind"}),
    ]
    assert [answer.status_code for answer in hidden] == [404] * len(hidden)
    # a name that is nearly a hidden model's must not bring the hidden one to light
    nearly = eve.post("/v1/analyses/check", json={**body, "model": "toy-wimd"})
    assert nearly.status_code in (404, 422)
    assert "toy-wind" not in nearly.text
    assert rest["ann"].post("/v1/analyses", json=body).status_code == 201


def test_results_of_others_do_not_exist(finished: tuple[Rest, dict[str, Any]]) -> None:
    """A completed analysis, not shared: its owner reads everything, her colleague nothing, until she shares it."""
    rest, made = finished
    parts = ["", "/results", "/results/gul_S1_ept", "/results.zip", "/files/gul_S1_ept.csv", "/summary", "/ep"]
    paths = [made["url"] + part for part in [*parts, "/ep.png", "/chunks", "/log", "/findings", "/events?wait=false"]]

    def statuses(who: str) -> set[int]:
        return {rest[who].get(path).status_code for path in paths}

    try:
        assert statuses("ann") == {200}
        for who in ("bob", "vera", "mona", "eve"):
            assert statuses(who) == {404}, who
        assert rest["ann"].patch(made["url"], json={"groups": ["others"]}).status_code == 403  # not a group of hers
        assert rest["ann"].patch(made["url"], json={"groups": ["quants"]}).status_code == 200
        assert statuses("vera") == {200}
        assert statuses("eve") == {404}
    finally:
        rest["ann"].patch(made["url"], json={"groups": []})


def test_what_if_needs_the_portfolio_too(finished: tuple[Rest, dict[str, Any]]) -> None:
    """To share an analysis does not share the tables of its portfolio, which a change of one would copy."""
    rest, made = finished
    try:
        rest["ann"].patch(made["url"], json={"groups": ["quants"]})
        refused = rest["bob"].post(f"{made['url']}/whatif", json={"without_account": "HOMES"})
        assert refused.status_code == 404
        assert refused.json()["detail"].startswith("There is no portfolio")
    finally:
        rest["ann"].patch(made["url"], json={"groups": []})


def test_a_follower_is_sent_away_once_access_ends(rest: Rest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "ACCESS_SECONDS", 0.5)
    path = f"/v1/analyses/{World(rest).fresh()['analysis_id']}"
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(rest.app, lifespan="off", log_level="warning"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    address = f"http://127.0.0.1:{listening.getsockname()[1]}{path}/events"
    headers = {"Authorization": f"Bearer {rest.secrets['bob']}"}
    try:
        with httpx.Client(timeout=30) as client, client.stream("GET", address, headers=headers) as stream:
            assert stream.status_code == 200
            lines = stream.iter_lines()
            assert next(lines) == ": follow"
            assert rest["ann"].patch(path, json={"groups": []}).status_code == 200
            assert "event: end" not in list(lines)  # it ends, and tells nothing of the run's end
            assert client.get(address, headers=headers).status_code == 404
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


def test_access_ends_with_the_token_the_role_and_the_group(rest: Rest) -> None:
    ids = World(rest).fresh()
    path = f"/v1/analyses/{ids['analysis_id']}"
    root = rest["root"]
    bob = next(item for item in root.get("/v1/users").json()["items"] if item["name"] == "bob")
    assert rest["bob"].post(f"{path}/cancel").status_code == 202
    root.patch(f"/v1/users/{bob['id']}", json={"role": "viewer"})
    assert rest["bob"].post(f"{path}/resume").status_code == 403
    root.patch(f"/v1/users/{bob['id']}", json={"groups": []})
    assert rest["bob"].get(path).status_code == 404
    with rest.database.write() as session:
        for token in session.scalars(select(Token).where(Token.user_id == bob["id"])):
            token.revoked = now()
    assert rest["bob"].get("/v1").status_code == 401


@pytest.mark.parametrize("odd", ["%00", "x" * 300, "..%2f..%2fetc", "%E2%82%AC", "' OR '1'='1"])
def test_odd_ids_name_nothing(rest: Rest, odd: str) -> None:
    """On both databases: PostgreSQL refuses texts that SQLite looks for."""
    for operation in sorted(operations(rest)):
        method, path = operation.split(" ")
        parameters = [name for name in ("{portfolio_id}", "{analysis_id}", "{template_id}") if name in path]
        parameters += [name for name in ("{token_id}", "{user_id}", "{upload_id}", "{name}") if name in path]
        if method == "POST" or not parameters:
            continue
        body = ROUTES[operation].body or {}
        url = path.replace(parameters[0], odd).format(number=1, kind="location", table="gul_S1_ept", name="x")
        answer = rest["root"].request(method, url, json=filled(body, {"number": "1"}))
        assert answer.status_code in (404, 405, 422), (operation, answer.status_code, answer.text)
