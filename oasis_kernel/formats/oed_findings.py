"""Findings by the rule that was broken: the first few one by one, the rest counted, none lost."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from oasis_kernel.errors import Finding, Severity

#: How many findings of one rule, file and field are listed before the rest is counted.
LISTED = 20


@dataclass(frozen=True)
class Rule:
    """What must hold, and what to do where it does not. ``name`` is stable: tests and tools match on it."""

    name: str
    must: str
    remedy: str = ""
    severity: Severity = Severity.ERROR


@dataclass(frozen=True)
class Breach:
    """Where one rule is broken in one file: the rows (header is row 1), and what stands there."""

    rule: Rule
    file: str
    field: str | None = None
    remedy: str | None = None  # instead of the rule's

    def findings(self, rows: npt.NDArray[np.int64], values: Sequence[Any] | None = None) -> list[Finding]:
        """A finding for each of the first rows, and one that counts the others. ``values`` may cover the first only."""
        listed = [
            self._finding(self.rule.must, int(row), None if values is None else values[position])
            for position, row in enumerate(rows[:LISTED])
        ]
        if len(rows) > LISTED:
            more = f"{self.rule.must}: {len(rows) - LISTED} more rows, the next of them row {int(rows[LISTED])}"
            listed.append(self._finding(more, None, None))
        return listed

    def finding(self, value: Any = None, row: int | None = None) -> Finding:
        """One finding, of a file or a column as a whole."""
        return self._finding(self.rule.must, row, value)

    def _finding(self, message: str, row: int | None, value: Any) -> Finding:
        return Finding(
            file=self.file,
            message=message,
            row=row,
            field=None if self.field is None else str(self.field),
            value=value,
            rule=self.rule.name,
            remedy=self.rule.remedy if self.remedy is None else self.remedy,
            severity=self.rule.severity,
        )


def errors(findings: Iterable[Finding]) -> list[Finding]:
    """The findings that stop a run."""
    return [finding for finding in findings if finding.severity is Severity.ERROR]
