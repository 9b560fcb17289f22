"""What came of a run: curves, averages, events, the map of losses."""

from collections.abc import Callable
from typing import Any, NamedTuple

import ipywidgets as w
import pyarrow as pa

from oasis_kernel.client.run import COMPLETED, RemoteRun
from oasis_kernel.errors import OasisError
from widgets import code, form, markup
from widgets.figures import Drawn, events
from widgets.figures.averages import average_losses, summary_names
from widgets.figures.exceedance import exceedance
from widgets.figures.maps import COLUMNS, loss_map
from widgets.panel import FIELD, FULL, Panel, shown
from widgets.session import Session

MOST_DOTS = 5_000
MOST_SUMMARIES = 200  # to choose from


class Level(NamedTuple):
    """The tables of one summary level of a perspective; None for those that the run was not asked for."""

    number: int
    info: pa.Table
    ept: pa.Table | None
    palt: pa.Table | None
    melt: pa.Table | None


class ResultsPanel(Panel):
    """Curves with losses at return periods, averages by summary level, events, and a map, of ``session.run``."""

    title = "Results"

    def __init__(self, session: Session):
        self._level: Level | None = None
        self._rows: pa.Table | None = None
        self._loading = False
        super().__init__(session)
        session.observe(lambda _: self.guarded(self.load), ["run", "completed"])
        self.load()

    def build(self) -> list[w.Widget]:
        """What to look at, and the four views."""
        self.headline = shown()
        self.perspective = self._choice("Losses", self._pick_perspective)
        self.level = self._choice("Summary level", self._pick_level)
        self.summary = self._choice("Summary", self._show)
        self.places = {name: w.VBox(layout=FULL) for name in ("Curve", "Averages", "Events", "Map")}
        self.order = w.Dropdown(description="Sort by", options=[*events.ORDERS], **FIELD)
        self.page = w.BoundedIntText(description="Page", value=1, min=1, max=1, **FIELD)
        self.event_rows = shown()
        self.order.observe(lambda _: self.guarded(self._sort), "value")
        self.page.observe(lambda _: self.guarded(self._turn), "value")
        self.tabs = w.Tab(children=list(self.places.values()), titles=list(self.places))
        reload = self.button("Show results", "Ask the service for the results of the chosen run", self.load)
        chosen = w.VBox([self.perspective, self.level, self.summary], layout=FULL)
        self.views = w.VBox([chosen, self.tabs], layout=w.Layout(width="100%", display="none"))
        return [self.headline, self.views, reload]

    def python(self) -> str:
        """The curve, the average and the tables that are shown."""
        run = self.session.run.id if self.session.run is not None else "last"
        name, level = self.perspective.value or "gul", self.level.value or 1
        lines = [f"run = bench.open_run({run!r})", f"run.aal({name!r}, level={level})"]
        lines += [f"run.ep({name!r}, level={level}, summary={self.summary.value or 1}).plot()"]
        return code.program(self.session.address, [*lines, f"run.table({name!r}, 'palt', level={level}).to_pandas()"])

    def load(self) -> None:
        """Ask for what the chosen run has."""
        run = self.session.run
        if run is None:
            self._empty("No run is chosen. Start one, or open one from the list of runs.")
        elif str(run.view["state"]) != COMPLETED:
            self.work("Looking", lambda: run.refresh().view["state"], self._looked)
        else:
            self.work("Fetching results", lambda: overview(run), self._loaded)

    def _looked(self, state: str) -> None:
        if state == COMPLETED:
            self.load()
        else:
            self._empty(f"The run has no results yet: it is {state}. They appear here when it is completed.")

    def _empty(self, why: str) -> None:
        self.headline.value = markup.paragraph(why)
        self.views.layout.display = "none"
        for place in self.places.values():
            place.children = (shown(markup.paragraph("Nothing to show.")),)
        for field in (self.perspective, self.level, self.summary):
            field.options = []

    def _loaded(self, found: dict[str, Any]) -> None:
        self.headline.value = markup.heading(found["title"], 3) + markup.definitions(
            "Average annual loss", {form.PERSPECTIVES[n].partition(" (")[0]: v for n, v in found["averages"].items()}
        )
        self.views.layout.display = ""
        self._levels: dict[str, dict[int, str]] = found["levels"]
        self._fill(self.perspective, [(form.PERSPECTIVES[n].partition(" (")[0], n) for n in self._levels])
        self._pick_perspective()

    def _pick_perspective(self) -> None:
        names = self._levels.get(self.perspective.value or "", {})
        self._fill(self.level, [(name, number) for number, name in names.items()])
        self._pick_level()

    def _pick_level(self) -> None:
        run, name, number = self.session.run, self.perspective.value, self.level.value
        if run is not None and name is not None and number is not None:
            self.work("Fetching tables", lambda: level_of(run, name, number), self._have)

    def _have(self, level: Level) -> None:
        self._level = level
        names = summary_names(level.info)
        self._fill(self.summary, [(name, number) for number, name in [*names.items()][:MOST_SUMMARIES]])
        self._show()
        self._show_map(level)

    def _show(self) -> None:
        level, summary = self._level, self.summary.value
        if level is None or summary is None:
            return
        title = f"{self.perspective.label}, {self.summary.label}"
        missing = "This level has no {}: ask for it in the settings."
        curve = exceedance(level.ept, summary, title) if level.ept is not None else None
        self._put("Curve", curve, missing.format("exceedance curve"))
        average = average_losses(level.palt, level.info) if level.palt is not None else None
        self._put("Averages", average, missing.format("average annual loss"))
        self._sort()

    def _sort(self) -> None:
        level = self._level
        if level is None or level.melt is None:
            none = "This level has no event table: look at the whole portfolio, or ask for it in the settings."
            self._put("Events", None, none)
            return
        self._rows = events.event_rows(level.melt, self.summary.value or 1, events.ORDERS[self.order.value])
        self.page.max = max(1, -(-self._rows.num_rows // events.PAGE))
        self.page.value = 1
        self._turn()
        self.places["Events"].children = (w.HBox([self.order, self.page]), self.event_rows)

    def _turn(self) -> None:
        if self._rows is not None:
            self.event_rows.value = events.event_page(self._rows, self.page.value - 1)

    def _show_map(self, level: Level) -> None:
        run = self.session.run
        portfolio = str(run.view.get("portfolio") or "").rpartition("/")[2] if run is not None else ""
        if level.palt is None or "LocNumber" not in level.info.column_names or not portfolio:
            self._put(
                "Map", None, "The map needs the summary level “By location”: choose it above, or in the settings."
            )
            return
        palt = level.palt
        self.session.background.start(
            lambda: self.session.locations_of(portfolio, COLUMNS, MOST_DOTS),
            lambda found: self.guarded(
                lambda: self._put("Map", loss_map(found.rows, palt, level.info, found.total), "")
            ),
            self.show_error,
        )

    def _put(self, name: str, drawn: Drawn | None, missing: str) -> None:
        if drawn is None:
            self.places[name].children = (shown(markup.paragraph(missing)),)
            return
        picture = () if drawn.figure is None else (drawn.figure,)
        self.places[name].children = (*picture, shown(drawn.words))

    def _choice(self, label: str, picked: Callable[[], None]) -> w.Dropdown:
        made = w.Dropdown(description=label, options=[], **FIELD)
        made.observe(lambda _: None if self._loading else self.guarded(picked), "value")
        return made

    def _fill(self, field: w.Dropdown, options: list[tuple[str, Any]]) -> None:
        """Other options, the first of them chosen, without acting on it."""
        self._loading = True
        field.options = options
        field.value = options[0][1] if options else None
        self._loading = False


def overview(run: RemoteRun) -> dict[str, Any]:
    """What there is of a run: title, averages by perspective, levels by perspective."""
    averages = {name: run.average_annual_loss(name) for name in run.perspectives}
    return {
        "title": run.title,
        "averages": {name: value.mean for name, value in averages.items() if value is not None},
        "levels": {name: level_names(run, name) for name in run.perspectives},
    }


def level_names(run: RemoteRun, perspective: str) -> dict[int, str]:
    """What each summary level of a perspective is called: by the form's own word, or by its fields."""
    if "request" not in run.view:
        run.refresh()
    asked = ((run.view.get("request") or {}).get("settings") or {}).get(f"{perspective}_summaries") or []
    fields = {int(level["id"]): tuple(level.get("oed_fields") or ()) for level in asked}
    spelt = {fields: name for name, fields in form.LEVELS.items()}
    return {
        number: f"{number}: {spelt.get(fields.get(number, ())) or ', '.join(fields[number])}"
        for number in run.levels(perspective)
    }


def level_of(run: RemoteRun, perspective: str, number: int) -> Level:
    """The tables of a summary level, those that there are."""

    def table(name: str) -> pa.Table | None:
        try:
            return run.table(perspective, name, number)
        except OasisError:
            return None

    return Level(number, run.table(perspective, "summary-info", number), *map(table, ("ept", "palt", "melt")))
