"""What the service answers with: one model for each resource, every item with its URL."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from oasis_kernel.service import tables
from oasis_kernel.service.problems import FindingView, plain

ROOT = "/v1"
_ID = "01JD9Z8Q3N5V7X1A2B3C4D5E6F"


def _shared(row: tables.Base, view: type[BaseModel]) -> dict[str, Any]:
    """The row's values that a view has under the same names."""
    return {name: getattr(row, name) for name in view.model_fields if hasattr(row, name)}


class Links(BaseModel):
    """Where the resources are."""

    models: str = f"{ROOT}/models"
    keys: str = f"{ROOT}/keys"
    portfolios: str = f"{ROOT}/portfolios"
    uploads: str = f"{ROOT}/uploads"
    settings_templates: str = f"{ROOT}/settings-templates"
    analyses: str = f"{ROOT}/analyses"
    compare: str = f"{ROOT}/compare"
    cluster: str = f"{ROOT}/cluster"
    tokens: str = f"{ROOT}/tokens"
    openapi: str = f"{ROOT}/openapi.json"
    documentation: str = "/docs"


class UserView(BaseModel):
    """Who asks, as the service knows them."""

    name: str
    role: str = Field(examples=["analyst"])
    groups: list[str]
    door: str = Field(description="how the request proved who asks: token, local, hub or oidc")


class ServiceView(BaseModel):
    """The service, and who asks."""

    name: str = "oasis-workbench"
    version: str
    api: str = "v1"
    user: UserView
    links: Links = Links()


class HealthView(BaseModel):
    """Whether the service can do its work."""

    status: str = Field(description="ok, or what does not work", examples=["ok"])
    version: str
    database: str = Field(examples=["ok"])


class FindingsView(BaseModel):
    """Everything that is wrong, or worth knowing."""

    passed: bool = Field(description="whether nothing stops a run")
    errors: int
    warnings: int
    findings: list[FindingView]

    @classmethod
    def of(cls, findings: list[dict[str, Any]]) -> "FindingsView":
        """The view of findings as plain values."""
        by = [item["severity"] for item in findings]
        views = [FindingView.model_validate(plain(item)) for item in findings]
        return cls(passed="error" not in by, errors=by.count("error"), warnings=by.count("warning"), findings=views)


class CheckView(FindingsView):
    """The check of a whole analysis: findings, and insured value by what became of it."""

    locations: list[dict[str, Any]] = Field(
        default_factory=list, description="status, reason, number of locations and insured value"
    )


class ModelView(BaseModel):
    """A model that analyses can use."""

    url: str
    name: str = Field(examples=["toy-wind"])
    supplier: str
    version: str
    groups: list[str] | None = Field(None, description="the groups that see it; null: everybody")


class WorkerVersions(BaseModel):
    """What one worker has installed."""

    worker: str
    engine: str | None = None
    plugin: str | None = None
    oed_schema: str | None = None
    seen: datetime | None = None


class Versions(BaseModel):
    """What a run's numbers could depend on."""

    engine: str
    plugin: str
    oed_schema: str
    libraries: dict[str, str]
    workers: list[WorkerVersions]


class ModelDetail(ModelView):
    """A model with its settings form and versions."""

    settings: dict[str, Any] = Field(description="the model's model_settings.json: what an analysis may choose")
    versions: Versions


class FileView(BaseModel):
    """One OED file of a portfolio."""

    url: str
    name: str = Field(examples=["location.csv"])
    sha256: str | None = None
    bytes: int | None = None
    rows: int | None = None


class VersionView(BaseModel):
    """The files of a portfolio at one time; never changed."""

    url: str
    id: str = Field(examples=[_ID])
    number: int
    files: dict[str, FileView]
    reporting_currency: str | None = None
    findings: FindingsView
    created: datetime
    created_by: str

    @classmethod
    def of(cls, version: tables.PortfolioVersion) -> "VersionView":
        """The view of a version."""
        base = f"{ROOT}/portfolios/{version.portfolio_id}"
        files = {
            kind: FileView(
                url=f"{base}/files/{kind}?version={version.number}",
                **{name: file.get(name) for name in ("name", "sha256", "bytes", "rows")},
            )
            for kind, file in version.files.items()
        }
        return cls(
            url=f"{base}/versions/{version.number}",
            id=version.id,
            number=version.number,
            files=files,
            reporting_currency=version.reporting_currency,
            findings=FindingsView.of(version.findings),
            created=version.created,
            created_by=version.created_by,
        )


class PortfolioView(BaseModel):
    """A portfolio under its name."""

    url: str
    id: str = Field(examples=[_ID])
    name: str = Field(examples=["Coastal homes"])
    description: str = ""
    owner: str
    groups: list[str]
    created: datetime
    versions: int = Field(description="how many versions there are")
    latest: VersionView | None = None

    @classmethod
    def of(cls, portfolio: tables.Portfolio, versions: int, latest: tables.PortfolioVersion | None) -> "PortfolioView":
        """The view of a portfolio with its latest version."""
        return cls(
            url=f"{ROOT}/portfolios/{portfolio.id}",
            id=portfolio.id,
            name=portfolio.name,
            description=portfolio.description,
            owner=portfolio.owner,
            groups=portfolio.groups,
            created=portfolio.created,
            versions=versions,
            latest=VersionView.of(latest) if latest is not None else None,
        )


class TemplateView(BaseModel):
    """Analysis settings under a name."""

    url: str
    id: str = Field(examples=[_ID])
    name: str
    owner: str
    groups: list[str]
    model: str | None = Field(None, description="the model they are for; null: any")
    settings: dict[str, Any]
    created: datetime
    updated: datetime

    @classmethod
    def of(cls, template: tables.SettingsTemplate) -> "TemplateView":
        """The view of a template."""
        return cls(url=f"{ROOT}/settings-templates/{template.id}", **_shared(template, cls))


class ProgressView(BaseModel):
    """How far a run is."""

    stage: str = Field(examples=["losses"])
    done: int
    total: int
    fraction: float | None = Field(None, description="part of the stage that is done")


class AnalysisLinks(BaseModel):
    """Where an analysis' parts are."""

    events: str
    chunks: str
    findings: str
    log: str
    results: str
    download: str

    @classmethod
    def of(cls, url: str) -> "AnalysisLinks":
        """The links of the analysis at a URL."""
        names = ("events", "chunks", "findings", "log", "results")
        return cls(**{name: f"{url}/{name}" for name in names}, download=f"{url}/results.zip")


class AnalysisView(BaseModel):
    """An analysis: what was asked for, where it stands, what came of it."""

    url: str
    id: str = Field(examples=[_ID])
    name: str
    owner: str
    groups: list[str]
    model: str = Field(examples=["toy-wind"])
    portfolio: str | None = Field(None, description="URL of the portfolio")
    version: str | None = Field(None, description="id of the portfolio's version")
    state: str = Field(examples=["running"])
    progress: ProgressView
    priority: int
    tags: list[str]
    executor: str = Field(examples=["threads"])
    attempt: int
    created: datetime
    started: datetime | None = None
    finished: datetime | None = None
    cancel_requested: datetime | None = None
    peak_bytes: int | None = None
    error: dict[str, Any] | None = Field(None, description="what failed: chunk, events, row, cause and remedy")
    headline: dict[str, Any] | None = None
    links: AnalysisLinks

    @classmethod
    def values_of(cls, run: tables.Run) -> dict[str, Any]:
        """The values of the view of a run."""
        url = f"{ROOT}/analyses/{run.id}"
        values = {**_shared(run, AnalysisView), "error": plain(run.error), "headline": plain(run.headline)}
        progress = ProgressView(
            stage=run.stage, done=run.done, total=run.total, fraction=run.done / run.total if run.total else None
        )
        portfolio = f"{ROOT}/portfolios/{run.portfolio_id}" if run.portfolio_id else None
        links = AnalysisLinks.of(url)
        return {
            **values,
            "url": url,
            "portfolio": portfolio,
            "version": run.version_id,
            "progress": progress,
            "links": links,
        }

    @classmethod
    def of(cls, run: tables.Run) -> "AnalysisView":
        """The view of a run."""
        return cls(**cls.values_of(run))


class AnalysisDetail(AnalysisView):
    """An analysis with all that was asked for."""

    request: dict[str, Any]
    callback: str | None = None
    host: str | None = None
    heartbeat: datetime | None = None
    estimate: dict[str, Any] | None = None
    findings: FindingsView | None = None

    @classmethod
    def of(cls, run: tables.Run) -> "AnalysisDetail":
        """The view of a run."""
        return cls(
            **cls.values_of(run),
            request=plain(run.request),
            callback=run.callback_url,
            host=run.host,
            heartbeat=run.heartbeat,
            estimate=plain(run.estimate),
            findings=FindingsView.of(run.findings) if run.findings is not None else None,
        )


class ChunkView(BaseModel):
    """One chunk of a run's events."""

    url: str
    number: int
    part: str = Field(description="'' for a whole chunk; 0, 1, 01 ... for halves of one that did not fit")
    state: str = Field(examples=["done"])
    first_event: int | None = None
    last_event: int | None = None
    events: int | None = None
    attempt: int
    worker: str | None = None
    started: datetime | None = None
    finished: datetime | None = None
    seconds: float | None = None
    cpu_seconds: float | None = None
    expected_bytes: int | None = None
    peak_bytes: int | None = None
    rows: int | None = None
    reused: bool = Field(False, description="its part was there already")
    events_reused: int = Field(0, description="of its events, how many have losses that an earlier run had")
    error: str | None = None
    log_tail: str | None = None

    @classmethod
    def of(cls, chunk: tables.ChunkRow) -> "ChunkView":
        """The view of a chunk."""
        part = f"?part={chunk.part}" if chunk.part else ""
        events = {"first_event": chunk.events.get("first"), "last_event": chunk.events.get("last")}
        url = f"{ROOT}/analyses/{chunk.run_id}/chunks/{chunk.number}{part}"
        return cls(**{**_shared(chunk, cls), **events, "url": url, "events": chunk.events.get("count")})


class TableView(BaseModel):
    """A table of results."""

    url: str
    name: str = Field(examples=["gul_S1_ept"])
    file: str = Field(description="URL of the file as it was written")
    perspective: str | None = Field(None, examples=["gul"])
    level: int | None = Field(None, examples=[1])
    inuring_priority: int | None = None
    table: str | None = Field(None, examples=["EPT"])
    description: str = ""
    bytes: int | None = None


class RowsView(BaseModel):
    """Some rows of a table."""

    table: str
    columns: list[str]
    items: list[dict[str, Any]]
    total: int = Field(description="rows that meet the conditions")
    next: str | None = None
