"""Each lookup step on tables small enough to follow by hand."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lookup_cases import write_areas
from shapely import box

from model_plugins.oasis_standard.lookup import grids, perils, raster, tables
from model_plugins.oasis_standard.lookup.frame import Context, is_blank, set_ids
from model_plugins.oasis_standard.lookup.geometry import nearest_centroid, rtree
from oasis_kernel.errors import InvalidInput

GRID = {"lat_min": 0.0, "lat_max": 2.0, "lon_min": 10.0, "lon_max": 13.0, "arc_size": 1.0}


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return Context("lookup_config.json", "tried", {"keys_data_path": str(tmp_path)})


def frame(**columns: list[Any]) -> pd.DataFrame:
    return pd.DataFrame(columns)


def placed(step: Any, points: list[tuple[float, float]], **more: list[Any]) -> list[int]:
    latitude, longitude = map(list, zip(*points, strict=True))
    return step(frame(latitude=latitude, longitude=longitude, **more))["area_peril_id"].tolist()


def test_ids_that_are_missing_null_or_not_positive_are_unknown(context: Context) -> None:
    ids = set_ids(frame(a=[3.0, np.nan, 0.0, -2.0]), ["a", "b"], context)
    assert ids["a"].tolist() == [3, -1, -1, -1]
    assert ids["b"].tolist() == [-1] * 4


def test_ids_that_are_not_whole_are_refused(context: Context) -> None:
    with pytest.raises(InvalidInput, match="step 'tried' must make whole numbers in 'a'"):
        set_ids(frame(a=[1.5]), ["a"], context)


def test_blanks_are_null_or_empty() -> None:
    assert is_blank(pd.Series(["a", "", None, np.nan])).tolist() == [False, True, True, True]


def test_perils_come_peril_by_peril_and_the_rest_last(context: Context) -> None:
    step = perils.split_loc_perils_covered(context, ["WTC", "WSS"])
    given_perils = ["WW1", "QEQ", "WTC"]
    keys = step(frame(loc_id=[1, 2, 3], locperilscovered=given_perils, status="success", message=""))
    assert keys[["loc_id", "peril_id"]].fillna("").to_numpy().tolist() == [
        [1, "WSS"], [1, "WTC"], [3, "WTC"], [2, ""]
    ]  # fmt: skip
    assert keys["status"].tolist() == ["success"] * 3 + ["notmodelled"]
    assert keys["message"].iloc[3] == "QEQ have no perils modelled"


def test_no_location_covered_at_all(context: Context) -> None:
    step = perils.split_loc_perils_covered(context, ["WTC"], "notatrisk")
    keys = step(frame(loc_id=[1], polperilscovered=["QEQ"], status="success", message=""))
    assert keys["status"].tolist() == ["notatrisk"]
    assert keys["peril_id"].isna().all()


def test_a_status_that_the_standard_does_not_know(context: Context) -> None:
    with pytest.raises(InvalidInput, match="unknown not_covered_status, got 'maybe'"):
        perils.split_loc_perils_covered(context, ["WTC"], "maybe")
    with pytest.raises(InvalidInput, match=r"not of the standard, got \['maybe'\]"):
        perils.set_status(context, "verdict")(frame(status=["success"], verdict=["maybe"]))


def test_statuses_and_messages_of_the_models_own(context: Context) -> None:
    step = perils.set_status(context, "verdict", "why")
    keys = step(frame(status=["success"] * 3, message=[""] * 3, verdict=["fail", "", None], why=["sea", "x", ""]))
    assert keys["status"].tolist() == ["fail", "success", "success"]
    assert keys["message"].tolist() == ["sea", "", ""]


def test_merge_keeps_rows_without_partner_and_repeats_those_with_two(context: Context, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("OCC,VULN\n1,5\n1,6\n2,0\n")
    keys = tables.merge(context, "%%KEYS_DATA_PATH%%/t.csv", ["vuln"])(frame(Occ=[1, 2, 3]))
    assert keys.to_numpy().tolist() == [[1, 5], [1, 6], [2, -1], [3, -1]]


def test_merge_without_a_shared_column(context: Context, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,b\n1,5\n")
    with pytest.raises(InvalidInput, match=r"nothing to join on: t\.csv has a, b"):
        tables.merge(context, "t.csv")(frame(c=[1]))


def test_merge_of_text_with_numbers_finds_nothing_and_says_so(
    context: Context, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "t.csv").write_text("postalcode,b\n90210,5\n")
    assert tables.merge(context, "t.csv", ["b"])(frame(postalcode=["90210"]))["b"].tolist() == [-1]
    assert "text in the locations and numbers in t.csv: no row can match" in caplog.text
    keys = tables.merge(context, "t.csv", ["b"], dtype={"postalcode": "str"})(frame(postalcode=["90210"]))
    assert keys["b"].tolist() == [5]


def test_merge_of_numbers_with_text_is_refused(context: Context, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("occupancycode,b\nhouse,5\n")
    with pytest.raises(InvalidInput, match="numbers in the locations and text in"):
        tables.merge(context, "t.csv")(frame(occupancycode=[1050]))


@pytest.mark.parametrize(
    ("path", "kind", "message"),
    [
        ("none.csv", "csv", "names a file that does not exist"),
        ("t.csv", "pickle", "has an unknown file_type, got 'pickle'"),
        ("%%ELSEWHERE%%/t.csv", "csv", "has a placeholder that nothing fills"),
        ("t.csv", "parquet", "cannot read t.csv"),
    ],
)
def test_tables_that_cannot_be_read(context: Context, tmp_path: Path, path: str, kind: str, message: str) -> None:
    (tmp_path / "t.csv").write_text("a\n1\n")
    with pytest.raises(InvalidInput, match=message):
        tables.merge(context, path, file_type=kind)


def test_pivot(context: Context) -> None:
    step = tables.simple_pivot(
        context,
        [
            {"on": {"vuln_str": "vulnerability_id"}, "new_cols": {"coverage_type": 1}},
            {"on": {"vuln_con": "vulnerability_id"}, "new_cols": {"coverage_type": 3}},
        ],
    )
    keys = step(frame(loc_id=[1, 2], vuln_str=[3, 18], vuln_con=[2, 4]))
    assert keys.columns.tolist() == ["loc_id", "vulnerability_id", "coverage_type"]
    assert keys.to_numpy().tolist() == [[1, 3, 1], [2, 18, 1], [1, 2, 3], [2, 4, 3]]


def test_pivot_of_an_absent_column(context: Context) -> None:
    with pytest.raises(InvalidInput, match="needs the column 'vuln', which the locations do not have"):
        tables.simple_pivot(context, [{"on": {"vuln": "v"}}])(frame(loc_id=[1]))


def test_prepare(context: Context) -> None:
    step = tables.prepare(context, storeys={"default": 2, "max": 9, "min": 1, "type": "int32"}, made={"default": "x"})
    keys = step(frame(Storeys=[np.nan, 0.0, 50.0, 4.0]))
    assert keys["Storeys"].tolist() == [2, 1, 9, 4]
    assert keys["Storeys"].dtype == "int32"
    assert keys["made"].tolist() == ["x"] * 4


def test_prepare_of_a_type_that_does_not_fit(context: Context) -> None:
    with pytest.raises(InvalidInput, match="cannot prepare 'name'"):
        tables.prepare(context, name={"type": "int32"})(frame(name=["a"]))


@pytest.mark.parametrize(("side", "expected"), [("left", [0, 1, 1]), ("right", [0, 1, 2])])
def test_intervals(context: Context, side: str, expected: list[int]) -> None:
    step = tables.interval_to_index(context, "year", [1900, 1950], side=side)
    assert step(frame(year=[1800, 1949, 1950]))["year_idx"].tolist() == expected


def test_intervals_keep_blanks(context: Context, tmp_path: Path) -> None:
    (tmp_path / "years.txt").write_text("1900\n\n1950\n")
    found = tables.interval_to_index(context, "year", "years.txt", "band")(frame(year=[np.nan, 2000.0]))["band"]
    assert found.isna().tolist() == [True, False]
    assert found[1] == 2
    with pytest.raises(InvalidInput, match="needs sorted_array ascending"):
        tables.interval_to_index(context, "year", [2, 1])


def test_geographical_schemes(context: Context) -> None:
    locations = frame(GeogScheme1=["ISO", " w3w", None], GeogName1=["GB", "a.b", "c"], GeogScheme2=["W3W"] * 3,
                      GeogName2=["x.y", "z", ""])  # fmt: skip
    assert tables.geog_lookup(context, "W3W", "word")(locations)["word"].tolist() == ["x.y", "a.b", ""]
    exact = tables.geog_lookup(context, "w3w", "word", slots=1, case_insensitive=False)(locations)["word"]
    assert exact.isna().tolist() == [True, False, True]
    with pytest.raises(InvalidInput, match="for some locations, got 2"):
        tables.geog_lookup(context, "W3W", "word", slots=1, on_missing="error")(locations)


def test_model_data_is_json(context: Context) -> None:
    keys = tables.model_data(context, ["BuildingTIV", "Name"])(frame(buildingtiv=[1.5, np.nan], name=["a", "b"]))
    assert [json.loads(text) for text in keys["model_data"]] == [
        {"BuildingTIV": 1.5, "Name": "a"}, {"BuildingTIV": None, "Name": "b"}
    ]  # fmt: skip


def test_dynamic_adjustments(context: Context) -> None:
    keys = tables.dynamic_model_adjustment(context, "height", "defence")(frame(height=[1], defence=[100]))
    assert keys[["intensity_adjustment", "return_period"]].to_numpy().tolist() == [[1, 100]]


def test_grid_numbers_cells_and_leaves_its_edge_out(context: Context) -> None:
    points = [(0.5, 10.5), (1.5, 10.5), (0.5, 11.5), (0.0, 10.5), (np.nan, 10.5), (1.5, 12.5)]
    assert placed(grids.fixed_size_geo_grid(context, **GRID), points) == [1, 2, 3, -1, -1, 6]
    assert placed(grids.fixed_size_geo_grid(context, **GRID, lon_first=True), points) == [1, 4, 2, -1, -1, 6]
    assert placed(grids.fixed_size_geo_grid(context, **GRID, lat_reverse=True), points) == [2, 1, 4, -1, -1, 5]
    assert placed(grids.fixed_size_geo_grid(context, **GRID, lon_reverse=True), points) == [5, 6, 3, -1, -1, 2]


def test_z_order_interleaves_bits(context: Context) -> None:
    points = [(0.5, 10.5), (1.5, 10.5), (0.5, 11.5), (1.5, 12.5)]
    assert placed(grids.fixed_size_z_index_geo_grid(context, **GRID), points) == [1, 2, 3, 10]
    assert placed(grids.fixed_size_z_index_geo_grid(context, **GRID, lon_first=True), points) == [1, 3, 2, 7]


def test_one_grid_per_peril(context: Context) -> None:
    points, peril_id = [(0.5, 10.5), (0.5, 10.5), (5.0, 10.5), (0.5, 10.5)], ["WTC", "WSS", "WSS", "QEQ"]
    grid = {"WTC": GRID, "WSS": GRID}
    linear = grids.fixed_size_geo_grid_multi_peril(context, grid)
    assert placed(linear, points, peril_id=peril_id) == [1, 7, -1, -1]
    curved = grids.fixed_size_z_index_geo_grid_multi_peril(context, grid)
    assert placed(curved, points, peril_id=peril_id) == [2, 3, -1, -1]


def test_a_grid_that_cannot_be(context: Context) -> None:
    with pytest.raises(InvalidInput, match="needs a grid with min below max"):
        grids.fixed_size_geo_grid(context, **{**GRID, "arc_size": 0})
    with pytest.raises(InvalidInput, match="cannot make its grid"):
        grids.fixed_size_geo_grid(context, lat_min=0)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2**31 - 1), st.integers(0, 2**31 - 1)), min_size=1, max_size=20))
def test_bits_are_spread_as_by_hand(pairs: list[tuple[int, int]]) -> None:
    def naive(number: int) -> int:
        return sum((number >> bit & 1) << 2 * bit for bit in range(31))

    first, second = np.array(pairs, dtype=np.int64).T
    expected = [naive(a) | naive(b) << 1 for a, b in pairs]
    assert (grids.spread_bits(first) | grids.spread_bits(second) << 1).tolist() == expected


def test_h3_cells(context: Context, tmp_path: Path) -> None:
    from h3.api import basic_int

    cell = basic_int.latlng_to_cell(52.5, -0.9, 5)
    (tmp_path / "cells.csv").write_text(f"h3_int64,AREA_PERIL_ID\n{cell},42\n")
    points = [(52.5, -0.9), (10.0, 10.0), (np.nan, 1.0), (np.inf, 1.0)]
    assert placed(grids.h3(context, 5, "cells.csv"), points) == [42, -1, -1, -1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("h3_int64,id\n1,2\n", "needs the column 'area_peril_id'"),
        ("h3_int64,area_peril_id\n1,2\n1,3\n", "has a cell twice in its table, got 1"),
        ("h3_int64,area_peril_id\n1,2\n2,\n", "needs whole numbers in 'area_peril_id'"),
    ],
)
def test_h3_tables_that_cannot_be(context: Context, tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "cells.csv").write_text(text)
    with pytest.raises(InvalidInput, match=message):
        grids.h3(context, 5, "cells.csv")


def test_points_in_polygons_on_edges_and_nowhere(context: Context, tmp_path: Path) -> None:
    write_areas(tmp_path / "a.parquet", [box(0, 0, 1, 1), box(1, 0, 2, 1)], {"area_peril_id": [7, 8]})
    points = [(0.5, 0.5), (0.5, 1.0), (5.0, 5.0), (np.nan, 0.5), (0.5, 1.5)]
    step = rtree(context, "a.parquet", "parquet", ["area_peril_id"])
    assert placed(step, points) == [7, 7, 8, -1, 8, -1]
    step = rtree(context, "a.parquet", "parquet", "area_peril_id", nearest_neighbor_max_distance=700_000)
    assert placed(step, points) == [7, 7, 8, 8, 8, -1]


def test_polygons_by_peril(context: Context, tmp_path: Path) -> None:
    areas = {"peril_id": ["WTC", "WSS"], "area_peril_id": [7, 8]}
    write_areas(tmp_path / "a.parquet", [box(0, 0, 1, 1)] * 2, areas)
    step = rtree(context, "a.parquet", "parquet", ["area_peril_id"])
    keys = step(frame(latitude=[0.5] * 3, longitude=[0.5] * 3, peril_id=["WTC", "QEQ", "WSS"]))
    assert keys[["peril_id", "area_peril_id"]].to_numpy().tolist() == [["QEQ", -1], ["WSS", 8], ["WTC", 7]]


def test_polygons_that_cannot_be_read(context: Context, tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_text("no")
    with pytest.raises(InvalidInput, match=r"cannot read a\.parquet"):
        rtree(context, "a.parquet", "parquet", [])
    pd.DataFrame({"x": [1]}).to_parquet(tmp_path / "b.parquet")
    with pytest.raises(InvalidInput, match="finds no geometry column 'geometry'"):
        rtree(context, "b.parquet", "parquet", [])


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1))
def test_nearest_centroid_as_by_hand(seed: int) -> None:
    random = np.random.default_rng(seed)
    corners = random.uniform(-60, 60, (12, 2))
    geometry = np.array([box(x, y, x + 1, y + 1) for x, y in corners])
    latitude, longitude = random.uniform(-60, 60, (2, 9))
    nearest, distance = nearest_centroid(geometry, latitude, longitude)
    a, b = np.radians(longitude)[:, None], np.radians(latitude)[:, None]
    x, y = np.radians(corners + 0.5).T
    hav = np.sin((a - x) / 2) ** 2 + np.cos(a) * np.cos(x) * np.sin((b - y) / 2) ** 2
    by_hand = 2 * 6_371_000.0 * np.arcsin(np.sqrt(hav))
    assert nearest.tolist() == by_hand.argmin(axis=1).tolist()
    np.testing.assert_allclose(distance, by_hand.min(axis=1), rtol=1e-9)


def test_raster_values(context: Context, tmp_path: Path) -> None:
    rasterio = pytest.importorskip("rasterio")
    values = np.arange(12, dtype="int32").reshape(3, 4)
    transform = rasterio.Affine(0.5, 0.0, 10.0, 0.0, -0.5, 53.0)
    profile = {"driver": "GTiff", "width": 4, "height": 3, "count": 2, "dtype": "int32", "transform": transform}
    with rasterio.open(tmp_path / "r.tif", "w", crs="EPSG:4326", **profile) as dataset:
        dataset.write(values, 1)
        dataset.write(values * 10, 2)
    step = raster.geotiff(context, "r.tif", {"zone": {"id": 1, "default": -9}, "level": {"id": 2, "default": 0}})
    # 0.2 of a pixel past the corner of row 1, column 2; then outside; then unknown.
    keys = step(frame(latitude=[52.4, 60.0, np.nan], longitude=[11.1, 11.1, 11.1]))
    assert keys["zone"].tolist() == [6, -9, -9]
    assert keys["level"].tolist() == [60, 0, 0]
    with pytest.raises(InvalidInput, match="needs an id from 1 to 2 and a default for 'zone'"):
        raster.geotiff(context, "r.tif", {"zone": {"id": 3, "default": 0}})
