"""The hub itself: where it listens, what it keeps, and how it ends."""

import sys

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
    c.ConfigurableHTTPProxy.command = [sys.executable, "-m", "hub_config.proxy", "--log-level", "warning"]
    c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{settings.proxy_api_port}"
    c.ConfigurableHTTPProxy.auth_token = made_once(settings, "proxy")
    c.ConfigurableHTTPProxy.pid_file = str(settings.folder / "proxy.pid")
