"""The OED standard as ods_tools ships it: fields, types, defaults and code lists of one version."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import pyarrow as pa

from oasis_kernel.model import fields as f
from oasis_kernel.model.oed_standard import oed_standard

Kind = Literal["Loc", "Acc", "ReinsInfo", "ReinsScope"]

#: The names the standard gives its kinds of file, by the part of a portfolio each one fills.
KIND_OF: Mapping[str, Kind] = {"location": "Loc", "account": "Acc", "ri_info": "ReinsInfo", "ri_scope": "ReinsScope"}

#: Columns of ours that a file may bring along.
INTERNAL = {str(name): name for name in (f.LOC_ID, f.LOC_IDX, f.ACC_ID, f.ACC_IDX)}

# The schema's pandas types. Group ids are hashed from these, so an integer must stay an integer of its width.
_ARROW_OF = {
    "category": pa.string(),
    "float64": pa.float64(),
    "Int8": pa.int8(),
    "Int32": pa.int32(),
    "Int64": pa.int64(),
}
_CLASS_STATUS = {
    "property": "Property field status",
    "marine": "Marine Cargo field status",
    "cyber": "Cyber field status",
    "liability": "Liability field status",
}


@dataclass(frozen=True)
class OedField:
    """One input field of one kind of file."""

    name: str
    type: pa.DataType
    default: str | None  # what a blank means; None: nothing
    ranges: tuple[Mapping[str, Any], ...]  # alternatives of min, max, enum; empty: anything
    info: Mapping[str, str]

    def status(self, business: str) -> str:
        """R required, CR conditionally, O optional, n/a: in a class of business (property before OED 4)."""
        return str(self.info.get(_CLASS_STATUS[business], self.info.get("Required Field", "O")))

    def is_required(self, business: str) -> bool:
        """Whether a file must have the column."""
        return self.status(business) == "R" and not (self._says_blanks and self.allows_blank)

    @property
    def allows_blank(self) -> bool:
        """Whether a record may leave the field empty; since OED 4, ods_tools asks the property status only."""
        if self._says_blanks:
            return self.info["Allow blanks?"].upper() != "NO"
        return self.info.get(_CLASS_STATUS["property"], "O") != "R"

    @property
    def _says_blanks(self) -> bool:
        return "Allow blanks?" in self.info  # before OED 4


class Standard:
    """One version of OED. Read-only, and shared: get it from ``standard``."""

    def __init__(self, tables: Mapping[str, Any]):
        self.version = str(tables["version"])
        self.perils = frozenset(tables["perils"]["info"])
        self.occupancies = frozenset(int(code) for code in tables["occupancy"])
        self.constructions = frozenset(int(code) for code in tables["construction"])
        self.countries = frozenset(tables["country"])
        self.country_areas = frozenset((country, area) for country, areas in tables["area"].items() for area in areas)
        self._conditional: Mapping[str, Mapping[str, Sequence[str]]] = tables["cr_field"]
        fields = tables["input_fields"]
        self._kinds = {kind: _fields_of(fields[kind]) for kind in KIND_OF.values()}
        self._aliases = {kind: _aliases_of(fields[kind]) for kind in KIND_OF.values()}

    def fields(self, kind: Kind) -> Mapping[str, OedField]:
        """The input fields of one kind of file, by lower-case name."""
        return self._kinds[kind]

    def field_of(self, kind: Kind, columns: Iterable[str]) -> dict[str, OedField]:
        """The field behind each column that the standard knows; aliases and numbered (XX, ZZZ) fields included."""
        found = {column: self._named(kind, column) or self._numbered(kind, column) for column in columns}
        return {column: field for column, field in found.items() if field is not None}

    def names_of(self, kind: Kind, columns: Sequence[str]) -> list[str]:
        """What the columns are called in a portfolio: OED's spelling where OED has the name, else their own."""
        found = [self._named(kind, column) for column in columns]
        return [field.name if field else column.strip() for field, column in zip(found, columns, strict=True)]

    def conditional(self, kind: Kind) -> Mapping[str, Sequence[str]]:
        """Fields that demand others: a value in the first needs a value in each of the second."""
        return self._conditional.get(kind, {})

    def _named(self, kind: Kind, column: str) -> OedField | None:
        name = column.strip().lower()
        fields = self._kinds[kind]
        return fields.get(name) or fields.get(self._aliases[kind].get(name, ""))

    def _numbered(self, kind: Kind, column: str) -> OedField | None:
        """The field with XX or ZZZ in place of the column's ending, the shortest ending first: FlexiLocZZZ, ..."""
        name = column.strip().lower()
        fields = self._kinds[kind]
        stems = [name[:end] for end in range(len(name) - 1, 0, -1)]
        wanted = (stem + ending for ending in ("xx", "zzz") for stem in stems)
        return next((fields[field] for field in wanted if field in fields), None)


def _aliases_of(raw: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    return {info["alias"].strip().lower(): name for name, info in raw.items() if info.get("alias")}


def _fields_of(raw: Mapping[str, Mapping[str, Any]]) -> dict[str, OedField]:
    return {name: _field(info) for name, info in raw.items()}


def _field(info: Mapping[str, Any]) -> OedField:
    default = info["Default"]
    ranges = info["Valid value range"]
    arrow = _ARROW_OF[info["pd_dtype"]]
    numeric_ranges = ranges != "n/a" and not pa.types.is_string(arrow)
    return OedField(
        name=info["Input Field Name"],
        type=arrow,
        default=None if default in ("n/a", "") else str(default),
        ranges=tuple(ranges) if numeric_ranges else (),
        info=info,
    )


@lru_cache(maxsize=4)
def standard(version: str | None = None) -> Standard:
    """The standard of one version (``3.4.1``, ``v4.0.0``, ``latest version``); none: the newest ods_tools ships.

    Raises ValueError for a version that ods_tools does not ship.
    """
    return Standard(oed_standard(version))
