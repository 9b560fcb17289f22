"""Rates of exchange from a table, or from the reference toolkit's currency settings."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

import fsspec
import pyarrow as pa

from oasis_kernel.errors import Finding, InvalidInput
from oasis_kernel.formats.oed_file import Source, read_raw
from oasis_kernel.formats.oed_findings import Breach, Rule
from oasis_kernel.prepare.currency import Rates

#: A file or table of cur_from, cur_to, roe; or the rates themselves by (from, to).
RateSource: TypeAlias = Source | Mapping[tuple[str, str], float] | Rates

COLUMNS = ("cur_from", "cur_to", "roe")
RATE_TABLE = Rule("rate_table", "must have the columns cur_from, cur_to and roe", "Rename or add the columns.")
RATE_VALUE = Rule("rate_value", "must be a number above 0", "Correct or remove the rate.")
SETTINGS = Rule(
    "currency_settings",
    "must describe a DictBasedCurrencyRates table: source_type csv, parquet or list",
    "Rates are never fetched while running: give a table with cur_from, cur_to, roe.",
)


def read_rates(source: RateSource) -> Rates:
    """The rates. InvalidInput names each row that is not a rate."""
    if isinstance(source, Rates):
        return source
    if isinstance(source, Mapping):
        return Rates(_checked({pair: (rate, None) for pair, rate in source.items()}, "rates"))
    raw = read_raw(source, "rates")
    if not set(COLUMNS) <= set(raw.table.column_names):
        raise InvalidInput(Breach(RATE_TABLE, raw.file).finding(raw.table.column_names))
    origin, target, roe = (raw.table[name].to_pylist() for name in COLUMNS)
    listed = {(str(a), str(b)): (rate, int(row)) for a, b, rate, row in zip(origin, target, roe, raw.row, strict=True)}
    return Rates(_checked(listed, raw.file))


def read_currency_settings(source: str | os.PathLike[str] | Mapping[str, Any]) -> Rates:
    """The rates that a currency_conversion_json names; relative paths start at its folder."""
    if isinstance(source, Mapping):
        settings, folder, file = dict(source), Path(), "currency_conversion_json"
    else:
        path = os.fspath(source)
        folder, file = Path(path).parent, Path(path).name
        try:
            with fsspec.open(path, "r", encoding="utf-8") as stream:
                settings = json.load(stream)
        except (OSError, ValueError) as error:
            raise InvalidInput(Breach(SETTINGS, file).finding(str(error))) from error
    kind = str(settings.get("source_type", "")).lower()
    if settings.get("currency_conversion_type") != "DictBasedCurrencyRates" or kind not in ("csv", "parquet", "list"):
        raise InvalidInput(Breach(SETTINGS, file).finding(settings.get("currency_conversion_type")))
    if kind == "list":
        origin, target, roe = zip(*settings.get("currency_rates", ()), strict=True)
        return read_rates(pa.table({"cur_from": origin, "cur_to": target, "roe": roe}))
    return read_rates(_beside(folder, str(settings.get("file_path", ""))))


def _beside(folder: Path, file: str) -> str:
    """A relative path seen from the folder; URLs and absolute paths as they are."""
    return file if "://" in file or Path(file).is_absolute() else str(folder / file)


def _checked(listed: Mapping[tuple[str, str], tuple[Any, int | None]], file: str) -> dict[tuple[str, str], float]:
    rates: dict[tuple[str, str], float] = {}
    findings: list[Finding] = []
    for pair, (value, row) in listed.items():
        try:
            rates[pair] = float(value)
        except (TypeError, ValueError):
            rates[pair] = 0.0
        if not 0.0 < rates[pair] < float("inf"):
            findings.append(Breach(RATE_VALUE, file, "roe").finding(f"{pair[0]} to {pair[1]}: {value}", row))
    if findings:
        raise InvalidInput(findings)
    return rates
