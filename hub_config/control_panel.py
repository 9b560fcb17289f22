"""The hub's own pages: what is on them, and that nothing comes from elsewhere."""

from pathlib import Path

from traitlets.config import Config

from hub_config.settings import HubSettings

TEMPLATES = Path(__file__).parent / "templates" / "hub"
# Scripts and styles of the hub's own pages are partly inline; what counts is that nothing else is reached.
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; font-src 'self' data:; object-src 'none'; base-uri 'self'; "
    "frame-ancestors 'none'"
)


def apply(c: Config, settings: HubSettings) -> None:
    """Set the pages' texts, links and security headers."""
    c.JupyterHub.template_paths = [str(TEMPLATES)]
    c.JupyterHub.template_vars = {
        "announcement": settings.announcement,
        "workbench_pages": settings.pages.folder is not None,
        "workbench_embedded": settings.embedded,
    }
    headers = {"Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin"}
    secure = {"cookie_options": {"secure": True}} if settings.public_url.startswith("https:") else {}
    c.JupyterHub.tornado_settings = {"headers": headers, **secure}
