"""``python -m hub_config prepare``: what whoever starts a hub needs to know of it, and a password that is said once."""

import json
from pathlib import Path

import pytest

pytest.importorskip("nanoidp", reason="needs the extra hub")

import bcrypt
import yaml

from hub_config.__main__ import main


@pytest.fixture
def users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The embedded provider's users, of a hub whose root is new."""
    monkeypatch.setenv("OASIS_HUB_ROOT", str(tmp_path / "hub"))
    monkeypatch.setenv("OASIS_HUB_PUBLIC_URL", "http://127.0.0.1:8123")
    return tmp_path / "hub" / "provider" / "users.yaml"


def prepare(capsys: pytest.CaptureFixture[str], *more: str) -> dict:
    assert main(["prepare", *more]) == 0
    return json.loads(capsys.readouterr().out)


def demo(users: Path) -> dict:
    return yaml.safe_load(users.read_text())["users"]["demo"]


def test_a_first_start_says_where_to_log_in_and_the_password_once(
    users: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = prepare(capsys)
    assert (first["address"], first["user"]) == ("http://127.0.0.1:8123", "demo")
    assert first["groups"] == ["workbench-users"]
    assert first["service"]["hub"]["scope"] == "access:services!service=oasis"
    assert bcrypt.checkpw(first["password"].encode(), demo(users)["password"].encode())
    assert prepare(capsys) == first | {"password": None}


def test_a_new_password_leaves_the_groups(users: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = prepare(capsys, "--new-password")["password"]  # the first one is new
    groups = demo(users)["groups"]
    second = prepare(capsys, "--new-password")["password"]
    assert second not in (None, first)
    assert demo(users)["groups"] == groups == ["workbench-users", "workbench-admins"]
    assert bcrypt.checkpw(second.encode(), demo(users)["password"].encode())


def test_with_a_provider_elsewhere_nobody_is_made(
    users: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OASIS_HUB_OIDC__ISSUER", "https://id.example.org")
    assert main(["prepare"]) == 1
    assert "oidc.client_secret_file: must be given with an issuer" in capsys.readouterr().err
    monkeypatch.setenv("OASIS_HUB_OIDC__CLIENT_SECRET", "known to both")
    found = prepare(capsys)
    assert (found["user"], found["password"]) == (None, None)
    assert not users.exists()


def test_settings_that_cannot_be_used_are_said(
    users: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OASIS_HUB_PUBLIC_URL", "ftp://127.0.0.1")
    assert main(["prepare"]) == 1
    assert capsys.readouterr().err.startswith("public_url: must be an address")
