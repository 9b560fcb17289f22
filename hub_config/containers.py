"""Servers as containers over the Docker API (Docker or podman): each on an internal network of its own.

A container reaches the hub and the service through doors in its network's gateway, and nothing else: no neighbour, no
internet.
"""

from typing import Any
from urllib.parse import urlsplit

from docker.errors import APIError
from dockerspawner import DockerSpawner
from jupyterhub.utils import maybe_future
from traitlets import Dict, Unicode, default
from traitlets.config import Config

from hub_config import data_access
from hub_config.gateways import Door, Gateway, is_bare, target_of, through
from hub_config.readiness import NotOurs, OnlyOurs
from hub_config.restricted import HOME, USER_ID
from hub_config.settings import HubSettings

USER = f"{USER_ID}:{USER_ID}"
LAST_LINES = 40


class ContainerServer(OnlyOurs, DockerSpawner):
    """A container with a home that stays, and a network that nobody else is on."""

    hub_address = Unicode(config=True, help="Where the hub itself listens.")
    service_url = Unicode(config=True, help="The service's address, as the hub reaches it.")
    ports = Dict(help="The ports of the doors by name: a hub that is started again opens the same ones.")

    object_id: str
    extra_host_config: Any

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.doors: dict[str, Door] = {}

    @default("network_name")
    def _own_network(self) -> str:
        return f"oasis-{self.escaped_name}-{self.name or 'main'}"

    def get_state(self) -> dict[str, Any]:
        """The container's state, with its doors' ports."""
        return {**super().get_state(), "ports": dict(self.ports)}

    def load_state(self, state: dict[str, Any]) -> None:
        """Remember the container and its doors' ports."""
        super().load_state(state)
        self.ports = state.get("ports", {})

    def clear_state(self) -> None:
        """Forget both."""
        super().clear_state()
        self.ports = {}

    async def start(self) -> Any:
        """Make the network, open its doors, then start the container; what it said last is logged if it ends."""
        if not await self.docker("networks", names=[self.network_name]):
            labels = {"oasis": "server"}
            await self.docker("create_network", self.network_name, driver="bridge", internal=True, labels=labels)
        await self.open_doors()
        self.hub_connect_url = through(self.hub_address, self.doors["hub"])
        try:
            return await super().start()
        except NotOurs:
            said = await self.docker("logs", self.object_id, tail=LAST_LINES)
            self.log.warning("The server of %s ended. It said last:\n%s", self._log_name, said.decode(errors="replace"))
            raise

    async def open_doors(self) -> None:
        """Open the doors to hub and service, where they were before if they were; open ones stay."""
        if self.doors:
            return
        gateway = Gateway.of(await self.docker("inspect_network", self.network_name))
        doors = {
            "hub": Door(gateway, *target_of(self.hub_address)),
            "service": Door(gateway, *target_of(self.service_url)),
        }
        self.ports = {name: await door.open(self.ports.get(name, 0)) for name, door in doors.items()}
        self.doors = doors

    async def poll(self) -> Any:
        """None while the container runs, after a restart of the hub too, which has to open its doors again."""
        status = await super().poll()
        if status is None:
            await self.open_doors()
        return status

    def get_env(self) -> dict[str, Any]:
        """The container's environment, with the service where the container reaches it."""
        service = through(self.service_url, self.doors["service"])
        return {**super().get_env(), **data_access.environment_of_people(service)}

    async def create_object(self) -> Any:
        """Make the container: its memory without swap, a part of it for ``/tmp``; a named service leads to its door."""
        host = urlsplit(self.service_url).hostname or ""
        names = {} if is_bare(host) else {host: self.doors["service"].gateway.address}
        self.extra_host_config = {
            **self.extra_host_config,
            "memswap_limit": self.mem_limit,
            # Files in /tmp are memory of the container: a full one must leave the server alive.
            "tmpfs": {"/tmp": f"size={self.mem_limit // 4},mode=1777"},  # noqa: S108 - a file system in the container
            "extra_hosts": names,
        }
        return await super().create_object()

    async def run_post_stop_hook(self) -> None:
        """After every end, also of a container that died or never was ready: nothing but the home is left."""
        for door in self.doors.values():
            door.close()
        self.doors = {}
        if self.object_id:
            await self.remove_object()
            self.object_id = ""
        try:
            await self.docker("remove_network", self.network_name)
        except APIError as error:
            if error.status_code != 404:
                self.log.warning("The network %s stays: %s", self.network_name, error.explanation)
        await maybe_future(super().run_post_stop_hook())


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
    c.ContainerServer.hub_address = settings.hub_address
    c.ContainerServer.service_url = settings.service.url
    c.ContainerServer.notebook_dir = HOME
    c.ContainerServer.volumes = {"oasis-home-{username}": HOME}
    c.ContainerServer.extra_create_kwargs = {"user": USER}
    c.ContainerServer.extra_host_config = {
        "auto_remove": False,  # a container that dies is removed once it was said what it said
        "security_opt": ["no-new-privileges"],
        "cap_drop": ["ALL"],
        "read_only": True,
        "pids_limit": spawner.processes,
        "dns": ["127.0.0.1"],  # nobody: names would be asked outside
    }
