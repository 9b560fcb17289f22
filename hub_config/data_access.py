"""Groups decide: who may reach the service, and in which role. It shows each group its models, portfolios and runs."""

import json
from typing import Any
from urllib.parse import urlsplit

from traitlets.config import Config

from hub_config import culling
from hub_config.settings import LOOPBACK, HubSettings

PAGES_SCOPE = "access:services!service=pages"


def scope_of(settings: HubSettings) -> str:
    """The scope that a token needs for the service of analyses."""
    return f"access:services!service={settings.service.name}"


def doors(settings: HubSettings) -> dict[str, Any]:
    """The ``hub`` settings of the service of analyses: it asks this hub whose a token is, and gives roles by group."""
    return {
        "api_url": f"{_reached(settings)}/hub/api",
        "scope": scope_of(settings),
        "role_map": dict(settings.access.roles),
        "default_role": None if settings.access.default_role == "none" else settings.access.default_role,
    }


def _reached(settings: HubSettings) -> str:
    """Where the service reaches the hub."""
    if settings.hub_connect_host:
        return f"http://{settings.hub_connect_host}:{settings.hub_port}"
    return settings.hub_address


def environment_of_people(service: str) -> dict[str, str]:
    """What a person's server or page is told about the service: where it is, and that a plain address may be used.

    A token goes to a plain address on this machine only, unless whoever runs the hub says that nobody else listens.
    """
    plain = urlsplit(service).scheme == "http" and urlsplit(service).hostname not in LOOPBACK
    return {"OASIS_HOST": service, **({"OASIS_INTERNAL_HOST": service} if plain else {})}


def environment_of_service(settings: HubSettings) -> dict[str, str]:
    """The same, as the environment of a service that the hub starts."""
    return {"OASIS_SERVICE_HUB": json.dumps(doors(settings))}


def apply(c: Config, settings: HubSettings) -> None:
    """Set what people, their servers and the hub's services may.

    A server's token reaches the service as the person whose server it is, and otherwise only reports activity.
    """
    reach = scope_of(settings)
    everybody = ["self"]
    roles: list[dict[str, Any]] = []
    if settings.access.default_role != "none":
        everybody.append(reach)
    elif settings.access.roles:
        roles.append({"name": "service-users", "scopes": [reach], "groups": sorted(settings.access.roles)})
    if settings.pages.folder is not None:
        if settings.pages.groups:
            roles.append({"name": "page-users", "scopes": [PAGES_SCOPE], "groups": sorted(settings.pages.groups)})
        else:
            everybody.append(PAGES_SCOPE)
    roles.append({"name": "user", "scopes": everybody})
    roles.append({"name": "server", "scopes": ["users:activity!user", "access:servers!server", reach]})
    if settings.culling.enabled:
        roles.append(culling.role())
    c.JupyterHub.load_roles = roles
