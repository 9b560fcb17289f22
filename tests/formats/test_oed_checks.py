"""Every rule broken once: one bad thing, one finding, in the words a person needs."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from oasis_kernel.errors import Finding, InvalidInput, Severity
from oasis_kernel.formats.oed import check_portfolio, read_portfolio

LOCATION = {
    "PortNumber": "1",
    "AccNumber": "A",
    "LocNumber": "1",
    "CountryCode": "GB",
    "LocPerilsCovered": "WW1",
    "LocCurrency": "GBP",
    "BuildingTIV": "100",
}
ACCOUNT = {
    "PortNumber": "1",
    "AccNumber": "A",
    "AccCurrency": "GBP",
    "PolNumber": "P1",
    "PolPerilsCovered": "WW1",
    "LayerLimit": "10",
}
INFO = {
    "ReinsNumber": "1",
    "ReinsPeril": "WW1",
    "PlacedPercent": "1",
    "ReinsCurrency": "GBP",
    "InuringPriority": "1",
    "ReinsType": "SS",
    "RiskLevel": "LOC",
    "CededPercent": "0.5",
}
SCOPE = {"ReinsNumber": "1", "PortNumber": "1", "AccNumber": "A", "LocNumber": "1", "CededPercent": "0.5"}


def write(folder: Path, **parts: list[dict[str, str]]) -> dict[str, Path]:
    """Each part's records as a csv; the columns are those of the first record, and of any other."""
    files = {}
    for part, records in parts.items():
        files[part] = folder / f"{part}.csv"
        pd.DataFrame(records).to_csv(files[part], index=False)
    return files


def two(**change: str) -> list[dict[str, str]]:
    """A sound location, then one with the change."""
    blank = dict.fromkeys(change, "") if not set(change) <= set(LOCATION) else {}
    return [
        {**LOCATION, **{k: v for k, v in blank.items() if k not in LOCATION}},
        {**LOCATION, "LocNumber": "2", **change},
    ]


ONE_LOCATION = [
    ({"BuildingTIV": "-5"}, "location.csv row 3: BuildingTIV must be in range, got -5.0. Allowed: at least 0."),
    (
        {"BuildingTIV": "1,000"},
        "location.csv row 3: BuildingTIV must be a finite number, got '1,000'. Write plain digits",
    ),
    ({"BuildingTIV": "inf"}, "BuildingTIV must be a finite number, got 'inf'"),
    ({"NumberOfBuildings": "-1"}, "NumberOfBuildings must be in range, got -1. Allowed: at least 0."),
    ({"NumberOfBuildings": "1.5"}, "NumberOfBuildings must be a whole number, got '1.5'"),
    ({"NumberOfBuildings": "many"}, "NumberOfBuildings must be a finite number, got 'many'"),
    ({"IsAggregate": "99999999999"}, "IsAggregate must be a whole number, got '99999999999'"),
    ({"Latitude": "90.5"}, "Latitude must be in range, got 90.5. Allowed: -90 to 90."),
    ({"Longitude": "-181"}, "Longitude must be in range, got -181.0. Allowed: -180 to 180."),
    ({"PercentSprinklered": "-5"}, "PercentSprinklered must be in range, got -5.0. Allowed: 0 to 1, or -999."),
    ({"LocPerilsCovered": "WW1;XYZ"}, "LocPerilsCovered must be OED peril codes separated by ';', got 'WW1;XYZ'"),
    ({"OccupancyCode": "12"}, "OccupancyCode must be an OED occupancy code, got 12. 1000 is unknown."),
    ({"ConstructionCode": "12"}, "ConstructionCode must be an OED construction code, got 12. 5000 is unknown."),
    ({"CountryCode": "UK"}, "CountryCode must be an OED country code, got 'UK'"),
    ({"LocCurrency": "Pounds"}, "LocCurrency must be an ISO 4217 currency, got 'Pounds'"),
    ({"AccNumber": ""}, "location.csv row 3: AccNumber must not be blank. Fill it in."),
    ({"LocInceptionDate": "31/12/2026"}, "LocInceptionDate must be a date YYYY-MM-DD, got '31/12/2026'"),
    ({"LocInceptionDate": "2026-02-30"}, "LocInceptionDate must be a date YYYY-MM-DD, got '2026-02-30'"),
]


@pytest.mark.parametrize(("change", "message"), ONE_LOCATION, ids=[str(row[0]) for row in ONE_LOCATION])
def test_one_bad_value_is_one_finding(tmp_path: Path, change: dict[str, str], message: str) -> None:
    findings = check_portfolio(**write(tmp_path, location=two(**change)))
    errors = [str(finding) for finding in findings if finding.severity is Severity.ERROR]
    assert len(errors) == 1
    assert message in errors[0]


def only(findings: list[Finding]) -> Finding:
    assert len(findings) == 1, [str(finding) for finding in findings]
    return findings[0]


def test_a_sound_portfolio_has_no_findings(tmp_path: Path) -> None:
    files = write(tmp_path, location=[LOCATION], account=[ACCOUNT], ri_info=[INFO], ri_scope=[SCOPE])
    assert check_portfolio(**files) == []


def test_a_missing_column(tmp_path: Path) -> None:
    without = {name: value for name, value in LOCATION.items() if name != "CountryCode"}
    finding = only(check_portfolio(**write(tmp_path, location=[without])))
    assert str(finding) == "location.csv: CountryCode is required by OED and missing. Add the column."


def test_an_unknown_column_is_a_warning_and_a_misspelt_one_an_error(tmp_path: Path) -> None:
    record = {**LOCATION, "Comment": "x", "LocDed1Buildng": "5"}
    findings = check_portfolio(**write(tmp_path, location=[record]))
    assert [(finding.field, finding.severity) for finding in findings] == [
        ("Comment", Severity.WARNING),
        ("LocDed1Buildng", Severity.ERROR),
    ]
    assert findings[1].remedy == "Did you mean LocDed1Building?"


def test_repeated_findings_are_counted_not_dropped(tmp_path: Path) -> None:
    records = [{**LOCATION, "LocNumber": str(number), "BuildingTIV": "-1"} for number in range(50)]
    findings = check_portfolio(**write(tmp_path, location=records))
    assert [finding.row for finding in findings] == [*range(2, 22), None]
    assert str(findings[-1]).startswith(
        "location.csv: BuildingTIV must be in range: 30 more rows, the next of them row 22. Allowed"
    )


def test_terms_that_need_others_are_a_warning(tmp_path: Path) -> None:
    record = {**LOCATION, "LocDed1Building": "5", "LocDedType1Building": "0"}
    finding = only(check_portfolio(**write(tmp_path, location=[record])))
    assert str(finding) == (
        "location.csv row 2: LocPeril must be given where other terms need it. It is needed by LocDed1Building."
    )
    assert finding.severity is Severity.WARNING


def test_an_area_belongs_to_its_country(tmp_path: Path) -> None:
    records = [{**LOCATION, "CountryCode": "US", "AreaCode": "FL"}, {**LOCATION, "LocNumber": "2", "AreaCode": "FL"}]
    finding = only(check_portfolio(**write(tmp_path, location=records)))
    assert "location.csv row 3: AreaCode must be an OED area of its country, got 'FL'" in str(finding)


def test_accounts_and_locations_must_meet(tmp_path: Path) -> None:
    location = [LOCATION, *({**LOCATION, "LocNumber": str(number), "AccNumber": "B"} for number in range(3))]
    account = [ACCOUNT, {**ACCOUNT, "AccNumber": "C"}]
    findings = check_portfolio(**write(tmp_path, location=location, account=account))
    assert [(finding.rule, finding.row, finding.value) for finding in findings] == [
        ("location_account", 3, "B"),  # once for the account, not for each of its locations
        ("account_without_location", 3, "C"),
    ]
    assert findings[1].severity is Severity.WARNING


def test_a_condition_must_be_the_accounts(tmp_path: Path) -> None:
    location = [{**LOCATION, "CondTag": "1"}, {**LOCATION, "LocNumber": "2", "CondTag": "2"}]
    account = [{**ACCOUNT, "CondTag": "1", "CondPriority": "1", "CondPeril": "WW1"}]
    finding = only(check_portfolio(**write(tmp_path, location=location, account=account)))
    assert "location.csv row 3: CondTag must be a CondTag of the location's account, got '2'" in str(finding)


@pytest.mark.parametrize("reason", ["CondTag", "LocPeril"])
def test_a_location_may_repeat_under_another_condition_or_peril(tmp_path: Path, reason: str) -> None:
    names = {"CondTag": ("1", "2"), "LocPeril": ("WTC", "WSS")}[reason]
    location = [{**LOCATION, reason: name} for name in names]
    assert check_portfolio(**write(tmp_path, location=location)) == []
    finding = only(check_portfolio(**write(tmp_path, location=[*location, location[0]])))
    assert (finding.rule, finding.row) == ("location_repeated", 4)


def test_a_location_may_not_just_repeat(tmp_path: Path) -> None:
    finding = only(check_portfolio(**write(tmp_path, location=[LOCATION, {**LOCATION, "BuildingTIV": "5"}])))
    assert "location.csv row 3: LocNumber is repeated, and only the first record's values would count, got '1'" in str(
        finding
    )


def test_repeated_locations_should_agree_on_values(tmp_path: Path) -> None:
    location = [{**LOCATION, "CondTag": "1"}, {**LOCATION, "CondTag": "2", "BuildingTIV": "7"}]
    finding = only(check_portfolio(**write(tmp_path, location=location)))
    assert (finding.rule, finding.severity) == ("location_repeated_tiv", Severity.WARNING)


ONE_ACCOUNT = [
    ({"LayerLimit": "-10"}, "account.csv row 2: LayerLimit must be in range, got -10.0. Allowed: at least 0."),
    ({"LayerAttachment": "-1"}, "LayerAttachment must be in range, got -1.0"),
    ({"LayerParticipation": "1.2"}, "LayerParticipation must be in range, got 1.2. Allowed: 0 to 1."),
    ({"PolInceptionDate": "2026-12-31", "PolExpiryDate": "2026-01-01"}, "PolExpiryDate must not end before it begins"),
    ({"PolPeril": "ABC"}, "PolPeril must be OED peril codes"),
]


@pytest.mark.parametrize(("change", "message"), ONE_ACCOUNT, ids=[str(row[0]) for row in ONE_ACCOUNT])
def test_one_bad_term_is_one_finding(tmp_path: Path, change: dict[str, str], message: str) -> None:
    finding = only(check_portfolio(**write(tmp_path, location=[LOCATION], account=[{**ACCOUNT, **change}])))
    assert message in str(finding)


REINSURANCE: list[tuple[dict[str, Any], str, Severity]] = [
    ({"ri_scope": None}, "ri_info.csv: needs both ri_info and ri_scope", Severity.ERROR),
    ({"account": None}, "ri_info.csv: needs the account file", Severity.ERROR),
    (
        {"ri_scope": [SCOPE, {**SCOPE, "ReinsNumber": "7"}]},
        "row 3: ReinsNumber must be a ReinsNumber of",
        Severity.ERROR,
    ),
    ({"ri_info": [INFO, {**INFO, "ReinsNumber": "2"}]}, "row 3: ReinsNumber has no scope", Severity.WARNING),
    ({"ri_scope": [{**SCOPE, "LocNumber": "9"}]}, "row 2: LocNumber is not in the portfolio", Severity.WARNING),
    ({"ri_info": [{**INFO, "CededPercent": "50"}]}, "CededPercent must be in range, got 50.0", Severity.ERROR),
]


@pytest.mark.parametrize(("change", "message", "severity"), REINSURANCE, ids=[row[1] for row in REINSURANCE])
def test_reinsurance_rules(tmp_path: Path, change: dict[str, Any], message: str, severity: Severity) -> None:
    parts = {"location": [LOCATION], "account": [ACCOUNT], "ri_info": [INFO], "ri_scope": [SCOPE], **change}
    files = write(tmp_path, **{part: records for part, records in parts.items() if records})
    finding = only(check_portfolio(**files))
    assert message in str(finding)
    assert finding.severity is severity


def test_one_version_of_oed(tmp_path: Path) -> None:
    files = write(tmp_path, location=[{**LOCATION, "OEDVersion": "9.9.9"}])
    assert "OEDVersion must be a version of OED that is known here, got '9.9.9'" in str(only(check_portfolio(**files)))
    mixed = write(
        tmp_path, location=[{**LOCATION, "OEDVersion": "4.0.0"}], account=[{**ACCOUNT, "OEDVersion": "v3.4.1"}]
    )
    assert "account.csv row 2: OEDVersion must be the same version" in str(only(check_portfolio(**mixed)))


def test_a_file_that_fails_leaves_the_others_checked(tmp_path: Path) -> None:
    files = write(tmp_path, location=[{**LOCATION, "BuildingTIV": "-1"}])
    files["account"] = tmp_path / "nowhere.csv"
    assert [finding.rule for finding in check_portfolio(**files)] == ["file", "value_range"]


def test_reading_raises_every_finding(tmp_path: Path) -> None:
    record = {**LOCATION, "BuildingTIV": "-1", "CountryCode": "UK", "Comment": "x"}
    with pytest.raises(InvalidInput) as refused:
        read_portfolio(**write(tmp_path, location=[record]))
    assert sorted(finding.rule for finding in refused.value.findings) == [
        "column_unknown",
        "country_code",
        "value_range",
    ]


def test_warnings_travel_with_the_portfolio(tmp_path: Path) -> None:
    portfolio = read_portfolio(**write(tmp_path, location=[{**LOCATION, "Comment": "x"}]))
    assert [finding.rule for finding in portfolio.findings] == ["column_unknown"]


@pytest.mark.parity
@pytest.mark.slow
def test_what_the_reference_accepts_is_accepted(shared: Path) -> None:
    base = shared / "data" / "fm_validation"
    folders = [*base.glob("*/units/*"), *(base / name for name in ("reinsurance4", "issue_1816", "cyber"))]
    assert len(folders) > 300
    for folder in folders:
        files = {part: folder / f"{part}.csv" for part in ("location", "account", "ri_info", "ri_scope")}
        findings = check_portfolio(**{part: path for part, path in files.items() if path.exists()})
        assert [str(finding) for finding in findings if finding.severity is Severity.ERROR] == [], folder
