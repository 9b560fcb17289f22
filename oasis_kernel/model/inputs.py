"""Where an analysis's inputs lie, before anything is read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from oasis_kernel.errors import Finding
from oasis_kernel.model.vendor import Model


@dataclass(frozen=True)
class InputFiles:
    """Where the inputs lie. Whatever is given here wins over an MDK configuration's own."""

    model: str | None = None
    mdk: Path | None = None
    location: str | None = None
    account: str | None = None
    ri_info: str | None = None
    ri_scope: str | None = None
    settings: Path | None = None
    reporting_currency: str | None = None
    rates: Path | None = None
    samples: int | None = None
    options: tuple[str, ...] = ()  # NAME=VALUE


@dataclass(frozen=True)
class Configuration:
    """What an existing configuration file brings along; a plugin reads it (hook ``open_configuration``)."""

    model: Model
    files: InputFiles
    options: Mapping[str, Any] = field(default_factory=dict)
    findings: Sequence[Finding] = ()


@runtime_checkable
class DemonstratedModel(Protocol):
    """A model that ships a portfolio and settings to try it with."""

    def demonstration(self) -> InputFiles:
        """The demonstration's files; its ``model`` is the model's own name."""
        ...
