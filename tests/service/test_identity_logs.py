"""No token in what the server writes: its own output, at its most talkative, after requests with every sort."""

import io
import logging
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from loopback import Issuer, rsa_key

from oasis_kernel.service.database import Database
from oasis_kernel.service.doors import local_token
from oasis_kernel.service.migrations import upgrade
from oasis_kernel.service.redaction import Redaction, install_redaction, redact
from oasis_kernel.service.settings import ServiceSettings
from oasis_kernel.service.tokens import new_secret

SERVER = """
import logging, socket, sys, uvicorn
from fastapi import Request
from oasis_kernel.service.app import create_app
from oasis_kernel.service.settings import ServiceSettings
settings = ServiceSettings.load()
app = create_app(settings)

@app.get("/boom")
def boom(request: Request):
    raise RuntimeError(f"failed with {request.headers['authorization']}")

listening = socket.create_server(("127.0.0.1", 0))
config = uvicorn.Config(app, log_level="trace")
print(listening.getsockname()[1], flush=True)
uvicorn.Server(config).run(sockets=[listening])
"""
HUB_TOKEN = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def settings(tmp_path: Path) -> ServiceSettings:
    """Settings on SQLite: logs do not depend on the database."""
    return ServiceSettings(root=tmp_path / "service")


def ask(port: int, path: str, header: str | None) -> int:
    """The status that a request is answered with."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}")
    if header is not None:
        request.add_header("Authorization", header)
    try:
        with closing(urllib.request.urlopen(request, timeout=20)) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


def test_the_servers_output_shows_no_token(settings: ServiceSettings, tmp_path: Path) -> None:
    database = Database(settings.database_url)
    upgrade(database)
    database.close()
    machine, unknown = local_token(settings.root), new_secret()
    signed = Issuer(url="https://id.example.org", keys={"one": rsa_key()}).token("one")
    environment = {**os.environ, **settings.environment()}
    command = [sys.executable, "-c", SERVER]
    with (tmp_path / "out").open("wb") as out:
        server = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=out)
    with server:
        assert server.stdout is not None
        try:
            port = int(server.stdout.readline() or 0)
            assert port, (tmp_path / "out").read_text()
            asked = [
                ask(port, "/v1", f"Bearer {machine}"),
                ask(port, "/v1", f"token {machine}"),
                ask(port, "/v1", f"Bearer {unknown}"),
                ask(port, "/v1", f"Bearer {signed}"),
                ask(port, "/v1", f"token {HUB_TOKEN}"),
                ask(port, f"/v1/models?access_token={HUB_TOKEN}", f"Bearer {machine}"),
                ask(port, f"/v1/models?q={unknown}&x={signed}", f"Bearer {machine}"),
                ask(port, f"/v1/{unknown}", f"Bearer {machine}"),
                ask(port, "/boom", f"Bearer {machine}"),
            ]
        finally:
            server.terminate()
        rest = server.stdout.read().decode()
    written = rest + (tmp_path / "out").read_text()
    assert asked == [200, 200, 401, 401, 401, 400, 400, 404, 500], written
    for secret in (machine, unknown, signed, HUB_TOKEN):
        assert secret not in written
        assert secret[6:26] not in written
    assert written.count('"GET /v1 HTTP/1.1" 200') == 2  # the log itself is there
    assert "/v1/models?access_token=[redacted]" in written
    assert "RuntimeError: failed with Bearer [redacted]" in written
    assert "headers" in written  # the most talkative level shows them


@pytest.fixture
def log() -> Iterator[tuple[logging.Logger, io.StringIO]]:
    """A logger that redacts, and what it wrote."""
    written = io.StringIO()
    logger, handler = logging.getLogger("test-redaction"), logging.StreamHandler(written)
    handler.addFilter(Redaction())
    logger.addHandler(handler)
    logger.propagate = False
    yield logger, written
    logger.removeHandler(handler)


def test_messages_arguments_and_tracebacks_are_redacted(log: tuple[logging.Logger, io.StringIO]) -> None:
    logger, written = log
    secret = new_secret()
    logger.warning(f"made {secret}")
    logger.warning("%s asked for %d in %s", {"authorization": f"Bearer {secret}"}, 7, [secret])
    logger.warning("%(who)s came", {"who": secret})
    try:
        raise ValueError(secret)
    except ValueError:
        logger.exception("failed")
    logger.warning("with a stack", stack_info=True)
    text = written.getvalue()
    assert secret not in text
    assert "asked for 7 in ['[redacted]']" in text
    assert "ValueError: [redacted]" in text


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("Authorization: Bearer abc.def", "Authorization: Bearer [redacted]"),
        ("{'authorization': 'token 0123456789abcdef'}", "{'authorization': 'token [redacted]'}"),
        ("(b'authorization', b'Bearer eyJhbGciOiJub25l.eyJ.x')", "(b'authorization', b'Bearer [redacted]')"),
        ('"GET /v1?token=abc&x=1 HTTP/1.1"', '"GET /v1?token=[redacted]&x=1 HTTP/1.1"'),
        ("curl -H 'Authorization: Basic YTpi' x", "curl -H 'Authorization: Basic [redacted]' x"),
        ("the token expired; oasis_kernel.service failed", "the token expired; oasis_kernel.service failed"),
        ("authorization failed for 01JD9Z8Q3N5V7X1A2B3C4D5E6F", "authorization failed for 01JD9Z8Q3N5V7X1A2B3C4D5E6F"),
    ],
)
def test_what_is_blacked_out(text: str, redacted: str) -> None:
    assert redact(text) == redacted


def test_installing_twice_is_harmless() -> None:
    install_redaction()
    install_redaction()
    assert sum(isinstance(known, Redaction) for known in logging.getLogger("uvicorn.access").filters) == 1
