"""What panels share: the connection to a service, and what is chosen."""

import os
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

import traitlets as t

from oasis_kernel.client.models import RemoteModel
from oasis_kernel.client.portfolios import RemotePortfolio
from oasis_kernel.client.run import RemoteRun
from oasis_kernel.client.workbench import Workbench, connect
from oasis_kernel.errors import InvalidInput
from widgets.background import Background, Threads

HOST_VARIABLE = "OASIS_HOST"
HERE = "http://127.0.0.1:8765"  # where `oasis serve` listens unless told otherwise


class Locations(NamedTuple):
    """Locations of a portfolio, from its beginning, and how many it has."""

    rows: list[dict[str, Any]]
    total: int


class Session(t.HasTraits):
    """A connection to a service, and what is chosen: panels with the same session work together.

    Every choice is valid or refused: ``settings`` in the words of ``AnalysisSettings``.
    """

    portfolio = t.Instance(RemotePortfolio, allow_none=True, help="the portfolio that analyses are of")
    model = t.Instance(RemoteModel, allow_none=True, help="the model that is run")
    settings = t.Dict(help="analysis settings; empty: the standard tables")
    samples = t.Int(None, allow_none=True, min=0, help="samples per event; None: the model's default")
    keep_ground_up = t.Bool(False, help="whether runs keep ground-up losses, for what-if")
    completed = t.Unicode("", help="the id of the run that was last seen to complete")
    run = t.Instance(RemoteRun, allow_none=True, help="the run that is watched and looked at")

    def __init__(
        self,
        url: str | None = None,
        token: str | None = None,
        *,
        workbench: Workbench | None = None,
        background: Background | None = None,
        **chosen: Any,
    ):
        """Connect to the service at ``url``; default: ``OASIS_HOST``, else the service of this machine.

        Nothing is asked of it yet. ``workbench`` is a connection that is there already.
        """
        super().__init__(**chosen)
        self.workbench = workbench or connect(url or os.environ.get(HOST_VARIABLE) or HERE, token)
        self.background: Background = background or Threads()

    @property
    def address(self) -> str:
        """The service's address."""
        return self.workbench.service.address

    @t.validate("settings")
    def _settings_are_understood(self, proposal: Mapping[str, Any]) -> dict[str, Any]:
        from oasis_kernel.engine.inputs import given_settings

        value = dict(proposal["value"])
        if value:
            try:
                given_settings(value)
            except InvalidInput as error:
                raise t.TraitError(str(error)) from error
        return value

    def asked(self) -> dict[str, Any]:
        """What an analysis of what is chosen is asked for with: the named arguments of ``bench.run``."""
        chosen = {"settings": self.settings or None, "samples": self.samples}
        more = {"keep_ground_up": True} if self.keep_ground_up else {}
        return {name: value for name, value in chosen.items() if value is not None} | more

    def missing(self) -> str:
        """What must be chosen before an analysis can be asked for; empty when nothing is missing."""
        wanted = [name for name, value in (("portfolio", self.portfolio), ("model", self.model)) if value is None]
        return f"Choose a {' and a '.join(wanted)} first." if wanted else ""

    def pages(self, path: str, size: int, **query: Any) -> Iterator[dict[str, Any]]:
        """The pages of a list of the service, each asked for when it is needed: ``items`` and ``total``."""
        service = self.workbench.service
        asked: dict[str, Any] = {"limit": size, **query}
        while True:
            page = service.get(path, **asked)
            yield page
            if not page.get("next"):
                return
            asked = dict(parse_qsl(urlsplit(page["next"]).query))

    def portfolio_of(self, portfolio_id: str) -> RemotePortfolio:
        """The portfolio of an id, in its latest version."""
        return RemotePortfolio.of(self.workbench.service.get(f"/portfolios/{portfolio_id}"))

    def locations_of(self, portfolio_id: str, columns: str, most: int) -> Locations:
        """Up to ``most`` locations of the portfolio of an id, with the columns of these it has."""
        path, service = f"/portfolios/{portfolio_id}/locations", self.workbench.service
        found = service.get(path, limit=1)
        there = [name for name in columns.split(",") if name in found["columns"]]
        page = service.get(path, columns=",".join(there), limit=most)
        return Locations(list(page["items"]), int(page.get("total") or len(page["items"])))
