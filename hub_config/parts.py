"""The parts of the hub's configuration. Each sets its own, and none reads what another one set."""

from traitlets.config import Config

from hub_config import auth, control_panel, data_access, hub, profiles, services, spawner
from hub_config.settings import HubSettings

PARTS = (hub, control_panel, auth, spawner, profiles, services, data_access)


def apply(c: Config, settings: HubSettings) -> None:
    """Set the whole configuration of a hub with these settings."""
    for part in PARTS:
        part.apply(c, settings)
