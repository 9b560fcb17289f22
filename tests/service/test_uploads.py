"""Uploads come in pieces over broken connections, and are what they say, or are gone."""

import hashlib
import http.client
import io
import json
import os
import socket
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from fastapi.testclient import TestClient

from oasis_kernel.errors import StorageFull
from oasis_kernel.service import housekeeping, problems, uploads
from oasis_kernel.service.archives import ArchiveLimits
from oasis_kernel.service.context import Context
from oasis_kernel.service.database import Database
from oasis_kernel.service.doors import local_token
from oasis_kernel.service.gate import Gate
from oasis_kernel.service.limits import BodyLimit
from oasis_kernel.service.routes import uploads as routes
from oasis_kernel.service.routes import users as user_routes
from oasis_kernel.service.settings import ServiceSettings
from oasis_kernel.service.tables import Upload, now

CSV = b"LocNumber,BuildingTIV\n" + b"".join(b"%d,1000\n" % number for number in range(2000))
OCTETS = "application/octet-stream"
Ask = Callable[..., Any]


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> ServiceSettings:
    return ServiceSettings(root=tmp_path / "service", database_url=database_url, max_upload_bytes=100_000)


@pytest.fixture
def app(settings: ServiceSettings, database: Database) -> FastAPI:
    app = FastAPI()
    problems.install(app)
    app.state.context, app.state.gate = Context(settings, database), Gate(settings, database)
    app.add_middleware(BodyLimit, upload_bytes=settings.max_upload_bytes)
    for router in (routes.router, user_routes.router):
        app.include_router(router)
    return app


@pytest.fixture
def ask(app: FastAPI, settings: ServiceSettings) -> Ask:
    """Ask the service: method, path, and a body as JSON or bytes."""
    client = TestClient(app, client=("127.0.0.1", 50000))
    machine = local_token(settings.root)

    def asking(method: str, path: str, token: str = machine, data: bytes | None = None, **given: Any) -> Any:
        headers = {"Authorization": f"Bearer {token}", **given.pop("headers", {})}
        if data is not None:
            return client.request(method, f"/v1{path}", headers={"Content-Type": OCTETS, **headers}, content=data)
        return client.request(method, f"/v1{path}", headers=headers, **({"json": given} if given else {}))

    return asking


@pytest.fixture
def send(ask: Ask) -> Ask:
    """Send a piece of an upload that begins at an offset."""
    return lambda path, offset, data, **headers: ask(
        "PATCH", path, data=data, headers={"Upload-Offset": str(offset), **headers}
    )


def announced(ask: Ask, data: bytes = CSV, name: str = "location.csv", kind: str = "location", **given: Any) -> str:
    answer = ask("POST", "/uploads", name=name, kind=kind, **{"size": len(data), **given})
    assert answer.status_code == 201, answer.text
    path: str = answer.headers["Location"].removeprefix("/v1")
    assert answer.json()["url"] == f"/v1{path}"
    return path


def unfinished(settings: ServiceSettings) -> list[str]:
    return sorted(path.name for path in (settings.root / "incoming").rglob("*"))


def test_a_file_in_three_pieces(ask: Ask, send: Ask, app: FastAPI, settings: ServiceSettings) -> None:
    digest = hashlib.sha256(CSV).hexdigest()
    path = announced(ask, sha256=digest.upper())
    first = send(path, 0, CSV[:5000])
    assert (first.status_code, first.headers["Upload-Offset"], first.json()["state"]) == (200, "5000", "receiving")
    second = ask("PATCH", path, data=CSV[5000:9000], headers={"Content-Range": f"bytes 5000-8999/{len(CSV)}"})
    assert second.json()["received"] == 9000
    how_far = ask("HEAD", path)
    assert (how_far.headers["Upload-Offset"], how_far.headers["Upload-Length"]) == ("9000", str(len(CSV)))
    assert how_far.text == ""
    done = send(path, 9000, CSV[9000:]).json()
    assert (done["state"], done["sha256"], done["received"], done["size"]) == ("complete", digest, len(CSV), len(CSV))
    with app.state.context.database.read() as session:
        row = session.get_one(Upload, done["id"])
    artefacts = app.state.context.artefacts
    assert artefacts.local_url(row.url, row.sha256).read_bytes() == CSV
    assert artefacts.local_url(row.url).name == "location.csv"
    assert unfinished(settings) == []
    again = send(path, len(CSV), b"more")
    assert (again.status_code, again.json()["detail"]) == (409, f"Upload {done['id']} is complete: it takes no more")
    assert [item["id"] for item in ask("GET", "/uploads?state=complete").json()["items"]] == [done["id"]]
    assert ask("DELETE", path).status_code == 204
    assert ask("GET", path).status_code == 404


def test_a_file_of_unknown_size(ask: Ask, send: Ask) -> None:
    path = announced(ask, size=None)
    assert send(path, 0, CSV[:100]).json()["state"] == "receiving"
    done = send(path, 100, CSV[100:], **{"Upload-Complete": "1"}).json()
    assert (done["state"], done["size"]) == ("complete", len(CSV))


def test_a_piece_that_does_not_fit_on_is_refused(ask: Ask, send: Ask) -> None:
    path = announced(ask)
    send(path, 0, CSV[:100])
    for offset in (0, 99, 101, 10**9):
        answer = send(path, offset, CSV[:100])
        assert (answer.status_code, answer.headers["Upload-Offset"]) == (409, "100")
        assert answer.json()["remedy"] == "Go on from 100"
        assert answer.headers["content-type"] == "application/problem+json"
    assert ask("PATCH", path, data=b"x").status_code == 422
    too_much = send(path, 100, CSV)
    assert (too_much.status_code, too_much.json()["detail"]) == (
        413,
        f"The file must not be larger than {len(CSV):,} bytes",
    )
    assert ask("GET", path).json()["received"] == 100, "nothing of it stays"


def test_size_is_bounded(ask: Ask, send: Ask) -> None:
    answer = ask("POST", "/uploads", name="location.csv", kind="location", size=100_001)
    assert (answer.status_code, answer.json()["detail"]) == (413, "An upload must not be larger than 100,000 bytes")
    path = announced(ask, size=None)
    assert send(path, 0, b"x" * 100_001).status_code == 413
    assert send(path, 0, b"x" * 60_000).status_code == 200
    assert send(path, 60_000, b"x" * 60_000).status_code == 413
    assert ask("GET", path).json()["received"] == 60_000


def test_a_user_has_only_so_many_open(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "MOST_OPEN", 2)
    announced(ask)
    announced(ask)
    answer = ask("POST", "/uploads", name="location.csv", kind="location", size=1)
    assert (answer.status_code, answer.json()["detail"]) == (409, "local has 2 unfinished uploads")


def archive(**files: bytes) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, data in files.items():
            opened.writestr(f"{name}.csv", data)
    return sink.getvalue()


@pytest.mark.parametrize(
    ("name", "kind", "data", "message"),
    [
        (
            "location.csv",
            "location",
            b"PK\x03\x04" + CSV,
            "location.csv: must be csv text, as its name says, got 'zip'",
        ),
        ("location.xlsx", "location", archive(a=CSV), "location.xlsx: must end in one of .csv, "),
        ("p.zip", "archive", archive(location=CSV, readme=b"x"), "p.zip/readme.csv: must say by its name which table"),
        ("p.zip", "archive", CSV, "p.zip: must be zip, as its name says"),
        ("p.zip", "archive", archive(location=b"0" * 3_000_000), "p.zip: must not expand to more than "),
    ],
)
def test_what_it_is_not_is_gone(
    ask: Ask, send: Ask, settings: ServiceSettings, monkeypatch, name: str, kind: str, data: bytes, message: str
) -> None:
    monkeypatch.setattr(uploads, "LIMITS", ArchiveLimits(free_bytes=1_000_000))
    path = announced(ask, data, name, kind, size=None)
    send(path, 0, data[:10])
    answer = send(path, 10, data[10:], **{"Upload-Complete": "true"})
    assert answer.status_code == 422
    (finding,) = answer.json()["findings"]
    assert f"{finding['file']}: {finding['message']}, got {finding['value']!r}".startswith(message)
    assert finding["remedy"]
    assert ask("GET", path).json()["state"] == "failed"
    assert unfinished(settings) == []
    assert list((settings.root / "artefacts").rglob("*.*")) == []


def test_a_whole_portfolio_in_a_zip(ask: Ask, send: Ask) -> None:
    data = archive(location=CSV, account=b"AccNumber\n1\n")
    assert send(announced(ask, data, "p.zip", "archive"), 0, data).json()["state"] == "complete"


def test_another_file_than_announced_is_gone(ask: Ask, send: Ask, settings: ServiceSettings) -> None:
    path = announced(ask, sha256="0" * 64)
    answer = send(path, 0, CSV)
    assert (answer.status_code, answer.json()["findings"][0]["rule"]) == (422, "upload_checksum")
    assert unfinished(settings) == []


def test_names_lead_nowhere(ask: Ask, send: Ask, settings: ServiceSettings) -> None:
    path = announced(ask, name="../../..\\x/etc/cron.d/location.csv")
    assert ask("GET", path).json()["name"] == "location.csv"
    assert send(path, 0, CSV).json()["state"] == "complete"
    inside = {
        file.relative_to(settings.root / "artefacts").parts[0] for file in (settings.root / "artefacts").rglob("*")
    }
    assert inside == {"uploads"}
    for given in ({"kind": "model"}, {"size": 0}, {"name": ""}, {"sha256": "x"}, {"other": 1}):
        body = {"name": "a.csv", "kind": "location", **given}
        assert ask("POST", "/uploads", **body).status_code == 422


def test_an_upload_is_its_owners(ask: Ask, send: Ask) -> None:
    tokens = []
    for name, role in (("ann", "analyst"), ("ben", "analyst"), ("vic", "viewer")):
        user = ask("POST", "/users", name=name, role=role).json()
        tokens.append(ask("POST", f"/users/{user['id']}/tokens", name="first").json()["token"])
    ann, ben, vic = tokens
    path = ask("POST", "/uploads", ann, name="a.csv", kind="location", size=3).headers["Location"].removeprefix("/v1")
    for method in ("GET", "HEAD", "PATCH", "DELETE"):
        given: dict[str, Any] = {"data": b"x", "headers": {"Upload-Offset": "0"}} if method == "PATCH" else {}
        assert ask(method, path, ben, **given).status_code == 404
        assert ask(method, path, vic, **given).status_code == 403
    assert ask("GET", "/uploads", ben).json()["items"] == []
    assert ask("GET", path, ann).status_code == 200
    assert ask("GET", path).status_code == 200, "an admin sees it"


def test_a_full_disk_is_said_and_the_upload_can_go_on(
    ask: Ask, send: Ask, monkeypatch: pytest.MonkeyPatch, settings: ServiceSettings
) -> None:
    path = announced(ask)
    send(path, 0, CSV[:100])
    with monkeypatch.context() as patch:
        patch.setattr(uploads.os, "write", lambda descriptor, data: (_ for _ in ()).throw(OSError(28, "No space left")))
        answer = send(path, 100, CSV[100:])
    assert answer.status_code == 507
    assert "must have room for what is written, and is full: No space left" in answer.json()["detail"]
    assert ask("GET", path).json()["received"] == 100
    with monkeypatch.context() as patch:
        patch.setattr(uploads.Artefacts, "put_file", lambda *_: (_ for _ in ()).throw(StorageFull("full")))
        assert send(path, 100, CSV[100:]).status_code == 507
    assert ask("GET", path).json()["received"] == len(CSV), "whole, and not stored yet"
    assert send(path, len(CSV), b"").json()["state"] == "complete"


def test_what_nobody_sends_to_or_uses_is_removed(
    ask: Ask, send: Ask, settings: ServiceSettings, database: Database
) -> None:
    waiting, whole, young = announced(ask), announced(ask), announced(ask)
    for path in (waiting, young):
        send(path, 0, CSV[:10])
    send(whole, 0, CSV)
    with database.write() as session:
        for path in (waiting, whole):
            session.get_one(Upload, path.rsplit("/", 1)[1]).expires = now() - timedelta(seconds=1)
    housekeeping.tidy(database, settings)
    assert [ask("GET", path).status_code for path in (waiting, whole, young)] == [404, 404, 200]
    assert unfinished(settings) == [young.rsplit("/", 1)[1] + ".part"]


@pytest.fixture
def server(app: FastAPI) -> Iterator[int]:
    """The port of a real server."""
    served = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning"))
    thread = threading.Thread(target=served.run)
    thread.start()
    while not served.started:
        time.sleep(0.01)
    yield served.servers[0].sockets[0].getsockname()[1]
    served.should_exit = True
    thread.join()


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_broken_connection_leaves_what_came(
    ask: Ask, send: Ask, server: int, settings: ServiceSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = announced(ask)
    head = {"Authorization": f"Bearer {local_token(settings.root)}", "Content-Type": OCTETS, "Upload-Offset": "0"}
    connection = http.client.HTTPConnection("127.0.0.1", server)
    connection.putrequest("PATCH", f"/v1{path}")
    for name, value in {**head, "Content-Length": str(len(CSV))}.items():
        connection.putheader(name, value)
    connection.endheaders(CSV[:4000])
    until(lambda: unfinished(settings) != [])
    busy = send(path, 0, CSV)
    assert busy.status_code == 409
    assert busy.json()["detail"].startswith("Another request is sending to upload")
    connection.close()
    until(lambda: ask("GET", path).json()["received"] == 4000)
    until(lambda: send(path, 4000, CSV[4000:5000]).status_code == 200)

    monkeypatch.setattr(routes, "SILENCE_SECONDS", 0.3)
    connection = http.client.HTTPConnection("127.0.0.1", server)
    connection.request(
        "PATCH", f"/v1{path}", CSV[5000:6000], {**head, "Upload-Offset": "5000", "Content-Length": "9999"}
    )
    silent = connection.getresponse()
    assert silent.status == 408
    assert json.loads(silent.read())["remedy"] == "Ask how far the upload is, and go on from there"
    connection.close()
    assert send(path, 6000, CSV[6000:]).json()["state"] == "complete"


SERVER = """
import sys, uvicorn
from oasis_kernel.service.app import create_app
from oasis_kernel.service.settings import ServiceSettings

uvicorn.run(create_app(ServiceSettings.load()), host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
"""


@contextmanager
def process(settings: ServiceSettings) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """The service in a process of its own, and its address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {**os.environ, **settings.environment()}
    running = subprocess.Popen([sys.executable, "-c", SERVER, str(port)], env=environment)
    try:
        until(lambda: _answers(port))
        yield running, f"http://127.0.0.1:{port}/v1"
    finally:
        running.kill()
        running.wait()


def _answers(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


@pytest.mark.slow
def test_a_killed_service_leaves_an_upload_that_goes_on(settings: ServiceSettings, database: Database) -> None:
    data = CSV * 200
    settings = settings.model_copy(update={"max_upload_bytes": 10**8})
    head = {"Authorization": f"Bearer {local_token(settings.root)}"}

    def half() -> Iterator[bytes]:
        yield data[: 3 * 2**20]
        until(lambda: uploads.Incoming.of(settings).received(path.rsplit("/", 1)[1]) >= 2 * 2**20)
        running.kill()
        yield data[3 * 2**20 :]

    with process(settings) as (running, address):
        asked = {"name": "location.csv", "kind": "location", "size": len(data)}
        path = httpx.post(f"{address}/uploads", json=asked, headers=head).json()["url"].removeprefix("/v1")
        piece = {**head, "Content-Type": OCTETS, "Upload-Offset": "0"}
        with pytest.raises(httpx.TransportError):
            httpx.patch(address + path, content=half(), headers=piece)
    assert [row.suffix for row in (settings.root / "incoming").iterdir()] == [".part"]
    with process(settings) as (running, address):
        offset = int(httpx.head(address + path, headers=head).headers["Upload-Offset"])
        assert 2 * 2**20 <= offset < len(data)
        piece = {**head, "Content-Type": OCTETS, "Upload-Offset": str(offset)}
        done = httpx.patch(address + path, content=data[offset:], headers=piece, timeout=60).json()
    assert (done["state"], done["sha256"]) == ("complete", hashlib.sha256(data).hexdigest())
