"""Secrets that the hub makes for itself, in files that only their owner can read."""

import os
import secrets
import stat
from pathlib import Path

from hub_config.settings import HubSettings, SettingsError


def make_private(folder: Path) -> Path:
    """Return a folder that only its owner can look into, made if there was none."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, and that is never seen half-written."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    temporary.replace(path)


def read_private(path: Path) -> str:
    """The text of a secret's file. ``SettingsError`` where there is none, or others can read it."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        text = path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise SettingsError(f"{path.name}: cannot be read: {error.strerror}. Write the secret to this file") from error
    if os.name == "posix" and mode & 0o007:
        raise SettingsError(f"{path.name}: must not be readable by others, got mode {mode:o}. chmod 600 it")
    if not text:
        raise SettingsError(f"{path.name}: must hold a secret, and is empty. Write the secret to this file")
    return text


def made_once(settings: HubSettings, name: str) -> str:
    """A secret of 64 hexadecimal digits that is made at the first start and stays."""
    path = make_private(settings.folder / "secrets") / name
    if not path.exists():
        write_private(path, secrets.token_hex(32) + "\n")
    return read_private(path)


def client_secret(settings: HubSettings) -> str:
    """The hub's secret at the provider: from the environment, a file, or made for the embedded provider."""
    if settings.oidc.client_secret is not None:
        return settings.oidc.client_secret.get_secret_value()
    if settings.oidc.client_secret_file is not None:
        return read_private(settings.oidc.client_secret_file)
    if settings.embedded:
        return made_once(settings, "oidc-client")
    raise SettingsError(
        "oidc.client_secret_file: must be given with an issuer. Name the file that holds the hub's secret there"
    )
