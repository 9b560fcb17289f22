"""What every lookup step needs of a frame of locations: columns whatever their case, ids, blanks."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from oasis_kernel.errors import Finding, InvalidInput

#: A step: locations in, locations out (more or fewer rows, more columns). It may change the frame it is given.
Step = Callable[[pd.DataFrame], pd.DataFrame]

#: What an id is until a step finds it; a key that keeps one fails.
UNKNOWN_ID = -1


@dataclass(frozen=True)
class Context:
    """Where a step's files are, and what its findings name.

    ``source`` is the lookup configuration's file; ``placeholders`` are the values of ``%%NAME%%`` by lower-case name.
    """

    source: str
    step: str
    placeholders: dict[str, str]

    def path(self, text: str) -> Path:
        """``text`` with its placeholders filled in; relative to the keys data folder when it names none."""
        filled = text
        for name, value in self.placeholders.items():
            filled = filled.replace(f"%%{name.upper()}%%", value).replace(f"%%{name}%%", value)
        if "%%" in filled:
            known = ", ".join(f"%%{name.upper()}%%" for name in sorted(self.placeholders))
            raise self.refusal(
                "has a placeholder that nothing fills", value=text, remedy=f"Known placeholders: {known}"
            )
        return Path(self.placeholders["keys_data_path"]) / filled

    def existing(self, text: str) -> Path:
        """The path of a file that must be there."""
        found = self.path(text)
        if not found.exists():
            raise self.refusal(
                "names a file that does not exist", value=str(found), remedy="Check the path in the step"
            )
        return found

    def refusal(self, message: str, *, value: Any = None, remedy: str = "") -> InvalidInput:
        """InvalidInput with a finding that names the configuration and the step; to be raised."""
        return InvalidInput(
            Finding(file=self.source, field=f"step {self.step!r}", message=message, value=value, remedy=remedy)
        )

    def column(self, frame: pd.DataFrame, name: str) -> str:
        """The frame's own spelling of a column, found whatever its case; InvalidInput when absent."""
        if name in frame.columns:
            return name
        found = find_column(frame.columns, name)
        if found is None:
            present = ", ".join(sorted(map(str, frame.columns)))
            raise self.refusal(
                f"needs the column {name!r}, which the locations do not have",
                remedy=f"List it in the step's columns, or make it in an earlier step. There are: {present}",
            )
        return found


def find_column(columns: Iterable[str], name: str) -> str | None:
    """The column called ``name`` whatever its case, or None."""
    wanted = name.lower()
    return next((column for column in columns if str(column).lower() == wanted), None)


def is_blank(values: pd.Series) -> pd.Series:
    """Where a column has nothing: null or the empty text."""
    return values.isna() | (values == "").fillna(False).astype(bool)


def set_ids(frame: pd.DataFrame, names: Iterable[str], context: Context) -> pd.DataFrame:
    """``frame`` with the named columns as whole numbers, UNKNOWN_ID where missing, null or not positive."""
    for name in names:
        if name not in frame.columns:
            frame[name] = pd.Series(UNKNOWN_ID, index=frame.index, dtype="Int64")
            continue
        try:
            ids = frame[name].astype("Int64")
        except (TypeError, ValueError) as error:
            raise context.refusal(
                f"must make whole numbers in {name!r}: {error}", remedy="Ids are positive whole numbers"
            ) from error
        frame[name] = ids.mask(ids.isna() | (ids <= 0), UNKNOWN_ID)
    return frame
