"""Keys: which cell and which vulnerability function each location gets, or why it gets none."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from model_plugins.toy_wind import damage
from model_plugins.toy_wind.coast import cell_of, land_cells
from oasis_kernel.model import fields as f
from oasis_kernel.model.exposure import Float64, Int64
from oasis_kernel.model.keys import KEYS_SCHEMA, KeyStatus

PERIL = "WTC"
#: The OED perils and peril groups that contain tropical-cyclone wind.
COVERED_BY = frozenset({"WTC", "WW1", "WW2", "AA1"})
COVERAGES = np.array(sorted(damage.COVERAGES), dtype=np.int32)

#: First and last OED code of each class (OED 5.0 occupancy and construction tables).
OCCUPANCY_CODES = (
    (1000, 1000, damage.RESIDENTIAL), (1050, 1099, damage.RESIDENTIAL), (1100, 1149, damage.COMMERCIAL),
    (1150, 1199, damage.INDUSTRIAL), (1200, 1249, damage.PUBLIC),
)  # fmt: skip
CONSTRUCTION_CODES = (
    (5000, 5000, damage.UNKNOWN), (5050, 5099, damage.WOOD), (5100, 5149, damage.MASONRY),
    (5150, 5199, damage.CONCRETE), (5200, 5249, damage.STEEL), (5350, 5399, damage.MOBILE_HOME),
)  # fmt: skip
#: The construction taken where OED says unknown: what most buildings of that occupancy in Florida are made of.
DEFAULT_CONSTRUCTION = {
    damage.RESIDENTIAL: damage.MASONRY, damage.COMMERCIAL: damage.MASONRY,
    damage.INDUSTRIAL: damage.STEEL, damage.PUBLIC: damage.CONCRETE,
}  # fmt: skip


class Verdict(NamedTuple):
    """One answer for a location: arrays of length n locations, text as objects."""

    peril: npt.NDArray[np.object_]
    area_peril: Int64  # 0: none
    function: Int64  # vulnerability id of coverage 0; 0: none
    status: npt.NDArray[np.object_]
    message: npt.NDArray[np.object_]


def keys(location: pa.Table) -> pa.Table:
    """Keys of the locations, ``KEYS_SCHEMA``: a row for each location and coverage, in file order.

    A location that stands in several rows (one for each of its conditions) is looked up once, by its first row.
    """
    location = _first_rows(location)
    verdict = _judge(location)
    found = np.repeat(np.isin(verdict.status, [KeyStatus.SUCCESS]), len(COVERAGES))
    coverage = np.tile(COVERAGES, location.num_rows)
    function = np.repeat(verdict.function, len(COVERAGES)) + coverage
    columns = {
        "loc_id": np.repeat(location[f.LOC_ID].to_numpy(zero_copy_only=False), len(COVERAGES)),
        "peril_id": np.repeat(verdict.peril, len(COVERAGES)),
        "coverage_type": coverage,
        "area_peril_id": pa.array(np.repeat(verdict.area_peril, len(COVERAGES)).astype(np.uint64), mask=~found),
        "vulnerability_id": pa.array(function, mask=~found),
        "status": np.repeat(verdict.status, len(COVERAGES)),
        "message": np.repeat(verdict.message, len(COVERAGES)),
    }
    return pa.table([pa.array(columns[field.name], type=field.type) for field in KEYS_SCHEMA], schema=KEYS_SCHEMA)


def _first_rows(location: pa.Table) -> pa.Table:
    _, first = np.unique(location[f.LOC_ID].to_numpy(), return_index=True)
    return location.take(pa.array(np.sort(first)))


def _judge(location: pa.Table) -> Verdict:
    """The first thing that keeps each location out of the model, or success."""
    count = location.num_rows
    perils = _texts(location, f.LOCATION_PERILS_COVERED)
    longitude, latitude = _numbers(location, f.LONGITUDE), _numbers(location, f.LATITUDE)
    occupancy_code, construction_code = _numbers(location, f.OCCUPANCY_CODE), _numbers(location, f.CONSTRUCTION_CODE)
    cell = cell_of(longitude, latitude)
    function = vulnerability_base(occupancy_code, construction_code)
    covered = np.array([bool(COVERED_BY.intersection(text.split(";"))) for text in perils], dtype=bool)
    placed = ~(np.isnan(longitude) | np.isnan(latitude))
    status = np.full(count, KeyStatus.SUCCESS, dtype=object)
    message = np.full(count, "", dtype=object)
    for wrong, verdict, reason in (
        (~covered, KeyStatus.NOT_MODELLED, "this model has tropical-cyclone wind (WTC) only; LocPerilsCovered is {0}"),
        (~placed, KeyStatus.FAIL_AREA_PERIL, "has no Latitude and Longitude; geocode it"),
        (cell == 0, KeyStatus.FAIL_AREA_PERIL, "lies outside the model's area, 25.0 to 28.6 N and 80.0 to 83.0 W"),
        (~np.isin(cell, land_cells()), KeyStatus.NOT_AT_RISK, "lies in the sea: check Latitude and Longitude"),
        (function == 0, KeyStatus.FAIL_VULNERABILITY, "no function for OccupancyCode {1:g}, ConstructionCode {2:g}"),
    ):
        for row in np.flatnonzero(wrong & (status == KeyStatus.SUCCESS)):
            status[row] = verdict
            message[row] = reason.format(perils[row] or "blank", occupancy_code[row], construction_code[row])
    peril = np.array([_named_peril(text, ok) for text, ok in zip(perils, covered, strict=True)], dtype=object)
    return Verdict(peril, cell, function, np.array([str(value) for value in status], dtype=object), message)


def vulnerability_base(occupancy_code: Float64, construction_code: Float64) -> Int64:
    """The vulnerability id without its coverage digit, 0 where a code has no class; blank codes count as unknown."""
    occupancy = _classify(np.nan_to_num(occupancy_code, nan=1000), OCCUPANCY_CODES)
    construction = _classify(np.nan_to_num(construction_code, nan=5000), CONSTRUCTION_CODES)
    usual = np.array([DEFAULT_CONSTRUCTION.get(number, 0) for number in range(max(DEFAULT_CONSTRUCTION) + 1)])
    construction = np.where(construction == damage.UNKNOWN, usual[np.maximum(occupancy, 0)], construction)
    return np.where((occupancy > 0) & (construction > 0), 100 * occupancy + 10 * construction, 0)


def _classify(code: Float64, table: tuple[tuple[int, int, int], ...]) -> Int64:
    classes = np.full(len(code), -1, dtype=np.int64)
    for first, last, number in table:
        classes[(code >= first) & (code <= last)] = number
    return classes


def _named_peril(text: str, covered: bool) -> str:
    return PERIL if covered else text.split(";")[0] or PERIL


def _column(location: pa.Table, name: str) -> pa.ChunkedArray:
    return location[name] if name in location.column_names else pa.chunked_array([pa.nulls(location.num_rows)])


def _texts(location: pa.Table, name: str) -> list[str]:
    return [text or "" for text in pc.cast(_column(location, name), pa.string()).to_pylist()]


def _numbers(location: pa.Table, name: str) -> Float64:
    """A column as numbers, NaN where it is blank or missing."""
    return pc.cast(_column(location, name), pa.float64()).to_numpy().astype(np.float64)
