"""Where a person's server runs. The three kinds share limits, environment and what a server shows."""

from pathlib import Path

from traitlets.config import Config

from hub_config import data_access
from hub_config.settings import HubSettings

# No news, updates and extensions are asked for: no page loads anything from outside.
OFFLINE = [
    "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    "--LabApp.extension_manager=readonly",
    "--LabApp.news_url=None",
]
# JupyterLab does not ask whether it may show news either; an image has the same in its own configuration.
LAB = Path(__file__).parent / "lab"


def apply(c: Config, settings: HubSettings) -> None:
    """Set what servers have in common, then the kind."""
    spawner = settings.spawner
    c.Spawner.mem_limit = spawner.memory_bytes
    c.Spawner.cpu_limit = spawner.cpu
    c.Spawner.start_timeout = spawner.start_seconds
    c.Spawner.http_timeout = spawner.start_seconds
    c.Spawner.default_url = "/lab"
    c.Spawner.args = OFFLINE
    environment = data_access.environment_of_people(settings.service.url)
    if spawner.kind == "local":
        from hub_config import local

        c.Spawner.environment = {**environment, "JUPYTER_CONFIG_PATH": str(LAB)}
        c.Spawner.env_keep = ["PATH", "LANG", "LC_ALL", "TZ", "VIRTUAL_ENV", "OASIS_KERNEL_CACHE"]
        local.apply(c, settings, OFFLINE)
        return
    c.Spawner.env_keep = []  # an image has an environment of its own
    # A container's root is read-only.
    c.Spawner.environment = {**environment, "JUPYTER_RUNTIME_DIR": "/tmp/jupyter-runtime"}  # noqa: S108
    if spawner.kind == "docker":
        from hub_config import containers

        containers.apply(c, settings)
    else:
        from hub_config import kube

        kube.apply(c, settings)
