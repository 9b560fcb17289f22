"""The step that finds the polygon around a point, or the nearest one."""

import importlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from model_plugins.oasis_standard.lookup.frame import Context, Step, set_ids
from model_plugins.oasis_standard.lookup.grids import Float64, Int64, coordinates

EARTH_RADIUS = 6_371_000.0  # metres
NEAREST_BLOCK = 4_000_000  # distances held at once when looking for the nearest centroid


@dataclass(frozen=True)
class Areas:
    """Geometries in degrees (x longitude, y latitude) and what the table says of each, row by row."""

    geometry: npt.NDArray[np.object_]
    attributes: pd.DataFrame

    def of(self, rows: npt.NDArray[np.bool_], without: str) -> "Areas":
        """The areas of some rows, one attribute left out."""
        return Areas(self.geometry[rows], self.attributes[rows].drop(columns=without).reset_index(drop=True))


def rtree(
    context: Context,
    file_path: str,
    file_type: str,
    id_columns: list[str] | str,
    area_peril_read_params: dict[str, Any] | None = None,
    file_read_params: dict[str, Any] | None = None,
    nearest_neighbor_min_distance: float = -1,
    nearest_neighbor_max_distance: float = -1,
) -> Step:
    """A step: the attributes of every area that a location lies in (or on the edge of), peril by peril if it has any.

    Locations in no area take the area with the nearest centroid, when ``nearest_neighbor_max_distance`` (metres;
    ``min`` is its older name) allows. Locations without coordinates come last.
    """
    areas = read_areas(context, file_path, file_type, file_read_params or area_peril_read_params or {})
    distance = nearest_neighbor_max_distance if nearest_neighbor_max_distance > 0 else nearest_neighbor_min_distance
    ids = [id_columns] if isinstance(id_columns, str) else list(id_columns)

    def find(frame: pd.DataFrame) -> pd.DataFrame:
        if "peril_id" not in areas.attributes.columns:
            return set_ids(_located(context, frame, areas, distance), ids, context)
        peril_of_area = areas.attributes["peril_id"].to_numpy(dtype=object)
        perils = np.unique(peril_of_area.astype(str))
        peril_id = frame[context.column(frame, "peril_id")]
        parts = [frame[~peril_id.isin(perils)]]
        for peril in perils:
            mine = areas.of(peril_of_area == peril, without="peril_id")
            parts.append(set_ids(_located(context, frame[peril_id == peril], mine, distance), ids, context))
        return set_ids(pd.concat([part for part in parts if len(part)] or parts, ignore_index=True), ids, context)

    return find


def read_areas(context: Context, file_path: str, file_type: str, options: dict[str, Any]) -> Areas:
    """The areas of a GeoParquet file, or (with geopandas installed) of anything that it reads."""
    path = context.existing(file_path)
    if file_type == "parquet":
        return _read_geoparquet(context, path, options)
    try:
        geopandas = importlib.import_module("geopandas")
    except ImportError as error:
        raise context.refusal(
            f"needs geopandas to read the file_type {file_type!r}",
            remedy="Install geopandas, or save the areas as GeoParquet",
        ) from error
    reader = getattr(geopandas, f"read_{file_type}", None)
    if reader is None:
        raise context.refusal("has an unknown file_type", value=file_type, remedy="Use 'parquet' or 'file'")
    frame = reader(path, **options)
    frame = frame.to_crs("EPSG:4326") if frame.crs is not None else frame
    attributes = pd.DataFrame(frame.drop(columns=frame.geometry.name)).reset_index(drop=True)
    return Areas(frame.geometry.to_numpy(), attributes)


def _read_geoparquet(context: Context, path: Path, options: dict[str, Any]) -> Areas:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path, **options)
        described = json.loads((table.schema.metadata or {}).get(b"geo", b"{}"))
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise context.refusal(
            f"cannot read {path.name}: {error}", remedy="Save the areas again as GeoParquet"
        ) from error
    primary = described.get("primary_column", "geometry")
    if primary not in table.column_names:
        raise context.refusal(f"finds no geometry column {primary!r} in {path.name}", value=table.column_names)
    column = described.get("columns", {}).get(primary, {})
    if column.get("encoding", "WKB") != "WKB":
        raise context.refusal(
            f"reads geometries as WKB only, {path.name} has another encoding", value=column["encoding"]
        )
    geometry = shapely.from_wkb(table.column(primary).to_numpy())
    geometry = _in_degrees(context, geometry, column.get("crs"), path)
    attributes = table.drop_columns([primary]).to_pandas().reset_index(drop=True)
    return Areas(geometry, attributes)


def _in_degrees(
    context: Context, geometry: npt.NDArray[np.object_], crs: dict[str, Any] | None, path: Path
) -> npt.NDArray[np.object_]:
    """Geometries as longitude and latitude (WGS 84), which they are taken for when the file does not say."""
    if crs is None or crs.get("id", {}).get("code") in (4326, "4326", "CRS84"):
        return geometry
    try:
        pyproj = importlib.import_module("pyproj")
    except ImportError as error:
        raise context.refusal(
            f"needs pyproj, because {path.name} is not in longitude and latitude",
            value=crs.get("name"),
            remedy="Install pyproj, or save the areas in EPSG:4326",
        ) from error
    transformer = pyproj.Transformer.from_crs(pyproj.CRS.from_json_dict(crs), "EPSG:4326", always_xy=True)
    moved: npt.NDArray[np.object_] = shapely.transform(
        geometry, lambda xy: np.column_stack(transformer.transform(xy[:, 0], xy[:, 1]))
    )
    return moved


def _located(context: Context, frame: pd.DataFrame, areas: Areas, max_distance: float) -> pd.DataFrame:
    """``frame`` with the attributes of each location's areas, once per area; without coordinates at the end."""
    latitude, longitude = coordinates(context, frame)
    known = ~(np.isnan(latitude) | np.isnan(longitude))
    latitude, longitude = latitude[known], longitude[known]
    location, area = areas_around(areas.geometry, latitude, longitude)
    if max_distance > 0:
        outside = area < 0
        nearest, distance = nearest_centroid(areas.geometry, latitude[location[outside]], longitude[location[outside]])
        area[outside] = np.where(distance <= max_distance, nearest, -1)
    found = frame[known].iloc[location].reset_index(drop=True)
    attributes = areas.attributes.reset_index(drop=True).reindex(area).reset_index(drop=True)
    shared = [name for name in attributes.columns if name in found.columns]
    found = found.rename(columns={name: f"{name}_left" for name in shared})
    attributes = attributes.rename(columns={name: f"{name}_right" for name in shared})
    joined = pd.concat([found, attributes], axis=1)
    unknown = frame[~known]
    return joined if unknown.empty else pd.concat([joined, unknown], ignore_index=True)


def areas_around(geometry: npt.NDArray[np.object_], latitude: Float64, longitude: Float64) -> tuple[Int64, Int64]:
    """Pairs (location, area) in order of location, for every area that touches it; area -1 where none does."""
    points = shapely.points(longitude, latitude)
    location, area = shapely.STRtree(geometry).query(points, predicate="intersects")
    alone = np.setdiff1d(np.arange(len(points)), location)
    location = np.concatenate([location, alone]).astype(np.int64)
    area = np.concatenate([area, np.full(len(alone), -1)]).astype(np.int64)
    order = np.argsort(location, kind="stable")
    return location[order], area[order]


def nearest_centroid(geometry: npt.NDArray[np.object_], latitude: Float64, longitude: Float64) -> tuple[Int64, Float64]:
    """The area with the nearest centroid to each point, and the distance in metres.

    The standard measures on a sphere whose poles lie on the equator (it takes longitude for latitude and the other
    way round); keys must agree with it, so this does too.
    """
    if len(latitude) == 0 or len(geometry) == 0:
        return np.full(len(latitude), -1, dtype=np.int64), np.full(len(latitude), np.inf)
    centre = shapely.centroid(geometry)
    centre_x, centre_y = np.radians(shapely.get_x(centre)), np.radians(shapely.get_y(centre))
    x, y = np.radians(longitude), np.radians(latitude)
    targets = _unit_vectors(centre_x, centre_y).T
    nearest = np.empty(len(x), dtype=np.int64)
    block = max(1, NEAREST_BLOCK // len(geometry))
    for start in range(0, len(x), block):
        stop = start + block
        nearest[start:stop] = np.argmax(_unit_vectors(x[start:stop], y[start:stop]) @ targets, axis=1)
    half_chord = np.sqrt(
        np.sin((x - centre_x[nearest]) / 2) ** 2
        + np.cos(x) * np.cos(centre_x[nearest]) * np.sin((y - centre_y[nearest]) / 2) ** 2
    )
    return nearest, 2 * EARTH_RADIUS * np.arcsin(np.minimum(half_chord, 1.0))


def _unit_vectors(x: Float64, y: Float64) -> Float64:
    """[n, 3] points of the unit sphere at ``x`` radians from its equator and ``y`` along it."""
    return np.column_stack([np.cos(x) * np.cos(y), np.cos(x) * np.sin(y), np.sin(x)])
