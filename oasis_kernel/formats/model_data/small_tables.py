"""Tables that exist as ``NAME.bin`` and ``NAME.csv``: the binary one wins, unless its suffix is ignored."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from oasis_kernel.errors import Finding, InvalidInput
from oasis_kernel.formats.model_data.delimited import read_csv
from oasis_kernel.formats.model_data.folder import ModelFolder
from oasis_kernel.formats.model_data.tables import Records


class Table(NamedTuple):
    """A table as it was read."""

    name: str
    rows: Records

    def refuse(self, wrong: npt.NDArray[np.bool_], field: str, message: str, remedy: str) -> None:
        """Raise ``InvalidInput`` at the first row that is ``wrong``."""
        bad = np.flatnonzero(wrong)
        if len(bad) == 0:
            return
        more = f" ({len(bad)} such rows)" if len(bad) > 1 else ""
        raise InvalidInput(
            Finding(
                file=self.name,
                row=int(bad[0]) + 2,
                field=field,
                message=f"{message}{more}",
                value=self.rows[field][bad[0]].item(),
                rule=f"{self.name.split('.', 1)[0]} {field}",
                remedy=remedy,
            )
        )

    def refuse_repeats(self, *fields: str) -> None:
        """Raise ``InvalidInput`` where the fields' values are listed a second time."""
        order = np.lexsort([self.rows[field] for field in reversed(fields)])
        same = np.ones(max(len(order) - 1, 0), dtype=np.bool_)
        for field in fields:
            same &= self.rows[field][order[1:]] == self.rows[field][order[:-1]]
        repeated = np.zeros(len(order), dtype=np.bool_)
        repeated[order[1:][same]] = True
        self.refuse(repeated, fields[-1], "must be listed once", "Remove the repeated row")


class Lookup(NamedTuple):
    """Where tables are looked for, and which kinds of file count."""

    folder: ModelFolder
    ignored: frozenset[str]

    def find(self, stem: str, variant: str = "") -> str | None:
        """The name of the table's file, binary before csv; None when there is none."""
        for suffix in ("bin", "csv"):
            name = self.folder.find(f"{stem}.{suffix}", variant)
            if name and suffix not in self.ignored:
                return name
        return None

    def read(self, stem: str, dtype: np.dtype[np.void], variant: str = "") -> Table | None:
        """The table, or None when there is none."""
        name = self.find(stem, variant)
        if name is None:
            return None
        if name.endswith(".csv"):
            return Table(name, read_csv(self.folder, name, dtype))
        return Table(name, self.folder.records(name, dtype))

    def missing(self, what: str, stem: str, variant: str = "", setting: str = "") -> InvalidInput:
        """The error for a table that must be there."""
        wanted = [f"{stem}_{variant}" if variant else stem] if stem else []
        if variant and variant.replace(" ", "_").lower() != variant:
            wanted.append(f"{stem}_{variant.replace(' ', '_').lower()}")
        names = [f"{name}.{suffix}" for suffix in ("bin", "csv") for name in wanted if suffix not in self.ignored]
        remedy = f"choose another {setting} in model_settings, or add the file" if setting else "add the file"
        return self.folder.missing(what, names or [stem], "files", remedy)
