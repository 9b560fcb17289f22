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


class ChunkFailed(OasisError):
    """A chunk of events that could not be computed, with its events and the cause."""


class Cancelled(OasisError):
    """A run stopped on request."""
