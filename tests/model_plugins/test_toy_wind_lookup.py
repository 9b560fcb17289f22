"""Every location gets a cell and a function, or the reason why not."""

import numpy as np
import pyarrow as pa
import pytest
from ods_tools.oed import OedSchema

from model_plugins.toy_wind import coast, damage, lookup
from oasis_kernel.model.keys import KEYS_SCHEMA, KeyStatus

MIAMI = {"Longitude": -80.25, "Latitude": 25.77}


def locations(*rows: dict) -> pa.Table:
    """Locations with defaults for what a row does not say."""
    usual = {"OccupancyCode": 1051, "ConstructionCode": 5100, "LocPerilsCovered": "WTC"} | MIAMI
    complete = [{"loc_id": number} | usual | row for number, row in enumerate(rows, 1)]
    return pa.Table.from_pylist(complete)


def verdict(row: dict) -> tuple[str, str]:
    keys = lookup.keys(locations(row))
    assert len(set(keys["status"].to_pylist())) == 1
    return keys["status"][0].as_py(), keys["message"][0].as_py()


def test_a_modelled_location_has_a_key_for_each_coverage():
    keys = lookup.keys(locations({}))
    assert keys.schema == KEYS_SCHEMA
    assert keys["status"].to_pylist() == ["success"] * 4
    assert keys["peril_id"].to_pylist() == ["WTC"] * 4
    assert keys["coverage_type"].to_pylist() == [1, 2, 3, 4]
    assert keys["vulnerability_id"].to_pylist() == [121, 122, 123, 124]
    assert set(keys["area_peril_id"].to_pylist()) == {1 + 7 * coast.COLUMNS + 27}


@pytest.mark.parametrize(
    ("row", "status", "words"),
    [
        ({"LocPerilsCovered": "QEQ"}, KeyStatus.NOT_MODELLED, "LocPerilsCovered is QEQ"),
        ({"LocPerilsCovered": None}, KeyStatus.NOT_MODELLED, "LocPerilsCovered is blank"),
        ({"Longitude": None}, KeyStatus.FAIL_AREA_PERIL, "geocode it"),
        ({"Latitude": 24.56}, KeyStatus.FAIL_AREA_PERIL, "outside the model's area"),
        ({"Latitude": 28.6}, KeyStatus.FAIL_AREA_PERIL, "outside the model's area"),
        ({"Longitude": -82.95, "Latitude": 26.2}, KeyStatus.NOT_AT_RISK, "in the sea"),
        ({"OccupancyCode": 1252}, KeyStatus.FAIL_VULNERABILITY, "OccupancyCode 1252, ConstructionCode 5100"),
        ({"ConstructionCode": 5600}, KeyStatus.FAIL_VULNERABILITY, "OccupancyCode 1051, ConstructionCode 5600"),
    ],
)
def test_what_is_not_modelled_says_why(row, status, words):
    got, message = verdict(row)
    assert got == status
    assert words in message


def test_a_location_that_is_not_modelled_has_no_ids():
    keys = lookup.keys(locations({"Latitude": 24.56}, {}))
    assert keys["area_peril_id"].null_count == 4
    assert keys["vulnerability_id"].null_count == 4


@pytest.mark.parametrize("perils", ["WTC", "WW1", "WW2", "AA1", "QEQ;WTC"])
def test_groups_that_contain_the_peril_are_modelled(perils):
    keys = lookup.keys(locations({"LocPerilsCovered": perils}))
    assert set(keys["peril_id"].to_pylist()) == {"WTC"}
    assert set(keys["status"].to_pylist()) == {"success"}


def test_the_groups_are_those_of_oed():
    covered = OedSchema.from_oed_schema_info(None).schema["perils"]["covered"]
    assert {group for group, perils in covered.items() if "WTC" in perils} == lookup.COVERED_BY


def test_blank_and_unknown_codes_take_the_usual_building():
    keys = lookup.keys(
        locations(
            {"ConstructionCode": None}, {"OccupancyCode": 1150, "ConstructionCode": 5000}, {"OccupancyCode": None}
        )
    )
    building = keys.filter(pa.compute.equal(keys["coverage_type"], 1))
    assert building["vulnerability_id"].to_pylist() == [121, 341, 121]


def test_a_location_with_two_rows_is_looked_up_once():
    table = pa.concat_tables([locations({}), locations({"LocPerilsCovered": "QEQ"})])
    assert lookup.keys(table).num_rows == 4


def test_a_file_without_codes_is_looked_up_as_unknown():
    table = locations({}).drop_columns(["OccupancyCode", "ConstructionCode"])
    assert set(lookup.keys(table)["status"].to_pylist()) == {"success"}


def test_no_locations_have_no_keys():
    assert lookup.keys(locations({}).slice(0, 0)).num_rows == 0


def test_every_key_is_in_the_model():
    functions = damage.vulnerability().vulnerability_id
    codes = [
        (occupancy, kind) for occupancy, _, _ in lookup.OCCUPANCY_CODES for kind, _, _ in lookup.CONSTRUCTION_CODES
    ]
    occupancy, construction = (np.array(column, dtype=float) for column in zip(*codes, strict=True))
    bases = lookup.vulnerability_base(occupancy, construction)
    assert np.all(np.isin(bases[:, None] + lookup.COVERAGES, functions))


def test_cells_and_their_centres_agree():
    cells = np.arange(1, coast.ROWS * coast.COLUMNS + 1)
    np.testing.assert_array_equal(coast.cell_of(*coast.cell_centres(cells)), cells)
    corners = coast.cell_of(*(centre - coast.CELL / 2 for centre in coast.cell_centres(cells)))
    np.testing.assert_array_equal(corners, cells)  # south and west edges belong to the cell
