"""The pages: panels that share a session, from top to bottom."""

from typing import Any

import ipywidgets as w

from oasis_kernel.errors import OasisError
from widgets import address, markup
from widgets.catalogue_panel import CataloguePanel
from widgets.estimate_panel import EstimatePanel
from widgets.panel import Panel
from widgets.portfolio_panel import PortfolioPanel
from widgets.results_panel import ResultsPanel
from widgets.run_list_panel import RunListPanel
from widgets.run_panel import RunPanel, WatchPanel
from widgets.session import Session
from widgets.settings_panel import SettingsPanel


class Page(w.VBox):
    """Panels of one session under a heading. The page's address keeps the run and the portfolio that are looked at."""

    title = ""
    lead = ""
    panels: tuple[type[Panel], ...] = ()
    steps = False  # whether the panels are numbered, because one follows from the other

    def __init__(self, session: Session | None = None):
        """Without a session, one with the service of ``OASIS_HOST`` or this machine."""
        self.session = session or Session()
        self.shown = [make(self.session) for make in self.panels]
        top = w.HTML(f"{markup.STYLE}<h1>{self.title}</h1>{markup.paragraph(self.lead)}")
        self.status, self.address = w.HTML(), w.HTML()
        super().__init__([top, self.status, *self.shown, self.address], layout=w.Layout(width="100%"))
        self.add_class("oasis-page")
        if self.steps:
            self.add_class("oasis-steps")
        self._restore(address.asked())
        self.session.observe(lambda _: self._name(), ["run", "portfolio"])

    def _restore(self, wanted: dict[str, str]) -> None:
        if wanted:
            work = self.session.background
            work.start(lambda: address.restore(self.session, wanted), self._restored, self._not_there)

    def _restored(self, found: dict[str, Any]) -> None:
        for name in reversed(address.NAMES):  # the portfolio first: choosing one clears what was asked about another
            if name in found:
                self.session.set_trait(name, found[name])

    def _not_there(self, error: Exception) -> None:
        reason = str(error) if isinstance(error, OasisError) else f"{type(error).__name__}: {error}"
        told = markup.paragraph(f"What this address names cannot be shown: {reason}", "warning")
        self.status.value = f'<div role="status">{told}</div>'

    def _name(self) -> None:
        self.address.value = address.marker(address.query_of(self.session))


class RunAnalysis(Page):
    """Upload, choose, check, run, watch, look."""

    title = "Run an analysis"
    lead = "Runs live in the service: close this page, and they go on; open it again, and they are there."
    steps = True
    panels = (PortfolioPanel, CataloguePanel, SettingsPanel, EstimatePanel, RunPanel, ResultsPanel)


class RunResults(Page):
    """Find a run, watch it, look at its results."""

    title = "Results"
    lead = "Open a run to watch it, or to look at what came of it."
    panels = (RunListPanel, WatchPanel, ResultsPanel)


class PortfolioCheck(Page):
    """Upload a portfolio, and see what is wrong with it and what a model covers of it."""

    title = "Portfolio check"
    lead = "What is wrong with a portfolio, and what of it a model covers. Nothing is run."
    panels = (PortfolioPanel, CataloguePanel, EstimatePanel)
