"""A finished run, read from its folder: tables, averages, curves, what became of each location."""

import shutil
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from oasis_kernel.errors import Finding, OasisError, Severity
from oasis_kernel.formats.ord_read import read_table
from oasis_kernel.model.results import TABLES, SampleType, file_name
from oasis_kernel.model.settings import PERSPECTIVES
from oasis_kernel.questions.curve_image import curve_png
from oasis_kernel.questions.exceedance import ExceedanceCurve
from oasis_kernel.store.folders import whole_folder
from oasis_kernel.store.runs import RunRecord

RECORD = "run.json"


@dataclass(frozen=True)
class AverageAnnualLoss:
    """Mean and standard deviation of a period's loss, in the portfolio's currency."""

    mean: float
    deviation: float


class Run:
    """A run's results. Tables are read when asked for; the same object whether the run was made here or elsewhere."""

    def __init__(self, folder: Path):
        self.folder = folder

    @cached_property
    def record(self) -> RunRecord:
        """What the run was made of and what it took; OasisError when that cannot be read."""
        return RunRecord.read(self.file(RECORD))

    def file(self, name: str) -> Path:
        """Where a file of the results lies, whether it is there or not."""
        return self.folder / name

    def __repr__(self) -> str:
        return f"<Run {self.record.id[:12]} of {self.record.model}: {', '.join(self.perspectives)} in {self.folder}>"

    @property
    def findings(self) -> list[Finding]:
        """What was noticed about the inputs."""
        return [Finding(**{**item, "severity": Severity(item["severity"])}) for item in self.record.findings]

    @cached_property
    def perspectives(self) -> tuple[str, ...]:
        """The perspectives with results: some of gul, il, ri, rl."""
        return tuple(name for name in PERSPECTIVES if any(file.startswith(f"{name}_") for file in self.tables))

    @cached_property
    def files(self) -> tuple[str, ...]:
        """The names of all files of the results."""
        return tuple(sorted(path.name for path in self.folder.iterdir() if path.is_file()))

    @cached_property
    def tables(self) -> tuple[str, ...]:
        """The names of the files with ORD tables."""
        return tuple(name for name in self.files if fnmatchcase(name, "*_S*_*"))

    def levels(self, perspective: str = "gul") -> tuple[int, ...]:
        """The summary levels of a perspective."""
        starts = (file.partition("_S") for file in self.tables)
        return tuple(sorted({int(rest.partition("_")[0]) for start, _, rest in starts if start == perspective}))

    def table(self, perspective: str, table: str, level: int | None = None, priority: int | None = None) -> pa.Table:
        """An ORD table as Arrow, with its ORD columns: ``table("gul", "ept")``; ``summary-info`` too.

        Without ``level`` it is the first. OasisError names the tables there are when this one was not asked for.
        """
        chosen = level if level is not None else next(iter(self.levels(perspective)), 1)
        stems = {spec.name.lower(): spec.stem for spec in TABLES.values()}
        stem = stems.get(table.lower(), table.lower())
        for extension in ("parquet", "csv"):
            name = file_name(perspective, chosen, stem, extension, priority)
            if name in self.files:
                return read_table(self.file(name), stem)
        there = ", ".join(self.tables) or "none"
        raise OasisError(
            f"run {self.record.id[:12]} has no table {table!r} for {perspective} level {chosen}; it has {there}"
        )

    def named_table(self, name: str) -> pa.Table:
        """The table of a result file, such as ``gul_S1_ept``; OasisError names the files there are."""
        for extension in (".parquet", ".csv"):
            if f"{name}{extension}" in self.files:
                return read_table(self.file(f"{name}{extension}"), name.rpartition("_")[2])
        raise OasisError(f"run {self.record.id[:12]} has no {name!r}; it has {', '.join(self.tables) or 'none'}")

    def aal(self, perspective: str = "gul", level: int | None = None) -> float:
        """The average annual loss over all summaries of a level, in the portfolio's currency."""
        average = self.average_annual_loss(perspective, level)
        if average is None:
            raise OasisError(f"run {self.record.id[:12]} has no average annual loss for {perspective}; set alt_period")
        return average.mean

    def average_annual_loss(self, perspective: str = "gul", level: int | None = None) -> AverageAnnualLoss | None:
        """Mean and deviation by samples (analytical where there are none); None when the table was not asked for.

        With several summaries the mean is their sum and the deviation, which does not add up, is nan.
        """
        try:
            table = self.table(perspective, "palt", level)
        except OasisError:
            return None
        kind = SampleType.SAMPLE if self.record.samples else SampleType.ANALYTICAL
        rows = table.filter(pc.equal(table["SampleType"], int(kind)))
        if not rows.num_rows:
            return AverageAnnualLoss(0.0, 0.0)
        deviation = rows["SDLoss"][0].as_py() if rows.num_rows == 1 else float("nan")
        return AverageAnnualLoss(float(pc.sum(rows["MeanLoss"]).as_py()), float(deviation))

    def ep(self, perspective: str = "gul", level: int | None = None, summary: int = 1) -> ExceedanceCurve | None:
        """The exceedance curves of one summary; None when no EPT table was asked for."""
        try:
            table = self.table(perspective, "ept", level)
        except OasisError:
            return None
        return ExceedanceCurve.from_table(table, summary_id=summary)

    def picture(self, perspective: str = "gul", level: int | None = None, summary: int = 1) -> bytes:
        """The exceedance curve of one summary as a PNG; OasisError when no EPT table was asked for."""
        chosen = level if level is not None else next(iter(self.levels(perspective)), 1)
        curve = self.ep(perspective, chosen, summary)
        if curve is None:
            raise OasisError(f"run {self.record.id[:12]} has no exceedance curve for {perspective} level {chosen}")
        return curve_png(curve, f"{self.title}: {perspective}, level {chosen}, summary {summary}")

    @property
    def title(self) -> str:
        """What the run is called."""
        return self.record.model

    def locations(self) -> pa.Table:
        """Each location with its status (modelled, failed, not at risk ...), the reason and its TIV."""
        return read_table(self.file("locations.parquet"))

    @property
    def place(self) -> str:
        """Where the results are, for people."""
        return str(self.folder.resolve())

    def download(self, out: str | Path) -> Path:
        """A copy of all files of the results in the folder ``out``, which appears whole or not at all."""
        with whole_folder(Path(out), RECORD) as folder:
            for name in self.files:
                shutil.copyfile(self.file(name), folder / name)
        return Path(out)

    def as_dict(self) -> dict[str, Any]:
        """The headline as plain values, for JSON."""
        averages = {name: self.average_annual_loss(name) for name in self.perspectives}
        return {
            "id": self.record.id,
            "folder": str(self.folder),
            "model": self.record.model,
            "seconds": self.record.seconds,
            "peak_bytes": self.record.peak_bytes,
            "own_bytes": self.record.own_bytes,
            "output_bytes": self.record.output_bytes,
            "expected": self.record.expected,
            "average_annual_loss": {name: value.mean for name, value in averages.items() if value},
            "tables": list(self.tables),
            "findings": [finding.as_dict() for finding in self.findings],
        }
