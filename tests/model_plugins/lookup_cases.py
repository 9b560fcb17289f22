"""Small random lookups for every step type: a configuration, its files, locations."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import shapely

PERILS = ["WTC", "WSS", "WW1", "WW2", "OO1", "WTC;WSS", "WW1;WTC", "QEQ", "QQ1;WSS", ""]
GRID = {"lat_min": 52.0, "lat_max": 53.0, "lon_min": -1.0, "lon_max": 0.5, "arc_size": 0.05}
PIVOT = {
    "type": "simple_pivot",
    "parameters": {"pivots": [{"new_cols": {"coverage_type": 1}}, {"new_cols": {"coverage_type": 3}}]},
}
SPLIT = {
    "type": "split_loc_perils_covered",
    "columns": ["locperilscovered"],
    "parameters": {"model_perils_covered": ["WTC", "WSS"]},
}
VULNERABILITY = {
    "type": "merge",
    "columns": ["peril_id", "coverage_type", "occupancycode"],
    "parameters": {"file_path": "%%KEYS_DATA_PATH%%/vulnerability.csv", "id_columns": ["vulnerability_id"]},
}
PLACE = ["latitude", "longitude"]


@dataclass(frozen=True)
class Case:
    """One lookup: its steps in order, and what writes the files that they read."""

    steps: dict[str, dict[str, Any]]
    files: Callable[[Path, np.random.Generator], None] = lambda folder, random: None
    strategy: tuple[str, ...] = ()

    def write(self, folder: Path, seed: int) -> None:
        """Write configuration, tables and locations into a folder."""
        folder.mkdir(parents=True)
        random = np.random.default_rng(seed)
        locations(random, 240).to_parquet(folder / "locations.parquet", index=False)
        vulnerability_table(random).to_csv(folder / "vulnerability.csv", index=False)
        self.files(folder, random)
        config = {"keys_data_path": ".", "step_definition": self.steps, "strategy": list(self.strategy or self.steps)}
        (folder / "lookup_config.json").write_text(json.dumps(config))


def locations(random: np.random.Generator, count: int) -> pd.DataFrame:
    """Locations as ods-tools gives them: defaults in place, coordinates unknown for some, on grid lines for others."""
    latitude = random.uniform(51.9, 53.1, count)
    longitude = random.uniform(-1.1, 0.6, count)
    latitude[::7] = np.round(latitude[::7], 1)
    longitude[::7] = np.round(longitude[::7], 1)
    unknown = random.random(count) < 0.05
    latitude[unknown] = longitude[unknown] = np.nan
    return pd.DataFrame(
        {
            "LocNumber": [f"L{n}" for n in range(count)],
            "loc_id": random.integers(1, count, count),
            "loc_idx": np.arange(count),
            "LocPerilsCovered": random.choice(PERILS, count),
            "Latitude": latitude,
            "Longitude": longitude,
            "OccupancyCode": random.choice([1000, 1050, 1100, 1150], count).astype("int32"),
            "PostalCode": random.choice(["AA1", "BB2", "CC3", ""], count),
            "YearBuilt": random.choice([0, 1900, 1950, 1980, 2000, 2020], count).astype("int32"),
            "NumberOfStoreys": random.integers(0, 30, count).astype("int32"),
            "GeogScheme1": random.choice(["W3W", "ISO", ""], count),
            "GeogName1": random.choice(["a.b.c", "d.e.f", ""], count),
            "GeogScheme2": random.choice([" w3w", "POST", ""], count),
            "GeogName2": random.choice(["g.h.i", "j.k.l"], count),
            "CustomStatus": random.choice(["notatrisk", "fail_v", "", "", "", ""], count),
            "CustomMessage": random.choice(["too far", ""], count),
        }
    )


def vulnerability_table(random: np.random.Generator) -> pd.DataFrame:
    """Vulnerability by peril, coverage and occupancy, with gaps, a repeated row and a zero."""
    rows = [(p, c, o) for p in ("WTC", "WSS") for c in (1, 3) for o in (1000, 1050, 1100)]
    table = pd.DataFrame(rows, columns=["PERIL_ID", "Coverage_Type", "OCCUPANCYCODE"])
    table["vulnerability_id"] = random.integers(0, 9, len(table))
    return pd.concat([table, table.iloc[[3]]])


def write_areas(path: Path, geometry: list[Any], attributes: dict[str, list[Any]]) -> None:
    """A GeoParquet file."""
    table = pa.table({**attributes, "geometry": shapely.to_wkb(np.array(geometry)).tolist()})
    geo = {
        "version": "1.0.0",
        "primary_column": "geometry",
        "columns": {"geometry": {"encoding": "WKB", "geometry_types": ["Polygon"], "crs": None}},
    }
    pq.write_table(table.replace_schema_metadata({"geo": json.dumps(geo)}), path)


def boxes(columns: int = 6, rows: int = 5) -> list[Any]:
    """Boxes that touch each other, over the middle of the locations."""
    lon, lat = np.linspace(-0.8, 0.3, columns + 1), np.linspace(52.1, 52.9, rows + 1)
    return [shapely.box(lon[i], lat[j], lon[i + 1], lat[j + 1]) for i in range(columns) for j in range(rows)]


def _peril_areas(folder: Path, random: np.random.Generator) -> None:
    geometry = boxes()
    perils = ["WTC"] * len(geometry) + ["WSS"] * len(geometry)
    ids = random.permutation(2 * len(geometry)) + 1
    write_areas(folder / "areas.parquet", geometry * 2, {"peril_id": perils, "area_peril_id": ids.tolist()})


def _plain_areas(folder: Path, random: np.random.Generator) -> None:
    geometry = [*boxes(), shapely.box(-0.5, 52.2, 0.0, 52.5)]
    write_areas(folder / "areas.parquet", geometry, {"area_peril_id": list(range(1, len(geometry) + 1))})


def _cells(folder: Path, random: np.random.Generator) -> None:
    from h3.api import basic_int

    points = random.uniform([51.9, -1.1], [53.1, 0.6], (300, 2))
    cells = sorted({basic_int.latlng_to_cell(lat, lon, 4) for lat, lon in points})
    kept = cells[::2]
    pd.DataFrame({"H3_INT64": kept, "area_peril_id": range(1, len(kept) + 1)}).to_csv(folder / "cells.csv", index=False)


def _words(folder: Path, random: np.random.Generator) -> None:
    table = pd.DataFrame({"w3w": ["a.b.c", "d.e.f", "g.h.i"], "area_peril_id": [11, 12, 13]})
    table.to_parquet(folder / "words.parquet", index=False)


def _postcodes(folder: Path, random: np.random.Generator) -> None:
    pd.DataFrame({"POSTALCODE": ["AA1", "BB2"], "area_peril_id": [901, 902]}).to_csv(folder / "postal.csv", index=False)
    pd.DataFrame({"POSTALCODE": ["AA1"], "half_id": [5]}).to_csv(folder / "half.csv", index=False)
    pd.DataFrame({"half_id": [5], "area_peril_id": [77]}).to_csv(folder / "whole.csv", index=False)


def _numbered_postcodes(folder: Path, random: np.random.Generator) -> None:
    _postcodes(folder, random)
    (folder / "half.csv").write_text("POSTALCODE,half_id\n1,5\n")


def _ages(folder: Path, random: np.random.Generator) -> None:
    rows = [(age, height) for age in range(5) for height in (1, 2, 3)]
    table = pd.DataFrame(rows, columns=["yearbuilt_idx", "height"])
    table["vulnerability_id"] = range(1, len(table) + 1)
    table.to_csv(folder / "ages.csv", index=False)
    (folder / "years.csv").write_text("1899\n1950\n1990\n")


def _merge(file: str, columns: list[str], ids: list[str], **more: Any) -> dict[str, Any]:
    parameters = {"file_path": f"%%KEYS_DATA_PATH%%/{file}", "id_columns": ids, **more}
    return {"type": "merge", "columns": columns, "parameters": parameters}


def _grid(kind: str, **parameters: Any) -> dict[str, Any]:
    return {"type": kind, "columns": PLACE, "parameters": parameters}


def _rtree(**more: Any) -> dict[str, Any]:
    parameters = {"file_path": "%%KEYS_DATA_PATH%%/areas.parquet", "file_type": "parquet"}
    return {"type": "rtree", "columns": PLACE, "parameters": {**parameters, "id_columns": ["area_peril_id"], **more}}


def _placed(place: dict[str, Any], files: Callable[[Path, np.random.Generator], None] = lambda f, r: None) -> Case:
    return Case({"split": SPLIT, "place": place, "coverages": PIVOT, "vulnerability": VULNERABILITY}, files)


COARSE = {**GRID, "arc_size": 0.1, "lat_reverse": True}
COMBINED = {
    "split": SPLIT,
    "by_postcode": _merge("postal.csv", ["postalcode"], ["area_peril_id"]),
    "by_grid": _grid("fixed_size_geo_grid", **{**GRID, "lat_max": 52.6}),
    "half": _merge("half.csv", ["postalcode"], ["half_id"]),
    "whole": _merge("whole.csv", [], ["area_peril_id"]),
    "chained": {
        "type": "combine",
        "parameters": {
            "id_columns": [["half_id"], ["area_peril_id"]],
            "strategy": ["half", "whole"],
            "logical_type": "and",
        },
    },
    "place": {
        "type": "combine",
        "parameters": {"id_columns": ["area_peril_id"], "strategy": ["by_grid", "chained", "by_postcode"]},
    },
    "coverages": PIVOT,
    "vulnerability": VULNERABILITY,
}
AGED = {
    "split": {**SPLIT, "parameters": {**SPLIT["parameters"], "not_covered_status": "notatrisk"}},
    "prepare": {
        "type": "prepare",
        "columns": ["numberofstoreys", "yearbuilt"],
        "parameters": {
            "numberofstoreys": {"max": 20, "min": 2, "type": "int64"},
            "height": {"default": 2},
            "yearbuilt": {"type": "float64"},
        },
    },
    "place": _grid("fixed_size_geo_grid", **GRID),
    "age": {
        "type": "interval_to_index",
        "columns": ["yearbuilt"],
        "parameters": {"value_column_name": "yearbuilt", "sorted_array": "%%KEYS_DATA_PATH%%/years.csv"},
    },
    "coverages": PIVOT,
    "vulnerability": _merge("ages.csv", [], ["vulnerability_id"]),
    "adjust": {
        "type": "dynamic_model_adjustment",
        "columns": ["numberofstoreys", "occupancycode"],
        "parameters": {"intensity_adjustment_col": "numberofstoreys", "return_period_col": "occupancycode"},
    },
}

CASES = {
    "grid": _placed(_grid("fixed_size_geo_grid", **GRID)),
    "grid_reversed": _placed(_grid("fixed_size_geo_grid", **GRID, lat_reverse=True, lon_reverse=True)),
    "grid_lon_first": _placed(_grid("fixed_size_geo_grid", **GRID, lon_first=True, lat_reverse=True)),
    "grid_per_peril": _placed(_grid("fixed_size_geo_grid_multi_peril", perils_dict={"WTC": GRID, "WSS": COARSE})),
    "z_grid": _placed(_grid("fixed_size_z_index_geo_grid", **GRID, lon_reverse=True)),
    "z_grid_lon_first": _placed(_grid("fixed_size_z_index_geo_grid", **GRID, lon_first=True)),
    "z_per_peril": _placed(_grid("fixed_size_z_index_geo_grid_multi_peril", perils_dict={"WSS": GRID, "WTC": COARSE})),
    "rtree_per_peril": _placed(_rtree(), _peril_areas),
    "rtree_plain": _placed(_rtree(), _plain_areas),
    "rtree_nearest": _placed(_rtree(nearest_neighbor_max_distance=30_000), _peril_areas),
    "rtree_nearest_plain": _placed(_rtree(nearest_neighbor_min_distance=12_000), _plain_areas),
    "h3": _placed(_grid("h3", resolution=4, file_path="%%KEYS_DATA_PATH%%/cells.csv"), _cells),
    "geog": Case(
        {
            "split": SPLIT,
            "tag": {
                "type": "geog_lookup",
                "columns": ["GeogScheme1", "GeogName1", "GeogScheme2", "GeogName2"],
                "parameters": {"geog_scheme": "W3W", "output_column": "w3w"},
            },
            "place": _merge("words.parquet", ["w3w"], ["area_peril_id"], file_type="parquet"),
            "coverages": PIVOT,
            "vulnerability": VULNERABILITY,
        },
        _words,
    ),
    "combine": Case(COMBINED, _postcodes, ("split", "place", "coverages", "vulnerability")),
    "combine_with_a_table_of_numbers": Case(
        COMBINED,
        _numbered_postcodes,
        ("split", "place", "coverages", "vulnerability"),
    ),
    "aged": Case(AGED, _ages),
    "status": Case(
        {
            "split": SPLIT,
            "place": _grid("fixed_size_geo_grid", **GRID),
            "coverages": PIVOT,
            "vulnerability": VULNERABILITY,
            "amplification": _merge("postal.csv", ["postalcode"], ["amplification_id"]),
            "verdict": {
                "type": "set_status",
                "columns": ["customstatus", "custommessage"],
                "parameters": {"status_column": "customstatus", "message_column": "custommessage"},
            },
        },
        lambda folder, random: pd.DataFrame({"postalcode": ["AA1", "CC3"], "amplification_id": [4, 0]}).to_csv(
            folder / "postal.csv", index=False
        ),
    ),
    "pivoted": Case(
        {
            "split": {**SPLIT, "parameters": {}},
            "place": _grid("fixed_size_geo_grid", **GRID),
            "coverages": {
                "type": "simple_pivot",
                "columns": ["occupancycode", "numberofstoreys"],
                "parameters": {
                    "pivots": [
                        {"on": {"occupancycode": "vulnerability_id"}, "new_cols": {"coverage_type": 1}},
                        {"on": {"numberofstoreys": "vulnerability_id"}, "new_cols": {"coverage_type": 3}},
                    ]
                },
            },
        }
    ),
}
