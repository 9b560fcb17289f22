"""JupyterHub's configuration file: ``jupyterhub -f`` this. Loads the settings, checks them, applies them.

Everything that can be chosen is in ``settings``; every module sets its part, and only sets.
"""

import sys

from hub_config import parts, provider
from hub_config.settings import HubSettings

settings = HubSettings.load()
if settings.embedded and (password := provider.prepare(settings)):
    sys.stderr.write(f"Log in as {settings.provider.user} with this password, shown once: {password}\n")
parts.apply(get_config(), settings)  # type: ignore[name-defined]  # noqa: F821 - JupyterHub gives it
