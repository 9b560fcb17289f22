"""The pages: panels that share a session, from top to bottom."""

import ipywidgets as w

from widgets import markup
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
    """Panels of one session under a heading."""

    title = ""
    panels: tuple[type[Panel], ...] = ()

    def __init__(self, session: Session | None = None):
        """Without a session, one with the service of ``OASIS_HOST`` or this machine."""
        self.session = session or Session()
        self.shown = [make(self.session) for make in self.panels]
        top = w.HTML(f"{markup.STYLE}<h1>{self.title}</h1>")
        super().__init__([top, *self.shown], layout=w.Layout(max_width="70em", margin="0 auto", padding="0 1em"))
        self.add_class("oasis-panel")


class RunAnalysis(Page):
    """Upload, choose, check, run, watch, look."""

    title = "Run an analysis"
    panels = (PortfolioPanel, CataloguePanel, SettingsPanel, EstimatePanel, RunPanel, ResultsPanel)


class RunResults(Page):
    """Find a run, watch it, look at its results."""

    title = "Results"
    panels = (RunListPanel, WatchPanel, ResultsPanel)


class PortfolioCheck(Page):
    """Upload a portfolio, and see what is wrong with it and what a model covers of it."""

    title = "Portfolio check"
    panels = (PortfolioPanel, CataloguePanel, EstimatePanel)
