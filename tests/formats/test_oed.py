"""OED portfolios as they are read: ids, types, blanks, currency, and ods_tools' own reading beside it."""

import logging
import warnings
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from ods_tools.oed import OedExposure

from oasis_kernel.errors import InvalidInput
from oasis_kernel.formats.oed import check_portfolio, read_portfolio
from oasis_kernel.formats.oed_schema import KIND_OF, standard
from oasis_kernel.model import fields as f

HEADER = "PortNumber,AccNumber,LocNumber,CountryCode,LocPerilsCovered,LocCurrency,BuildingTIV"


def location(folder: Path, *records: str, header: str = HEADER, name: str = "location.csv") -> Path:
    path = folder / name
    path.write_text("\n".join([header, *records]) + "\n", encoding="utf-8")
    return path


def test_text_stays_text_and_blanks_are_null(tmp_path: Path) -> None:
    header = HEADER + ",PostalCode,OccupancyCode,FlexiLocTeam"
    path = location(
        tmp_path, "01,A1,007,GB,WTC,GBP,1e3, ,,NULL", '1,A1,7,NA,WTC,GBP,,"a ""b"", c",1050,x', header=header
    )
    table = read_portfolio(path).location
    assert table["PortNumber"].to_pylist() == ["01", "1"]
    assert table["LocNumber"].to_pylist() == ["007", "7"]
    assert table["CountryCode"].to_pylist() == ["GB", "NA"]  # Namibia
    assert table["BuildingTIV"].to_pylist() == [1000.0, None]
    assert table["PostalCode"].to_pylist() == [None, 'a "b", c']
    assert table["OccupancyCode"].to_pylist() == [None, 1050]
    assert table["FlexiLocTeam"].to_pylist() == [None, "x"]
    assert f.default_of(table.schema.field("OccupancyCode")) == "1000"
    assert f.default_of(table.schema.field("PostalCode")) == ""


def test_ids_are_ranks_of_text(tmp_path: Path) -> None:
    rows = ["1,b,10", "1,b,9", "1,a,1", "01,b,1", "1,b,9", "1,B,1"]
    table = location(tmp_path, *(f"{row},GB,WTC,GBP,1,{k}" for k, row in enumerate(rows)), header=HEADER + ",CondTag")
    account = tmp_path / "account.csv"
    tags = "\n".join(f"1,b,P{k},GBP,WTC,{k}" for k in range(6))
    others = "\n".join(f"{key},P1,GBP,WTC,{k}" for key, k in (("1,a", 2), ("01,b", 3), ("1,B", 5)))
    account.write_text(f"PortNumber,AccNumber,PolNumber,AccCurrency,PolPerilsCovered,CondTag\n{tags}\n{others}\n")
    portfolio = read_portfolio(table, account)
    assert portfolio.location["loc_id"].to_pylist() == [4, 5, 3, 1, 5, 2]
    assert portfolio.location["loc_idx"].to_pylist() == [0, 1, 2, 3, 4, 5]
    assert portfolio.account["acc_id"].to_pylist() == [4] * 6 + [3, 1, 2]
    assert portfolio.account["acc_idx"].to_pylist() == list(range(9))


def test_column_names_match_whatever_their_case(tmp_path: Path) -> None:
    path = location(tmp_path, "1,A,1,GB,WTC,GBP,5", header=HEADER.lower().replace("accnumber", " ACCNumber "))
    assert read_portfolio(path).location.column_names[:3] == ["PortNumber", "AccNumber", "LocNumber"]


def test_a_portfolio_without_locations_takes_accounts_as_risks(tmp_path: Path) -> None:
    path = tmp_path / "account.csv"
    record = {
        "PortNumber": "P",
        "AccNumber": "B",
        "PolNumber": "1",
        "AccCurrency": "USD",
        "PolPerilsCovered": "CC1",
        "PolInceptionDate": "2026-01-01",
        "PolExpiryDate": "2026-12-31",
        "LayerParticipation": "1",
        "LayerLimit": "1",
        "LayerAttachment": "0",
        "PolDed": "0",
        "InsuredName": "somebody",
        "IndustryScheme1": "NAICS",
        "IndustryCode1": "1",
        "AnnualRevenue": "5",
        "AnnualRevenueCurrency": "USD",
        "NumberOfRecords": "1",
    }
    pd.DataFrame([record, {**record, "AccNumber": "A"}]).to_csv(path, index=False)
    portfolio = read_portfolio(account=path)
    assert portfolio.location is None
    assert portfolio.account["loc_id"].to_pylist() == [2, 1]
    assert portfolio.account["loc_idx"].to_pylist() == [0, 1]


def test_parquet_and_csv_are_the_same_portfolio(piwind: Path) -> None:
    stems = ["SourceLocOEDPiWind10", "SourceAccOEDPiWind", "SourceReinsInfoOEDPiWind", "SourceReinsScopeOEDPiWind"]
    csv = read_portfolio(*(piwind / "inputs" / f"{stem}.csv" for stem in stems))
    parquet = read_portfolio(*(piwind / "inputs" / f"{stem}.parquet" for stem in stems))
    for part in ("location", "account", "reinsurance_info", "reinsurance_scope"):
        a, b = getattr(csv, part), getattr(parquet, part)
        assert set(a.column_names) <= set(b.column_names)
        for name in a.column_names:
            assert a[name].to_pylist() == b[name].to_pylist(), name


def _as_ods_tools_reads(files: dict[str, Path], part: str) -> pd.DataFrame:
    logging.getLogger("ods_tools").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own pandas deprecations
        exposure = OedExposure(**{key: str(path) for key, path in files.items()}, use_field=True)
        return getattr(exposure, part).dataframe


@pytest.mark.parity
@pytest.mark.parametrize("suite", ["insurance_conditions", "reinsurance1", "issues"])
def test_tables_are_ods_tools_tables(shared: Path, suite: str) -> None:
    unit = sorted((shared / "data" / "fm_validation" / suite / "units").iterdir())[0]
    files = {part: unit / f"{part}.csv" for part in KIND_OF if (unit / f"{part}.csv").exists()}
    portfolio = read_portfolio(**files)
    ours = {"location": portfolio.location, "account": portfolio.account,
            "ri_info": portfolio.reinsurance_info, "ri_scope": portfolio.reinsurance_scope}  # fmt: skip
    for part in files:
        theirs = _as_ods_tools_reads(files, part)
        table = ours[part]
        for name in theirs.columns:
            if name not in table.column_names:  # ods_tools adds columns that OED 3 asks for
                continue
            column, default = table[name], f.default_of(table.schema.field(name))
            if default is not None:
                column = pc.fill_null(column, pa.scalar(default).cast(column.type))
            expected = [None if pd.isna(value) else value for value in theirs[name].astype(object)]
            assert column.to_pylist() == expected, (part, name)


@pytest.mark.parity
def test_piwind_in_one_currency(piwind: Path) -> None:
    path = piwind / "inputs" / "SourceLocOEDPiWind10Currency.csv"
    settings = piwind / "currency_settings.json"
    portfolio = read_portfolio(path, reporting_currency="GBP", currency_conversion_json=settings)
    table = portfolio.location
    assert portfolio.reporting_currency == "GBP"
    assert set(table["LocCurrency"].to_pylist()) == {"GBP"}
    assert table["OriginalCurrency"].to_pylist() == ["GBP"] * 6 + ["USD"] * 2 + ["EUR"] * 2
    assert table["RateOfExchange"].to_pylist() == [1.0] * 6 + [0.85] * 2 + [1 / 1.12] * 2
    assert table["BuildingTIV"].to_pylist()[6:] == pytest.approx([76500, 263500, 375000, 430000 / 1.12])
    # Deductibles too: ods_tools forgets them since OED 4, whose schema no longer says which fields are amounts.
    plain = read_portfolio(path).location
    kept = [kind or 0 for kind in plain["LocDedType1Building"].to_pylist()]
    for row in range(6, 10):
        rate = table["RateOfExchange"][row].as_py() if kept[row] == 0 else 1.0
        assert table["LocDed1Building"][row].as_py() == pytest.approx(plain["LocDed1Building"][row].as_py() * rate)


def test_rates_come_as_a_file_a_table_or_a_mapping(tmp_path: Path) -> None:
    path = location(tmp_path, "1,A,1,GB,WTC,USD,100")
    file = tmp_path / "roe.csv"
    file.write_text("cur_from,cur_to,roe\nUSD,GBP,0.5\n")
    table = pa.table({"cur_from": ["USD"], "cur_to": ["GBP"], "roe": [0.5]})
    listed = {"currency_conversion_type": "DictBasedCurrencyRates", "source_type": "list",
              "currency_rates": [["USD", "GBP", 0.5]]}  # fmt: skip
    for given in (
        {"rates": file},
        {"rates": table},
        {"rates": {("USD", "GBP"): 0.5}},
        {"currency_conversion_json": listed},
    ):
        out = read_portfolio(path, reporting_currency="GBP", **given)
        assert out.location["BuildingTIV"].to_pylist() == [50.0]


def test_a_missing_rate_is_named_with_its_first_row(tmp_path: Path) -> None:
    path = location(tmp_path, "1,A,1,GB,WTC,GBP,1", "1,A,2,GB,WTC,JPY,1", "1,A,3,GB,WTC,JPY,1")
    with pytest.raises(InvalidInput) as refused:
        read_portfolio(path, reporting_currency="GBP", rates={("USD", "GBP"): 0.8})
    assert str(refused.value) == (
        "location.csv row 3: LocCurrency has no rate of exchange to the reporting currency, got 'JPY'. "
        "Add a row JPY,GBP,rate to the rates of exchange."
    )
    none = check_portfolio(path, reporting_currency="GBP")
    assert [finding.rule for finding in none] == ["rates_needed"]


@pytest.mark.parametrize("rate", ["0", "-1", "x", "inf"])
def test_a_rate_is_a_number_above_zero(tmp_path: Path, rate: str) -> None:
    file = tmp_path / "roe.csv"
    file.write_text(f"cur_from,cur_to,roe\nUSD,GBP,{rate}\n")
    path = location(tmp_path, "1,A,1,GB,WTC,USD,100")
    with pytest.raises(InvalidInput, match=f"roe.csv row 2: roe must be a number above 0, got 'USD to GBP: {rate}'"):
        read_portfolio(path, reporting_currency="GBP", rates=file)


def test_several_currencies_without_a_reporting_currency_are_a_warning(tmp_path: Path) -> None:
    path = location(tmp_path, "1,A,1,GB,WTC,GBP,1", "1,A,2,GB,WTC,USD,1")
    portfolio = read_portfolio(path)
    assert [(finding.rule, finding.value) for finding in portfolio.findings] == [("currency_mixed", ["GBP", "USD"])]


def test_the_field_table_is_the_standards() -> None:
    declared = [value for value in vars(f).values() if isinstance(value, f.Field)]
    oed = standard()
    known = {field.name: field for kind in KIND_OF.values() for field in oed.fields(kind).values()}
    for field in declared:
        if field in known:
            assert known[field].type == f.ARROW[field.dtype], field
    ours = {str(field) for field in declared} - set(known)
    assert ours == {"loc_id", "loc_idx", "acc_id", "acc_idx"}


def test_a_field_is_its_name_and_survives_pickling() -> None:
    import copy
    import pickle

    for again in (pickle.loads(pickle.dumps(f.BUILDING_TIV)), copy.deepcopy(f.BUILDING_TIV)):
        assert again == "BuildingTIV"
        assert (again.dtype, again.unit) == ("float64", "currency")
