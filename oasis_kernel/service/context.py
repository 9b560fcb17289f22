"""What every route works with: settings, database, installed models, threads for engine work."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated

from fastapi import Depends, Request

from oasis_kernel.plugins import Plugins, load_plugins
from oasis_kernel.service.calls import EngineCalls
from oasis_kernel.service.database import Database
from oasis_kernel.service.settings import ServiceSettings


@dataclass
class Context:
    """The service's parts, made once for the application."""

    settings: ServiceSettings
    database: Database
    calls: EngineCalls = field(default_factory=EngineCalls)

    @cached_property
    def plugins(self) -> Plugins:
        """The installed plugins, loaded when the first request needs one."""
        return load_plugins()

    def close(self) -> None:
        """Give everything back."""
        self.calls.close()
        self.database.close()


def context(request: Request) -> Context:
    """The application's context."""
    found: Context = request.app.state.context
    return found


Service = Annotated[Context, Depends(context)]
