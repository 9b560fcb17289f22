"""Run what is chosen, watch it, stop it, go on with it."""

import ipywidgets as w

from oasis_kernel.client.run import CANCELLED, COMPLETED, FAILED, RemoteRun
from widgets import board, code, markup
from widgets.board import Board
from widgets.estimate_panel import arguments
from widgets.panel import FIELD, Panel, shown
from widgets.session import Session
from widgets.watch import RunWatch


class RunPanel(Panel):
    """Start a run of what is chosen and follow it live. Sets ``session.run``, and follows one that others set.

    The run lives in the service: it goes on when this page, its kernel or the network is gone.
    """

    title = "Run"
    empty = "No run yet. Choose a portfolio and a model, then press Run."
    starts = True  # whether a run can be started here, or only watched

    def __init__(self, session: Session):
        self._watch: RunWatch | None = None
        super().__init__(session)
        session.observe(lambda change: self.guarded(lambda: self._follow(change["new"])), "run")
        self._follow(session.run)

    def build(self) -> list[w.Widget]:
        """A name, the buttons, and the board."""
        self.name = w.Text(description="Name", placeholder="how you will find it again", **FIELD)
        self.start = self.button("Run", "Start a run of what is chosen, in the service", self.begin, "primary")
        self.cancel = self.button("Cancel", "Stop the run; its finished chunks are kept", self.stop, "warning")
        self.resume = self.button("Resume", "Go on with the run from its finished chunks", self.go_on)
        self.board = shown()
        if not self.starts:
            return [w.HBox([self.cancel, self.resume]), self.board]
        return [self.name, w.HBox([self.start, self.cancel, self.resume]), self.board]

    def python(self) -> str:
        """Run what is chosen, and the headline."""
        positional, named = arguments(self.session)
        lines = [code.call("run", "run", *positional, **named, name=self.name.value.strip())]
        return code.program(self.session.address, [*lines, "print(run.aal('gul'), run.ep('gul').loss_at(250))"])

    def begin(self) -> None:
        """Queue a run of what is chosen."""
        if missing := self.session.missing():
            self.say(missing, "note")
            return
        assert self.session.model is not None
        assert self.session.portfolio is not None
        model, portfolio = self.session.model.name, self.session.portfolio
        named, name = self.session.asked(), self.name.value.strip()
        bench = self.session.workbench
        more = {"name": name} if name else {}
        self.work("Starting", lambda: bench.submit(model, portfolio, **named, **more), self._started)

    def stop(self) -> None:
        """Ask the run to stop."""
        if (run := self.session.run) is not None:
            self.work(
                "Cancelling", run.cancel, lambda _: self.say("The run stops as soon as its chunks let it.", "note")
            )

    def go_on(self) -> None:
        """Queue a failed or cancelled run again."""
        if (run := self.session.run) is not None:
            self.work("Resuming", run.resume, self._follow)

    def _started(self, run: RemoteRun) -> None:
        self.session.run = run
        self.say(f"{run.name} is queued. You may close this page: the run goes on in the service.", "note")

    def _follow(self, run: RemoteRun | None) -> None:
        if self._watch is not None:
            self._watch.stop()
        if run is None:
            self.board.value = markup.paragraph(self.empty)
            self._allow("")
            return
        self._watch = RunWatch(run, self.session.background, self._show, self.show_error)
        self._watch.start()

    def _show(self, now: Board) -> None:
        run = self.session.run
        name = markup.heading(run.name if run is not None else "", 3)
        self.board.value = name + board.as_html(now)
        self._allow(now.state)
        if now.ended:
            self.notify_ended(now)

    def notify_ended(self, now: Board) -> None:
        """Say how the run ended."""
        said = {COMPLETED: "The run is completed: its results are below.", CANCELLED: "The run was cancelled."}
        self.say(
            said.get(now.state, "The run failed: see above what to do."), "error" if now.state == FAILED else "note"
        )
        if now.state == COMPLETED and self.session.run is not None:
            self.session.completed = self.session.run.id

    def _enable(self, on: bool) -> None:
        super()._enable(on)
        if on and self._watch is not None:
            self._allow(self._watch.board.state)

    def _allow(self, state: str) -> None:
        """Offer only what can be done in a state."""
        at_work = state not in ("", COMPLETED, FAILED, CANCELLED)
        self.cancel.disabled = not at_work
        self.resume.disabled = state not in (FAILED, CANCELLED)


class WatchPanel(RunPanel):
    """Watch a run that others started, stop it, go on with it: ``session.run``."""

    title = "The run"
    starts = False
    empty = "No run is chosen. Open one from the list of runs."

    def python(self) -> str:
        """Open the run, and wait until it has completed."""
        run = self.session.run.id if self.session.run is not None else "last"
        return code.program(self.session.address, [f"run = bench.open_run({run!r})", "run.wait()"])
