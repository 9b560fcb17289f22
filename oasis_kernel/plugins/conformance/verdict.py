"""How a check speaks: passed, failed with words, or not applicable."""

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """What became of a check."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_APPLICABLE = "not applicable"


@dataclass(frozen=True)
class CheckResult:
    """One check of one model: its name, what it demands, what became of it, and why."""

    name: str
    demand: str
    outcome: Outcome
    reason: str = ""

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong; checks that do not apply pass."""
        return self.outcome != Outcome.FAILED


class Broken(Exception):
    """The model breaks what the check demands; its words say how."""


class NotApplicable(Exception):
    """The check says nothing about this model; its words say why."""


def demand(holds: bool, words: str) -> None:
    """Break the check unless ``holds``; ``words`` say what must hold and what was found."""
    if not holds:
        raise Broken(words)
