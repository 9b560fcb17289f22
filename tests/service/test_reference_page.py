"""The page of all calls: complete, and without a request to anywhere else."""

import re
from pathlib import Path

from fastapi.testclient import TestClient

from oasis_kernel.service.app import create_app
from oasis_kernel.service.database import Database
from oasis_kernel.service.migrations import upgrade
from oasis_kernel.service.reference_page import reference_page
from oasis_kernel.service.settings import ServiceSettings


def test_every_call_is_on_the_page_which_loads_nothing(tmp_path: Path) -> None:
    settings = ServiceSettings(root=tmp_path)
    database = Database(settings.database_url)
    upgrade(database)
    database.close()
    app = create_app(settings)
    with TestClient(app) as client:
        answer = client.get("/docs")
        described = client.get("/v1/openapi.json").json()
    assert answer.status_code == 200
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    calls = [f"{verb.upper()}</span> {path}<" for path, verbs in described["paths"].items() for verb in verbs]
    assert len(calls) > 50
    assert [call for call in calls if call not in answer.text] == []
    assert re.findall(r"(?:src|href)=[\"']([^\"']*)", answer.text) == ["/v1/openapi.json"]
    assert "<script" not in answer.text


def test_what_is_described_is_text() -> None:
    described = {"info": {"title": "<b>", "version": "1"}, "paths": {"/<i>": {"get": {"summary": "<script>"}}}}
    assert not re.search(r"<(b|i|script)>", reference_page(described))
