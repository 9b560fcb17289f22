"""The national portfolio: locations in cities and between them, accounts of three kinds, a reinsurance programme.

Seven accounts in ten are a dwelling; a quarter are firms of up to 20 places in one city; the rest are corporations
with up to 400 places all over the country, insured in two layers.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from bench.national.country import Cities, Float64, Int64, district, draw_cities, scattered
from bench.national.damage import CONSTRUCTIONS, OCCUPANCIES

DWELLING, FIRM, CORPORATION = range(3)
DWELLINGS, FIRMS = 0.70, 0.25  # shares of accounts
FIRM_PLACES, CORPORATION_PLACES = (2, 20), (20, 400)
#: Medians by kind: building value; contents and business interruption as shares of it; deductible of a location.
BUILDING = np.array((250_000.0, 700_000.0, 3_000_000.0))
CONTENTS, INTERRUPTION = np.array((0.3, 0.5, 0.7)), np.array((0.0, 0.2, 0.3))
DEDUCTIBLE = np.array((250.0, 1_000.0, 10_000.0))
CONSTRUCTION_SHARES = np.array(((0.2, 0.7, 0.08, 0.02), (0.05, 0.5, 0.3, 0.15), (0.01, 0.2, 0.44, 0.35)))
CURRENCY, PERIL, PORTFOLIO, VERSION = "EUR", "WW1", "1", "latest version"
QUOTA_SHARE, CAT_ATTACHMENT, CAT_LIMIT = 0.2, 0.0002, 0.002  # ceded; shares of the insured value


class Portfolio(NamedTuple):
    """The OED tables."""

    location: pa.Table
    account: pa.Table
    ri_info: pa.Table
    ri_scope: pa.Table


class _Accounts(NamedTuple):
    kind: Int64
    places: Int64  # locations of each
    city: Int64


def draw_portfolio(locations: int, seed: np.random.SeedSequence) -> Portfolio:
    """A portfolio of so many locations."""
    where, who, what = seed.spawn(3)
    cities = draw_cities(where)
    accounts = _accounts(locations, cities, who)
    location = _locations(accounts, cities, np.random.default_rng(what).random((locations, 9)))
    value = np.add.reduceat(_value(location), np.cumsum(accounts.places) - accounts.places)
    return Portfolio(location, _account_table(accounts, value), *_reinsurance(float(value.sum())))


def _accounts(locations: int, cities: Cities, seed: np.random.SeedSequence) -> _Accounts:
    """As many accounts as the locations make; the last one is cut short."""
    uniform = np.random.default_rng(seed).random((locations, 3))
    kind = np.searchsorted([DWELLINGS, DWELLINGS + FIRMS], uniform[:, 0], side="right")
    least = np.array((1, FIRM_PLACES[0], CORPORATION_PLACES[0]))[kind]
    ratio = np.array((1.0, FIRM_PLACES[1] / FIRM_PLACES[0], CORPORATION_PLACES[1] / CORPORATION_PLACES[0]))[kind]
    places = np.minimum(least * ratio ** uniform[:, 1], locations).astype(np.int64)
    end = np.cumsum(places)
    count = int(np.searchsorted(end, locations)) + 1
    places[count - 1] -= end[count - 1] - locations
    city = np.searchsorted(np.cumsum(cities.share)[:-1], uniform[:, 2], side="right")
    return _Accounts(kind[:count], places[:count], city[:count])


def _locations(accounts: _Accounts, cities: Cities, uniform: Float64) -> pa.Table:
    """One row per location, by account; ``uniform`` [locations, 9]."""
    account = np.repeat(np.arange(len(accounts.kind)), accounts.places)
    kind = accounts.kind[account]
    anywhere = np.searchsorted(np.cumsum(cities.share)[:-1], uniform[:, 3], side="right")
    latitude, longitude = scattered(
        cities, np.where(kind == CORPORATION, anywhere, accounts.city[account]), uniform[:, :3]
    )
    normal = np.sqrt(-2.0 * np.log1p(-uniform[:, 4])) * np.cos(2.0 * np.pi * uniform[:, 5])
    building = _thousands(BUILDING[kind] * np.exp(0.6 * normal))
    by_share = uniform[:, 8] < 0.3  # these have a deductible as a share of the insured value
    rows = len(account)
    return pa.table(
        {
            "PortNumber": _same(PORTFOLIO, rows),
            "AccNumber": _names("A", account),
            "LocNumber": _names("L", np.arange(rows)),
            "CountryCode": _same("DE", rows),
            "Latitude": latitude.round(6),
            "Longitude": longitude.round(6),
            "PostalCode": pa.array(district(latitude, longitude)).cast(pa.string()),
            "OccupancyCode": _occupancy(kind, uniform[:, 6]),
            "ConstructionCode": _construction(kind, uniform[:, 7]),
            "LocPerilsCovered": _same(PERIL, rows),
            "BuildingTIV": building,
            "OtherTIV": np.zeros(rows),
            "ContentsTIV": _thousands(building * CONTENTS[kind]),
            "BITIV": _thousands(building * INTERRUPTION[kind]),
            "LocCurrency": _same(CURRENCY, rows),
            "LocPeril": _same(PERIL, rows),
            "LocDed6All": np.where(by_share, 0.005, DEDUCTIBLE[kind]),
            "LocDedType6All": np.where(by_share, 2, 0).astype(np.int8),
            "OEDVersion": _same(VERSION, rows),
        }
    )


def _account_table(accounts: _Accounts, value: Float64) -> pa.Table:
    """One row per account and layer: corporations have two, the others one without end."""
    layers = np.where(accounts.kind == CORPORATION, 2, 1)
    account = np.repeat(np.arange(len(layers)), layers)
    layer = np.arange(len(account)) - np.repeat(np.cumsum(layers) - layers, layers)
    kind, value = accounts.kind[account], value[account]
    first = np.where(kind == CORPORATION, _thousands(0.05 * value), 0.0)
    rows = len(account)
    return pa.table(
        {
            "PortNumber": _same(PORTFOLIO, rows),
            "AccNumber": _names("A", account),
            "PolNumber": _names("P", layer),
            "PolPerilsCovered": _same(PERIL, rows),
            "PolPeril": _same(PERIL, rows),
            "AccCurrency": _same(CURRENCY, rows),
            "PolInceptionDate": _same("2026-01-01", rows),
            "PolExpiryDate": _same("2026-12-31", rows),
            "PolDed6All": np.where(kind == DWELLING, 0.0, 5.0 * DEDUCTIBLE[kind]),
            "PolDedType6All": np.zeros(rows, np.int8),
            "LayerNumber": (layer + 1).astype(np.int32),
            "LayerAttachment": np.where(layer == 1, first, 0.0),
            "LayerLimit": np.where(layer == 1, _thousands(0.5 * value), first),
            "LayerParticipation": np.where(kind == CORPORATION, 0.4, 1.0),
            "OEDVersion": _same(VERSION, rows),
        }
    )


def _reinsurance(value: float) -> tuple[pa.Table, pa.Table]:
    """A quota share of everything, then a cat XL per event on what it leaves."""
    common = {"ReinsPeril": [PERIL] * 2, "ReinsCurrency": [CURRENCY] * 2, "ReinsInceptionDate": ["2026-01-01"] * 2}
    info = pa.table(
        {
            "ReinsNumber": [1, 2],
            "ReinsLayerNumber": [1, 1],
            "ReinsName": ["Quota share", "Cat XL"],
            **common,
            "ReinsExpiryDate": ["2026-12-31"] * 2,
            "CededPercent": [QUOTA_SHARE, 1.0],
            "RiskLimit": [0.0, 0.0],
            "RiskAttachment": [0.0, 0.0],
            "OccLimit": [0.0, round(CAT_LIMIT * value, -5)],
            "OccAttachment": [0.0, round(CAT_ATTACHMENT * value, -5)],
            "PlacedPercent": [1.0, 1.0],
            "InuringPriority": [1, 2],
            "ReinsType": ["QS", "CXL"],
            "UseReinsDates": ["N", "N"],
            "OEDVersion": [VERSION] * 2,
        }
    )
    scope = {"ReinsNumber": [1, 2], "PortNumber": [PORTFOLIO] * 2, "CededPercent": [QUOTA_SHARE, 1.0]}
    return info, pa.table({**scope, "OEDVersion": [VERSION] * 2})


def _value(location: pa.Table) -> Float64:
    """The insured value of each location."""
    names = ("BuildingTIV", "ContentsTIV", "BITIV")
    return np.sum([location[name].to_numpy() for name in names], axis=0)


def _occupancy(kind: Int64, uniform: Float64) -> npt.NDArray[np.int32]:
    codes = np.array(list(OCCUPANCIES), np.int32)  # dwellings, commerce, industry, public buildings
    return np.where(kind == DWELLING, codes[0], codes[1 + np.searchsorted([0.6, 0.9], uniform, side="right")])


def _construction(kind: Int64, uniform: Float64) -> npt.NDArray[np.int32]:
    place = (uniform[:, None] >= np.cumsum(CONSTRUCTION_SHARES, axis=1)[kind][:, :-1]).sum(axis=1)
    return np.array(list(CONSTRUCTIONS), np.int32)[place]


def _thousands(amount: Float64) -> Float64:
    return np.round(amount, -3)


def _same(text: str, rows: int) -> pa.Array:
    return pa.repeat(text, rows)


def _names(letter: str, number: Int64) -> pa.Array:
    """``letter`` and the number from 1, of eight digits, so that the order of text is that of numbers."""
    return pc.binary_join_element_wise(letter, pc.utf8_lpad(pa.array(number + 1).cast(pa.string()), 8, "0"), "")
