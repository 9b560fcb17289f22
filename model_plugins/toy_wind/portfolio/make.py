"""Write the demo portfolio's OED files: ``python -m model_plugins.toy_wind.portfolio.make FOLDER``.

Everything is drawn from a seed, so that the shipped files can be made again and compared. Names, values and terms are
invented. Seven locations are on purpose such that the model cannot take them, each for another reason.
"""

import csv
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from model_plugins.toy_wind.arithmetic import exp, normal_quantile
from model_plugins.toy_wind.coast import NORTH, is_land

SEED = 1926
PORTFOLIO = "DEMO"
PERILS = "WW1"
INCEPTION, EXPIRY = "2026-06-01", "2027-05-31"
VERSION = "4.0.0"
#: Town, longitude, latitude.
TOWNS = (
    ("Miami", -80.25, 25.77), ("Homestead", -80.47, 25.47), ("Fort Lauderdale", -80.17, 26.12),
    ("West Palm Beach", -80.11, 26.71), ("Port St Lucie", -80.35, 27.29), ("Vero Beach", -80.42, 27.64),
    ("Melbourne", -80.66, 28.08), ("Orlando", -81.38, 28.50), ("Lakeland", -81.95, 28.04), ("Tampa", -82.44, 27.95),
    ("Sarasota", -82.48, 27.33), ("Fort Myers", -81.86, 26.63), ("Naples", -81.75, 26.16),
)  # fmt: skip
SCATTER = 0.06  # degrees


class Book(NamedTuple):
    """One account's kind of business."""

    account: str
    locations: int
    occupancies: tuple[int, ...]
    constructions: tuple[int, ...]
    median_building: float  # USD
    contents: float  # share of the building's value
    other: float
    interruption: float
    deductible: float  # of every location: below 1 a share of its TIV, else USD
    towns: tuple[int, ...] = tuple(range(len(TOWNS)))
    buildings: int = 1


BOOKS = (
    Book("HOMES", 150, (1051, 1051, 1051, 1052), (5050, 5100, 5100, 5000), 380e3, 0.45, 0.06, 0.12, 0.02),
    Book("CONDOS", 28, (1055,), (5150, 5150, 5100), 9.0e6, 0.05, 0.05, 0.03, 0.03, (0, 2, 3, 11, 12), 4),
    Book("PARKS", 12, (1051,), (5350,), 1.6e6, 0.35, 0.02, 0.06, 0.05, (1, 4, 8, 9, 11), 20),
    Book("RETAIL", 48, (1101, 1101, 1119, 1104), (5100, 5200, 5100), 2.4e6, 0.55, 0.03, 0.35, 25e3),
    Book("HOTELS", 22, (1115, 1116), (5150, 5150, 5100), 28e6, 0.18, 0.06, 0.45, 0.03, (0, 2, 3, 7, 10, 12)),
    Book("WORKS", 21, (1150, 1151, 1122), (5200, 5201, 5150), 11e6, 0.80, 0.05, 0.40, 250e3, (0, 6, 7, 8, 9)),
    Book("SCHOOLS", 12, (1230, 1210), (5150, 5100), 14e6, 0.15, 0.04, 0.02, 100e3),
)
#: Locations the model cannot take: account, longitude, latitude, occupancy, construction, perils; and what is wrong.
MISFITS: tuple[tuple[str, float | str, float | str, int, int, str, str], ...] = (
    ("HOMES", -81.78, 24.56, 1051, 5050, PERILS, "Key West: south of the model"),
    ("HOMES", -81.66, 30.33, 1051, 5100, PERILS, "Jacksonville: north of the model"),
    ("HOMES", "", "", 1051, 5100, PERILS, "not geocoded"),
    ("CONDOS", -82.95, 26.20, 1055, 5150, PERILS, "longitude mistyped: in the Gulf"),
    ("RETAIL", -80.27, 25.80, 1101, 5100, "QEQ", "earthquake cover only"),
    ("WORKS", -81.32, 28.43, 1252, 5200, PERILS, "an airport: no vulnerability function"),
    ("WORKS", -82.43, 27.91, 1150, 5600, PERILS, "a tank: no vulnerability function"),
)
#: Tag of the hotels' condition: all hotels in Naples and West Palm Beach share a sublimit.
HOTEL_CONDITION, HOTEL_TOWNS = "BEACH", frozenset({"West Palm Beach", "Naples"})
#: Account, policy, layer, participation, limit, attachment, policy deductible.
LAYERS = (
    ("HOMES", "H-1", 1, 1.0, 0, 0, 0),
    ("CONDOS", "C-1", 1, 1.0, 60e6, 0, 250e3),
    ("PARKS", "P-1", 1, 1.0, 0, 0, 0),
    ("RETAIL", "R-1", 1, 0.6, 10e6, 500e3, 0),
    ("RETAIL", "R-2", 2, 0.25, 40e6, 10.5e6, 0),
    ("HOTELS", "L-1", 1, 0.5, 50e6, 2e6, 0),
    ("HOTELS", "L-2", 2, 0.2, 150e6, 52e6, 0),
    ("WORKS", "W-1", 1, 0.4, 25e6, 1e6, 0),
    ("WORKS", "W-2", 2, 0.3, 75e6, 26e6, 0),
    ("WORKS", "W-3", 3, 0.1, 100e6, 101e6, 0),
    ("SCHOOLS", "S-1", 1, 1.0, 50e6, 0, 1e6),
)
#: Reinsurance: number, layer, name, type, risk level, inuring priority, ceded, occurrence limit and attachment, placed.
TREATIES = (
    (1, 1, "Quota share, commercial", "QS", "SEL", 1, 0.3, 0, 0, 1.0),
    (2, 1, "Cat XL, first layer", "CXL", "SEL", 2, 1.0, 30e6, 20e6, 1.0),
    (3, 1, "Cat XL, second layer", "CXL", "SEL", 2, 1.0, 60e6, 50e6, 0.9),
)
BLANK_SCOPES = ("PolNumber", "LocGroup", "LocNumber", "CedantName", "ProducerName", "LOB", "CountryCode")
QUOTA_SHARE_ACCOUNTS = ("RETAIL", "HOTELS", "WORKS")

Row = dict[str, Any]


def main() -> None:
    """Write the files into the folder named on the command line."""
    write_demo(Path(sys.argv[1]))


def write_demo(directory: Path) -> None:
    """Write the four OED files into ``directory``."""
    _write(directory / "location.csv", _locations())
    _write(directory / "account.csv", _accounts())
    _write(directory / "ri_info.csv", _treaties())
    _write(directory / "ri_scope.csv", _scopes())


def _locations() -> list[Row]:
    generator = np.random.Generator(np.random.PCG64(SEED))
    rows = [row for book in BOOKS for row in _book(book, generator)]
    for number, (account, longitude, latitude, occupancy, construction, perils, name) in enumerate(MISFITS, 1):
        book = next(book for book in BOOKS if book.account == account)
        place = {"Longitude": longitude, "Latitude": latitude, "LocName": name}
        kind = {"OccupancyCode": occupancy, "ConstructionCode": construction, "LocPerilsCovered": perils}
        rows.append(_location(book, f"{account}-X{number}", book.median_building, place | kind))
    return rows


def _book(book: Book, generator: np.random.Generator) -> Iterable[Row]:
    for number in range(1, book.locations + 1):
        town, longitude, latitude = _place(book, generator)
        value = book.median_building * float(exp(0.5 * normal_quantile(generator.random() + 2.0**-54)))
        row = {
            "LocName": town,
            "Longitude": longitude,
            "Latitude": latitude,
            "OccupancyCode": _choose(book.occupancies, generator),
            "ConstructionCode": _choose(book.constructions, generator),
            "LocPerilsCovered": PERILS,
        }
        yield _location(book, f"{book.account}-{number:03d}", value, row)


def _location(book: Book, number: str, building: float, row: Row) -> Row:
    tagged = book.account == "HOTELS" and row["LocName"] in HOTEL_TOWNS
    share = book.deductible < 1
    return {
        "PortNumber": PORTFOLIO,
        "AccNumber": book.account,
        "LocNumber": number,
        "LocName": row["LocName"],
        "CountryCode": "US",
        "AreaCode": "FL",
        "Latitude": row["Latitude"],
        "Longitude": row["Longitude"],
        "OccupancyCode": row["OccupancyCode"],
        "ConstructionCode": row["ConstructionCode"],
        "NumberOfBuildings": book.buildings,
        "LocPerilsCovered": row["LocPerilsCovered"],
        "BuildingTIV": _thousands(building),
        "OtherTIV": _thousands(building * book.other),
        "ContentsTIV": _thousands(building * book.contents),
        "BITIV": _thousands(building * book.interruption),
        "LocCurrency": "USD",
        "LocPeril": row["LocPerilsCovered"],
        "LocDedType6All": 2 if share else 0,
        "LocDed6All": book.deductible if share else int(book.deductible),
        "CondTag": HOTEL_CONDITION if tagged else "",
        "OEDVersion": VERSION,
    }


def _place(book: Book, generator: np.random.Generator) -> tuple[str, float, float]:
    """A town of the book and a point on land near it, to four decimals (ten metres)."""
    name, town_longitude, town_latitude = TOWNS[_choose(book.towns, generator)]
    while True:
        east, north = normal_quantile(generator.random(2) + 2.0**-54)
        longitude = round(town_longitude + SCATTER * float(east), 4)
        latitude = round(town_latitude + SCATTER * float(north), 4)
        if latitude < NORTH and is_land(longitude, latitude):
            return name, longitude, latitude


def _choose(choices: tuple[int, ...], generator: np.random.Generator) -> int:
    return choices[int(generator.random() * len(choices))]


def _thousands(value: float) -> int:
    return round(value / 1000) * 1000


def _accounts() -> Iterable[Row]:
    for account, policy, layer, participation, limit, attachment, deductible in LAYERS:
        condition = account == "HOTELS"
        yield {
            "PortNumber": PORTFOLIO,
            "AccNumber": account,
            "AccCurrency": "USD",
            "PolNumber": policy,
            "PolPerilsCovered": PERILS,
            "PolPeril": PERILS,
            "PolInceptionDate": INCEPTION,
            "PolExpiryDate": EXPIRY,
            "PolDedType6All": 0,
            "PolDed6All": int(deductible),
            "LayerNumber": layer,
            "LayerParticipation": participation,
            "LayerLimit": int(limit),
            "LayerAttachment": int(attachment),
            "CondTag": HOTEL_CONDITION if condition else "",
            "CondNumber": 1 if condition else "",
            "CondPriority": 1 if condition else "",
            "CondPeril": PERILS if condition else "",
            "CondLimitType6All": 0 if condition else "",
            "CondLimit6All": 40_000_000 if condition else "",
            "OEDVersion": VERSION,
        }


def _treaties() -> Iterable[Row]:
    for number, layer, name, kind, level, priority, ceded, limit, attachment, placed in TREATIES:
        yield {
            "ReinsNumber": number,
            "ReinsLayerNumber": layer,
            "ReinsName": name,
            "ReinsPeril": PERILS,
            "ReinsInceptionDate": INCEPTION,
            "ReinsExpiryDate": EXPIRY,
            "CededPercent": ceded,
            "RiskLimit": 0,
            "RiskAttachment": 0,
            "OccLimit": int(limit),
            "OccAttachment": int(attachment),
            "PlacedPercent": placed,
            "ReinsCurrency": "USD",
            "InuringPriority": priority,
            "ReinsType": kind,
            "RiskLevel": level,
            "UseReinsDates": "N",
            "OEDVersion": VERSION,
        }


def _scopes() -> Iterable[Row]:
    for account in QUOTA_SHARE_ACCOUNTS:
        yield _scope(1, account)
    for number in (2, 3):
        yield _scope(number, "")


def _scope(number: int, account: str) -> Row:
    blank = dict.fromkeys(BLANK_SCOPES, "")
    place = {"ReinsNumber": number, "PortNumber": PORTFOLIO, "AccNumber": account}
    ceded = 0.3 if account else 1.0
    return place | blank | {"ReinsTag": "", "CededPercent": ceded, "OEDVersion": VERSION}


def _write(path: Path, rows: Iterable[Row]) -> None:
    rows = list(rows)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
