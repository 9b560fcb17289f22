"""The hub itself: where it listens, what it keeps, and how it ends."""

import shutil
import sys
from pathlib import Path

from traitlets.config import Config

from hub_config.secret_files import made_once
from hub_config.settings import HubSettings


def apply(c: Config, settings: HubSettings) -> None:
    """Set addresses, database and secrets."""
    c.JupyterHub.bind_url = settings.listen_url or settings.public_url
    c.JupyterHub.public_url = settings.public_url + "/"
    c.JupyterHub.hub_bind_url = f"http://{settings.hub_host}:{settings.hub_port}"
    if settings.hub_connect_host:
        c.JupyterHub.hub_connect_url = f"http://{settings.hub_connect_host}:{settings.hub_port}"
    database = settings.database_url
    c.JupyterHub.db_url = database.get_secret_value() if database else f"sqlite:///{settings.folder / 'hub.sqlite'}"
    c.JupyterHub.cookie_secret = bytes.fromhex(made_once(settings, "cookies"))
    c.JupyterHub.cookie_max_age_days = 1
    c.JupyterHub.cleanup_servers = settings.spawner.kind == "local"
    c.JupyterHub.allow_named_servers = False
    c.JupyterHub.shutdown_on_logout = False
    c.JupyterHub.show_config = False
    # Its other log lines show whole addresses, with the codes of log-ins in them.
    c.ConfigurableHTTPProxy.command = [_beside_python("configurable-http-proxy"), "--log-level", "error"]
    c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{settings.proxy_api_port}"
    c.ConfigurableHTTPProxy.auth_token = made_once(settings, "proxy")
    c.ConfigurableHTTPProxy.pid_file = str(settings.folder / "proxy.pid")


def _beside_python(command: str) -> str:
    """A command of this environment, which need not be on the path; otherwise the one on the path."""
    return shutil.which(command, path=str(Path(sys.executable).parent)) or command
