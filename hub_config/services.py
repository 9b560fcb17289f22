"""What runs beside the hub: the service of analyses, pages, the culler, and on the first run a log-in provider."""

import os
import sys
from typing import Any

from traitlets.config import Config

from hub_config import culling, data_access, provider
from hub_config.settings import PREFIX, HubSettings

PAGES = "pages"
# A hub whose pages are late ends by itself, which helps nobody on a machine that is busy.
PAGES_SECONDS = 300
# The hub hands on little by itself; without these, pages would keep their files elsewhere than everybody else here.
KEPT = ("HOME", "TMPDIR", "TZ", "OASIS_KERNEL_CACHE")


def analyses(settings: HubSettings) -> dict[str, Any]:
    """The service of analyses. It knows people by the tokens they bring, so it has no rights of its own at the hub."""
    service: dict[str, Any] = {"name": settings.service.name, "display": False}
    if settings.service.command:
        service["command"] = list(settings.service.command)
        service["environment"] = data_access.environment_of_service(settings)
    return service


def pages(settings: HubSettings) -> dict[str, Any]:
    """The pages, as a service that people log in to through the hub, and whose tokens reach the analyses only."""
    return {
        "name": PAGES,
        "url": f"http://127.0.0.1:{settings.pages.port}",
        "command": [sys.executable, "-m", "hub_config.pages"],
        "environment": {
            **data_access.environment_of_people(settings.service.url),
            **{name: value for name, value in os.environ.items() if name.startswith(PREFIX) or name in KEPT},
        },
        "timeout": PAGES_SECONDS,
        "oauth_no_confirm": True,
        "oauth_client_allowed_scopes": [data_access.scope_of(settings)],
        "display": True,
    }


def apply(c: Config, settings: HubSettings) -> None:
    """Set the hub's services."""
    services = [analyses(settings)]
    if settings.embedded:
        services.append(provider.service_of(settings))
    if settings.pages.folder is not None:
        services.append(pages(settings))
    if settings.culling.enabled:
        services.append(culling.service_of(settings))
    c.JupyterHub.services = services
