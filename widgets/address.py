"""The page's address: what is looked at, so that a reload, or coming back to it, shows the same."""

import os
from collections.abc import Mapping
from html import escape
from urllib.parse import parse_qsl, urlencode

from oasis_kernel.client.portfolios import RemotePortfolio
from oasis_kernel.client.run import RemoteRun
from widgets.session import Session

#: Voila tells the kernel of a page what follows the question mark of its address.
VARIABLE = "QUERY_STRING"
NAMES = ("run", "portfolio")


def asked(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """The ids of what the address names."""
    query = (os.environ if environment is None else environment).get(VARIABLE, "")
    return {name: value for name, value in parse_qsl(query) if name in NAMES}


def query_of(session: Session) -> str:
    """What the address says of what is chosen."""
    chosen = {"run": session.run, "portfolio": session.portfolio}
    return urlencode({name: value.id for name, value in chosen.items() if value is not None})


def marker(query: str) -> str:
    """An element that nobody sees, which the page's script turns into the address."""
    return f'<span hidden data-address="{escape(query)}"></span>'


def restore(session: Session, wanted: Mapping[str, str]) -> dict[str, RemoteRun | RemotePortfolio]:
    """What an address names, as the service has it; a run brings its portfolio. OasisError where it has not."""
    found: dict[str, RemoteRun | RemotePortfolio] = {}
    portfolio = wanted.get("portfolio")
    if "run" in wanted:
        run = session.workbench.open_run(wanted["run"])
        found["run"] = run
        portfolio = str(run.view.get("portfolio") or "").rpartition("/")[2] or portfolio
    if portfolio:
        found["portfolio"] = session.portfolio_of(portfolio)
    return found
