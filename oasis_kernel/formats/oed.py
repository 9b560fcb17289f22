"""OED portfolios: read, typed by the standard, checked, and in one currency.

Source: Open Exposure Data standard, in the version the files name (ods_tools holds them all).
"""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from oasis_kernel.errors import Finding, InvalidInput
from oasis_kernel.formats.oed_checks import CURRENCY, VERSION, Checked, check_table
from oasis_kernel.formats.oed_codes import CURRENCIES
from oasis_kernel.formats.oed_file import RawTable, Source, read_raw
from oasis_kernel.formats.oed_findings import Breach, Rule, errors
from oasis_kernel.formats.oed_links import check_currencies, check_links
from oasis_kernel.formats.oed_rates import RateSource, read_currency_settings, read_rates
from oasis_kernel.formats.oed_schema import KIND_OF, Standard, standard
from oasis_kernel.formats.oed_types import TypedColumns, column_rules
from oasis_kernel.model import fields as f
from oasis_kernel.model.exposure import Portfolio
from oasis_kernel.prepare.currency import Rates, converted, currencies_without_rate

NOTHING = Rule("portfolio_empty", "needs a location file, or an account file for cyber and liability", "Give one.")
RATE_MISSING = Rule("rate_missing", "has no rate of exchange to the reporting currency", "Add the rate.")
RATES_NEEDED = Rule("rates_needed", "needs a rate of exchange to the reporting currency", "Give a table of rates.")

_VERSION = re.compile(r"v?\d+\.\d+\.\d+|latest version")
_CURRENCY_OF = {"location": f.LOCATION_CURRENCY, "account": f.ACCOUNT_CURRENCY, "ri_info": f.REINSURANCE_CURRENCY}


def read_portfolio(
    location: Source | None = None,
    account: Source | None = None,
    ri_info: Source | None = None,
    ri_scope: Source | None = None,
    *,
    reporting_currency: str | None = None,
    rates: RateSource | None = None,
    currency_conversion_json: str | os.PathLike[str] | Mapping[str, Any] | None = None,
) -> Portfolio:
    """The portfolio of the given OED files, amounts in the reporting currency when there is one.

    Each source is a path or URL (csv or Parquet; plain, .gz, .zip, .bz2, .zst) or an Arrow table. Text is kept as
    written, blanks are null, OED defaults are not filled in (a column's metadata names its default).
    Raises InvalidInput with every finding when one of them is an error.
    """
    sources = {"location": location, "account": account, "ri_info": ri_info, "ri_scope": ri_scope}
    given = {part: source for part, source in sources.items() if source is not None}
    read = _Reading(given, reporting_currency, rates, currency_conversion_json)
    findings = list(read.findings())
    if errors(findings):
        raise InvalidInput(findings)
    return replace(read.portfolio(), findings=tuple(findings))


def check_portfolio(
    location: Source | None = None,
    account: Source | None = None,
    ri_info: Source | None = None,
    ri_scope: Source | None = None,
    *,
    reporting_currency: str | None = None,
    rates: RateSource | None = None,
    currency_conversion_json: str | os.PathLike[str] | Mapping[str, Any] | None = None,
) -> list[Finding]:
    """Everything that is wrong, or worth knowing, with the given OED files. See ``read_portfolio``."""
    sources = {"location": location, "account": account, "ri_info": ri_info, "ri_scope": ri_scope}
    given = {part: source for part, source in sources.items() if source is not None}
    return list(_Reading(given, reporting_currency, rates, currency_conversion_json).findings())


@dataclass
class _Reading:
    """One reading of a portfolio's files; ``findings`` fills the tables that ``portfolio`` puts together."""

    sources: Mapping[str, Source]
    reporting_currency: str | None
    rates: RateSource | None
    currency_settings: str | os.PathLike[str] | Mapping[str, Any] | None

    def __post_init__(self) -> None:
        self._checked: dict[str, Checked] = {}
        self._exchange = Rates({})

    def findings(self) -> Iterator[Finding]:
        """Reads, converts to OED's types and checks, file by file, then across files."""
        if "location" not in self.sources and "account" not in self.sources:
            yield Breach(NOTHING, "portfolio").finding()
            return
        raw: dict[str, RawTable] = {}
        for part, source in self.sources.items():
            try:
                raw[part] = read_raw(source, part)
            except InvalidInput as refused:
                yield from refused.findings
        if not raw:
            return
        oed, wrong = _standard_of(next(iter(raw.values())))
        yield from wrong
        for part, table in raw.items():
            yield from self._type(part, table, oed)
        business = _class_of_business(self._checked)
        for checked in self._checked.values():
            yield from check_table(checked, oed, business)
        if len(self._checked) == len(self.sources):
            # With a file missing, every reference to it would be a second finding for one fault.
            yield from check_links(self._checked)
        yield from self._currencies()

    def portfolio(self) -> Portfolio:
        """The portfolio, once the findings hold no error."""
        tables = {part: self._in_reporting_currency(part, checked.table) for part, checked in self._checked.items()}
        location, account = numbered(tables.get("location"), tables.get("account"))
        return Portfolio(
            location=location,
            account=account,
            reinsurance_info=tables.get("ri_info"),
            reinsurance_scope=tables.get("ri_scope"),
            sources={part: checked.file for part, checked in self._checked.items()},
            reporting_currency=self.reporting_currency,
            files=dict(self._files()),
        )

    def _files(self) -> Iterator[tuple[str, str]]:
        """The path or URL of every source that has one; local paths in full, so that they hold elsewhere too."""
        others = {"rates": self.rates, "currency_conversion_json": self.currency_settings}
        for name, source in {**self.sources, **others}.items():
            if isinstance(source, str | os.PathLike):
                path = os.fspath(source)
                yield name, path if "://" in path else str(Path(path).resolve())

    def _type(self, part: str, raw: RawTable, oed: Standard) -> Iterator[Finding]:
        kind = KIND_OF[part]
        columns = TypedColumns(raw, kind, oed)
        try:
            table = columns.table()
        except InvalidInput as refused:
            yield from refused.findings
            return
        yield from columns.findings
        yield from column_rules(columns, list(oed.fields(kind).values()))
        self._checked[part] = Checked(part, raw.file, kind, table, raw.row, columns.known)

    def _currencies(self) -> Iterator[Finding]:
        if self.reporting_currency is None:
            yield from check_currencies(self._checked)
            return
        if self.reporting_currency not in CURRENCIES:
            yield Breach(CURRENCY, "portfolio", "reporting_currency").finding(self.reporting_currency)
            return
        try:
            self._exchange = self._read_exchange()
        except InvalidInput as refused:
            yield from refused.findings
            return
        seen: set[str] = set()  # one missing rate is one finding, however many files need it
        for checked, field, held in self._without_rate(self.reporting_currency):
            if held in seen or (seen and not self._has_rates):
                continue
            seen.add(held)
            row = int(checked.row[pc.index(checked.table[field], held).as_py()])
            remedy = f"Add a row {held},{self.reporting_currency},rate to the rates of exchange."
            rule = RATE_MISSING if self._has_rates else RATES_NEEDED
            yield Breach(rule, checked.file, field, remedy if self._has_rates else None).finding(held, row)

    def _without_rate(self, reporting: str) -> Iterator[tuple[Checked, f.Field, str]]:
        """Each file's currencies that cannot be converted; a code that is none is a finding of its own."""
        for part, name in _CURRENCY_OF.items():
            checked = self._checked.get(part)
            if checked is None or not checked.has(name):
                continue
            for field, held in currencies_without_rate(checked.table, name, reporting, self._exchange):
                if held in CURRENCIES:
                    yield checked, field, held

    @property
    def _has_rates(self) -> bool:
        return self.rates is not None or self.currency_settings is not None

    def _read_exchange(self) -> Rates:
        if self.rates is not None:
            return read_rates(self.rates)
        return Rates({}) if self.currency_settings is None else read_currency_settings(self.currency_settings)

    def _in_reporting_currency(self, part: str, table: pa.Table) -> pa.Table:
        name = _CURRENCY_OF.get(part)
        if self.reporting_currency is None or name is None or name not in table.column_names:
            return table
        return converted(table, name, self.reporting_currency, self._exchange)


def _standard_of(first: RawTable) -> tuple[Standard, list[Finding]]:
    """The standard the first file names (what the reference goes by), and a finding if it is none we know."""
    version = None
    if f.OED_VERSION in first.table.column_names:
        named = pc.drop_null(first.table[f.OED_VERSION].cast(pa.string()))
        version = named[0].as_py().strip() if len(named) else None
    if version is None:
        return standard(), []
    if _VERSION.fullmatch(version):
        try:
            return standard(version), []
        except ValueError:
            pass  # a version that ods_tools does not ship: reported below
    unknown = Rule(VERSION.name, "must be a version of OED that is known here", f"The newest is {standard().version}.")
    return standard(), [Breach(unknown, first.file, f.OED_VERSION).finding(version)]


def _class_of_business(checked: Mapping[str, Checked]) -> str:
    """Property or marine with locations, cyber or liability without: the one with fewer columns out of place."""
    if "location" in checked:
        return min(("property", "marine"), key=lambda business: _misfit(checked["location"], business))
    if "account" in checked:
        return min(("cyber", "liability"), key=lambda business: _misfit(checked["account"], business))
    return "property"


def _misfit(table: Checked, business: str) -> int:
    """How many columns of the table do not belong to the class of business."""
    return sum(known.status(business) == "n/a" for known in table.known.values())


def numbered(location: pa.Table | None, account: pa.Table | None) -> tuple[pa.Table | None, pa.Table | None]:
    """The tables with ``loc_id`` and ``loc_idx``, ``acc_id`` and ``acc_idx``; an id that a file brings is kept."""
    if location is not None:
        location = _numbered(location, f.LOCATION_KEY, f.LOC_ID, f.LOC_IDX)
    if account is not None:
        account = _numbered(account, f.ACCOUNT_KEY, f.ACC_ID, f.ACC_IDX)
        if location is None:  # the account is the risk
            account = _with(_with(account, f.LOC_ID, account[f.ACC_ID]), f.LOC_IDX, account[f.ACC_IDX])
    return location, account


def _numbered(table: pa.Table, key: Sequence[f.Field], rank_name: f.Field, row_name: f.Field) -> pa.Table:
    """The table with the rank of its key (kept if the file brings it) and its row number."""
    if rank_name not in table.column_names:
        table = _with(table, rank_name, pa.array(_rank([table[name] for name in key])))
    return _with(table, row_name, pa.array(np.arange(table.num_rows, dtype=np.int64)))


def _with(table: pa.Table, name: f.Field, column: pa.Array | pa.ChunkedArray) -> pa.Table:
    if name in table.column_names:
        return table.set_column(table.column_names.index(name), name, column)
    return table.append_column(name, column)


def _rank(columns: Sequence[pa.ChunkedArray]) -> npt.NDArray[np.int64]:
    """The 1-based rank of each row by its columns as text; equal rows share a rank."""
    rank = np.zeros(len(columns[0]), dtype=np.int64)
    for column in columns:
        encoded = column.combine_chunks().dictionary_encode()
        order = pc.rank(encoded.dictionary, tiebreaker="dense").to_numpy().astype(np.int64)
        code = order[encoded.indices.to_numpy(zero_copy_only=False)]
        # Ranked again at each column, so that the product of codes stays small.
        rank = np.unique(rank * (len(order) + 1) + code, return_inverse=True)[1]
    return rank + 1
