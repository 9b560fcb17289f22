"""The whole contract between the workbench and a plugin: five hooks.

A plugin is a module named in the entry-point group ``oasis_kernel.plugins``. It marks functions of these names with
``hookimpl``, and takes any of their arguments. A hook gets data and gives data; it never sees the application. A hook
that fails is named with its plugin and argument, and the others go on.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pluggy
import pyarrow as pa

from oasis_kernel.errors import Finding
from oasis_kernel.model.exposure import Items, Portfolio
from oasis_kernel.model.inputs import Configuration
from oasis_kernel.model.losses import LossBlock
from oasis_kernel.model.vendor import Model

PROJECT = "oasis_kernel"
GROUP = "oasis_kernel.plugins"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@dataclass(frozen=True)
class Panel:
    """A view of a run's results that a plugin adds.

    ``show`` gets the run's ORD tables by name (``gul_S1_ept``, ...) and returns a figure or a widget.
    """

    name: str
    title: str
    show: Callable[[Mapping[str, pa.Table]], Any]


@hookspec
def register_models(data_dir: Path) -> Iterable[Model | Finding]:  # type: ignore[empty-body]
    """Return the models this package provides.

    Called once in every process, so open no data here: a ``Model`` reads its own files, from under ``data_dir`` if
    they are not part of the package, when it is first asked for events. A model that cannot be offered may be
    replaced by the ``Finding`` that says why.
    """


@hookspec
def open_configuration(path: Path) -> Configuration | None:
    """Return the analysis that a configuration file of another toolkit describes; None if it is not of your kind.

    InvalidInput if it is, but cannot be used. The first plugin that knows the file wins.
    """


@hookspec
def adjust_exposure(portfolio: Portfolio, model: Model, settings: Mapping[str, Any]) -> Portfolio | None:
    """Return the portfolio to use instead, before the model's lookup: geocoding, enrichment, splitting.

    ``settings`` is the analysis' ``model_settings``. None leaves the portfolio as it is. Tables keep their columns'
    meaning; ``loc_id`` and ``loc_idx`` number the rows of the table returned. Plugins follow each other by name.
    """


@hookspec
def adjust_losses(losses: LossBlock, items: Items, model: Model) -> LossBlock | None:
    """Return the ground-up losses to use instead, for some whole events, before any financial terms.

    Ground-up, and not later: terms, reinsurance and summaries then follow from the adjusted loss, so that every
    insured loss still lies within its terms and is still explained by them. The answer must depend on each event
    alone (events arrive in any grouping, from several threads), and keep events, rows and samples. None leaves the
    losses as they are.
    """


@hookspec
def register_panels() -> Iterable[Panel]:  # type: ignore[empty-body]
    """Return views of results to offer beside the built-in ones."""
