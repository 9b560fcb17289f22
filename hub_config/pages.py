"""The pages that need no code: Voila as a service of the hub, where each page is its viewer's own.

A page's kernel gets its viewer's token, which reaches the service of analyses and nothing else, instead of the token
of this service; and only that viewer reaches the kernel. So one process serves everybody, and nobody sees more than
they may. ``python -m hub_config.pages``, started by the hub.
"""

import os
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from jupyterhub.singleuser.extension import JupyterHubAuthorizer, JupyterHubIdentityProvider
from tornado import web
from traitlets.config import Config
from voila.app import Voila

from hub_config.settings import PREFIX, HubSettings

SECRET_PREFIXES = ("JUPYTERHUB_", "JPY_", PREFIX)
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; "
    "object-src 'none'; base-uri 'self'; frame-ancestors 'self'"
)

# Who is being answered, and their token: set where they are identified, read where a kernel is started for them.
_viewer: ContextVar[tuple[str, str] | None] = ContextVar("viewer", default=None)


def environment_for(token: str, environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of a page's kernel: its viewer's token, and nothing that is the hub's or this service's."""
    kept = {name: value for name, value in environment.items() if not name.startswith(SECRET_PREFIXES)}
    return {**kept, "OASIS_TOKEN": token}


class Viewers(JupyterHubIdentityProvider):
    """Knows viewers by the hub, through OAuth with PKCE."""

    def __init__(self, **kwargs: Any) -> None:
        for name in ("token", "login_handler_class"):  # Voila's own, which are not the hub's
            kwargs.pop(name, None)
        super().__init__(**kwargs)

    def get_handlers(self) -> list[tuple[Any, ...]]:
        """The hub's handlers, under this service's address."""
        prefix = os.environ["JUPYTERHUB_SERVICE_PREFIX"].rstrip("/")
        return [(prefix + path, *rest) for path, *rest in super().get_handlers()]

    async def get_user(self, handler: web.RequestHandler) -> Any:
        """Return who asks, and remember it for the kernel that may be started for them."""
        user = await super().get_user(handler)
        token = self.hub_auth.get_token(handler) if user is not None else None
        _viewer.set((user.username, token) if user is not None and token else None)
        return user


class PageKernels(AsyncMappingKernelManager):
    """Kernels of pages, each with its viewer's token."""

    owners: dict[str, str]

    async def start_kernel(self, **kwargs: Any) -> str:  # type: ignore[override]
        """Start a kernel for whoever is being answered; 403 for nobody."""
        viewer = _viewer.get()
        if viewer is None:
            raise web.HTTPError(403, "Log in to open a page.")
        name, token = viewer
        kwargs["env"] = environment_for(token, kwargs.get("env") or os.environ)
        started: str = await super().start_kernel(**kwargs)
        self.owners = {**getattr(self, "owners", {}), started: name}
        return started


class OwnersOnly(JupyterHubAuthorizer):
    """Lets viewers reach the kernels of their own pages only."""

    def is_authorized(self, handler: web.RequestHandler, user: Any, action: str, resource: str) -> bool:
        """Whether somebody may see the pages at all, and the kernel, where one is named, is theirs."""
        kernel = handler.path_kwargs.get("kernel_id") or (handler.path_args[0] if handler.path_args else None)
        if (
            resource == "kernels"
            and getattr(handler.settings["kernel_manager"], "owners", {}).get(kernel) != user.username
        ):
            return False
        return super().is_authorized(handler, user, action, resource)


def configuration(settings: HubSettings, prefix: str) -> Config:
    """Voila's configuration under the prefix that the hub gave this service."""
    c = Config()
    c.Voila.ip = "127.0.0.1"
    c.Voila.port = settings.pages.port
    c.Voila.port_retries = 0
    c.Voila.open_browser = False
    c.Voila.base_url = prefix
    c.Voila.identity_provider_class = Viewers
    c.Voila.authorizer_class = OwnersOnly
    c.Voila.tornado_settings = {"headers": {"Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff"}}
    c.VoilaConfiguration.multi_kernel_manager_class = PageKernels
    c.VoilaConfiguration.show_tracebacks = False
    c.VoilaConfiguration.strip_sources = True
    c.VoilaConfiguration.preheat_kernel = False  # a kernel that is ready before its viewer comes has no token
    if settings.pages.template:
        c.VoilaConfiguration.template = settings.pages.template
    c.MappingKernelManager.cull_idle_timeout = settings.culling.idle_seconds
    c.MappingKernelManager.cull_interval = settings.culling.every_seconds
    return c


def main() -> None:
    """Serve the pages until told to stop."""
    settings = HubSettings.load()
    c = configuration(settings, os.environ["JUPYTERHUB_SERVICE_PREFIX"])
    Voila.launch_instance([str(settings.pages.folder)], config=c)


if __name__ == "__main__":
    main()
