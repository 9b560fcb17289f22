"""Files of a portfolio on their way in: from a form, from finished uploads, or linked where they lie already."""

import shutil
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Generic, Literal, TypeVar

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.datastructures import FormData, UploadFile

from oasis_kernel.errors import Finding, InvalidInput
from oasis_kernel.model.exposure import Portfolio
from oasis_kernel.service import uploads
from oasis_kernel.service.archives import check_table, portfolio_tables, unpack
from oasis_kernel.service.context import Context
from oasis_kernel.service.identity import Identity
from oasis_kernel.service.ids import new_id
from oasis_kernel.service.links import Links
from oasis_kernel.service.portfolios import KINDS
from oasis_kernel.service.problems import Problem, conflict, invalid
from oasis_kernel.service.tables import PortfolioVersion
from oasis_kernel.store.names import plain_name

RATES, ARCHIVE = "rates", uploads.ARCHIVE
FILES = (*KINDS, RATES)
_FORM_FILES = (*FILES, ARCHIVE)
_BLOCK = 2**20
_TABLE = {"location": "location", "account": "account", "ri_info": "reinsurance_info", "ri_scope": "reinsurance_scope"}

Kind = Literal["location", "account", "ri_info", "ri_scope", "rates"]
UploadKind = Literal[Kind, "archive"]


class NewVersion(BaseModel):
    """Files of a new version: those given, and with ``inherit`` the others of the latest one."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"uploads": {"account": "01JD9Z8Q3N5V7X1A2B3C4D5E6F"}}]}
    )

    uploads: dict[UploadKind, str] = Field(default_factory=dict, description="finished uploads by table, or an archive")
    links: dict[Kind, str] = Field(default_factory=dict, description="addresses in storage that may be linked")
    reporting_currency: str | None = Field(None, pattern="^[A-Z]{3}$", description="convert every amount to it")
    inherit: bool = Field(False, description="take the tables that are not given from the latest version")
    without: list[Kind] = Field(default_factory=list, description="with `inherit`: tables to leave out")


class NewPortfolio(BaseModel):
    """A portfolio to make."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"name": "Coastal homes", "uploads": {"location": "01JD9Z8Q3N5V7X1A2B3C4D5E6F"}}]
        },
    )

    name: str = Field(min_length=1, max_length=200, examples=["Coastal homes"])
    description: str = Field("", max_length=10_000)
    groups: list[str] = Field(default_factory=list, description="groups that see it")
    uploads: dict[UploadKind, str] = Field(default_factory=dict, description="finished uploads by table, or an archive")
    links: dict[Kind, str] = Field(default_factory=dict, description="addresses in storage that may be linked")
    reporting_currency: str | None = Field(None, pattern="^[A-Z]{3}$", description="convert every amount to it")


Asked = TypeVar("Asked", NewVersion, NewPortfolio)


@dataclass(frozen=True)
class Given(Generic[Asked]):
    """What a request brought: its fields, and the form's files by table (or ``archive``)."""

    fields: Asked
    files: Mapping[str, UploadFile] = field(default_factory=dict)


@dataclass(frozen=True)
class Taken:
    """What became of the files: the columns of a portfolio's version."""

    files: dict[str, dict[str, Any]]
    columns: dict[str, Any]


def body_description(asked: type[BaseModel]) -> dict[str, Any]:
    """The OpenAPI description of a body that is JSON or a form with files."""
    file = {"type": "string", "format": "binary"}
    listed = {"type": "array", "items": {"type": "string"}}
    texts = {name: {"type": "string"} for name in ("name", "description", "reporting_currency")}
    known = {name: kind for name, kind in {**texts, "groups": listed}.items() if name in asked.model_fields}
    form: dict[str, Any] = {"type": "object", "properties": {**known, **dict.fromkeys(_FORM_FILES, file)}}
    form["required"] = [name for name in known if asked.model_fields[name].is_required()]
    content = {
        "multipart/form-data": {"schema": form},
        "application/json": {"schema": asked.model_json_schema()},
    }
    return {"requestBody": {"required": True, "content": content}}


@asynccontextmanager
async def given(request: Request, asked: type[Asked]) -> AsyncIterator[Given[Asked]]:
    """The request's fields and files; 415 for another type of body, 422 for fields that cannot be."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json":
        yield Given(_validated(asked, await request.body()))
    elif kind == "multipart/form-data":
        async with request.form(max_files=len(_FORM_FILES), max_fields=50, max_part_size=2**20) as form:
            yield _of_form(asked, form)
    else:
        raise Problem(
            415, f"The body must be multipart/form-data or application/json, got {kind or 'none'}", remedy="See /docs"
        )


async def take(parts: Context, user: Identity, asked: Given[Any], before: PortfolioVersion | None = None) -> Taken:
    """The files stored, read and checked. 415 for what is no table, 413 for too much, 422 for unsafe archives."""
    return await parts.calls.run(_take, parts, user, asked, before)


def _validated(asked: type[Asked], body: bytes | Mapping[str, Any]) -> Asked:
    try:
        return asked.model_validate_json(body) if isinstance(body, bytes) else asked.model_validate(body)
    except ValidationError as error:
        found = [_finding(item) for item in error.errors()]
        raise invalid(*found, detail=f"The request is not valid: {found[0]}") from error


def _finding(item: Mapping[str, Any]) -> Finding:
    name = ".".join(map(str, item["loc"])) or None
    message = str(item["msg"])
    return Finding("body", message[:1].lower() + message[1:], field=name, rule=str(item["type"]), remedy="See /docs")


def _of_form(asked: type[Asked], form: FormData) -> Given[Asked]:
    values: dict[str, Any] = {}
    files: dict[str, UploadFile] = {}
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            if name not in _FORM_FILES or name in files:
                remedy = f"Send each of {', '.join(_FORM_FILES)} once at most"
                raise invalid(Finding("body", "must be a file that a portfolio has", field=name, remedy=remedy))
            files[name] = value
        elif name in ("groups", "without"):
            values.setdefault(name, []).append(value)
        elif value or name == "description":
            values[name] = value
    return Given(_validated(asked, values), files)


def _take(parts: Context, user: Identity, asked: Given[Any], before: PortfolioVersion | None) -> Taken:
    fields = asked.fields
    root = parts.settings.root / "receiving"
    root.mkdir(parents=True, exist_ok=True)
    stored: dict[str, dict[str, Any]] = _inherited(fields, before)
    group = f"portfolios/{new_id()}"
    with tempfile.TemporaryDirectory(dir=root) as name:
        uploaded = _uploaded(parts, user, fields.uploads, Path(name) / "uploaded")
        received = uploaded.unpacked | _received(asked.files, Path(name), parts.settings.max_upload_bytes)
        for kind, path in received.items():
            kept = parts.artefacts.put_file(path, f"{group}/{kind}/{plain_name(path.name)}")
            stored[kind] = {"name": path.name, "url": kept.url, "sha256": kept.sha256, "bytes": kept.bytes}
        stored |= uploaded.stored
        stored |= _linked(parts, fields.links, f"{group}/{RATES}")
    if not any(kind in stored for kind in KINDS):
        remedy = "Send a form with the file location, or name uploads or links"
        raise invalid(Finding("body", "must bring a table of the portfolio", field="location", remedy=remedy))
    rates = stored.pop(RATES, None)
    currency = fields.reporting_currency or (before.reporting_currency if before is not None else None)
    columns = {"reporting_currency": currency, "rates_url": rates["url"] if rates is not None else None}
    return _read(parts, stored, columns)


def _uploaded(parts: Context, user: Identity, named: Mapping[str, str], folder: Path) -> "_Uploaded":
    """Finished uploads of the user's: tables stay where they are stored, an archive's are unpacked here.

    404 for an upload that is not theirs, 409 for one that is not whole yet.
    """
    found = _Uploaded()
    with parts.database.read() as session:
        rows = {kind: uploads.find(session, user, upload_id) for kind, upload_id in named.items()}
    for kind, row in rows.items():
        if row.state != uploads.UploadState.COMPLETE or row.url is None:
            detail = f"Upload {row.id} is {row.state}, and must be complete"
            raise conflict(detail, "Send the rest" if row.state == uploads.UploadState.RECEIVING else "Send it again")
        if kind == ARCHIVE:
            archive = parts.artefacts.local_url(row.url, row.sha256 or "")
            found.unpacked.update(_unpacked(archive, folder, row.name))
        else:
            found.stored[kind] = {"name": row.name, "url": row.url, "sha256": row.sha256, "bytes": row.size}
    return found


@dataclass(frozen=True)
class _Uploaded:
    """Tables by kind: those that are stored, and those that have to be."""

    stored: dict[str, dict[str, Any]] = field(default_factory=dict)
    unpacked: dict[str, Path] = field(default_factory=dict)


def _linked(parts: Context, links: Mapping[str, str], rates: str) -> dict[str, dict[str, Any]]:
    """Files that stay where they lie, as they are now; rates of exchange, which are small, are copied."""
    allowed = Links(parts.settings.storage_links)
    found: dict[str, dict[str, Any]] = {}
    for kind, url in links.items():
        linked = allowed.register(url, f"links.{kind}", parts.settings.max_upload_bytes)
        found[kind] = linked.as_dict()
        if kind == RATES:
            kept = parts.artefacts.put_file(allowed.local(linked), f"{rates}/{plain_name(linked.name)}")
            found[kind] = {"name": linked.name, "url": kept.url}
    return found


def _inherited(fields: Any, before: PortfolioVersion | None) -> dict[str, dict[str, Any]]:
    if before is None or not fields.inherit:
        return {}
    found = {kind: dict(file) for kind, file in before.files.items() if kind not in fields.without}
    if before.rates_url is not None and RATES not in fields.without:
        found[RATES] = {"url": before.rates_url}
    return found


def _received(files: Mapping[str, UploadFile], folder: Path, most: int) -> dict[str, Path]:
    """The form's files on this machine's disk, each checked to be a table."""
    found: dict[str, Path] = {}
    for kind, sent in files.items():
        name = plain_name(sent.filename or f"{kind}.csv")
        path = folder / kind / name
        path.parent.mkdir()
        _copy(sent.file, path, most, name)
        if kind == ARCHIVE:
            found |= _unpacked(path, folder / "unpacked", name)
        else:
            found[kind] = path
    for path in found.values():
        _require_table(path)
    return found


def _unpacked(archive: Path, folder: Path, name: str) -> dict[str, Path]:
    folder.mkdir()
    return portfolio_tables(unpack(archive, folder, name, uploads.LIMITS), name)


def _copy(source: IO[bytes], target: Path, most: int, name: str) -> None:
    if source.seek(0, 2) > most:
        remedy = "Compress it, or link it from storage"
        raise Problem(413, f"{name} must not be larger than {most:,} bytes", remedy=remedy)
    source.seek(0)
    with target.open("wb") as copy:
        shutil.copyfileobj(source, copy, _BLOCK)


def _require_table(path: Path) -> None:
    """Refuse what is no table: 415 for its type, 422 for what is unsafe or broken."""
    try:
        check_table(path, path.name, uploads.LIMITS)
    except InvalidInput as error:
        if all(finding.rule == "file_type" for finding in error.findings):
            found = error.findings
            raise Problem(415, str(found[0]), kind="unsupported-file", findings=found) from error
        raise


def _read(parts: Context, files: dict[str, dict[str, Any]], columns: dict[str, Any]) -> Taken:
    """The files with their numbers of rows, and what reading them brought to light."""
    portfolio: Portfolio | None = None
    try:
        portfolio = parts.portfolio(PortfolioVersion(files=files, **columns))
        findings = portfolio.findings
    except InvalidInput as error:
        findings = error.findings
    for kind, file in files.items():
        table = getattr(portfolio, _TABLE[kind], None)
        file["rows"] = table.num_rows if table is not None else None
    return Taken(files, {**columns, "findings": [finding.as_dict() for finding in findings]})
