"""The hub's own pages: what is on them, and that nothing comes from elsewhere."""

import json
from pathlib import Path
from urllib.parse import quote, urlsplit

from traitlets.config import Config

from hub_config.settings import HubSettings

TEMPLATES = Path(__file__).parent / "templates" / "hub"
# Scripts and styles of the hub's own pages are partly inline; what counts is that nothing else is reached.
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; font-src 'self' data:; object-src 'none'; base-uri 'self'; "
    "frame-ancestors 'none'"
)


def pages_of(folder: Path | None, base: str = "") -> list[dict[str, str]]:
    """The pages of a folder of notebooks, as the hub's home shows them: title, address and a sentence about each.

    Title and sentence are the notebook's own metadata, ``title`` and ``description``. They come in the order of
    ``order`` there, those without one last, by name.
    """
    found = sorted(folder.glob("*.ipynb")) if folder is not None else []
    told = {path: json.loads(path.read_text(encoding="utf-8")).get("metadata") or {} for path in found}
    return [
        {
            "title": str(told[path].get("title") or path.stem.replace("_", " ").capitalize()),
            "about": str(told[path].get("description") or ""),
            "address": f"{base}/services/pages/voila/render/{quote(path.name)}",
        }
        for path in sorted(found, key=lambda path: (float(told[path].get("order", "inf")), path.name))
    ]


def apply(c: Config, settings: HubSettings) -> None:
    """Set the pages' texts, links and security headers."""
    base = urlsplit(settings.listen_url or settings.public_url).path.rstrip("/")
    c.JupyterHub.template_paths = [str(TEMPLATES)]
    c.JupyterHub.default_url = f"{base}/hub/home"  # not a server: who wants a page needs none
    c.JupyterHub.template_vars = {
        "announcement": settings.announcement,
        "workbench_pages": pages_of(settings.pages.folder, base),
    }
    headers = {"Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin"}
    secure = {"cookie_options": {"secure": True}} if settings.public_url.startswith("https:") else {}
    c.JupyterHub.tornado_settings = {"headers": headers, **secure}
