"""The runs that a user sees: found by the service, shown in pages."""

from collections.abc import Iterator
from typing import Any

import ipywidgets as w

from oasis_kernel.client.run import RemoteRun
from widgets import code, markup, words
from widgets.panel import FIELD, Panel, shown
from widgets.session import Session

PAGE = 25
STATES = ("running", "queued", "completed", "failed", "cancelled")


class RunListPanel(Panel):
    """Runs, newest first, by name and state. Sets ``session.run`` with the one that is opened.

    The service finds and counts them, a page at a time: thousands of runs are as quick as ten.
    """

    title = "Runs"

    def __init__(self, session: Session):
        self._pages: Iterator[dict[str, Any]] = iter(())
        self._seen: list[list[RemoteRun]] = []
        self._total = self._at = 0
        self._to_delete = ""
        super().__init__(session)
        self.reload()

    def build(self) -> list[w.Widget]:
        """A search, the table, and what to do with one of them."""
        self.search = w.Text(description="Find", placeholder="part of a name", continuous_update=False, **FIELD)
        self.state = w.Dropdown(description="State", options=[("any", ""), *((s, s) for s in STATES)], **FIELD)
        for field in (self.search, self.state):
            field.observe(lambda _: self.guarded(self.reload), "value")
        self.rows = shown()
        self.choice = w.Dropdown(description="Run", options=[], **FIELD)
        self.newer = self.button("Newer", "The page before", lambda: self._turn(-1))
        self.older = self.button("Older", "The page after", lambda: self._turn(+1))
        self.choice.observe(lambda _: self._show_groups(), "value")
        self.groups = w.Text(description="Shared with", placeholder="groups, such as: property, cat-team", **FIELD)
        buttons = [
            self.newer,
            self.older,
            self.button("Reload", "Ask the service again", self.reload),
            self.button("Open", "Watch the chosen run, or look at its results", self.open_run, "primary"),
            self.button("Share", "Let these groups, and no others, see the chosen run", self.share),
            self.button("Delete", "Delete the chosen run and its results", self.delete, "danger"),
        ]
        row = w.HBox(buttons, layout=w.Layout(flex_flow="row wrap"))
        return [self.search, self.state, self.rows, self.choice, self.groups, row]

    def python(self) -> str:
        """Find the runs that are shown."""
        return code.program(
            self.session.address, [code.call("runs", "runs", PAGE, **self._query()), "print(*runs, sep='\\n')"]
        )

    def reload(self) -> None:
        """Ask the service for the newest runs."""
        self._pages = self.session.pages("/analyses", PAGE, **self._query())
        self._seen, self._at = [], 0
        self.work("Looking for runs", self._next, self._came)

    def open_run(self) -> None:
        """Choose the run for all panels of the session."""
        if (run := self.choice.value) is None:
            self.say("There is no run to open.", "note")
            return
        self.work("Opening", run.refresh, lambda found: self.session.set_trait("run", found))

    def share(self) -> None:
        """Let the groups that are named see the chosen run; none: its owner alone."""
        if (run := self.choice.value) is None:
            self.say("There is no run to share.", "note")
            return
        groups = [name for text in self.groups.value.split(",") if (name := text.strip())]
        whom = ", ".join(groups) or "nobody but its owner"
        self.work("Sharing", lambda: run.share(*groups), lambda _: self.say(f"{run.name} is seen by {whom}.", "note"))

    def _show_groups(self) -> None:
        run = self.choice.value
        self.groups.value = ", ".join(run.view.get("groups") or ()) if run is not None else ""

    def delete(self) -> None:
        """Delete the chosen run, when it is asked for twice."""
        run = self.choice.value
        if run is None:
            self.say("There is no run to delete.", "note")
        elif self._to_delete != run.id:
            self._to_delete = run.id
            self.say(f"Press Delete again to delete {run.name} with its results. Nothing brings them back.", "warning")
        else:
            self._to_delete = ""
            self.work("Deleting", run.delete, lambda _: self.reload())

    def _query(self) -> dict[str, Any]:
        asked = {"q": self.search.value.strip(), "state": self.state.value}
        return {name: value for name, value in asked.items() if value}

    def _next(self) -> dict[str, Any] | None:
        return next(self._pages, None)

    def _turn(self, step: int) -> None:
        self._at = max(self._at + step, 0)
        if self._at < len(self._seen):
            self._show()
        else:
            self.work("Looking for runs", self._next, self._came)

    def _came(self, page: dict[str, Any] | None) -> None:
        if page is not None:
            bench = self.session.workbench
            self._seen.append([RemoteRun(bench, view) for view in page["items"]])
            self._total = int(page.get("total") or 0)
        self._at = min(self._at, max(len(self._seen) - 1, 0))
        self._show()

    def _show(self) -> None:
        runs = self._seen[self._at] if self._seen else []
        first = self._at * PAGE
        self.choice.options = [(f"{run.name}: {run.view['state']}, {_when(run.view)}", run) for run in runs]
        self.choice.value = runs[0] if runs else None
        self.newer.disabled = self._at == 0
        self.older.disabled = first + len(runs) >= self._total
        if not runs:
            none = "No run is like this." if self._query() else "No run yet. The first one appears here."
            self.rows.value = markup.paragraph(none)
            return
        caption = f"Runs {first + 1:,} to {first + len(runs):,} of {self._total:,}"
        columns = ("Name", "Model", "State", "Done", "Owner", "Created", "Memory")
        self.rows.value = markup.table(caption, columns, [_row(run.view) for run in runs])


def _row(view: dict[str, Any]) -> tuple[str, ...]:
    fraction = (view.get("progress") or {}).get("fraction")
    done = "" if fraction is None or view["state"] == "completed" else f"{100 * fraction:.0f} %"
    memory = words.size(view.get("peak_bytes"))
    return (view["name"], view["model"], view["state"], done, view.get("owner") or "", _when(view), memory)


def _when(view: dict[str, Any]) -> str:
    return str(view.get("created") or "")[:16].replace("T", " ")
