"""What can go wrong, said in one shape: what, which, got, wanted, next."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Severity(StrEnum):
    """How much a finding matters: an error stops the run, a warning changes a number, a note informs."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong (or worth knowing) with an input.

    ``row`` is the row of the file as a spreadsheet shows it: the header is row 1, the first record row 2.
    """

    file: str
    message: str
    row: int | None = None
    field: str | None = None
    value: Any = None
    rule: str = ""
    remedy: str = ""
    severity: Severity = Severity.ERROR

    def __str__(self) -> str:
        """``account.csv row 12: LayerLimit must not be negative, got -5. Give a limit of 0 for unlimited.``"""
        place = f"{self.file} row {self.row}" if self.row is not None else self.file
        subject = f"{self.field} {self.message}" if self.field else self.message
        got = f", got {self.value!r}" if self.value is not None else ""
        remedy = f". {self.remedy}" if self.remedy else ""
        return f"{place}: {subject}{got}{remedy}"

    def as_dict(self) -> dict[str, Any]:
        """The finding as plain values, for JSON."""
        return {**asdict(self), "severity": str(self.severity)}


class OasisError(Exception):
    """Base of every error this package raises on purpose."""


class InvalidInput(OasisError):
    """Inputs that cannot be used, with one finding for each thing wrong."""

    def __init__(self, findings: Iterable[Finding] | Finding):
        self.findings: tuple[Finding, ...] = (findings,) if isinstance(findings, Finding) else tuple(findings)
        super().__init__("\n".join(str(finding) for finding in self.findings))


class PluginError(OasisError):
    """A plugin that failed, named with its hook and what it was given."""


class PlanRefused(OasisError):
    """A plan that cannot fit, with the number it needs, the number there is, and the remedy."""


@dataclass(frozen=True)
class ChunkFailure:
    """Why a chunk of events could not be computed, and what to do."""

    chunk: int
    part: str  # "" but for a halved chunk
    first_event: int
    last_event: int
    cause: str
    remedy: str = ""
    attempt: int = 1
    worker: str = ""  # machine and process
    log_tail: str = ""

    def __str__(self) -> str:
        """``chunk 3 (events 7 to 9) failed: ValueError: ...``"""
        number = f"{self.chunk}/{self.part}" if self.part else str(self.chunk)
        remedy = f". {self.remedy}" if self.remedy else ""
        return f"chunk {number} (events {self.first_event} to {self.last_event}) failed: {self.cause}{remedy}"

    def as_dict(self) -> dict[str, Any]:
        """The failure as plain values, for JSON."""
        return asdict(self)


class ChunkFailed(OasisError):
    """A chunk of events that could not be computed, with its events and the cause."""

    def __init__(self, failure: ChunkFailure):
        self.failure = failure
        super().__init__(str(failure))


class ChunksFailed(OasisError):
    """Chunks that were set aside while all others were computed: those are kept, and a resumed run uses them."""

    def __init__(self, failures: Iterable[ChunkFailure]):
        self.failures = tuple(failures)
        lines = [f"{len(self.failures)} chunks failed; all others are kept, and a resumed run uses them"]
        super().__init__("\n".join([*lines, *map(str, self.failures)]))


class DamagedPart(OasisError):
    """Stored losses that are not what was written, or no longer there: they must be computed again."""


class StorageFailed(OasisError):
    """A place that files cannot be read from or written to, with the place, the cause and the remedy."""


class DamagedFile(StorageFailed):
    """A stored file that is not what was written."""


class StorageFull(StorageFailed):
    """A disk or quota with no room for what is to be written."""


class Cancelled(OasisError):
    """A run stopped on request."""


class ClusterUnusable(OasisError):
    """A cluster that cannot be started or reached, or that this machine does not fit, and what to do."""


class ClusterLost(OasisError):
    """The cluster went away under this process: nothing is wrong with the chunks that were in flight.

    Ray waits for the cluster at the interpreter's end, for minutes: a process that has lost it leaves at once.
    """
