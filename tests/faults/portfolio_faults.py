"""Portfolios that cannot be used, each broken in one place, and the one sentence that says so."""

import gzip

from standard_folder import LOCATIONS, AnalysisFolder, Fault

LOCATION = "location.csv"


def drop_column(name: str):
    """The location file without a column."""

    def breaks(analysis: AnalysisFolder) -> None:
        rows = [line.split(",") for line in LOCATIONS.splitlines()]
        at = rows[0].index(name)
        text = "\n".join(",".join(row[:at] + row[at + 1 :]) for row in rows) + "\n"
        (analysis.path / LOCATION).write_text(text, encoding="utf-8")

    return breaks


def cell(row: int, name: str, value: str):
    """The location file with another value in one cell; the header is row 1."""

    def breaks(analysis: AnalysisFolder) -> None:
        rows = [line.split(",") for line in LOCATIONS.splitlines()]
        rows[row - 1][rows[0].index(name)] = value
        (analysis.path / LOCATION).write_text("\n".join(map(",".join, rows)) + "\n", encoding="utf-8")

    return breaks


def location_bytes(content: bytes):
    """A location file of these bytes."""
    return lambda analysis: (analysis.path / LOCATION).write_bytes(content)


def repeated_location(analysis: AnalysisFolder) -> None:
    analysis.edit(LOCATION, lambda text: text + text.splitlines()[2] + "\n")


def unknown_currency(analysis: AnalysisFolder) -> None:
    cell(3, "LocCurrency", "GBX")(analysis)
    give_rates(analysis, "USD,GBP,0.75\n")


def give_rates(analysis: AnalysisFolder, text: str) -> None:
    (analysis.path / "rates.csv").write_text("cur_from,cur_to,roe\n" + text, encoding="utf-8")
    analysis.arguments += ["--reporting-currency", "GBP", "--rates", str(analysis.path / "rates.csv")]


def missing_rate(analysis: AnalysisFolder) -> None:
    cell(4, "LocCurrency", "EUR")(analysis)
    give_rates(analysis, "USD,GBP,0.75\n")


def rate_needed_twice(analysis: AnalysisFolder) -> None:
    analysis.add_account()
    analysis.edit("account.csv", lambda text: text.replace("GBP", "EUR"))
    missing_rate(analysis)


def negative_rate(analysis: AnalysisFolder) -> None:
    give_rates(analysis, "USD,GBP,-0.75\n")


def rates_missing(analysis: AnalysisFolder) -> None:
    give_rates(analysis, "")
    (analysis.path / "rates.csv").unlink()


def rates_misnamed(analysis: AnalysisFolder) -> None:
    give_rates(analysis, "USD,GBP,0.75\n")
    analysis.replace("rates.csv", "roe", "rate")


def given(*arguments: str):
    """More arguments on the command line."""
    return lambda analysis: analysis.arguments.extend(arguments)


def bomb(analysis: AnalysisFolder) -> None:
    path = analysis.path / "location.csv.gz"
    with gzip.open(path, "wb", compresslevel=9) as stream:
        for _ in range(280):
            stream.write(bytes(2**20))
    analysis.arguments += ["--location", str(path)]


def folder(analysis: AnalysisFolder) -> None:
    (analysis.path / "locations").mkdir()
    analysis.arguments += ["--location", str(analysis.path / "locations")]


def absent(analysis: AnalysisFolder) -> None:
    (analysis.path / LOCATION).unlink()


def account_of_nobody(analysis: AnalysisFolder) -> None:
    analysis.add_account()
    cell(3, "AccNumber", "A2")(analysis)


def account_layer(analysis: AnalysisFolder) -> None:
    analysis.add_account()
    analysis.replace("account.csv", ",5000000,", ",-5000000,")


def reinsurance_alone(analysis: AnalysisFolder) -> None:
    analysis.add_account()
    path = analysis.path / "ri_scope.csv"
    path.write_text("ReinsNumber,PortNumber,CededPercent,OEDVersion\n1,1,1.0,4.0.0\n", encoding="utf-8")
    analysis.set("oasislmf.json", "oed_scope_csv", value="ri_scope.csv")


def nowhere_modelled(analysis: AnalysisFolder) -> None:
    analysis.edit(LOCATION, lambda text: text.replace(",50.5,", ",40.5,"))


PORTFOLIO_FAULTS = {
    "required column missing": Fault(
        drop_column("CountryCode"),
        "location.csv: CountryCode is required by OED and missing. Add the column.",
    ),
    "peril code": Fault(
        cell(3, "LocPerilsCovered", "WTX"),
        "location.csv row 3: LocPerilsCovered must be OED peril codes separated by ';', got 'WTX'. See OED's "
        "list of perils (WTC, WSS, WW1 ...).",
    ),
    "negative insured value": Fault(
        cell(3, "BuildingTIV", "-5"),
        "location.csv row 3: BuildingTIV must be in range, got -5.0. Allowed: at least 0.",
    ),
    "unknown currency": Fault(
        unknown_currency,
        "location.csv row 3: LocCurrency must be an ISO 4217 currency, got 'GBX'. Use three capital letters "
        "(GBP, USD ...).",
    ),
    "no rate of exchange": Fault(
        missing_rate,
        "location.csv row 4: LocCurrency has no rate of exchange to the reporting currency, got 'EUR'. Add a "
        "row EUR,GBP,rate to the rates of exchange.",
    ),
    "no rate of exchange, in two files": Fault(
        rate_needed_twice,
        "location.csv row 4: LocCurrency has no rate of exchange to the reporting currency, got 'EUR'. Add a "
        "row EUR,GBP,rate to the rates of exchange.",
    ),
    "reporting currency that is none": Fault(
        given("--reporting-currency", "XXQ"),
        "portfolio: reporting_currency must be an ISO 4217 currency, got 'XXQ'. Use three capital letters "
        "(GBP, USD ...).",
    ),
    "rates file missing": Fault(
        rates_missing,
        "rates.csv: must be a file that can be opened: no such file or directory, got '{folder}/rates.csv'. "
        "Check the path and the permissions.",
    ),
    "rates without their columns": Fault(
        rates_misnamed,
        "rates.csv: must have the columns cur_from, cur_to and roe, got ['cur_from', 'cur_to', 'rate']. "
        "Rename or add the columns.",
    ),
    "negative rate of exchange": Fault(
        negative_rate,
        "rates.csv row 2: roe must be a number above 0, got 'USD to GBP: -0.75'. Correct or remove the rate.",
    ),
    "repeated location": Fault(
        repeated_location,
        "location.csv row 5: LocNumber is repeated, and only the first record's values would count, got '2'. "
        "Give each location its own LocNumber; repeat one only under another CondTag or LocPeril.",
    ),
    "compression bomb": Fault(
        bomb,
        "location.csv.gz: expands to more than is allowed, got 'more than 268,435,456 bytes'. Split the "
        "portfolio, or send the file uncompressed.",
    ),
    "UTF-16": Fault(
        location_bytes(LOCATIONS.encode("utf-16")),
        "location.csv: must be UTF-8 text, got 'UTF-16'. Save the file with encoding UTF-8.",
    ),
    "Latin-1": Fault(
        location_bytes(LOCATIONS.replace("A1,2,", "Münster,2,").encode("latin-1")),
        "location.csv row 3: must be UTF-8 text, got 'byte 0xFC'. Save the file with encoding UTF-8.",
    ),
    "empty file": Fault(
        location_bytes(b""),
        "location.csv: must hold a header and at least one record, and is empty. Export the table again, or "
        "leave the file out.",
    ),
    "header alone": Fault(
        location_bytes(LOCATIONS.splitlines()[0].encode()),
        "location.csv: must hold a header and at least one record, and has no record. Export the table again,"
        " or leave the file out.",
    ),
    "file missing": Fault(
        absent,
        "location.csv: must be a file that can be opened: no such file or directory, got "
        "'{folder}/location.csv'. Check the path and the permissions.",
    ),
    "folder instead of a file": Fault(
        folder,
        "locations: must be a file that can be opened: is a directory, got '{folder}/locations'. Check the "
        "path and the permissions.",
    ),
    "text in a number column": Fault(
        cell(2, "ContentsTIV", "a lot"),
        "location.csv row 2: ContentsTIV must be a finite number, got 'a lot'. Write plain digits with a "
        "decimal point, or leave it blank.",
    ),
    "latitude off the globe": Fault(
        cell(4, "Latitude", "95"),
        "location.csv row 4: Latitude must be in range, got 95.0. Allowed: -90 to 90.",
    ),
    "values that overrun the header": Fault(
        lambda a: a.edit(LOCATION, lambda t: t.replace("A1,2,", "A1,2,2,")),
        "location.csv row 3: must have as many values as the header, got '14 values for 13 columns'. Quote "
        "values that contain a comma.",
    ),
    "binary data": Fault(
        location_bytes(b"MZ\x90\x00\x03" * 100),
        "location.csv: must be a csv or Parquet file, got 'binary data'. Export the table as csv (comma "
        "separated) or Parquet.",
    ),
    "location of no account": Fault(
        account_of_nobody,
        "location.csv row 3: AccNumber must be an account of the account file, got 'A2'. Add the account, or "
        "correct PortNumber or AccNumber.",
    ),
    "negative limit": Fault(
        account_layer,
        "account.csv row 2: LayerLimit must be in range, got -5000000.0. Allowed: at least 0.",
    ),
    "reinsurance scope without contracts": Fault(
        reinsurance_alone,
        "ri_scope.csv: needs both ri_info and ri_scope. Give both files, or neither.",
    ),
    "nothing modelled": Fault(
        nowhere_modelled,
        "location.csv: has no location that small models. Run `oasis check` to see why each location is left out",
    ),
    "unknown OED version": Fault(
        lambda a: a.edit(LOCATION, lambda t: t.replace("4.0.0", "9.9.9")),
        "location.csv: OEDVersion must be a version of OED that is known here, got '9.9.9'. The newest is 5.0.0.",
    ),
}
