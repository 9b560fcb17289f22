"""PiWind runs to compare with the reference's own output."""

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from oasis_kernel.engine.analysis import Resources
from oasis_kernel.engine.execute import execute
from oasis_kernel.engine.inputs import load_analysis
from oasis_kernel.model.inputs import InputFiles
from oasis_kernel.plugins import load_plugins
from oasis_kernel.questions.result import Run

#: Columns that say which row of a table it is.
KEYS = frozenset(
    {
        "EventId",
        "Period",
        "PeriodWeight",
        "Year",
        "Month",
        "Day",
        "Hour",
        "Minute",
        "SummaryId",
        "SampleId",
        "SampleType",
    }
    | {"Quantile", "EPCalc", "EPType", "ReturnPeriod", "SampleSize", "summary_id", "_not_set_"}
)
RELATIVE = 1e-6


@dataclass(frozen=True)
class Difference:
    """A loss that is not the reference's to within one part in a million."""

    table: str
    row: tuple[tuple[str, str], ...]
    column: str
    ours: float
    theirs: float


def run_piwind(piwind: Path, settings: Path, folder: Path, **changes: object) -> Run:
    """PiWind on ten locations under a settings file; changes are InputFiles' or Resources' fields."""
    resources = {name: changes.pop(name) for name in ("workers", "chunks") if name in changes}
    files = replace(InputFiles(mdk=piwind / "oasislmf.json", settings=settings), **changes)
    analysis, findings = load_analysis(files, load_plugins())
    machine = Resources(workers=2, memory_bytes=2**31, store=folder / "store", reuse=False)
    execute(analysis, folder / "out", replace(machine, **resources), lambda progress: None, findings)
    return Run(folder / "out")


def settings_of(piwind: Path, name: str, folder: Path, perspectives: tuple[str, ...]) -> Path:
    """One of PiWind's settings files, with the output of some perspectives only."""
    settings = json.loads((piwind / "settings" / f"{name}_analysis_settings.json").read_text())
    for perspective in ("gul", "il", "ri", "rl"):
        if perspective not in perspectives:
            settings.pop(f"{perspective}_output", None)
            settings.pop(f"{perspective}_summaries", None)
    path = folder / f"{name}.json"
    path.write_text(json.dumps(settings))
    return path


def differences(ours: Path, theirs: Path) -> Iterator[Difference]:
    """Losses that differ; AssertionError when the tables have other columns, rows or keys."""
    mine, reference = read_rows(ours), read_rows(theirs)
    assert list(mine[0]) == list(reference[0]), f"{ours.name}: other columns"
    assert len(mine) == len(reference), f"{ours.name}: {len(mine)} rows, expected {len(reference)}"
    for left, right in zip(mine, reference, strict=True):
        key = tuple((name, right[name]) for name in KEYS if name in right)
        assert key == tuple((name, left[name]) for name in KEYS if name in left), f"{ours.name}: other keys at {key}"
        for column in right:
            if column not in KEYS and not close(left[column], right[column]):
                yield Difference(ours.name, key, column, float(left[column]), float(right[column]))


def close(left: str, right: str) -> bool:
    """Whether two printed numbers agree to one part in a million."""
    return left == right or abs(float(left) - float(right)) <= RELATIVE * abs(float(right))


def read_rows(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file as printed."""
    with path.open(newline="") as file:
        return list(csv.DictReader(file))
