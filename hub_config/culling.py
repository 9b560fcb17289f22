"""Servers that nobody uses are stopped. No analysis is: analyses live in the service, never in a server."""

import sys
from typing import Any

from hub_config.settings import HubSettings

SERVICE = "idle-culler"
SCOPES = ["list:users", "read:users:activity", "read:servers", "delete:servers"]


def service_of(settings: HubSettings) -> dict[str, Any]:
    """The culler as a managed service of the hub."""
    culling = settings.culling
    return {
        "name": SERVICE,
        "display": False,
        "command": [
            sys.executable,
            "-m",
            "jupyterhub_idle_culler",
            f"--timeout={culling.idle_seconds}",
            f"--cull-every={culling.every_seconds}",
            f"--max-age={culling.max_age_seconds}",
        ],
    }


def role() -> dict[str, Any]:
    """What the culler may: see who is active, and stop servers."""
    return {"name": SERVICE, "scopes": SCOPES, "services": [SERVICE]}
