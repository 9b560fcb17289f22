"""Servers as processes of this machine: for one person, or people who trust each other with their files."""

import os
import sys

from jupyterhub.spawner import SimpleLocalProcessSpawner
from traitlets.config import Config

from hub_config.readiness import OnlyOurs
from hub_config.settings import HubSettings


class LocalServer(OnlyOurs, SimpleLocalProcessSpawner):
    """A process under the hub's own account, with a home of its own."""


def apply(c: Config, settings: HubSettings, arguments: list[str]) -> None:
    """Set local processes as servers."""
    c.JupyterHub.spawner_class = LocalServer
    c.LocalServer.cmd = [sys.executable, "-m", "jupyterhub.singleuser"]
    c.LocalServer.home_dir_template = str(settings.folder / "homes" / "{username}")
    # Jupyter refuses to run as root unless it is told; in a container of the whole workbench that is what there is.
    c.LocalServer.args = [*arguments, "--allow-root"] if os.name == "posix" and os.geteuid() == 0 else arguments
