"""The items as the compiler sees them: integer keys, perils, and the insured value behind them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pyarrow as pa

from oasis_kernel.errors import Finding, InvalidInput
from oasis_kernel.model import fields as f
from oasis_kernel.model.exposure import Float64, Int64
from oasis_kernel.prepare.terms.keys import first_of_each
from oasis_kernel.prepare.terms.records import Records
from oasis_kernel.prepare.terms.sources import Source, Sources

#: Columns of the item map that a node's key may be made of.
ITEM_KEYS = ("loc_id", "risk_id", "building_id", "coverage_id", "coverage_type_id", "item_id")


@dataclass(frozen=True)
class InsuredItems:
    """One row per item, in item order."""

    keys: Mapping[str, Int64]
    coverage: Int64  # OED coverage type
    peril: Int64  # code of ``perils``
    perils: tuple[str, ...]
    location: Int64  # row of ``value``
    value: Mapping[int, Float64]  # insured value of one building, by coverage type, [locations]

    def __len__(self) -> int:
        return len(self.coverage)

    def value_of(self, coverages: Sequence[int]) -> Float64:
        """The insured value of the given coverages in one building of each location.

        Cyber coverages have the revenue for their value, which counts once.
        """
        fields = {f.TIV_OF_COVERAGE[coverage]: coverage for coverage in coverages}
        columns = [self.value[coverage] for coverage in fields.values() if coverage in self.value]
        total: Float64 = np.sum(columns, axis=0) if columns else np.zeros(int(self.location.max(initial=-1)) + 1)
        return total

    def with_keys(self, **keys: Int64) -> "InsuredItems":
        """The same items under more keys."""
        return replace(self, keys={**self.keys, **keys})


def insured_items(items: pa.Table, sources: Sources, divide: bool) -> InsuredItems:
    """The items of an item map; ``divide``: a location's value is shared among its buildings.

    Raises InvalidInput for an item whose location is not in the portfolio.
    """
    source = sources.account if sources.location is None else sources.location
    first, row = _locations(source, items["loc_id"].to_numpy().astype(np.int64))
    peril, perils = pd.factorize(items["peril_id"].to_pandas())
    keys = {name: items[name].to_numpy().astype(np.int64) for name in ITEM_KEYS if name in items.column_names}
    # The keys of a location are those of its first record: a custom aggregation may group by any of its fields.
    keys |= {name: column[first][row] for name, column in source.keys.items() if name != f.LOC_ID}
    return InsuredItems(
        keys={**keys, "peril_id": peril.astype(np.int64)},
        coverage=keys["coverage_type_id"],
        peril=peril.astype(np.int64),
        perils=tuple(str(name) for name in perils),
        location=row,
        value=_values(source.records.take(first), divide),
    )


def _locations(source: Source, loc_id: Int64) -> tuple[Int64, Int64]:
    """The first record of each location, and the location each item is in.

    A record without any value stands behind those that have one, as it does when items are made.
    """
    known = source.keys[f.LOC_ID]
    records = source.records
    columns = [records.number(name) != 0 for name in dict.fromkeys(f.TIV_OF_COVERAGE.values()) if name in records.names]
    has_value = np.any(columns, axis=0) if columns else np.zeros(len(known), bool)
    order = np.argsort(~has_value, kind="stable")
    first = order[first_of_each(known[order])]
    first = first[np.argsort(known[first])]
    row = np.searchsorted(known[first], loc_id)
    missing = np.flatnonzero((row == len(first)) | (known[first][np.minimum(row, len(first) - 1)] != loc_id))
    if len(missing):
        message = "must be a location of the portfolio that the terms are compiled for"
        raise InvalidInput(Finding("items", message, field="loc_id", value=int(loc_id[missing[0]])))
    return first, row.astype(np.int64)


def _values(locations: Records, divide: bool) -> Mapping[int, Float64]:
    buildings = np.maximum(locations.number(f.NUMBER_OF_BUILDINGS, 1.0), 1.0) if divide else np.ones(len(locations))
    return {
        coverage: locations.number(name) / buildings
        for coverage, name in f.TIV_OF_COVERAGE.items()
        if name in locations.names
    }
