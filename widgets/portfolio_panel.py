"""Portfolio upload: files in, findings and a map out."""

import tempfile
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Any

import ipywidgets as w

from oasis_kernel.client.portfolios import PortfolioFiles, RemotePortfolio
from oasis_kernel.errors import Finding, InvalidInput
from widgets import code, markup, words
from widgets.figures.maps import COLUMNS, exposure_map, statuses
from widgets.panel import FULL, NARROW, Panel, shown
from widgets.recognised import columns_of, part_of
from widgets.session import Locations, Session

#: What is asked for, by the part of the portfolio it is.
PARTS = {
    "location": "Locations",
    "account": "Accounts",
    "ri_info": "Reinsurance info",
    "ri_scope": "Reinsurance scope",
    "rates": "Currency rates",
}
#: Dots that a browser draws without effort; the service keeps all of them.
MOST_DOTS = 5_000
MOST_LISTED = 50
NOTHING_PICKED = (
    "No file picked yet. Locations are enough for ground-up losses; accounts and reinsurance may come along."
)


class PortfolioPanel(Panel):
    """Upload a portfolio or pick one that is there; see what is wrong with it, and where it lies.

    Sets ``session.portfolio``.
    """

    title = "Portfolio"

    def __init__(self, session: Session):
        self._mine = False
        super().__init__(session)
        session.observe(self._chosen_elsewhere, "portfolio")
        if session.portfolio is not None:
            self._show(session.portfolio)
        self._list()

    def build(self) -> list[w.Widget]:
        """A field for files with a name and a button; a search with a list; findings; the map."""
        self._parts: dict[str, Mapping[str, Any]] = {}
        self.name = w.Text(description="Name", placeholder="of the first file", **NARROW)
        self.files = w.FileUpload(
            description="Pick files",
            accept=".csv,.parquet,.gz",
            multiple=True,
            tooltip="OED files, CSV or Parquet: locations, accounts, reinsurance, currency rates, all at once",
            layout=w.Layout(width="auto", align_self="flex-start"),
        )
        self.files.observe(lambda _: self.guarded(self._picked), "value")
        self.picked = shown(markup.paragraph(NOTHING_PICKED))
        send = self.button("Upload and check", "Send the picked files to the service", self.upload, "primary")
        forget = self.button("Remove picked files", "Begin anew with picking", self.forget)
        self.search = w.Text(description="Find", placeholder="part of a name", continuous_update=False, **NARROW)
        self.there = w.Dropdown(description="In the service", options=[("none yet", None)], **NARROW)
        self.search.observe(lambda _: self.guarded(self._list), "value")
        self.there.observe(lambda change: self.guarded(lambda: self._pick(change["new"])), "value")
        self.findings, self.coverage, self.map_words = shown(), shown(), shown()
        self.map_place = w.VBox(layout=FULL)
        cover = self.button("What does the model cover?", "Look up every location with the chosen model", self.look_up)
        heading = shown(markup.heading("Upload one", 3))
        new = w.VBox([heading, self.files, self.picked, self.name, w.HBox([send, forget])], layout=FULL)
        old = w.VBox([shown(markup.heading("Or take one that is there", 3)), self.search, self.there], layout=FULL)
        ways = w.HBox([new, old], layout=w.Layout(flex_flow="row wrap", width="100%"))
        ways.add_class("oasis-beside")
        return [ways, self.findings, self.map_place, self.map_words, cover, self.coverage]

    def python(self) -> str:
        """Read and upload the picked files, or take the portfolio that is chosen."""
        files = {part: str(found["name"]) for part, found in self._parts.items()}
        chosen = self.session.portfolio
        if files or chosen is None:
            return code.uploading(self.session.address, files, self.name.value)
        lines = [f"portfolio = next(p for p in bench.portfolios(None) if p.id == {chosen.id!r})"]
        return code.program(self.session.address, [*lines, "print(*portfolio.findings, sep='\\n')"])

    def upload(self) -> None:
        """Send the picked files; findings that stop the service from taking them are shown."""
        files = dict(self._parts)
        if not files:
            remedy = "Pick a location file, in CSV or Parquet"
            raise InvalidInput(Finding("upload", "holds no file", field="Locations", remedy=remedy))
        name = self.name.value.strip() or PurePath(next(iter(files.values()))["name"]).name.partition(".")[0]
        bench = self.session.workbench
        self.work(f"Uploading {name}", lambda: _sent(bench.upload, files, name), self._uploaded)

    def forget(self) -> None:
        """Pick anew."""
        self._parts = {}
        self.files.value = ()
        self.picked.value = markup.paragraph(NOTHING_PICKED)

    def look_up(self) -> None:
        """Show what the chosen model makes of the locations, and why."""
        chosen, model = self.session.portfolio, self.session.model
        if chosen is None or model is None:
            self.say(self.session.missing(), "note")
            return
        service = self.session.workbench.service
        body = {"model": model.name, "version": chosen.version or None}
        self.work(
            f"Looking up {chosen.name} with {model.name}",
            lambda: service.post(f"/portfolios/{chosen.id}/keys?limit=1", body),
            lambda found: self._put(self.coverage, statuses(found["by_reason"])),
        )

    def _put(self, place: w.HTML, content: str) -> None:
        place.value = content

    def _picked(self) -> None:
        """Take in what was picked, beside what was picked before."""
        strange = []
        for item in self.files.value:
            part = part_of(columns_of(item["name"], bytes(item["content"])))
            if part is None:
                strange.append(item["name"])
            else:
                self._parts[part] = item
        found = [(PARTS[part], item["name"], words.size(item["size"])) for part, item in self._parts.items()]
        if found:
            self.picked.value = markup.table("Picked files", ("Part", "File", "Size"), found)
        self.say("")
        if strange:
            remedy = "Pick OED files: locations have LocNumber, accounts PolNumber, reinsurance ReinsNumber"
            raise InvalidInput(
                [Finding(name, "has the columns of no part of a portfolio", remedy=remedy) for name in strange]
            )

    def _uploaded(self, portfolio: RemotePortfolio) -> None:
        self._mine = True
        self.session.portfolio = portfolio
        self._mine = False
        self.say(f"{portfolio.name} is in the service as version {portfolio.version}.", "note")
        self._show(portfolio)
        self._list()

    def _list(self) -> None:
        """Bring the list of portfolios up to date, by the service: there may be thousands."""
        bench, asked = self.session.workbench, self.search.value.strip() or None
        query = {"q": asked} if asked else {}
        self.session.background.start(lambda: bench.portfolios(MOST_LISTED, **query), self._listed, self.show_error)

    def _listed(self, found: list[RemotePortfolio]) -> None:
        chosen = self.session.portfolio
        options: list[tuple[str, RemotePortfolio | None]] = [
            (f"{words.counted(len(found), 'portfolio')} to pick from", None)
        ]
        options += [(f"{item.name}, version {item.version}, of {item.owner}", item) for item in found]
        self.there.options = options
        self._mine = True
        ids = [item.id for item in found]
        self.there.index = 1 + ids.index(chosen.id) if chosen is not None and chosen.id in ids else 0
        self._mine = False

    def _pick(self, portfolio: RemotePortfolio | None) -> None:
        if portfolio is not None and not self._mine:
            self.session.portfolio = portfolio

    def _chosen_elsewhere(self, change: Mapping[str, Any]) -> None:
        if change["new"] is not None and not self._mine:
            self.guarded(lambda: self._show(change["new"]))

    def _show(self, portfolio: RemotePortfolio) -> None:
        none = f"{portfolio.name}: nothing to remark."
        self.findings.value = markup.heading("Findings", 3) + markup.findings(portfolio.findings, none)
        self.coverage.value = self.map_words.value = ""
        self.map_place.children = ()
        self.session.background.start(
            lambda: self.session.locations_of(portfolio.id, COLUMNS, MOST_DOTS),
            lambda found: self.guarded(lambda: self._draw(portfolio, found)),
            self._not_drawn,
        )

    def _not_drawn(self, error: Exception) -> None:
        """Files with errors have no map: the findings say why."""
        if isinstance(error, InvalidInput):
            self.map_words.value = markup.paragraph("The map is drawn when the errors above are mended.", "note")
        else:
            self.show_error(error)

    def _draw(self, portfolio: RemotePortfolio, found: Locations) -> None:
        if self.session.portfolio is None or self.session.portfolio.id != portfolio.id:
            return  # another was chosen meanwhile
        drawn = exposure_map(found.rows, found.total)
        self.map_place.children = () if drawn.figure is None else (drawn.figure,)
        self.map_words.value = drawn.words


def _sent(upload: Any, files: Mapping[str, Mapping[str, Any]], name: str) -> RemotePortfolio:
    """The portfolio in the service, from the contents that the browser sent; nothing of them is kept here."""
    with tempfile.TemporaryDirectory(prefix="oasis-page-") as folder:
        paths: dict[str, str | Path] = {}
        for part, item in files.items():
            paths[part] = Path(folder) / part / PurePath(item["name"].replace("\\", "/")).name
            Path(paths[part]).parent.mkdir()
            Path(paths[part]).write_bytes(item["content"])
        found: RemotePortfolio = upload(PortfolioFiles(paths), name)
        return found
