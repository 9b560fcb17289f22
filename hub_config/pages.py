"""The pages that need no code: Voila as a service of the hub, where each page is its viewer's own.

A page's kernel gets its viewer's token, which reaches the service of analyses and nothing else, instead of the token
of this service; and only that viewer reaches the kernel. So one process serves everybody, and nobody sees more than
they may. ``python -m hub_config.pages``, started by the hub.
"""

import json
import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from jupyterhub.singleuser.extension import JupyterHubIdentityProvider
from tornado import web
from tornado.ioloop import IOLoop
from traitlets.config import Config
from voila.app import Voila
from voila.shutdown_kernel_handler import VoilaShutdownKernelHandler

from hub_config import page_kernels
from hub_config.page_kernels import OwnersEnd, OwnersOnly, viewer
from hub_config.parent import when_gone
from hub_config.settings import HubSettings

POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; "
    "object-src 'none'; base-uri 'self'; frame-ancestors 'self'"
)
#: The files of one portfolio that a page sends, in bytes: they pass through its kernel on their way to the service.
LARGEST_UPLOAD = 2**29
#: How long the hub's word about somebody counts: so long a page can still be opened by who has just been locked out.
BELIEVED_SECONDS = 15
#: A kernel that no page is connected to ends after so long; until then a page that lost its connection finds it again.
LEFT_SECONDS = 120
#: Front ends of widgets that every page needs.
ALWAYS = ("@jupyter-widgets/jupyterlab-manager", "@voila-dashboards/widgets-manager8")
#: The pages' look, in the package of the panels.
TEMPLATE, PANELS = "workbench", "widgets"


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
        """Return who asks, and remember it for the kernel that may be taken for them."""
        user = await super().get_user(handler)
        token = self.hub_auth.get_token(handler) if user is not None else None
        viewer.set((user.username, token) if user is not None and token else None)
        return user


class Pages(Voila):
    """Voila with kernels that wait ready, and that nobody but their owner ends; it ends with its hub."""

    def init_handlers(self) -> list[Any]:
        """Voila's handlers, but its way to end kernels; the kernels that wait are started with the server."""
        loop = IOLoop.current()
        loop.add_callback(self.kernel_manager.fill)
        when_gone(os.getppid(), lambda: loop.add_callback(loop.stop))
        ours = {VoilaShutdownKernelHandler: OwnersEnd}
        return [(path, ours.get(handler, handler), *rest) for path, handler, *rest in super().init_handlers()]


def extensions_by_page(folder: Path) -> dict[str, list[str]]:
    """The front ends of widgets that a page's notebook names in its metadata, by the notebook; none: it loads all."""
    found = {}
    for path in sorted(folder.glob("*.ipynb")):
        named = json.loads(path.read_text(encoding="utf-8"))["metadata"].get("voila", {}).get("extensions")
        if named is not None:
            found[path.name] = [*ALWAYS, *named]
    return found


class PageTold:
    """What the template is told: who the viewer is, where the hub's own pages are, and which front ends to load."""

    def __init__(self, folder: Path):
        self._extensions = extensions_by_page(folder)
        self._hub = os.environ.get("JUPYTERHUB_BASE_URL", "/") + "hub/"

    def __call__(self, page_config: dict[str, Any], notebook_path: str = "", **_: Any) -> dict[str, Any]:
        """Return the configuration of a page with what is told."""
        known = viewer.get()
        page_config["workbench"] = {"hub": self._hub, "viewer": known[0] if known else ""}
        if (wanted := self._extensions.get(notebook_path)) is not None:
            there = page_config["federated_extensions"]
            page_config["federated_extensions"] = [found for found in there if found["name"] in wanted]
        return page_config


def look(c: Config, folder: Path, template: str) -> None:
    """Set the template, which is found in the package of the panels also where that is not installed but used."""
    panels = find_spec(PANELS)
    if panels is not None and panels.submodule_search_locations:
        ours = str(Path(next(iter(panels.submodule_search_locations))) / "jupyter")
        there = os.environ.get("JUPYTER_PATH")
        os.environ["JUPYTER_PATH"] = f"{ours}{os.pathsep}{there}" if there else ours
        c.VoilaConfiguration.template = TEMPLATE
    if template:
        c.VoilaConfiguration.template = template
    c.VoilaConfiguration.allow_template_override = "NO"
    c.VoilaConfiguration.allow_theme_override = "NO"
    c.VoilaConfiguration.page_config_hook = PageTold(folder)
    c.VoilaConfiguration.show_tracebacks = False
    c.VoilaConfiguration.strip_sources = True


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
    c.HubOAuth.cache_max_age = BELIEVED_SECONDS
    c.Voila.tornado_settings = {
        "headers": {"Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff"},
        "websocket_max_message_size": LARGEST_UPLOAD,
        "static_immutable_cache": [f"{prefix}voila/labextensions/"],  # their names change with their content
    }
    folder = settings.pages.folder
    assert folder is not None
    look(c, folder, settings.pages.template)
    page_kernels.apply(c, folder, settings.pages.ready, min(settings.culling.idle_seconds, LEFT_SECONDS))
    return c


def main() -> None:
    """Serve the pages until told to stop."""
    settings = HubSettings.load()
    c = configuration(settings, os.environ["JUPYTERHUB_SERVICE_PREFIX"])
    Pages.launch_instance([str(settings.pages.folder)], config=c)


if __name__ == "__main__":
    main()
