"""Steps that turn coordinates into area perils by arithmetic: regular grids and H3 cells."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from model_plugins.oasis_standard.lookup.frame import UNKNOWN_ID, Context, Step, find_column
from model_plugins.oasis_standard.lookup.tables import read_table

Int64 = npt.NDArray[np.int64]
Float64 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Grid:
    """A grid of square cells in degrees; points on its outer edge are outside."""

    lat_min: float
    lat_max: float
    lon_min: float
    lon_max: float
    arc_size: float
    lat_reverse: bool = False
    lon_reverse: bool = False
    lon_first: bool = False

    @property
    def rows(self) -> int:
        """The number of cells from south to north."""
        return round((self.lat_max - self.lat_min) / self.arc_size)

    @property
    def columns(self) -> int:
        """The number of cells from west to east."""
        return round((self.lon_max - self.lon_min) / self.arc_size)

    def inside(self, latitude: Float64, longitude: Float64) -> npt.NDArray[np.bool_]:
        """Which points lie strictly inside; unknown coordinates do not."""
        return (
            (self.lat_min < latitude)
            & (latitude < self.lat_max)
            & (self.lon_min < longitude)
            & (longitude < self.lon_max)
        )

    def cell(self, latitude: Float64, longitude: Float64) -> tuple[Int64, Int64]:
        """The 0-based row and column of points inside, counted from the side that the grid is numbered from."""
        north = self.lat_max - latitude if self.lat_reverse else latitude - self.lat_min
        east = self.lon_max - longitude if self.lon_reverse else longitude - self.lon_min
        row = np.floor(north / self.arc_size).astype(np.int64)
        column = np.floor(east / self.arc_size).astype(np.int64)
        return row, column

    def linear_id(self, latitude: Float64, longitude: Float64) -> Int64:
        """1-based ids of points inside, along the meridian first, or along the parallel when ``lon_first``."""
        row, column = self.cell(latitude, longitude)
        return column + row * self.columns + 1 if self.lon_first else column * self.rows + row + 1

    def z_order_id(self, latitude: Float64, longitude: Float64) -> Int64:
        """1-based ids along the Z-order curve: cells that are near have ids that are near."""
        row, column = self.cell(latitude, longitude)
        first, second = (column, row) if self.lon_first else (row, column)
        return (spread_bits(first) | spread_bits(second) << 1) + 1


def spread_bits(number: Int64) -> Int64:
    """The low 32 bits of a number moved to the even places (Morton 1966)."""
    spread = number & 0xFFFFFFFF
    for shift, mask in (
        (16, 0x0000FFFF0000FFFF),
        (8, 0x00FF00FF00FF00FF),
        (4, 0x0F0F0F0F0F0F0F0F),
        (2, 0x3333333333333333),
        (1, 0x5555555555555555),
    ):
        spread = (spread | spread << shift) & mask
    return spread


def _grid(context: Context, parameters: dict[str, Any]) -> Grid:
    """The grid of a step's parameters."""
    try:
        grid = Grid(**parameters)
    except TypeError as error:
        raise context.refusal(
            f"cannot make its grid: {error}", remedy="Give lat_min, lat_max, lon_min, lon_max, arc_size"
        ) from error
    if not (grid.arc_size > 0 and grid.lat_max > grid.lat_min and grid.lon_max > grid.lon_min):
        raise context.refusal("needs a grid with min below max and a positive arc_size", value=parameters)
    return grid


def coordinates(context: Context, frame: pd.DataFrame) -> tuple[Float64, Float64]:
    """Latitude and longitude in degrees, NaN where unknown."""
    latitude = frame[context.column(frame, "latitude")].to_numpy(dtype="float64", na_value=np.nan)
    longitude = frame[context.column(frame, "longitude")].to_numpy(dtype="float64", na_value=np.nan)
    return latitude, longitude


def _placed(grid: Grid, latitude: Float64, longitude: Float64, z_order: bool) -> Int64:
    """The ids of all points, unknown outside the grid."""
    inside = grid.inside(latitude, longitude)
    ids = np.full(len(latitude), UNKNOWN_ID, dtype=np.int64)
    number = grid.z_order_id if z_order else grid.linear_id
    ids[inside] = number(latitude[inside], longitude[inside])
    return ids


def _one_grid(context: Context, parameters: dict[str, Any], z_order: bool) -> Step:
    grid = _grid(context, parameters)

    def place(frame: pd.DataFrame) -> pd.DataFrame:
        frame["area_peril_id"] = _placed(grid, *coordinates(context, frame), z_order)
        return frame

    return place


def _grid_per_peril(context: Context, perils_dict: dict[str, dict[str, Any]], z_order: bool) -> Step:
    """One grid for each peril, numbered so that ids of two perils never meet."""
    grids = {peril: _grid(context, parameters) for peril, parameters in perils_dict.items()}
    if not grids:
        raise context.refusal("needs at least one peril in perils_dict")
    # The standard offsets by the cells of the first grid, also where a later grid has more cells.
    first = next(iter(grids.values()))
    cells = first.rows * first.columns

    def place(frame: pd.DataFrame) -> pd.DataFrame:
        latitude, longitude = coordinates(context, frame)
        peril_id = frame[context.column(frame, "peril_id")].astype("object").to_numpy()
        ids = np.full(len(frame), UNKNOWN_ID, dtype=np.int64)
        for number, (peril, grid) in enumerate(grids.items()):
            mine = np.flatnonzero(peril_id == peril)
            placed = _placed(grid, latitude[mine], longitude[mine], z_order)
            shifted = placed * len(grids) + number if z_order else placed + number * cells
            ids[mine] = np.where(placed == UNKNOWN_ID, UNKNOWN_ID, shifted)
        frame["area_peril_id"] = ids
        return frame

    return place


def fixed_size_geo_grid(context: Context, **parameters: Any) -> Step:
    """A step: area perils of a regular grid, numbered line by line."""
    return _one_grid(context, parameters, z_order=False)


def fixed_size_geo_grid_multi_peril(context: Context, perils_dict: dict[str, dict[str, Any]]) -> Step:
    """A step: area perils of one regular grid for each peril."""
    return _grid_per_peril(context, perils_dict, z_order=False)


def fixed_size_z_index_geo_grid(context: Context, **parameters: Any) -> Step:
    """A step: area perils of a regular grid, numbered along the Z-order curve."""
    return _one_grid(context, parameters, z_order=True)


def fixed_size_z_index_geo_grid_multi_peril(context: Context, perils_dict: dict[str, dict[str, Any]]) -> Step:
    """A step: area perils of one Z-ordered grid for each peril."""
    return _grid_per_peril(context, perils_dict, z_order=True)


def h3(context: Context, resolution: int, file_path: str, file_type: str = "csv", **options: Any) -> Step:
    """A step: area perils of H3 cells, through a table of ``h3_int64`` and ``area_peril_id``, one row a cell."""
    area_peril_of = _cells(context, read_table(context, file_path, file_type, options))

    def place(frame: pd.DataFrame) -> pd.DataFrame:
        from h3.api import basic_int

        latitude, longitude = coordinates(context, frame)
        known = np.isfinite(latitude) & np.isfinite(longitude)
        ids = np.full(len(frame), UNKNOWN_ID, dtype=np.int64)
        # H3 has no array interface: pay for each distinct point once.
        points, which = np.unique(np.column_stack([latitude[known], longitude[known]]), axis=0, return_inverse=True)
        cells = [basic_int.latlng_to_cell(lat, lon, resolution) for lat, lon in points.tolist()]
        found = area_peril_of.reindex(np.array(cells, dtype=np.int64), fill_value=UNKNOWN_ID).to_numpy(dtype=np.int64)
        ids[known] = found[which.reshape(-1)]
        frame["area_peril_id"] = np.where(ids > 0, ids, UNKNOWN_ID)
        return frame.reset_index(drop=True)

    return place


def _cells(context: Context, table: pd.DataFrame) -> pd.Series:
    """Area peril by H3 cell, checked: one row a cell, exact whole ids."""
    missing = [name for name in ("h3_int64", "area_peril_id") if find_column(table.columns, name) is None]
    if missing:
        raise context.refusal(f"needs the column {missing[0]!r} in its table", value=list(table.columns))
    cells, ids = table["h3_int64"], table["area_peril_id"]
    for values in (cells, ids):
        # One blank or fraction makes the whole column float, and rounds every cell id: they have 60 bits.
        if not pd.api.types.is_integer_dtype(values.dtype) or values.isna().any():
            raise context.refusal(
                f"needs whole numbers in {values.name!r} of its table", remedy="Fill or drop the other rows"
            )
    repeated = cells[cells.duplicated()]
    if not repeated.empty:
        raise context.refusal(
            "has a cell twice in its table", value=int(repeated.iloc[0]), remedy="Give each cell one row"
        )
    return pd.Series(ids.to_numpy(dtype=np.int64), index=cells.to_numpy(dtype=np.int64))
