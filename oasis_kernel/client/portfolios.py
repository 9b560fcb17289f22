"""Portfolios on their way to a service: the files as they are, or the tables in memory; each content sent once."""

import hashlib
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as parquet

from oasis_kernel.client.problems import findings_of
from oasis_kernel.errors import Finding, InvalidInput
from oasis_kernel.formats.oed_file import Source
from oasis_kernel.model.exposure import Portfolio

#: The parts of a portfolio under the names that files, findings and the service have for them.
TABLES = {
    "location": "location",
    "account": "account",
    "ri_info": "reinsurance_info",
    "ri_scope": "reinsurance_scope",
}
RATES = "rates"
#: Columns that reading adds.
OWN_COLUMNS = ("loc_id", "loc_idx", "acc_id", "acc_idx")
BLOCK = 2**20


@dataclass(frozen=True)
class PortfolioFiles:
    """Files of a portfolio: ``location``, ``account``, ``ri_info``, ``ri_scope`` and ``rates``, each a path or URL."""

    files: Mapping[str, str | Path]
    reporting_currency: str | None = None
    name: str = ""

    @property
    def title(self) -> str:
        """The portfolio's name; without one, the name of its first file."""
        first = next((str(source) for source in self.files.values()), "portfolio")
        return self.name or Path(first).name.partition(".")[0]

    def local(self) -> dict[str, Path]:
        """The files of this machine by part; InvalidInput names those that are not there."""
        paths = {part: Path(source) for part, source in self.files.items() if not is_url(source)}
        missing = [path for path in paths.values() if not path.is_file()]
        if missing:
            remedy = "Check the path and the permissions"
            findings = [
                Finding(path.name, "must be a file that can be opened", value=str(path), remedy=remedy)
                for path in missing
            ]
            raise InvalidInput(findings)
        return paths

    def names(self) -> dict[str, str]:
        """The name of each file, by part."""
        return {part: str(source).rpartition("/")[2] for part, source in self.files.items()}

    def key(self) -> tuple[str, ...]:
        """What tells these files from others: parts, names, contents, currency."""
        hashes = contents(self.local())
        found = [f"{part}:{name}:{hashes.get(part, self.files[part])}" for part, name in sorted(self.names().items())]
        return (*found, self.reporting_currency or "")

    def links(self) -> dict[str, str]:
        """The files that the service is to read from storage, by part."""
        return {part: str(source) for part, source in self.files.items() if is_url(source)}


@dataclass(frozen=True)
class RemotePortfolio:
    """A version of a portfolio in a service: what analyses there are made with."""

    id: str
    name: str
    version: int
    owner: str = ""
    findings: tuple[Finding, ...] = ()
    view: Mapping[str, Any] = field(default_factory=dict, repr=False)  # as the service shows it

    @staticmethod
    def of(view: Mapping[str, Any]) -> "RemotePortfolio":
        """The latest version of a portfolio as the service shows it."""
        latest = view.get("latest") or {}
        found = tuple(findings_of((latest.get("findings") or {}).get("findings") or []))
        return RemotePortfolio(view["id"], view["name"], latest.get("number", 0), view["owner"], found, view)


def is_url(source: str | Path) -> bool:
    """Whether a source is an address in storage rather than a path."""
    return isinstance(source, str) and "://" in source


@contextmanager
def files_of(portfolio: Portfolio | PortfolioFiles, name: str = "") -> Iterator[PortfolioFiles]:
    """The files of a portfolio: those that it was read from, or its tables written to a temporary folder.

    Tables are written where they were given in memory, and all of them where their amounts were converted at rates
    given in memory: then they are in the reporting currency already.
    """
    if isinstance(portfolio, PortfolioFiles):
        yield PortfolioFiles(portfolio.files, portfolio.reporting_currency, name or portfolio.name)
        return
    known = dict(portfolio.files)
    if portfolio.reporting_currency is not None and RATES not in known:
        known = {}
    tables = {part: table for part, name_ in TABLES.items() if (table := getattr(portfolio, name_)) is not None}
    with tempfile.TemporaryDirectory(prefix="oasis-upload-") as scratch:
        sources: dict[str, str | Path] = {}
        for part, table in tables.items():
            sources[part] = known[part] if part in known else _written(table, Path(scratch) / f"{part}.parquet")
        if RATES in known:
            sources[RATES] = known[RATES]
        yield PortfolioFiles(sources, portfolio.reporting_currency, name)


@contextmanager
def source_files(sources: Mapping[str, Source]) -> Iterator[dict[str, Path]]:
    """The sources as files of this machine, by part: tables in a temporary folder, paths as they are."""
    with tempfile.TemporaryDirectory(prefix="oasis-upload-") as scratch:
        files = {
            part: _written(source, Path(scratch) / f"{part}.parquet") if isinstance(source, pa.Table) else Path(source)
            for part, source in sources.items()
        }
        yield PortfolioFiles(files).local()


def _written(table: pa.Table, path: Path) -> Path:
    """The table as a Parquet file, without the columns that reading adds."""
    parquet.write_table(table.drop_columns([name for name in OWN_COLUMNS if name in table.column_names]), path)
    return path


def contents(files: Mapping[str, Path]) -> dict[str, str]:
    """The SHA-256 of each file, by part."""
    return {part: _sha256(path) for part, path in files.items()}


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


def holds(view: Mapping[str, Any], files: PortfolioFiles) -> bool:
    """Whether a portfolio's latest version in a service has just these files: parts, names, contents, currency.

    Files whose content cannot be compared, such as rates and those in storage, are never the same.
    """
    latest = view.get("latest") or {}
    there = {part: (file["name"], file["sha256"]) for part, file in (latest.get("files") or {}).items()}
    if RATES in files.files or files.links() or latest.get("reporting_currency") != files.reporting_currency:
        return False
    hashes = contents(files.local())
    return there == {part: (name, hashes[part]) for part, name in files.names().items()}


def size_of(files: Mapping[str, Path]) -> int:
    """The bytes of all files."""
    return sum(path.stat().st_size for path in files.values())
