"""How an exposure becomes items, where the model does not say it itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class PrepareOptions:
    """Choices of the analysis. None leaves a choice to the model's settings, then to the Oasis default."""

    #: Split locations into NumberOfBuildings buildings, each with its own items.
    do_disaggregation: bool = True
    #: Location fields whose equal values share damage uniforms; the model's ``data_settings`` wins over these.
    damage_group_fields: tuple[str, ...] | None = None
    #: The same for hazard uniforms.
    hazard_group_fields: tuple[str, ...] | None = None
    #: The analysis settings' ``model_settings.correlation_settings``; wins over the model's. Empty: no correlation.
    correlation_settings: tuple[Mapping[str, Any], ...] | None = None
    #: The reference drops every item of a peril without correlation settings once any peril has some.
    #: ``fixed`` keeps them, uncorrelated (group 0), and says so.
    quirks: Literal["compatible", "fixed"] = "compatible"
