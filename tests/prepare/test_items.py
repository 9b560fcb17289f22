"""Items and coverages: the reference's own tables, and the rules one by one."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from oasis_kernel.errors import InvalidInput, Severity
from oasis_kernel.formats.oed import read_portfolio
from oasis_kernel.model.exposure import Portfolio, PreparedExposure
from oasis_kernel.model.prepare_options import PrepareOptions
from oasis_kernel.prepare.dependency import coverage_dependencies
from oasis_kernel.prepare.items import peril_code, prepare_exposure
from oasis_kernel.prepare.keys import check_keys

LOCATION_FILE = {"case_3": "SourceLocOEDPiWind10Type2Ded.csv", "case_6": "SourceLocOEDPiWind10.parquet"}


def written_keys(written: pd.DataFrame) -> pa.Table:
    """A reference's keys.csv as a lookup's result."""
    return pa.table(
        {
            "loc_id": written["LocID"],
            "peril_id": written["PerilID"],
            "coverage_type": written["CoverageTypeID"],
            "area_peril_id": written["AreaPerilID"],
            "vulnerability_id": written["VulnerabilityID"],
            "status": ["success"] * len(written),
            "message": pa.nulls(len(written), pa.string()),
        }
    )


@pytest.mark.parity
@pytest.mark.parametrize("case", ["all_outputs", "case_0", "case_1", "case_3", "case_5", "case_6"])
def test_piwind_items_are_the_references(piwind: Path, case: str) -> None:
    folder = piwind / "expected" / case / "input"
    portfolio = read_portfolio(piwind / "inputs" / LOCATION_FILE.get(case, "SourceLocOEDPiWind10.csv"))
    keys, findings = check_keys(portfolio, written_keys(pd.read_csv(folder / "keys.csv")))
    assert findings == []
    settings = json.loads((piwind / "meta-data" / "model_settings.json").read_text())
    prepared = prepare_exposure(portfolio, keys, settings, PrepareOptions())
    items = prepared.items
    ours = prepared.item_map.to_pandas().assign(
        areaperil_id=items.areaperil_id.astype("int64"),
        vulnerability_id=items.vulnerability_id,
        group_id=items.group_id.astype("int64"),
        hazard_group_id=items.hazard_group_id.astype("int64"),
        peril_correlation_group=items.peril_correlation_group,
        damage_correlation_value=items.damage_correlation.astype("float64"),
    )
    text = dict.fromkeys(("PortNumber", "AccNumber", "LocNumber"), str)
    theirs = pd.read_csv(folder / "gul_summary_map.csv", dtype=text)
    theirs = theirs.merge(pd.read_csv(folder / "items.csv").drop(columns="coverage_id"), on="item_id")
    theirs = theirs.merge(pd.read_csv(folder / "correlations.csv"), on="item_id")
    place = ["loc_id", "peril_id", "coverage_type_id", "building_id"]
    compared = [*place, *text, "loc_idx", "tiv", "areaperil_id", "vulnerability_id", "group_id", "hazard_group_id",
                "peril_correlation_group", "damage_correlation_value"]  # fmt: skip
    pd.testing.assert_frame_equal(
        ours.sort_values(place, ignore_index=True)[compared],
        theirs.sort_values(place, ignore_index=True)[compared],
        check_dtype=False,
    )


def prepared(
    location: dict[str, list[Any]],
    keys: list[tuple[Any, ...]],
    settings: dict[str, Any] | None = None,
    options: PrepareOptions | None = None,
    **more: list[Any],
) -> PreparedExposure:
    """Items of a small portfolio; keys are (loc_id, peril, coverage type, area peril, vulnerability)."""
    count = len(next(iter(location.values())))
    numbers = [str(number) for number in range(1, count + 1)]
    ids = {"PortNumber": ["1"] * count, "AccNumber": ["A"] * count, "LocNumber": numbers}
    table = pa.table({"loc_id": list(range(1, count + 1)), "loc_idx": list(range(count)), **ids, **location})
    names = ["loc_id", "peril_id", "coverage_type", "area_peril_id", "vulnerability_id"]
    columns: dict[str, Any] = dict(zip(names, map(list, zip(*keys, strict=True)), strict=True))
    columns |= {"status": ["success"] * len(keys), "message": [""] * len(keys), **more}
    portfolio = Portfolio(table)
    checked, _ = check_keys(portfolio, pa.table(columns))
    return prepare_exposure(portfolio, checked, settings or {}, options or PrepareOptions())


def test_buildings_share_the_value_and_the_group() -> None:
    out = prepared({"BuildingTIV": [90.0], "NumberOfBuildings": [3]}, [(1, "WSS", 1, 5, 7), (1, "WTC", 1, 6, 8)])
    assert out.coverages.tiv.tolist() == [30.0, 30.0, 30.0]
    assert out.items.coverage_id.tolist() == [1, 2, 3, 1, 2, 3]
    assert out.item_map["building_id"].to_pylist() == [1, 2, 3, 1, 2, 3]
    assert out.item_map["risk_id"].to_pylist() == [1] * 6
    assert np.unique(out.items.group_id).size == 1


def test_buildings_of_an_aggregate_are_risks() -> None:
    out = prepared({"BuildingTIV": [90.0], "NumberOfBuildings": [3], "IsAggregate": [1]}, [(1, "WSS", 1, 5, 7)])
    assert out.item_map["risk_id"].to_pylist() == [1, 2, 3]
    assert out.item_map["NumberOfRisks"].to_pylist() == [3, 3, 3]


def test_without_disaggregation_a_location_is_one_building() -> None:
    location = {"BuildingTIV": [90.0], "NumberOfBuildings": [3], "IsAggregate": [1]}
    out = prepared(location, [(1, "WSS", 1, 5, 7)], options=PrepareOptions(do_disaggregation=False))
    assert out.coverages.tiv.tolist() == [90.0]
    assert out.item_map["NumberOfRisks"].to_pylist() == [3]


def test_no_value_no_item() -> None:
    out = prepared({"BuildingTIV": [0.0, 1.0, None]}, [(loc, "WSS", 1, 5, 7) for loc in (1, 2, 3)])
    assert out.item_map["loc_id"].to_pylist() == [2]


def test_nothing_modelled_is_no_items() -> None:
    out = prepared({"BuildingTIV": [0.0]}, [(1, "WSS", 1, 5, 7)], {"data_settings": {}})
    assert len(out.items) == 0
    assert len(out.coverages.tiv) == 0
    assert out.item_map.num_rows == 0


def test_the_first_of_repeated_keys_counts() -> None:
    out = prepared({"BuildingTIV": [1.0]}, [(1, "WSS", 1, 5, 7), (1, "WSS", 1, 5, 8)])
    assert out.items.vulnerability_id.tolist() == [7]


def correlated(*groups: int) -> dict[str, Any]:
    perils = [{"id": "WSS", "peril_correlation_group": 1}, {"id": "WTC", "peril_correlation_group": "2"}]
    listed = [{"peril_correlation_group": group, "damage_correlation_value": "0.7"} for group in groups]
    return {"lookup_settings": {"supported_perils": perils}, "correlation_settings": listed}


KEYS = [(1, "WSS", 1, 5, 7), (1, "WTC", 1, 6, 8)]


def test_a_peril_without_correlation_settings_is_dropped_with_a_warning() -> None:
    out = prepared({"BuildingTIV": [1.0]}, KEYS, correlated(2))
    assert out.item_map["peril_id"].to_pylist() == ["WTC"]
    assert str(out.findings[0]) == (
        "model_settings.json: peril_correlation_group has no correlation settings: its items are left out, got 'WSS'. "
        "Give the peril a peril_correlation_group that correlation_settings describes"
    )
    assert out.findings[0].severity is Severity.WARNING


def test_a_peril_without_correlation_settings_is_kept_when_quirks_are_fixed() -> None:
    out = prepared({"BuildingTIV": [1.0]}, KEYS, correlated(2), PrepareOptions(quirks="fixed"))
    assert out.items.peril_correlation_group.tolist() == [0, 2]
    assert out.items.damage_correlation.tolist() == [0.0, np.float32(0.7)]
    assert "are kept, uncorrelated" in str(out.findings[0])


def test_the_analysis_overrides_the_models_correlation() -> None:
    override = ({"peril_correlation_group": 1, "damage_correlation_value": 0.1},)
    out = prepared({"BuildingTIV": [1.0]}, KEYS, correlated(1, 2), PrepareOptions(correlation_settings=override))
    assert out.item_map["peril_id"].to_pylist() == ["WSS"]
    assert out.items.damage_correlation.tolist() == [np.float32(0.1)]
    none = prepared({"BuildingTIV": [1.0]}, KEYS, correlated(1, 2), PrepareOptions(correlation_settings=()))
    assert none.items.peril_correlation_group.tolist() == [0, 0]


@pytest.mark.parametrize("value", ["much", 1.5, -0.1])
def test_a_correlation_that_is_none_is_refused(value: Any) -> None:
    settings = correlated(1)
    settings["correlation_settings"][0]["damage_correlation_value"] = value
    with pytest.raises(InvalidInput, match="damage_correlation_value must lie between 0 and 1, got"):
        prepared({"BuildingTIV": [1.0]}, KEYS, settings)


def test_an_unknown_group_field_is_left_out_with_a_warning() -> None:
    settings = {"data_settings": {"damage_group_fields": ["AccNumber", "accnumber"]}}
    out = prepared({"BuildingTIV": [1.0]}, KEYS, settings)
    assert [(finding.field, finding.value) for finding in out.findings] == [("damage_group_fields", "accnumber")]
    alone = prepared({"BuildingTIV": [1.0]}, KEYS, {"data_settings": {"damage_group_fields": ["AccNumber"]}})
    np.testing.assert_array_equal(out.items.group_id, alone.items.group_id)


DEPENDENT = {"model_settings": {"coverage_dependency_settings": [
    {"source_coverage_type": 1, "dependent_coverage_type": 3},
    {"source_coverage_type": 3, "dependent_coverage_type": 4},
]}}  # fmt: skip


def test_a_building_without_value_still_drives_its_contents() -> None:
    location = {"BuildingTIV": [0.0], "ContentsTIV": [10.0], "BITIV": [5.0], "NumberOfBuildings": [2]}
    out = prepared(location, [(1, "WSS", kind, 5, 7) for kind in (4, 3, 1)], DEPENDENT)
    assert out.item_map["coverage_type_id"].to_pylist() == [4, 4, 3, 3, 1, 1]
    assert out.items.source_item_id.tolist() == [3, 4, 5, 6, 0, 0]
    assert out.coverages.tiv.tolist() == [2.5, 2.5, 5.0, 5.0, 0.0, 0.0]


def test_a_source_elsewhere_drives_nothing() -> None:
    location = {"BuildingTIV": [1.0], "ContentsTIV": [1.0]}
    out = prepared(location, [(1, "WSS", 1, 5, 7), (1, "WSS", 3, 6, 7)], DEPENDENT)
    assert out.items.source_item_id.tolist() == [0, 0]


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ([(1, 1)], "must not run in a circle"),
        ([(1, 3), (3, 4), (4, 1)], "must not run in a circle"),
        ([(1, 3), (2, 3)], "must give each dependent coverage type one source"),
        ([(1, "x")], "must name a source_coverage_type and a dependent_coverage_type"),
    ],
)
def test_dependencies_form_trees(pairs: list[tuple[Any, Any]], message: str) -> None:
    entries = [{"source_coverage_type": source, "dependent_coverage_type": dependent} for source, dependent in pairs]
    with pytest.raises(InvalidInput, match=message):
        coverage_dependencies({"model_settings": {"coverage_dependency_settings": entries}})


def test_optional_keys_reach_the_items() -> None:
    out = prepared(
        {"BuildingTIV": [1.0], "NumberOfBuildings": [2]},
        KEYS,
        amplification_id=[4, 2],
        section_id=["7;3", "3"],
        intensity_adjustment=[1, 0],
        return_period=[0, 200],
    )
    assert out.items.amplification_id.tolist() == [4, 4, 2, 2]
    assert out.items.intensity_adjustment.tolist() == [1, 1, 0, 0]
    assert out.items.return_period.tolist() == [0, 0, 200, 200]
    assert out.items.section_id == ("7", "3")


def test_accounts_are_the_risks_where_there_are_no_locations() -> None:
    account = pa.table({"loc_id": [1, 2], "loc_idx": [0, 1], "acc_id": [1, 2], "PortNumber": ["1", "1"],
                        "AccNumber": ["A", "B"], "AnnualRevenue": [1e6, 0.0]})  # fmt: skip
    portfolio = Portfolio(None, account)
    keys = pa.table(
        {
            "loc_id": [1, 1, 2],
            "peril_id": ["CSB"] * 3,
            "coverage_type": [9, 10, 9],
            "area_peril_id": [1] * 3,
            "vulnerability_id": [1] * 3,
            "status": ["success"] * 3,
            "message": [""] * 3,
        }
    )
    checked, _ = check_keys(portfolio, keys)
    out = prepare_exposure(portfolio, checked, {}, PrepareOptions())
    assert out.coverages.tiv.tolist() == [1e6, 1e6]
    assert out.item_map["LocNumber"].to_pylist() == [None, None]
    assert out.findings == ()


def test_more_buildings_than_item_ids_are_refused() -> None:
    with pytest.raises(InvalidInput, match="NumberOfBuildings must disaggregate into at most 2,147,483,647 items"):
        prepared({"BuildingTIV": [1.0], "NumberOfBuildings": [3_000_000_000]}, KEYS)


def test_peril_codes_are_their_letters() -> None:
    assert peril_code("wTc") == ord("W") + (ord("T") << 8) + (ord("C") << 16)
