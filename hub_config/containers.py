"""Servers as containers over the Docker API (Docker or podman): each on an internal network of its own.

A container reaches the hub and the service through its network's gateway, and nothing else: no neighbour, no internet.
"""

from typing import Any
from urllib.parse import urlsplit, urlunsplit

from docker.errors import APIError
from dockerspawner import DockerSpawner
from traitlets import Int, Unicode, default
from traitlets.config import Config

from hub_config.readiness import OnlyOurs
from hub_config.settings import LOOPBACK, HubSettings

HOME = "/home/analyst"
USER = "1000:1000"


def behind(address: str, gateway: str) -> str:
    """An address of this machine as a container sees it, behind its gateway; any other one as it is."""
    parts = urlsplit(address)
    if parts.hostname not in LOOPBACK:
        return address
    return urlunsplit(parts._replace(netloc=f"{gateway}:{parts.port}" if parts.port else gateway))


class ContainerServer(OnlyOurs, DockerSpawner):
    """A container with a home that stays, and a network that nobody else is on."""

    hub_port = Int(8081, config=True, help="The hub's port, as containers reach it at their gateway.")
    service_url = Unicode(config=True, help="The service's address, as the hub reaches it.")
    gateway = ""

    @default("network_name")
    def _own_network(self) -> str:
        return f"oasis-{self.escaped_name}-{self.name or 'main'}"

    async def start(self) -> Any:
        """Make the network, then start the container on it."""
        name = self.network_name
        if not await self.docker("networks", names=[name]):
            await self.docker("create_network", name, driver="bridge", internal=True, labels={"oasis": "server"})
        found = await self.docker("inspect_network", name)
        self.gateway = found["IPAM"]["Config"][0]["Gateway"].partition("/")[0]
        self.hub_connect_url = f"http://{self.gateway}:{self.hub_port}"
        return await super().start()

    def get_env(self) -> dict[str, Any]:
        """The container's environment, with the service where the container reaches it."""
        return {**super().get_env(), "OASIS_HOST": behind(self.service_url, self.gateway)}

    async def stop(self, now: bool = False) -> None:
        """Stop and remove the container, then its network."""
        await super().stop(now)
        try:
            await self.docker("remove_network", self.network_name)
        except APIError as error:
            if error.status_code != 404:
                self.log.warning("The network %s stays: %s", self.network_name, error.explanation)


def apply(c: Config, settings: HubSettings) -> None:
    """Set containers as servers: limits, no capabilities, a read-only root, a home that stays."""
    spawner = settings.spawner
    c.JupyterHub.spawner_class = ContainerServer
    c.ContainerServer.client_kwargs = {"base_url": spawner.docker_url}
    c.ContainerServer.image = spawner.image
    c.ContainerServer.allowed_images = []  # people choose profiles, never images
    c.ContainerServer.pull_policy = "ifnotpresent"
    c.ContainerServer.cmd = ["jupyterhub-singleuser"]
    c.ContainerServer.use_internal_ip = True
    c.ContainerServer.remove = True
    c.ContainerServer.hub_port = settings.hub_port
    c.ContainerServer.service_url = settings.service.url
    c.ContainerServer.notebook_dir = HOME
    c.ContainerServer.volumes = {"oasis-home-{username}": HOME}
    c.ContainerServer.extra_create_kwargs = {"user": USER}
    c.ContainerServer.extra_host_config = {
        "security_opt": ["no-new-privileges"],
        "cap_drop": ["ALL"],
        "read_only": True,
        "tmpfs": {"/tmp": "size=512m,mode=1777"},  # noqa: S108 - a file system in the container
        "pids_limit": spawner.processes,
    }
