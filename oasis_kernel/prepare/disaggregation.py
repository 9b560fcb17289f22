"""Locations that stand for several buildings, taken apart."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oasis_kernel.model import fields as f
from oasis_kernel.model.exposure import Float64, Int32, Int64


@dataclass(frozen=True)
class Buildings:
    """The buildings of each location. All arrays have one entry per location."""

    count: Int64  # buildings that get items of their own: 1 without disaggregation
    divisor: Float64  # what an insured value is divided by to get one building's
    risks: Int64  # NumberOfRisks: separate risks if the location is an aggregate, else 1
    aggregate: np.ndarray  # whether each building is a risk of its own


def buildings_of(location: pa.Table, disaggregate: bool) -> Buildings:
    """The buildings of each location: NumberOfBuildings, where blank, 0 and absent count as 1."""
    number = np.maximum(_filled(location, f.NUMBER_OF_BUILDINGS, 1), 1)
    aggregate = _filled(location, f.IS_AGGREGATE, 0) != 0
    count = number if disaggregate else np.ones_like(number)
    return Buildings(count, count.astype(np.float64), np.where(aggregate, number, 1), aggregate)


def _filled(table: pa.Table, name: f.Field, blank: int) -> Int64:
    if name not in table.column_names:
        return np.full(table.num_rows, blank, dtype=np.int64)
    return pc.fill_null(table[name], blank).cast(pa.int64()).to_numpy()


def building_ids(count: Int64) -> Int32:
    """1..count for each row in turn, as one array: the building of each repeated row."""
    start = np.repeat(np.cumsum(count) - count, count)
    return (np.arange(len(start)) - start + 1).astype(np.int32)
