"""The door through which models and additions come in, first-party and vendors' alike."""

from oasis_kernel.plugins.discovery import Plugins, load_plugins
from oasis_kernel.plugins.hookspecs import GROUP, Panel, hookimpl

__all__ = ["GROUP", "Panel", "Plugins", "hookimpl", "load_plugins"]
