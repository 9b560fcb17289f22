"""What every route works with: settings, database, installed models, threads for engine work."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import unquote, urlsplit

from fastapi import Depends, Request

from oasis_kernel.model.exposure import Portfolio
from oasis_kernel.plugins import Plugins, load_plugins
from oasis_kernel.service.artefacts import Artefacts
from oasis_kernel.service.calls import EngineCalls
from oasis_kernel.service.database import Database
from oasis_kernel.service.links import fetched
from oasis_kernel.service.requests import portfolio_of
from oasis_kernel.service.settings import ServiceSettings
from oasis_kernel.service.tables import PortfolioVersion


@dataclass
class Context:
    """The service's parts, made once for the application."""

    settings: ServiceSettings
    database: Database
    stopping: bool = False  # whoever follows events is let go then

    @cached_property
    def calls(self) -> EngineCalls:
        """Threads for engine work that a request waits for."""
        return EngineCalls(self.settings.request_threads, seconds=self.settings.request_seconds)

    @cached_property
    def plugins(self) -> Plugins:
        """The installed plugins, loaded when the first request needs one."""
        return load_plugins()

    @cached_property
    def artefacts(self) -> Artefacts:
        """Where portfolios and results lie."""
        return Artefacts(self.settings.storage_url)

    def results_folder(self, url: str) -> Path:
        """The folder of a run's results on this machine: its own, or a checked copy of what lies in storage."""
        parts = urlsplit(url)
        if parts.scheme == "file":
            return Path(unquote(parts.path))
        return self.artefacts.folder_of(url)

    def portfolio(self, version: PortfolioVersion) -> Portfolio:
        """The portfolio of a version's files; InvalidInput, with every finding, when it cannot be used."""
        files = {kind: str(path) for kind, path in self.files(version.files).items()}
        rates = str(self.artefacts.local_url(version.rates_url)) if version.rates_url else None
        return portfolio_of(files, version.reporting_currency, rates)

    def files(self, stored: Mapping[str, Mapping[str, Any]]) -> dict[str, Path]:
        """A version's files on this machine, by kind; InvalidInput for a linked one that has changed since."""
        return fetched(stored, self.artefacts, self.settings.storage_links)

    def close(self) -> None:
        """Give everything back."""
        self.calls.close()
        self.database.close()


def context(request: Request) -> Context:
    """The application's context."""
    found: Context = request.app.state.context
    return found


Service = Annotated[Context, Depends(context)]
