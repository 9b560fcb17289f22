"""The catalogue of runs on this machine: one small file a run, pointing to its results."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from oasis_kernel.errors import OasisError
from oasis_kernel.store.folders import replace_text


@dataclass(frozen=True)
class RunRecord:
    """What a run was made of and what it took; written beside its results as ``run.json``."""

    id: str
    model: str
    model_version: str
    engine_version: str
    started: str  # ISO 8601, UTC
    seconds: float
    folder: str
    samples: int
    events: int
    chunks: int
    reused_chunks: int
    locations: int
    items: int
    peak_bytes: int
    hashes: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    stages: dict[str, float] = field(default_factory=dict)
    findings: list[dict[str, Any]] = field(default_factory=list)
    inputs: dict[str, Any] = field(default_factory=dict)  # files, settings and options, to make the analysis again
    keeps_ground_up: bool = False
    reused_ground_up: int = 0  # chunks whose ground-up losses were not sampled again
    reused_events: int = 0  # whose losses an earlier run of another portfolio had, in chunks that were computed
    what_if_of: str = ""  # the run that this one asks about
    change: dict[str, str] = field(default_factory=dict)  # what is not as in that run
    output_bytes: int = 0
    own_bytes: int = 0  # of the peak memory, without pages of mapped files; 0 where the system does not say
    expected: dict[str, Any] = field(default_factory=dict)  # the estimate made when the run was planned

    def write(self, path: Path) -> None:
        """Write the record as JSON, whole or not at all."""
        replace_text(path, json.dumps(asdict(self), indent=2, default=str) + "\n")

    @staticmethod
    def read(path: Path) -> "RunRecord":
        """The record in a ``run.json``; OasisError when it is none."""
        try:
            return RunRecord(**json.loads(path.read_text()))
        except (OSError, TypeError, ValueError) as error:
            raise OasisError(f"{path} is not the record of a run: {error}") from error


class RunCatalogue:
    """The runs made on this machine, newest first."""

    def __init__(self, root: Path):
        self.root = root

    def add(self, record: RunRecord) -> None:
        """Remember a run."""
        record.write(self.root / f"{record.id}.json")

    def records(self) -> list[RunRecord]:
        """Every run whose results are still there, newest first."""
        found = [RunRecord.read(path) for path in self.root.glob("*.json")]
        present = [record for record in found if (Path(record.folder) / "run.json").is_file()]
        return sorted(present, key=lambda record: record.started, reverse=True)

    def find(self, name: str) -> RunRecord:
        """The run with this id (or the start of one), in this folder, or ``last``; OasisError when there is none."""
        folder = Path(name)
        if (folder / "run.json").is_file():
            return RunRecord.read(folder / "run.json")
        known = self.records()
        matching = known[:1] if name == "last" else [record for record in known if record.id.startswith(name)]
        if len(matching) != 1:
            what = "several runs start with" if matching else "there is no run"
            raise OasisError(f"{what} {name!r}; `oasis ls` lists them, or give the folder of its results")
        return matching[0]
