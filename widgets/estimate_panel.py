"""What a run would take, and everything that is wrong with it, before it is made."""

from typing import Any

import ipywidgets as w

from oasis_kernel.client.problems import findings_of
from oasis_kernel.model.estimate import Band, Estimate
from widgets import code, markup, words
from widgets.figures.maps import statuses
from widgets.panel import Panel, shown
from widgets.session import Session


class EstimatePanel(Panel):
    """Check and estimate of what is chosen, made by the service."""

    title = "Before the run"

    def __init__(self, session: Session):
        super().__init__(session)
        session.observe(lambda _: self._clear(), ["portfolio", "model", "settings", "samples"])

    def build(self) -> list[w.Widget]:
        """Two buttons, and what they found."""
        self.found = shown(markup.paragraph("Not checked yet."))
        check = self.button("Check", "Look for everything that is wrong, or worth knowing, before the run", self.check)
        estimate = self.button("Estimate", "Time, memory and size of the run, learned from a few events", self.estimate)
        return [w.HBox([check, estimate]), self.found]

    def python(self) -> str:
        """Check and estimate what is chosen."""
        given = arguments(self.session)
        lines = [code.call("findings", "check", *given[0], **given[1]), "print(*findings, sep='\\n')"]
        return code.program(self.session.address, [*lines, code.call("estimate", "estimate", *given[0], **given[1])])

    def check(self) -> None:
        """Show the findings, and what of the insured value is modelled."""
        if missing := self.session.missing():
            self.say(missing, "note")
            return
        body, bench = self._asked(), self.session.workbench
        self.work("Checking", lambda: bench.check_report(bench.asked(**body)), self._checked)

    def estimate(self) -> None:
        """Show what the run would take."""
        if missing := self.session.missing():
            self.say(missing, "note")
            return
        body, bench = self._asked(), self.session.workbench
        self.work("Estimating", lambda: bench.estimate(**body), self._estimated)

    def _asked(self) -> dict[str, Any]:
        positional, named = arguments(self.session, keep=False)
        return {"model": positional[0], "portfolio": self.session.portfolio, **named}

    def _checked(self, report: dict[str, Any]) -> None:
        found = findings_of(report["findings"])
        verdict = "Nothing stops a run." if report["passed"] else "A run would stop: mend the errors first."
        locations = statuses(report["locations"]) if report.get("locations") else ""
        kind = "note" if report["passed"] else "error"
        self.found.value = markup.paragraph(verdict, kind) + markup.findings(found) + locations

    def _estimated(self, estimate: Estimate) -> None:
        self.found.value = estimate_table(estimate)

    def _clear(self) -> None:
        self.found.value = markup.paragraph("Not checked yet.")
        self.refresh_code()


def estimate_table(estimate: Estimate) -> str:
    """An estimate as a table: each number with its band, and what it was learned from."""

    def row(name: str, band: Band, told: Any) -> tuple[str, str, str, str]:
        return (name, told(band.low), told(band.likely), told(band.high))

    rows = [
        row("Time", estimate.seconds, words.duration),
        row("Peak memory", estimate.peak_bytes, words.size),
        row("Size of the results", estimate.output_bytes, words.size),
    ]
    work = (
        f"{estimate.events:,} events touch the portfolio, {estimate.samples:,} samples each, in "
        f"{words.counted(estimate.chunks, 'chunk')} on {words.counted(estimate.workers, 'worker')}. "
        f"Learned by computing {words.counted(estimate.trial_events, 'event')} "
        f"in {words.duration(estimate.trial_seconds)}."
    )
    if estimate.reused_events:
        work += f" An earlier run has the losses of {words.counted(estimate.reused_events, 'event')}."
    columns = ("", "At least", "Likely", "At most")
    return markup.table("What the run would take", columns, rows) + markup.paragraph(work)


def arguments(session: Session, *, keep: bool = True) -> tuple[tuple[str, str], dict[str, Any]]:
    """The arguments of ``bench.run`` for what is chosen: model and portfolio, and those with names.

    Without a choice the code says so. ``keep`` as for a run; a check needs none.
    """
    model = session.model.name if session.model else "CHOOSE-A-MODEL"
    portfolio = session.portfolio.id if session.portfolio else "CHOOSE-A-PORTFOLIO"
    named = session.asked()
    if not keep:
        named.pop("keep_ground_up", None)
    return (model, portfolio), named
