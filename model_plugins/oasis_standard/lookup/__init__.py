"""The standard's lookup, driven by a configuration: locations in, keys out."""

from model_plugins.oasis_standard.lookup.engine import LookupEngine
from model_plugins.oasis_standard.lookup.keys import keys_table, location_frame

__all__ = ["LookupEngine", "keys_table", "location_frame"]
