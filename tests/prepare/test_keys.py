"""A lookup's result: checked, and told location by location."""

from typing import Any

import pyarrow as pa
import pytest

from oasis_kernel.errors import InvalidInput, Severity
from oasis_kernel.model.exposure import Portfolio
from oasis_kernel.model.keys import KEYS_SCHEMA
from oasis_kernel.prepare.keys import check_keys, location_status, tiv_by_reason


def portfolio(**columns: list[Any]) -> Portfolio:
    count = len(next(iter(columns.values())))
    numbers = [str(number) for number in range(1, count + 1)]
    ids = {"PortNumber": ["1"] * count, "AccNumber": ["A"] * count, "LocNumber": numbers}
    return Portfolio(pa.table({"loc_id": list(range(1, count + 1)), **ids, **columns}))


def keys(*rows: tuple[Any, ...], **more: list[Any]) -> pa.Table:
    """Rows of loc_id, peril, coverage type, area peril, vulnerability, status, message."""
    columns = zip(*rows, strict=True)
    table = pa.table(
        [pa.array(list(c), field.type) for c, field in zip(columns, KEYS_SCHEMA, strict=True)], KEYS_SCHEMA
    )
    for name, values in more.items():
        table = table.append_column(name, pa.array(values))
    return table


FOUND = (1, "WTC", 1, 10, 3, "success", "")


def test_a_success_without_an_id_is_failed_with_a_reason() -> None:
    rows = [FOUND, (2, "WTC", 1, None, 3, "success", ""), (3, "WTC", 1, 4, 0, "success", "")]
    checked, findings = check_keys(portfolio(BuildingTIV=[1.0, 1.0, 1.0]), keys(*rows))
    assert checked["status"].to_pylist() == ["success", "fail", "fail"]
    assert checked["message"].to_pylist()[1:] == [
        "area_peril_id has an unknown id",
        "vulnerability_id has an unknown id",
    ]
    assert [(finding.field, finding.value) for finding in findings] == [
        ("area_peril_id", [2]),
        ("vulnerability_id", [3]),
    ]
    assert all(finding.severity is Severity.WARNING for finding in findings)


def test_a_model_that_describes_its_items_needs_no_ids() -> None:
    table = keys((1, "WTC", 1, None, None, "success", ""), model_data=["{}"])
    checked, findings = check_keys(portfolio(BuildingTIV=[1.0]), table)
    assert checked["status"].to_pylist() == ["success"]
    assert findings == []


def test_a_forgotten_location_is_noreturn() -> None:
    checked, findings = check_keys(portfolio(BuildingTIV=[1.0, 1.0]), keys(FOUND))
    assert checked["loc_id"].to_pylist() == [1, 2]
    assert checked["status"].to_pylist() == ["success", "noreturn"]
    assert "must answer for every location, and is silent on 1, got [2]" in str(findings[0])


def test_keys_of_another_portfolio_are_refused() -> None:
    with pytest.raises(InvalidInput, match="names 1 locations that the portfolio does not have, got \\[9\\]"):
        check_keys(portfolio(BuildingTIV=[1.0]), keys(FOUND, (9, "WTC", 1, 1, 1, "success", "")))


def test_an_unknown_status_and_a_missing_column_are_refused() -> None:
    with pytest.raises(InvalidInput, match="status must be one of success"):
        check_keys(portfolio(BuildingTIV=[1.0]), keys((1, "WTC", 1, 1, 1, "maybe", "")))
    with pytest.raises(InvalidInput, match=r"must have every column of a lookup, got .*Add message"):
        check_keys(portfolio(BuildingTIV=[1.0]), keys(FOUND).drop_columns("message"))


def test_every_location_is_told_its_fate() -> None:
    exposure = portfolio(
        BuildingTIV=[100.0, 200.0, 0.0, 300.0, 400.0, 50.0], ContentsTIV=[1.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    )
    table = keys(
        (1, "WSS", 1, None, None, "fail_ap", "outside the grid"),
        (1, "WTC", 1, 10, 3, "success", ""),
        (2, "WTC", 1, None, None, "fail_ap", "outside the grid"),
        (3, "WTC", 1, 10, 3, "success", ""),
        (4, None, None, None, None, "notatrisk", ""),
        (6, "WTC", 3, 10, 3, "success", ""),
    )
    checked, _ = check_keys(exposure, table)
    status = location_status(exposure, checked)
    assert status["status"].to_pylist() == ["modelled", "failed", "no value", "not at risk", "failed", "no value"]
    assert status["reason"].to_pylist() == [
        "",
        "outside the grid",
        "every insured value is 0",
        "not at risk",
        "the lookup returned nothing",
        "found, but for coverages without value",
    ]
    assert status["tiv"].to_pylist() == [101.0, 200.0, 0.0, 300.0, 400.0, 50.0]
    told = tiv_by_reason(exposure, checked).to_pylist()
    assert told[0]["status"] == "modelled"
    assert (told[0]["tiv"], told[0]["locations"], told[0]["building"], told[0]["contents"]) == (101.0, 1, 100.0, 1.0)
    assert sum(row["tiv"] for row in told) == 1051.0
    assert sum(row["locations"] for row in told) == 6


def test_a_location_in_several_records_counts_once() -> None:
    table = pa.table({"loc_id": [1, 1], "PortNumber": ["1", "1"], "AccNumber": ["A", "A"], "LocNumber": ["1", "1"],
                      "BuildingTIV": [0.0, 70.0]})  # fmt: skip
    status = location_status(Portfolio(table), keys(FOUND))
    assert status.to_pylist() == [
        {
            "loc_id": 1,
            "PortNumber": "1",
            "AccNumber": "A",
            "LocNumber": "1",
            "status": "modelled",
            "reason": "",
            "tiv": 70.0,
        }
    ]
