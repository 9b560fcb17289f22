"""The strategy: order of steps, combinations, verdicts, and configurations that cannot be."""

from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from model_plugins.oasis_standard.lookup import LookupEngine, keys_table, location_frame
from oasis_kernel.errors import InvalidInput
from oasis_kernel.model.fields import DEFAULT_METADATA
from oasis_kernel.model.keys import KEYS_SCHEMA

IDS = {
    "type": "simple_pivot",
    "columns": ["area", "vulnerability", "peril"],
    "parameters": {
        "pivots": [
            {
                "on": {"area": "area_peril_id", "vulnerability": "vulnerability_id", "peril": "peril_id"},
                "new_cols": {"coverage_type": 1},
            }
        ]
    },
}


def engine(folder: Path, steps: dict[str, Any], strategy: list[str] | None = None, own: object = None) -> LookupEngine:
    config = {"step_definition": steps, "strategy": list(steps) if strategy is None else strategy}
    return LookupEngine(config, {"keys_data_path": str(folder)}, "lookup_config.json", own)


def locations(**columns: list[Any]) -> pd.DataFrame:
    count = len(next(iter(columns.values())))
    return pd.DataFrame({"loc_id": range(1, count + 1), "peril": ["WTC"] * count, **columns})


def test_a_key_without_its_ids_fails(tmp_path: Path) -> None:
    keys = engine(tmp_path, {"ids": IDS}).keys(locations(Area=[1, 0, 3], Vulnerability=[1, 2, None], Other=[1, 2, 3]))
    assert keys["status"].tolist() == ["success", "fail", "fail"]
    assert keys["message"].tolist() == ["", "area_peril_id has an unknown id", "vulnerability_id has an unknown id"]


def test_locations_alike_in_every_useful_column_are_one(tmp_path: Path) -> None:
    given = locations(area=[1, 1], vulnerability=[2, 2], unused=["a", "b"]).assign(loc_id=5)
    assert len(engine(tmp_path, {"ids": IDS}).keys(given)) == 1


def test_either_way_of_finding_an_id(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("code,area_peril_id\nx,10\n")
    (tmp_path / "b.csv").write_text("name,area_peril_id\nn,20\n")
    steps = {
        "first": {"type": "merge", "columns": ["code"], "parameters": merge("a.csv")},
        "second": {"type": "merge", "columns": ["name"], "parameters": merge("b.csv")},
        "absent": {"type": "merge", "columns": ["nowhere"], "parameters": merge("b.csv")},
        "area": combined(["absent", "first", "second"], ["area_peril_id"]),
        "rest": {**IDS, "parameters": {"pivots": [{"on": {"vulnerability": "vulnerability_id", "peril": "peril_id"},
                                                   "new_cols": {"coverage_type": 1}}]},
                 "columns": ["vulnerability", "peril"]},
    }  # fmt: skip
    given = locations(code=["y", "x", "y"], name=["n", "n", "m"], vulnerability=[1, 2, 3])
    keys = engine(tmp_path, steps, ["area", "rest"]).keys(given)
    assert keys["loc_id"].tolist() == [2, 1, 3]
    assert keys["area_peril_id"].tolist() == [10, 20, -1]


def merge(file: str) -> dict[str, Any]:
    return {"file_path": f"%%KEYS_DATA_PATH%%/{file}", "id_columns": ["area_peril_id"]}


def combined(strategy: list[str], ids: list[Any], logical_type: str = "or") -> dict[str, Any]:
    parameters = {"strategy": strategy, "id_columns": ids, "logical_type": logical_type}
    return {"type": "combine", "parameters": parameters}


def test_steps_of_the_models_own_go_first(tmp_path: Path) -> None:
    class Own:
        @staticmethod
        def ids(frame: pd.DataFrame) -> pd.DataFrame:
            return frame.assign(peril_id="WTC", coverage_type=1, area_peril_id=9, vulnerability_id=9)

        @staticmethod
        def build_doubled(column: str) -> Any:
            return lambda frame: frame.assign(**{column: frame[column] * 2})

    steps = {
        "ids": {"type": "anything", "columns": ["area"]},
        "twice": {"type": "doubled", "parameters": {"column": "area_peril_id"}},
    }
    keys = engine(tmp_path, steps, own=Own()).keys(locations(area=[1]))
    assert keys["area_peril_id"].tolist() == [18]


@pytest.mark.parametrize(
    ("steps", "strategy", "message"),
    [
        ({}, [], "step 'strategy' needs step_definition and strategy"),
        ({"ids": IDS}, ["idss"], "step 'idss' is in the strategy but not in step_definition. There are: ids"),
        ({"ids": {"type": "rtre"}}, None, "step 'ids' has an unknown type, got 'rtre'"),
        ({"ids": {"type": "merge", "parameters": {"file": "x"}}}, None, "has parameters that its type does not take"),
        ({"ids": {**IDS, "columns": ["depth"]}}, None, "step 'ids' needs the column 'depth'"),
        ({"a": combined(["a"], ["area_peril_id"])}, None, "step 'a' combines itself, got 'a > a'"),
        ({"a": combined(["ids"], ["x"], "xor"), "ids": IDS}, ["a"], "unknown logical_type, got 'xor'"),
        ({"a": combined(["ids"], [], "and"), "ids": IDS}, ["a"], "needs one list of id_columns for each step"),
        ({"p": {"type": "prepare", "parameters": {}}}, None, "step 'strategy' makes no 'peril_id'"),
    ],
)
def test_configurations_that_cannot_be(
    tmp_path: Path, steps: dict[str, Any], strategy: list[str] | None, message: str
) -> None:
    with pytest.raises(InvalidInput, match=r"lookup_config\.json: .*" + message.replace("(", r"\(")):
        engine(tmp_path, steps, strategy).keys(locations(area=[1], vulnerability=[1]))


def test_keys_are_of_the_schema(tmp_path: Path) -> None:
    keys = engine(tmp_path, {"ids": IDS}).keys(locations(area=[2**40, 0], vulnerability=[1, 2]))
    table = keys_table(keys, "lookup")
    assert table.schema == KEYS_SCHEMA
    assert table["area_peril_id"].to_pylist() == [2**40, None]


def test_keys_of_older_lookups_are_completed() -> None:
    keys = pd.DataFrame({"LOC_ID": [1], "peril_id": ["WTC"], "coverage_type": ["3"], "area_peril_id": [4.0]})
    table = keys_table(keys.assign(amplification_id=2.0), "lookup")
    assert table.to_pylist() == [
        {"loc_id": 1, "peril_id": "WTC", "coverage_type": 3, "area_peril_id": 4, "vulnerability_id": None,
         "status": "success", "message": "", "amplification_id": 2}
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"area_peril_id": ["x"]}, "area_peril_id must be whole numbers that fit uint64"),
        ({"coverage_type": [2**40]}, "coverage_type must be whole numbers that fit int32"),
        ({}, "lookup must give .* missing peril_id"),
    ],
)
def test_keys_that_cannot_be(change: dict[str, Any], message: str) -> None:
    keys = {"loc_id": [1], "peril_id": ["WTC"], "coverage_type": [1], "area_peril_id": [1], **change}
    if not change:
        del keys["peril_id"]
    with pytest.raises(InvalidInput, match=message):
        keys_table(pd.DataFrame(keys), "own.py")


def test_blanks_take_their_oed_default() -> None:
    fields = [
        pa.field("OccupancyCode", pa.int64(), metadata={DEFAULT_METADATA: b"1000"}),
        pa.field("PostalCode", pa.string(), metadata={DEFAULT_METADATA: b""}),
        pa.field("Latitude", pa.float64()),
    ]
    table = pa.table([[None, 5], [None, "x"], [None, 1.5]], schema=pa.schema(fields))
    frame = location_frame(table)
    assert frame["OccupancyCode"].tolist() == [1000, 5]
    assert frame["PostalCode"].tolist() == ["", "x"]
    assert frame["Latitude"].isna().tolist() == [True, False]
