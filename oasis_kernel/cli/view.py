"""What the terminal shows: progress, findings, the headline of a run. Everything goes through rich."""

from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, SpinnerColumn, TaskID, TextColumn
from rich.progress import Progress as RichProgress
from rich.table import Table

from oasis_kernel.errors import Finding, InvalidInput, Severity

if TYPE_CHECKING:
    import pyarrow as pa

    from oasis_kernel.engine.progress import Progress
    from oasis_kernel.model.estimate import Estimate
    from oasis_kernel.plugins.conformance import CheckResult
    from oasis_kernel.questions.exceedance import ExceedanceCurve
    from oasis_kernel.questions.result import Run
    from oasis_kernel.store.runs import RunRecord

out = Console()
err = Console(stderr=True)

_STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.NOTE: "dim"}
_STAGES = {
    "upload": "Sending files",
    "check": "Checking inputs",
    "prepare": "Preparing exposure",
    "plan": "Planning",
    "trial": "Trying a few events",
    "losses": "Computing losses",
    "results": "Writing tables",
}


def print_error(error: Exception) -> None:
    """One line for each thing that is wrong, in the error's own words."""
    if isinstance(error, InvalidInput):
        print_findings(error.findings)
    else:
        err.print(f"[bold red]error[/] {_plain(str(error))}", highlight=False, soft_wrap=True)


def failure_as_dict(error: Exception) -> dict[str, object]:
    """What went wrong as plain values, for JSON."""
    findings = error.findings if isinstance(error, InvalidInput) else ()
    return {"passed": False, "error": str(error), "findings": [finding.as_dict() for finding in findings]}


def print_findings(findings: Sequence[Finding]) -> None:
    """Findings on standard error, errors last so that they stay in sight."""
    order = [Severity.NOTE, Severity.WARNING, Severity.ERROR]
    for finding in sorted(findings, key=lambda finding: order.index(finding.severity)):
        style = _STYLES[finding.severity]
        err.print(f"[{style}]{finding.severity}[/] {_plain(str(finding))}", highlight=False, soft_wrap=True)


def print_location_status(rows: Sequence[Mapping[str, object]]) -> None:
    """Insured value and locations by what became of them."""
    shown = [{name: row[name] for name in ("status", "reason", "locations", "tiv")} for row in rows]
    print_rows("What is modelled", shown, empty="The portfolio has no location.")


def print_rows(title: str, rows: Sequence[Mapping[str, object]], empty: str) -> None:
    """A small table, or what to do when there is nothing in it."""
    if not rows:
        out.print(empty, highlight=False)
        return
    view = Table(title=title, title_justify="left")
    for name, value in rows[0].items():
        view.add_column(name, overflow="fold", justify="right" if isinstance(value, int | float) else "left")
    for row in rows:
        view.add_row(*[_cell(value) for value in row.values()])
    out.print(view)


def print_table(title: str, table: "pa.Table", rows: int) -> None:
    """The first rows of an Arrow table, and how many more there are."""
    print_rows(title, table.slice(0, rows).to_pylist(), empty=f"{title} has no rows")
    if table.num_rows > rows:
        out.print(f"{table.num_rows - rows:,} more rows; --rows N shows more", highlight=False)


def print_checks(models: "Mapping[str, Sequence[CheckResult]]") -> None:
    """Every check of every model: passed, or what is wrong."""
    for name, results in models.items():
        for result in results:
            mark = "[green]pass[/]" if result.passed else "[bold red]FAIL[/]"
            reason = f": {result.reason}" if result.reason else ""
            out.print(f"{mark} {name}: {result.name}{_plain(reason)}", highlight=False, soft_wrap=True)


def print_headline(run: "Run") -> None:
    """Average annual losses, losses at standard return periods, the curve, and where the files are."""
    perspectives = run.perspectives
    aal = Table(title="Average annual loss", title_justify="left")
    for heading in ("perspective", "mean", "standard deviation"):
        aal.add_column(heading, justify="left" if heading == "perspective" else "right")
    for perspective in perspectives:
        if (average := run.average_annual_loss(perspective)) is not None:
            aal.add_row(perspective, f"{average.mean:,.0f}", f"{average.deviation:,.0f}")
    if aal.row_count:
        out.print(aal)
    curves = {name: curve for name in perspectives if (curve := run.ep(name)) is not None}
    if curves:
        out.print(_return_periods(curves))
        out.print(next(iter(curves.values())).text(width=min(out.width, 90)), highlight=False, markup=False)
    record = run.record
    out.print(
        f"{record.events:,} events, {record.items:,} items, {record.samples} samples in {record.seconds:.1f} s; "
        f"peak memory {record.peak_bytes / 2**20:,.0f} MiB"
        + (f", {record.own_bytes / 2**20:,.0f} MiB without mapped files" if record.own_bytes else ""),
        highlight=False,
    )
    if record.expected:
        out.print(_expected_and_taken(record), highlight=False)
    out.print(f"ORD tables: {run.place}", highlight=False, soft_wrap=True)


def _expected_and_taken(record: "RunRecord") -> str:
    """What was expected before the run, beside what it took."""
    from oasis_kernel.model.estimate import Estimate

    expected = Estimate.of(record.expected)
    pairs = (
        (expected.seconds, record.seconds, lambda value: f"{_seconds(value)} s"),
        (expected.peak_bytes, record.peak_bytes, size),
        (expected.output_bytes, record.output_bytes, size),
    )
    told = [f"{shown(band.likely)} ({shown(band.low)} to {shown(band.high)})" for band, _, shown in pairs]
    took = [shown(value) for _, value, shown in pairs]
    learned = f"learned from {expected.runs} runs" if expected.runs else "the first run of its kind here"
    return f"Expected {', '.join(told)}; took {', '.join(took)} ({learned})"


def print_estimate(expected: "Estimate") -> None:
    """What a run would take: the expected numbers between the lowest and the highest."""
    view = Table(title="What a run would take", title_justify="left")
    for heading in ("", "expected", "from", "to"):
        view.add_column(heading, justify="right" if heading else "left")
    for name, band, shown in (
        ("seconds", expected.seconds, _seconds),
        ("memory", expected.peak_bytes, size),
        ("results", expected.output_bytes, size),
    ):
        view.add_row(name, *[shown(value) for value in (band.likely, band.low, band.high)])
    out.print(view)
    out.print(
        f"{expected.events:,} events touch the portfolio, {expected.samples} samples; {expected.chunks:,} chunks on "
        f"{expected.workers} workers. Learned from {expected.trial_events:,} events in {expected.trial_seconds:.1f} s"
        + (f" and {expected.runs} earlier runs" if expected.runs else ""),
        highlight=False,
    )
    if expected.reused_events:
        out.print(f"An earlier run has the losses of {expected.reused_events:,} of these events", highlight=False)


def _seconds(value: float) -> str:
    return f"{value:,.1f}" if value < 100 else f"{value:,.0f}"


def size(value: float) -> str:
    """Bytes as people read them."""
    return f"{value / 2**20:,.1f} MiB" if value < 2**30 else f"{value / 2**30:,.1f} GiB"


def _return_periods(curves: "Mapping[str, ExceedanceCurve]") -> Table:
    view = Table(title="Occurrence exceedance loss", title_justify="left")
    view.add_column("return period", justify="right")
    for name in curves:
        view.add_column(name, justify="right")
    for years in (1000, 250, 200, 100, 50, 25, 10, 5, 2):
        losses = [curve.loss_at(years) for curve in curves.values()]
        if any(loss is not None for loss in losses):
            view.add_row(f"{years:,}", *["" if loss is None else f"{loss:,.0f}" for loss in losses])
    return view


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}"
    return "" if value is None else f"{value:,}" if isinstance(value, int) else _plain(str(value))


def _plain(text: str) -> str:
    """Text from inputs, so that nothing in it is read as rich's markup."""
    return text.replace("[", "\\[")


class ProgressBars:
    """A bar for each stage, on standard error; silent when it is no terminal."""

    def __init__(self, *, enabled: bool):
        self._bars = RichProgress(
            SpinnerColumn(),
            TextColumn("{task.description:<20}"),
            BarColumn(),
            TextColumn("{task.fields[note]}"),
            console=err,
            disable=not enabled,
            transient=True,
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> "ProgressBars":
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Take the bars away."""
        self._bars.stop()

    def report(self, progress: "Progress") -> None:
        """Show where the run stands."""
        if progress.stage not in self._tasks:
            for task in self._tasks.values():
                self._bars.update(task, visible=False)
            name = _STAGES.get(progress.stage, progress.stage)
            self._tasks[progress.stage] = self._bars.add_task(name, total=progress.total or None, note="")
        self._bars.update(
            self._tasks[progress.stage], completed=progress.done, total=progress.total or None, note=_note(progress)
        )


def _note(progress: "Progress") -> str:
    notes: Iterable[str] = ()
    if progress.stage == "losses" and progress.total:
        left = progress.remaining_seconds
        notes = (
            f"{progress.done:,} of {progress.total:,} events",
            f"{progress.rate:,.0f}/s" if progress.rate else "",
            f"{left:,.0f} s left" if left is not None else "",
            f"{progress.peak_bytes / 2**20:,.0f} MiB",
        )
    return " · ".join(filter(None, notes))
