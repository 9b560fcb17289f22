"""Following an analysis over a real connection to a real server process: live, with heartbeats, taken up again."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from rest_service import Rest, rest_service

from oasis_kernel.service import runs
from oasis_kernel.service.settings import ServiceSettings

SERVER = """
import uvicorn
from oasis_kernel.service.app import create_app
from oasis_kernel.service.routes import events
from oasis_kernel.service.settings import ServiceSettings
events.HEARTBEAT_SECONDS = 0.5
settings = ServiceSettings.load()
uvicorn.run(create_app(settings), host=settings.host, port=settings.port, log_level="warning")
"""


@contextmanager
def _server(settings: ServiceSettings) -> Iterator[str]:
    """The address of a server process over the settings."""
    environment = {**os.environ, **settings.environment()}
    process = subprocess.Popen([sys.executable, "-c", SERVER], env=environment)
    address = f"http://127.0.0.1:{settings.port}"
    try:
        for _ in range(600):
            assert process.poll() is None, "the server ended"
            try:
                if httpx.get(f"{address}/healthz", timeout=5).status_code == 200:
                    break
            except httpx.TransportError:
                time.sleep(0.1)
        yield address
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Rest, str]]:
    """The service in a process of its own, and the same database from here."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = ServiceSettings(root=tmp_path_factory.mktemp("served"), port=port)
    with rest_service(settings) as rest, _server(settings) as address:
        yield rest, address


def _queued(rest: Rest) -> str:
    with rest.database.write() as session:
        values: dict[str, Any] = {"name": "R", "owner": "ann", "model": "toy-wind", "request": {}}
        return runs.create(session, **values).id


def _blocks(response: httpx.Response) -> Iterator[dict[str, str]]:
    """The blocks of a stream: events as they are, comments under ``comment``."""
    lines: list[str] = []
    for line in response.iter_lines():
        if line:
            lines.append(line)
            continue
        yield {"comment" if line.startswith(":") else line.split(": ", 1)[0]: line.split(": ", 1)[-1] for line in lines}
        lines = []


def test_events_come_as_they_happen_and_can_be_taken_up_again(served: tuple[Rest, str]) -> None:
    rest, address = served
    run_id = _queued(rest)
    url = f"{address}/v1/analyses/{run_id}/events"
    headers = {"Authorization": f"Bearer {rest.secrets['ann']}"}
    with httpx.stream("GET", url, headers=headers, timeout=30) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        assert response.headers["cache-control"] == "no-store"
        blocks = _blocks(response)
        assert "comment" in next(blocks)
        first = next(blocks)
        assert json.loads(first["data"])["state"] == "queued"
        assert next(blocks) == {"comment": "still here"}
        with rest.database.write() as session:
            claimed = runs.claim(session, "test")
            assert claimed is not None
        began = time.monotonic()
        second = next(block for block in blocks if "event" in block)
        assert json.loads(second["data"])["state"] == "checking"
        assert time.monotonic() - began < 5

    def finish() -> None:
        time.sleep(0.3)
        with rest.database.write() as session:
            runs.progress(session, run_id, 1, "losses", 5, 10)
        with rest.database.write() as session:
            runs.request_cancel(session, run_id)
            runs.cancelled(session, run_id, 1)

    threading.Thread(target=finish).start()
    with httpx.stream("GET", url, headers={**headers, "Last-Event-ID": second["id"]}, timeout=30) as response:
        events = [block for block in _blocks(response) if "event" in block]
    kinds = [event["event"] for event in events]
    assert kinds == ["state", "progress", "state", "state", "end"]
    assert json.loads(events[1]["data"])["done"] == 5
    assert json.loads(events[-1]["data"]) == {"state": "cancelled"}
    assert int(events[0]["id"]) > int(second["id"])


def test_a_follower_of_a_deleted_run_is_told_the_end(served: tuple[Rest, str]) -> None:
    rest, address = served
    run_id = _queued(rest)
    headers = {"Authorization": f"Bearer {rest.secrets['ann']}"}
    with httpx.stream("GET", f"{address}/v1/analyses/{run_id}/events", headers=headers, timeout=30) as response:
        blocks = _blocks(response)
        next(blocks)
        with rest.database.write() as session:
            runs.delete(session, run_id)
        assert [block for block in blocks if "event" in block][-1]["event"] == "end"


def test_the_description_is_published_and_open(served: tuple[Rest, str]) -> None:
    _, address = served
    found = httpx.get(f"{address}/v1/openapi.json", timeout=30).json()
    assert found["openapi"].startswith("3.")
    for path, methods in found["paths"].items():
        for method, operation in methods.items():
            where = f"{method} {path}"
            assert operation["summary"], where
            assert operation["description"], where
            assert operation["tags"], where
            if path not in ("/healthz",):
                assert "401" in operation["responses"], where
                refused = operation["responses"]["401"]["content"]
                assert list(refused) == ["application/problem+json"], where
                assert operation["security"], where
    assert "ProblemView" in found["components"]["schemas"]
    assert httpx.get(f"{address}/docs", timeout=30).status_code == 200
