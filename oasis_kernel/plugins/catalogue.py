"""Ask for a model by name."""

import difflib
from collections.abc import Mapping, Sequence

from oasis_kernel.errors import Finding, InvalidInput
from oasis_kernel.model.vendor import Model


def find_model(name: str, models: Mapping[str, Model], broken: Sequence[Finding]) -> Model:
    """The model of this name; InvalidInput with the nearest name, the names there are, and the plugins that failed."""
    if name in models:
        return models[name]
    close = difflib.get_close_matches(name, list(models), n=1)
    remedy = f"Did you mean {close[0]!r}? " if close else ""
    remedy += f"Installed: {', '.join(sorted(models)) or 'none'}"
    if broken:
        remedy += f". Failed to load: {'; '.join(str(finding) for finding in broken)}"
    raise InvalidInput(Finding("models", "is not installed", field=f"model {name!r}", remedy=remedy))
