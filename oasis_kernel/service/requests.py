"""What an analysis is asked for with, and the engine's analysis that it stands for: one way for check and run."""

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field

from oasis_kernel.engine.analysis import Analysis, Origin
from oasis_kernel.engine.standard import standard_settings
from oasis_kernel.errors import Finding
from oasis_kernel.formats.oed import read_portfolio
from oasis_kernel.model.engine import EngineOptions, parse_options
from oasis_kernel.model.exposure import Portfolio
from oasis_kernel.model.settings import AnalysisSettings, parse_settings
from oasis_kernel.plugins import Plugins

Tag = Annotated[str, Field(min_length=1, max_length=40, examples=["q4"])]
MOST_SAMPLES = 1_000_000
MOST_PRIORITY = 100
#: What an analysis keeps of its request, for its process.
KEPT = ("samples", "settings", "options", "keep_ground_up", "chunks", "resources")


class RunResources(BaseModel):
    """What a run may use."""

    model_config = ConfigDict(extra="forbid")

    workers: int | None = Field(None, ge=1, le=1024, description="threads; default: the service's")
    memory_bytes: int | None = Field(None, ge=2**26, le=2**50, description="memory; default: the service's")
    deadline_seconds: float | None = Field(None, gt=0, le=3e7, description="the run is stopped after so long")


class AnalysisInputs(BaseModel):
    """What to compute: the same for an estimate, a check and a run."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"model": "toy-wind", "portfolio": "01JD9Z8Q3N5V7X1A2B3C4D5E6F", "samples": 100}]
        },
    )

    model: str = Field(min_length=1, max_length=200, description="an installed model", examples=["toy-wind"])
    portfolio: str = Field(max_length=64, description="a portfolio's id", examples=["01JD9Z8Q3N5V7X1A2B3C4D5E6F"])
    version: int | None = Field(None, ge=1, le=2**31 - 1, description="number of its version; default: the latest")
    samples: int | None = Field(None, ge=0, le=MOST_SAMPLES, description="samples per event; overrides the settings'")
    settings: dict[str, Any] | None = Field(None, description="analysis_settings.json; none: the standard tables")
    template: str | None = Field(None, max_length=64, description="a settings template; `settings` go over it")
    options: dict[str, Any] = Field(default_factory=dict, description="engine options, the toolkit's names")
    keep_ground_up: bool = Field(False, description="keep the sampled losses, for what-if")
    chunks: int | None = Field(None, ge=1, le=1_000_000, description="cut the events so; default: by work")
    resources: RunResources = Field(default_factory=RunResources)

    def kept(self, settings: Mapping[str, Any] | None) -> dict[str, Any]:
        """What the run's process works from; ``settings`` with the template's already in them."""
        return self.model_dump(include=set(KEPT)) | {"settings": dict(settings) if settings is not None else None}


class AnalysisRequest(AnalysisInputs):
    """An analysis to make, and how it is kept."""

    name: str = Field("", max_length=200, examples=["Q4, base case"])
    tags: list[Tag] = Field(default_factory=list, max_length=20)
    priority: int = Field(0, ge=-MOST_PRIORITY, le=MOST_PRIORITY, description="higher first; above 0 for admins")
    groups: list[str] = Field(default_factory=list, description="groups that see it")
    callback: str | None = Field(None, max_length=2000, description="URL that is told when the run has ended")
    executor: Literal["threads", "ray"] | None = Field(None, description="default: the cluster where there is one")
    start: bool = Field(True, description="false: only keep it; POST .../run starts it")


def merged_settings(template: Mapping[str, Any] | None, own: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """A template's settings under an analysis' own; None when there are neither, which asks for standard tables."""
    return None if template is None and own is None else {**(template or {}), **(own or {})}


def portfolio_of(
    files: Mapping[str, str], reporting_currency: str | None = None, rates: str | None = None
) -> Portfolio:
    """The portfolio of a version's files by kind; InvalidInput, with every finding, when it cannot be used."""
    return read_portfolio(
        location=files.get("location"),
        account=files.get("account"),
        ri_info=files.get("ri_info"),
        ri_scope=files.get("ri_scope"),
        reporting_currency=reporting_currency,
        rates=rates,
    )


def analysis_of(
    plugins: Plugins, model: str, kept: Mapping[str, Any], portfolio: Portfolio
) -> tuple[Analysis, list[Finding]]:
    """The engine's analysis of a kept request (``KEPT``), with what was noticed; InvalidInput when it cannot be."""
    given = kept.get("settings")
    settings = _settings(given) if given is not None else standard_settings(portfolio)
    if kept.get("samples") is not None:
        settings = settings.model_copy(update={"number_of_samples": kept["samples"]})
    of_settings, noticed = parse_options(settings.computation_settings, "settings")
    own, noticed_too = parse_options(kept.get("options") or {}, "options")
    chosen = of_settings.model_dump(exclude_unset=True) | own.model_dump(exclude_unset=True)
    analysis = Analysis(
        plugins.model(model),
        portfolio,
        settings,
        EngineOptions.model_validate(chosen),
        "settings",
        plugins,
        Origin(standard_tables=given is None, what_if_of=kept.get("what_if_of") or "", change=kept.get("change") or {}),
    )
    return analysis, [*noticed, *noticed_too]


def _settings(given: Mapping[str, Any]) -> AnalysisSettings:
    return parse_settings(json.dumps(given), "settings")


def refused_callback(url: str, schemes: tuple[str, ...], hosts: tuple[str, ...]) -> Finding | None:
    """Why a URL may not be notified; None when it may. Only hosts that the operator named are ever called."""
    try:
        parts = urlsplit(url)
        host, port_is_number = parts.hostname, parts.port is None or parts.port > 0
    except ValueError:
        host, port_is_number = None, False
    if host in hosts and parts.scheme in schemes and port_is_number and not parts.username:
        return None
    named = ", ".join(hosts) or "none"
    remedy = f"Allowed are {' or '.join(schemes)} and these hosts: {named}. The operator's callback_hosts adds one"
    return Finding(
        "request", "must be an address that may be notified", field="callback", rule="callback", remedy=remedy
    )
