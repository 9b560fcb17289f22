"""The service's tables. The database is the queue, and the truth about states."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Text,
    TypeDecorator,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, deferred, mapped_column

from oasis_kernel.service.ids import LENGTH, new_id


def now() -> datetime:
    """The present, in UTC."""
    return datetime.now(UTC)


class Moment(TypeDecorator[datetime]):
    """A point in time: UTC in, UTC out, whatever the database makes of it."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """The moment in UTC."""
        return value.astimezone(UTC) if value is not None else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """The moment with its time zone, which SQLite does not keep."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """What all tables share."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_N_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy's own name
        datetime: Moment,
        float: Float(53),
        dict[str, Any]: JSON(none_as_null=True),
        list[str]: JSON(none_as_null=True),
        list[dict[str, Any]]: JSON(none_as_null=True),
    }


Id = String(LENGTH)
Name = String(200)
Word = String(40)
Big = BigInteger().with_variant(Integer, "sqlite")  # SQLite counts up by itself only in an INTEGER key


class User(Base):
    """Somebody who may use the service."""

    __tablename__ = "users"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(Name, unique=True)
    role: Mapped[str] = mapped_column(Word)  # viewer, analyst, model_admin, admin
    directory: Mapped[bool] = mapped_column(default=False)  # role and groups come from the hub or the OpenID issuer
    active: Mapped[bool] = mapped_column(default=True)
    created: Mapped[datetime] = mapped_column(default=now)


class Group(Base):
    """Users who see the same things."""

    __tablename__ = "groups"

    name: Mapped[str] = mapped_column(Name, primary_key=True)


class Membership(Base):
    """A user in a group."""

    __tablename__ = "memberships"

    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    group: Mapped[str] = mapped_column(ForeignKey("groups.name", ondelete="CASCADE"), primary_key=True, index=True)


class Token(Base):
    """A key to the service, of which only the hash is known here."""

    __tablename__ = "tokens"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(Name)
    hash: Mapped[str] = mapped_column(String(64), unique=True)  # SHA-256 of the secret
    role_cap: Mapped[str | None] = mapped_column(Word)  # the most that the token may do
    created: Mapped[datetime] = mapped_column(default=now)
    expires: Mapped[datetime]
    revoked: Mapped[datetime | None]
    last_used: Mapped[datetime | None]


class Portfolio(Base):
    """A portfolio under its name; its files are those of its versions."""

    __tablename__ = "portfolios"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(Name)
    owner: Mapped[str] = mapped_column(Name, index=True)  # a user's name
    groups: Mapped[list[str]] = mapped_column(default=list)
    description: Mapped[str] = mapped_column(Text, default="")
    created: Mapped[datetime] = mapped_column(default=now)
    deleted: Mapped[datetime | None]


class PortfolioVersion(Base):
    """The files of a portfolio at one time; never changed."""

    __tablename__ = "portfolio_versions"
    __table_args__ = (Index("uq_portfolio_versions_number", "portfolio_id", "number", unique=True),)

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    portfolio_id: Mapped[str] = mapped_column(ForeignKey("portfolios.id", ondelete="CASCADE"))
    number: Mapped[int]
    files: Mapped[dict[str, Any]]  # location, account, ri_info, ri_scope: {name, url, sha256, bytes, rows}
    reporting_currency: Mapped[str | None] = mapped_column(Word)
    rates_url: Mapped[str | None] = mapped_column(Text)
    findings: Mapped[list[dict[str, Any]]] = mapped_column(default=list)
    created: Mapped[datetime] = mapped_column(default=now)
    created_by: Mapped[str] = mapped_column(Name)


class Upload(Base):
    """A file on its way in, perhaps in pieces."""

    __tablename__ = "uploads"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    owner: Mapped[str] = mapped_column(Name, index=True)
    kind: Mapped[str] = mapped_column(Word)
    name: Mapped[str] = mapped_column(Name)
    size: Mapped[int | None] = mapped_column(BigInteger)
    received: Mapped[int] = mapped_column(BigInteger, default=0)
    sha256: Mapped[str | None] = mapped_column(String(64))
    url: Mapped[str | None] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Word)
    created: Mapped[datetime] = mapped_column(default=now)
    expires: Mapped[datetime | None]


class SettingsTemplate(Base):
    """Analysis settings under a name, to be used again."""

    __tablename__ = "settings_templates"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(Name)
    owner: Mapped[str] = mapped_column(Name, index=True)
    groups: Mapped[list[str]] = mapped_column(default=list)
    model: Mapped[str | None] = mapped_column(Name)
    settings: Mapped[dict[str, Any]]
    created: Mapped[datetime] = mapped_column(default=now)
    updated: Mapped[datetime] = mapped_column(default=now, onupdate=now)


class ModelAccess(Base):
    """The groups that see a model; a model without a row is everybody's."""

    __tablename__ = "model_access"

    model: Mapped[str] = mapped_column(Name, primary_key=True)
    groups: Mapped[list[str]]


class Run(Base):
    """An analysis: what was asked for, where it stands, what came of it."""

    __tablename__ = "runs"
    __table_args__ = (
        Index("ix_runs_queue", "state", "priority", "created"),
        Index("ix_runs_owner", "owner", "id"),
        Index("ix_runs_portfolio", "portfolio_id"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(Name)
    owner: Mapped[str] = mapped_column(Name)  # a user's name
    groups: Mapped[list[str]] = mapped_column(default=list)
    model: Mapped[str] = mapped_column(Name)
    portfolio_id: Mapped[str | None] = mapped_column(ForeignKey("portfolios.id"))
    version_id: Mapped[str | None] = mapped_column(ForeignKey("portfolio_versions.id"))
    request: Mapped[dict[str, Any]]  # samples, settings, options, keep_ground_up, chunks, resources ...
    tags: Mapped[list[str]] = mapped_column(default=list)
    priority: Mapped[int] = mapped_column(default=0)  # higher first
    callback_url: Mapped[str | None] = mapped_column(Text)
    executor: Mapped[str] = mapped_column(Word, default="threads")  # threads, ray

    state: Mapped[str] = mapped_column(Word, default="queued")  # see runs.State
    stage: Mapped[str] = mapped_column(Word, default="")  # the engine's own: check, prepare, plan, losses, results
    done: Mapped[int] = mapped_column(BigInteger, default=0)
    total: Mapped[int] = mapped_column(BigInteger, default=0)
    created: Mapped[datetime] = mapped_column(default=now)
    started: Mapped[datetime | None]
    finished: Mapped[datetime | None]
    cancel_requested: Mapped[datetime | None]

    host: Mapped[str | None] = mapped_column(Name)
    pid: Mapped[int | None]
    process_started: Mapped[float | None]  # with the pid, tells this process from a later one of the same number
    heartbeat: Mapped[datetime | None]
    peak_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    attempt: Mapped[int] = mapped_column(default=0)  # how often it was started; a process of an earlier one is ignored
    tries: Mapped[int] = mapped_column(default=0)  # how often its process died since it was queued
    memory_kills: Mapped[int] = mapped_column(default=0)  # those of them for lack of memory

    order_url: Mapped[str | None] = mapped_column(Text)
    task: Mapped[dict[str, Any] | None]  # for the dispatcher: entry, arguments, model of the TaskReference
    results_url: Mapped[str | None] = mapped_column(Text)
    error: Mapped[dict[str, Any] | None]  # what, chunk, first_event, last_event, row, cause, remedy
    findings: Mapped[list[dict[str, Any]] | None]
    estimate: Mapped[dict[str, Any] | None]
    headline: Mapped[dict[str, Any] | None]
    deleted: Mapped[datetime | None]
    notified: Mapped[datetime | None]  # when its end was told to callback_url, or that was given up
    purged: Mapped[datetime | None]  # when its artefacts were removed


class ChunkRow(Base):
    """A chunk of a run as its users see it; halves of a chunk that did not fit have a part each."""

    __tablename__ = "chunks"
    __table_args__ = (Index("ix_chunks_state", "state", "run_id"),)

    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    part: Mapped[str] = mapped_column(Word, primary_key=True, default="")  # "", or "0", "01" for halves
    events: Mapped[dict[str, Any]]  # first, last, count
    event_ids: Mapped[bytes] = deferred(mapped_column(LargeBinary))  # int32, little-endian
    item_events: Mapped[int] = mapped_column(BigInteger, default=0)
    expected_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    samples_at_once: Mapped[int] = mapped_column(default=0, server_default="0")  # of a large event; 0: all
    state: Mapped[str] = mapped_column(Word, default="waiting")  # see chunks.ChunkState
    attempt: Mapped[int] = mapped_column(default=0)
    deaths: Mapped[int] = mapped_column(default=0)  # processes that died while it was running
    worker: Mapped[str | None] = mapped_column(Name)
    started: Mapped[datetime | None]
    finished: Mapped[datetime | None]
    seconds: Mapped[float | None]
    cpu_seconds: Mapped[float | None]
    peak_bytes: Mapped[int | None] = mapped_column(BigInteger)
    rows: Mapped[int | None] = mapped_column(BigInteger)
    address: Mapped[str | None] = mapped_column(String(64))
    ground_up: Mapped[str] = mapped_column(String(64), default="")  # the address of the kept ground-up losses
    ground_up_reused: Mapped[bool] = mapped_column(default=False)
    events_reused: Mapped[int] = mapped_column(default=0, server_default="0")  # whose losses an earlier run had
    reused: Mapped[bool] = mapped_column(default=False)
    error: Mapped[str | None] = mapped_column(Text)
    log_tail: Mapped[str | None] = mapped_column(Text)


class RunEvent(Base):
    """Something that happened to a run, in order: what a follower of the run reads."""

    __tablename__ = "run_events"
    __table_args__ = (Index("ix_run_events_run", "run_id", "id"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(Big, primary_key=True, autoincrement=True)
    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"))
    at: Mapped[datetime] = mapped_column(default=now)
    kind: Mapped[str] = mapped_column(Word)  # state, progress, chunk, finding, log
    data: Mapped[dict[str, Any]]


class Audit(Base):
    """Who changed what."""

    __tablename__ = "audit"

    id: Mapped[int] = mapped_column(Big, primary_key=True, autoincrement=True)
    at: Mapped[datetime] = mapped_column(default=now, index=True)
    user: Mapped[str] = mapped_column(Name)
    action: Mapped[str] = mapped_column(Word)
    resource: Mapped[str] = mapped_column(Word)
    resource_id: Mapped[str] = mapped_column(Name)


class ClusterReport(Base):
    """What the dispatcher last said of its cluster."""

    __tablename__ = "cluster_reports"

    name: Mapped[str] = mapped_column(Name, primary_key=True)
    at: Mapped[datetime] = mapped_column(default=now)
    data: Mapped[dict[str, Any]]
