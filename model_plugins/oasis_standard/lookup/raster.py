"""The step that reads raster values at coordinates."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from model_plugins.oasis_standard.lookup.frame import Context, Step
from model_plugins.oasis_standard.lookup.grids import Float64, Int64, coordinates


def geotiff(context: Context, file_path: str, band_info: dict[str, dict[str, Any]]) -> Step:
    """A step: one column for each band, its value at the location's pixel, or the band's default outside.

    ``band_info`` is {column: {id: 1-based band, default: value}}. Needs the extra ``geotiff``.
    """
    try:
        import rasterio
    except ImportError as error:
        raise context.refusal("needs rasterio to read GeoTIFF", remedy="Install oasis-workbench[geotiff]") from error
    path = context.existing(file_path)
    with rasterio.open(path) as dataset:
        bands = dataset.count
    for column, info in band_info.items():
        if not 1 <= int(info.get("id", 0)) <= bands or "default" not in info:
            raise context.refusal(f"needs an id from 1 to {bands} and a default for {column!r}", value=info)

    def sample(frame: pd.DataFrame) -> pd.DataFrame:
        latitude, longitude = coordinates(context, frame)
        values = _values(path, band_info, latitude, longitude)
        for column, found in values.items():
            frame[column] = found
        return frame

    return sample


def _values(path: Path, band_info: dict[str, dict[str, Any]], latitude: Float64, longitude: Float64) -> dict[str, Any]:
    """The value of each wanted band at each point, reading only the part of the raster that holds the points."""
    import rasterio
    from rasterio.windows import Window

    with rasterio.open(path) as dataset:
        column, row = pixels(dataset.transform.to_gdal(), latitude, longitude)
        inside = (column >= 0) & (column < dataset.width) & (row >= 0) & (row < dataset.height)
        dtype = dataset.dtypes[0]
        result = {name: np.full(len(latitude), info["default"]).astype(dtype) for name, info in band_info.items()}
        if not inside.any():
            return result
        left, top = int(column[inside].min()), int(row[inside].min())
        window = Window(left, top, int(column[inside].max()) - left + 1, int(row[inside].max()) - top + 1)
        for name, info in band_info.items():
            band = dataset.read(int(info["id"]), window=window)
            result[name][inside] = band[row[inside] - top, column[inside] - left]
    return result


def pixels(transform: tuple[float, ...], latitude: Float64, longitude: Float64) -> tuple[Int64, Int64]:
    """The pixel column and row of each point, -1 for unknown coordinates.

    The standard rounds to the nearest pixel corner rather than down to the pixel that holds the point, so points in
    the far half of a pixel take its neighbour's value. Keys must agree with it.
    """
    x0, dx, row_rotation, y0, column_rotation, dy = transform
    if row_rotation == 0 and column_rotation == 0:
        column = -x0 / dx + longitude * (1 / dx)
        row = -y0 / dy + latitude * (1 / dy)
    else:
        determinant = dx * dy - row_rotation * column_rotation
        column = ((longitude - x0) * dy - (latitude - y0) * row_rotation) / determinant
        row = ((latitude - y0) * dx - (longitude - x0) * column_rotation) / determinant
    known = np.isfinite(column) & np.isfinite(row)
    nearest = [np.full(len(latitude), -1, dtype=np.int64) for _ in range(2)]
    for target, exact in zip(nearest, (column, row), strict=True):
        target[known] = np.trunc(exact[known] + 0.5).astype(np.int64)
    return nearest[0], nearest[1]
