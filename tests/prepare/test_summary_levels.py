"""Summary levels: by hand, and as the reference made them for PiWind."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv
import pytest

from oasis_kernel.errors import InvalidInput
from oasis_kernel.model.exposure import Portfolio
from oasis_kernel.prepare.summary_levels import summary_set

TEXT = {name: pa.string() for name in ("PortNumber", "AccNumber", "LocNumber", "PolNumber", "peril_id")}


def column(values: list, kind: pa.DataType, default: str | None = None) -> tuple[pa.Field, pa.Array]:
    metadata = None if default is None else {"oed_default": default}
    return pa.field("", kind, metadata=metadata), pa.array(values, kind)


def table(**columns: tuple[pa.Field, pa.Array]) -> pa.Table:
    schema = pa.schema([field.with_name(name) for name, (field, _) in columns.items()])
    return pa.table([array for _, array in columns.values()], schema=schema)


@pytest.fixture
def portfolio() -> Portfolio:
    """Two locations, of which the first has two rows; one account of two policies."""
    location = table(
        loc_id=column([1, 1, 2], pa.int64()),
        loc_idx=column([0, 1, 2], pa.int64()),
        PostalCode=column(["LE1", "LE2", None], pa.string(), ""),
        OccupancyCode=column([1050, 1051, None], pa.int64(), "1000"),
        Latitude=column([None, 1.0, 52.5], pa.float64()),
    )
    account = table(acc_idx=column([0, 1], pa.int64()), LayerLimit=column([5e6, None], pa.float64(), "0"))
    return Portfolio(location, account)


@pytest.fixture
def financial_map() -> pa.Table:
    """Location 1 has a building of two perils and contents, location 2 a building; each on two layers."""
    rows = [(loc, coverage, peril) for loc, coverage, peril in ((1, 1, "A"), (1, 1, "B"), (1, 3, "A"), (2, 1, "A"))]
    tiv = {(1, 1): 100.0, (1, 3): 30.0, (2, 1): 50.0}
    names = [
        "output_id",
        "agg_id",
        "loc_id",
        "coverage_type_id",
        "peril_id",
        "building_id",
        "layer_id",
        "acc_idx",
        "PolNumber",
        "tiv",
    ]
    records = [
        (2 * item + layer, item + 1, loc, coverage, peril, 1, layer, layer - 1, None, tiv[loc, coverage])
        for item, (loc, coverage, peril) in enumerate(rows)
        for layer in (1, 2)
    ]
    return pa.Table.from_pandas(pd.DataFrame(records, columns=names), preserve_index=False)


def info_of(found: object) -> list[tuple]:
    assert isinstance(found, pa.Table)
    return [tuple(row.values()) for row in found.to_pylist()]


def test_without_fields_there_is_one_summary(portfolio: Portfolio, financial_map: pa.Table) -> None:
    level = summary_set("il", 3, (), financial_map, portfolio)
    assert (level.id, level.perspective) == (3, "il")
    assert level.summary_of.tolist() == [1] * 8
    assert level.risk_of.tolist() == [0] * 6 + [1] * 2
    assert info_of(level.info) == [(1, "All-Risks", 180.0)]
    assert level.info.schema.names == ["summary_id", "_not_set_", "tiv"]


@pytest.mark.parametrize(
    ("fields", "summaries", "info"),
    [
        (["PostalCode"], [1] * 6 + [2] * 2, [(1, "LE1", 130.0), (2, "", 50.0)]),
        (["OccupancyCode"], [1] * 6 + [2] * 2, [(1, 1050, 130.0), (2, 1000, 50.0)]),
        (["Latitude"], [1] * 6 + [2] * 2, [(1, 0.0, 130.0), (2, 52.5, 50.0)]),
        (["is_property_damage"], [1] * 8, [(1, True, 180.0)]),
        (["LayerLimit"], [1, 2] * 4, [(1, 5e6, 180.0), (2, 0.0, 180.0)]),
        (["PolNumber"], [1] * 8, [(1, "0", 180.0)]),
        (
            ["coverage_type_id", "peril_id"],
            [1, 1, 2, 2, 3, 3, 1, 1],
            [(1, 1, "A", 150.0), (2, 1, "B", 100.0), (3, 3, "A", 30.0)],
        ),
        (["layer_id", "layer_id"], [1, 2] * 4, [(1, 1, 180.0), (2, 2, 180.0)]),
    ],
)
def test_summaries_are_numbered_by_first_appearance(
    portfolio: Portfolio, financial_map: pa.Table, fields: list[str], summaries: list[int], info: list[tuple]
) -> None:
    level = summary_set("il", 1, fields, financial_map, portfolio)
    assert level.summary_of.tolist() == summaries
    assert info_of(level.info) == info


def test_rows_are_taken_in_output_order(portfolio: Portfolio, financial_map: pa.Table) -> None:
    backwards = financial_map.take(pa.array(range(8)[::-1]))
    level = summary_set("ri", 1, ["PostalCode"], backwards, portfolio)
    assert level.summary_of.tolist() == [1] * 6 + [2] * 2


def test_an_item_on_two_layers_belongs_to_its_last_row(portfolio: Portfolio, financial_map: pa.Table) -> None:
    level = summary_set("gul", 1, ["LayerLimit"], financial_map, portfolio)
    assert level.summary_of.tolist() == [2] * 4
    assert len(level.info) == 2


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("postalcode", "got 'postalcode'. Did you mean PostalCode?"),
        ("Postcode", "got 'Postcode'. Did you mean PostalCode?"),
        ("xyzzy", "got 'xyzzy'. Remove it, or add the column to the location file"),
    ],
)
def test_unknown_fields_are_named(portfolio: Portfolio, financial_map: pa.Table, field: str, said: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        summary_set("il", 2, ["PostalCode", field], financial_map, portfolio)
    place = "analysis settings: il_summaries id 2 oed_fields must name columns of the location or account file"
    assert str(caught.value) == f"{place}, {said}"


def test_ground_up_alone_has_no_account_rows(portfolio: Portfolio, financial_map: pa.Table) -> None:
    ground_up = financial_map.drop_columns(["acc_idx", "output_id"])
    with pytest.raises(InvalidInput, match="oed_fields must name columns of the location file where losses are not"):
        summary_set("gul", 1, ["LayerLimit"], ground_up, portfolio)


def test_without_locations_accounts_are_at_risk(financial_map: pa.Table) -> None:
    account = table(acc_id=column([1, 2], pa.int64()), acc_idx=column([0, 1], pa.int64()),
                    AccNumber=column(["x", "y"], pa.string(), ""))  # fmt: skip
    level = summary_set("gul", 1, ["AccNumber"], financial_map, Portfolio(None, account))
    assert level.summary_of.tolist() == [1, 1, 1, 2]


@pytest.mark.parity
def test_piwind(piwind: Path) -> None:
    """Summaries of PiWind's ten locations; texts of blanks and numbers as release 2.5.8 prints them."""
    options = pa_csv.ConvertOptions(column_types=TEXT)
    rows = pa_csv.read_csv(piwind / "expected/all_outputs/input/fm_summary_map.csv", convert_options=options)
    location = pa_csv.read_csv(piwind / "inputs/SourceLocOEDPiWind10.csv", convert_options=options)
    number = pa.array(np.arange(1, len(location) + 1))
    location = location.append_column("loc_id", number).append_column("loc_idx", number)
    level = summary_set("il", 1, ["LocNumber", "PolNumber"], rows, Portfolio(location))
    assert level.summary_of[:6].tolist() == [1, 2, 3, 4, 5, 6]
    info = level.info.to_pandas()
    assert info["tiv"].sum() == 2 * 3_400_000
    assert info.loc[0].tolist() == [1, "10002082046", "Layer1", 220_000.0]
