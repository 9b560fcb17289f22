"""The embedded OpenID Connect provider of the first run: nanoidp, on loopback, with nothing but what log-in needs.

``python -m hub_config.provider serve`` runs it; ``add NAME --group GROUP`` and ``remove NAME`` change who it knows,
also while it runs. Passwords are made here, shown once and kept as bcrypt hashes.
"""

import argparse
import os
import secrets
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import yaml

from hub_config.parent import when_gone
from hub_config.secret_files import client_secret, made_once, make_private, write_private
from hub_config.settings import LOOPBACK, HubSettings, SettingsError

SERVICE = "login-provider"
HOST = "127.0.0.1"
# Everything else that nanoidp serves, its administration and SAML, is not there.
TEMPLATES = Path(__file__).parent / "templates" / "provider"
PATHS = ("/.well-known/openid-configuration", "/.well-known/jwks.json", "/authorize", "/token", "/userinfo", "/logout")

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def folder_of(settings: HubSettings) -> Path:
    """Where the provider keeps its users, keys and settings, for its owner's eyes only."""
    return make_private(settings.folder / "provider")


def prepare(settings: HubSettings) -> str | None:
    """Write the provider's settings. Returns the first user's password when it was made now, and never again."""
    folder = folder_of(settings)
    write_private(folder / "settings.yaml", yaml.safe_dump(_document(settings)))
    if (folder / "users.yaml").exists():
        return None
    return add_user(settings, settings.provider.user, [*settings.oidc.allowed_groups, *settings.oidc.admin_groups])


def _document(settings: HubSettings) -> dict[str, Any]:
    client = {
        "client_id": settings.oidc.client_id,
        "client_secret": client_secret(settings),
        "description": "Oasis workbench",
        "redirect_uris": [settings.public_url + "/hub/oauth_callback"],
    }
    return {
        "config_version": 1,
        "config_validation": "strict",
        "security_profile": "stricter-dev",  # hashed passwords, PKCE, no wildcard in CORS
        "server": {"host": HOST, "port": settings.provider.port, "debug": False},
        "oauth": {
            "issuer": settings.issuer,
            "audience": settings.oidc.client_id,
            "token_expiry_minutes": 15,
            "require_pkce": True,
            "refresh_token_rotation": True,
            "clients": [client],
        },
        "jwt": {"keys_dir": "./keys"},
        # Sessions outlive a restart; and with a store of this kind, changes of users are seen at once.
        "runtime": {"store": "sqlite", "path": str(make_private(settings.folder / "sessions") / "provider.sqlite")},
        "session": {
            "secret_key": made_once(settings, "provider-session"),
            "enforce_password_check": True,
            "require_ui_login": True,
            "management_secret": made_once(settings, "provider-management"),
        },
        "logging": {"level": "WARNING", "log_token_requests": False, "verbose_logging": False},
    }


def _users(settings: HubSettings) -> dict[str, Any]:
    path = folder_of(settings) / "users.yaml"
    return yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else {"config_version": 1, "users": {}}


def _write_users(settings: HubSettings, document: dict[str, Any]) -> None:
    write_private(folder_of(settings) / "users.yaml", yaml.safe_dump(document))


def add_user(settings: HubSettings, name: str, groups: list[str]) -> str:
    """Add a user in these groups, or replace one, and return their new password."""
    password, kept = _made_password()
    document = _users(settings)
    document["users"][name] = {"password": kept, "email": f"{name}@localhost", "groups": groups, "roles": []}
    _write_users(settings, document)
    return password


def new_password(settings: HubSettings, name: str) -> str:
    """Give a user a new password, and return it; their groups stay."""
    password, kept = _made_password()
    document = _users(settings)
    _user(document, name)["password"] = kept
    _write_users(settings, document)
    return password


def _made_password() -> tuple[str, str]:
    """A new password, and what is kept of it."""
    import bcrypt

    password = secrets.token_urlsafe(12)
    return password, bcrypt.hashpw(password.encode(), bcrypt.gensalt()).decode()


def _user(document: dict[str, Any], name: str) -> dict[str, Any]:
    """What is kept of a user; ``SettingsError`` for one that nobody knows."""
    users: dict[str, dict[str, Any]] = document["users"]
    if name not in users:
        raise SettingsError(f"{name}: is no user of the embedded provider. Known: {', '.join(users)}")
    return users[name]


def set_groups(settings: HubSettings, name: str, groups: list[str]) -> None:
    """Put a user in exactly these groups."""
    document = _users(settings)
    _user(document, name)["groups"] = groups
    _write_users(settings, document)


def remove_user(settings: HubSettings, name: str) -> None:
    """Remove a user."""
    document = _users(settings)
    _user(document, name)
    del document["users"][name]
    _write_users(settings, document)


def only_log_in(application: Application, home: str) -> Application:
    """Return an application that answers what log-in needs, and sends nobody elsewhere after log-out."""

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        host = environ.get("HTTP_HOST", "").rpartition(":")[0]
        back = parse_qs(environ.get("QUERY_STRING", "")).get("post_logout_redirect_uri", [home])
        refused = path == "/logout" and (environ["REQUEST_METHOD"] != "GET" or any(address != home for address in back))
        if host.strip("[]") not in LOOPBACK or refused:  # another name: a foreign page that had it point here
            start_response("400 Bad Request", [("Content-Type", "text/plain")])
            return [b"Refused."]
        if path not in PATHS and not path.startswith("/static/"):
            start_response("404 Not Found", [("Content-Type", "text/plain")])
            return [b"Not here."]
        return application(environ, start_response)

    return answer


def serve(settings: HubSettings) -> None:
    """Serve the provider on this machine until told to stop."""
    from jinja2 import ChoiceLoader, FileSystemLoader
    from nanoidp.app import create_app
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Quiet(WSGIRequestHandler):
        """Says nothing of requests: their addresses hold codes and tokens."""

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """Say nothing."""

    os.umask(0o077)
    when_gone(os.getppid())
    application = create_app(str(folder_of(settings)))
    # nanoidp's own pages load styles and scripts from elsewhere.
    application.jinja_loader = ChoiceLoader([FileSystemLoader(TEMPLATES), application.jinja_loader])
    wrapped = only_log_in(application.wsgi_app, settings.public_url + "/hub/login")
    make_server(HOST, settings.provider.port, wrapped, threaded=True, request_handler=Quiet).serve_forever()


def service_of(settings: HubSettings) -> dict[str, Any]:
    """The provider as a managed service: it has no scope at the hub, and no page there."""
    return {
        "name": SERVICE,
        "command": [sys.executable, "-m", "hub_config.provider", "serve"],
        "environment": {name: value for name, value in os.environ.items() if name.startswith("OASIS_HUB_")},
        "display": False,
    }


def main(arguments: list[str] | None = None) -> None:
    """Serve the embedded provider, or change who it knows."""
    parser = argparse.ArgumentParser(prog="python -m hub_config.provider", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("serve", help="serve on this machine")
    add = verbs.add_parser("add", help="add a user, or give one a new password; it is shown once")
    groups = verbs.add_parser("groups", help="put a user in these groups and no others")
    for verb in (add, groups):
        verb.add_argument("name")
        verb.add_argument("--group", action="append", default=[])
    verbs.add_parser("remove", help="remove a user").add_argument("name")
    given = parser.parse_args(arguments)
    settings = HubSettings.load()
    if given.verb == "serve":
        serve(settings)
    elif given.verb == "add":
        sys.stdout.write(add_user(settings, given.name, given.group) + "\n")
    elif given.verb == "groups":
        set_groups(settings, given.name, given.group)
    else:
        remove_user(settings, given.name)


if __name__ == "__main__":
    main()
