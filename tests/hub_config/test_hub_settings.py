"""Settings: one place for names, defaults, meaning; errors that say what, which, got, and what next."""

import json
from pathlib import Path

import pytest

from hub_config.__main__ import main
from hub_config.secret_files import client_secret, made_once, read_private
from hub_config.settings import FILE, HubSettings, SettingsError, all_settings, settings_table

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "operator" / "hub.md"


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OASIS_HUB_ROOT", str(tmp_path / "hub"))
    monkeypatch.delenv(FILE, raising=False)


def load(tmp_path: Path, text: str) -> HubSettings:
    path = tmp_path / "hub.toml"
    path.write_text(text, encoding="utf-8")
    return HubSettings.load(path)


def test_nothing_needs_to_be_set() -> None:
    settings = HubSettings.load()
    assert settings.embedded
    assert settings.issuer == "http://127.0.0.1:8082"
    assert settings.spawner.kind == "local"


def test_a_file_and_over_it_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OASIS_HUB_OIDC__ALLOWED_GROUPS", "flood, wind")
    monkeypatch.setenv("OASIS_HUB_SPAWNER__CPU", "0.5")
    settings = load(tmp_path, '[spawner]\ncpu = 4\nkind = "kube"\n[access.roles]\nflood = "analyst"\n')
    assert settings.oidc.allowed_groups == ("flood", "wind")
    assert (settings.spawner.cpu, settings.spawner.kind) == (0.5, "kube")
    assert settings.access.roles == {"flood": "analyst"}


def test_the_environment_can_name_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "any.toml"
    path.write_text("hub_port = 9000", encoding="utf-8")
    monkeypatch.setenv(FILE, str(path))
    assert HubSettings.load().hub_port == 9000


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "hub_port = 99999",
            "hub_port: input should be less than or equal to 65535, got 99999. It is the port",
        ),
        ('spawner.kind = "swarm"', "spawner.kind: input should be 'local', 'docker' or 'kube', got 'swarm'. It is "),
        (
            'oidc.issuer = "http://id.example.org"',
            "oidc.issuer: must be https, because it is not on this machine, got ",
        ),
        ('spawner.memory = "2G"', "spawner.memory: is not a known setting. Known here: kind, image, memory_bytes"),
        ('public_url = "https://hub.example.org"', "oidc.issuer: must be given, because the embedded provider serves"),
        ("oidc.allowed_groups = []\noidc.admin_groups = []", "oidc.allowed_groups: must name a group, or nobody"),
        ('oidc.scopes = ["profile"]', "oidc.scopes: must hold openid, or there is no ID token. Add it"),
        ('oidc.client_secret = "x"', "oidc.client_secret: must not be in this file. Set OASIS_HUB_OIDC__CLIENT_SECRET"),
        ("= 3", "hub.toml: cannot be read: "),
        ('access.roles.flood = "boss"', "access.roles.flood: input should be 'viewer', 'analyst', "),
    ],
)
def test_errors_name_setting_value_and_remedy(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(SettingsError) as error:
        load(tmp_path, text)
    assert said in str(error.value)


def test_a_misspelt_variable_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OASIS_HUB_OIDC__ISUER", "https://id.example.org")
    with pytest.raises(
        SettingsError, match=r"OASIS_HUB_OIDC__ISUER: is not a known setting. Did you mean OASIS_HUB_OIDC__ISSUER"
    ):
        HubSettings.load()


def test_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OASIS_HUB_OIDC__CLIENT_SECRET", "hush-hush")
    monkeypatch.setenv("OASIS_HUB_DATABASE_URL", "postgresql://hub:hush-hush@db/hub")
    settings = HubSettings.load()
    assert "hush" not in repr(settings) + str(settings.model_dump()) + settings.model_dump_json()
    assert client_secret(settings) == "hush-hush"
    monkeypatch.setenv("OASIS_HUB_HUB_PORT", "0")
    with pytest.raises(SettingsError) as error:
        HubSettings.load()
    assert "hush" not in str(error.value)


def test_a_secret_is_made_once_and_for_its_owner_only() -> None:
    settings = HubSettings.load()
    made = made_once(settings, "cookies")
    assert len(bytes.fromhex(made)) == 32
    assert made_once(settings, "cookies") == made != made_once(settings, "proxy")
    assert (settings.folder / "secrets" / "cookies").stat().st_mode & 0o777 == 0o600


def test_a_secret_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "client-secret"
    path.write_text("hush", encoding="utf-8")
    path.chmod(0o644)
    with pytest.raises(
        SettingsError, match=r"client-secret: must not be readable by others, got mode 644. chmod 600 it"
    ):
        read_private(path)


def test_an_issuer_needs_a_secret(tmp_path: Path) -> None:
    settings = load(tmp_path, 'oidc.issuer = "https://id.example.org/"')
    assert settings.issuer == "https://id.example.org/"  # letter by letter, with its slash
    with pytest.raises(SettingsError, match=r"oidc.client_secret_file: must be given with an issuer. Name the file"):
        client_secret(settings)


def test_the_command_answers_and_checks(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert main(["file"]) == 0
    assert Path(capsys.readouterr().out.strip()).is_file()
    assert main(["service"]) == 0
    assert json.loads(capsys.readouterr().out)["hub"]["scope"] == "access:services!service=oasis"
    monkeypatch.setenv("OASIS_HUB_OIDC__ISSUER", "https://id.example.org")
    assert main(["check"]) == 1
    assert "oidc.client_secret_file: must be given" in capsys.readouterr().err


def test_every_setting_is_described_and_documented() -> None:
    assert all(field.description for _, field in all_settings())
    assert settings_table() in DOCUMENT.read_text(encoding="utf-8")
