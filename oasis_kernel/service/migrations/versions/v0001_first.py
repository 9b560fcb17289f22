"""The first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

ID, NAME, WORD, HASH = sa.String(26), sa.String(200), sa.String(40), sa.String(64)
MOMENT = sa.DateTime(timezone=True)
COUNTER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make every table."""
    _audit()
    _groups()
    _model_access()
    _portfolios()
    _settings_templates()
    _uploads()
    _users()
    _memberships()
    _portfolio_versions()
    _tokens()
    _runs()
    _chunks()
    _run_events()


def _audit() -> None:
    op.create_table(
        "audit",
        sa.Column("id", COUNTER, autoincrement=True, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("user", NAME, nullable=False),
        sa.Column("action", WORD, nullable=False),
        sa.Column("resource", WORD, nullable=False),
        sa.Column("resource_id", NAME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
    )
    op.create_index("ix_audit_at", "audit", ["at"], unique=False)


def _groups() -> None:
    op.create_table(
        "groups", sa.Column("name", NAME, nullable=False), sa.PrimaryKeyConstraint("name", name="pk_groups")
    )


def _model_access() -> None:
    op.create_table(
        "model_access",
        sa.Column("model", NAME, nullable=False),
        sa.Column("groups", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("model", name="pk_model_access"),
    )


def _portfolios() -> None:
    op.create_table(
        "portfolios",
        sa.Column("id", ID, nullable=False),
        sa.Column("name", NAME, nullable=False),
        sa.Column("owner", NAME, nullable=False),
        sa.Column("groups", sa.JSON(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("created", MOMENT, nullable=False),
        sa.Column("deleted", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_portfolios"),
    )
    op.create_index("ix_portfolios_owner", "portfolios", ["owner"], unique=False)


def _settings_templates() -> None:
    op.create_table(
        "settings_templates",
        sa.Column("id", ID, nullable=False),
        sa.Column("name", NAME, nullable=False),
        sa.Column("owner", NAME, nullable=False),
        sa.Column("groups", sa.JSON(), nullable=False),
        sa.Column("model", NAME, nullable=True),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("created", MOMENT, nullable=False),
        sa.Column("updated", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_settings_templates"),
    )
    op.create_index("ix_settings_templates_owner", "settings_templates", ["owner"], unique=False)


def _uploads() -> None:
    op.create_table(
        "uploads",
        sa.Column("id", ID, nullable=False),
        sa.Column("owner", NAME, nullable=False),
        sa.Column("kind", WORD, nullable=False),
        sa.Column("name", NAME, nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=True),
        sa.Column("received", sa.BigInteger(), nullable=False),
        sa.Column("sha256", HASH, nullable=True),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("state", WORD, nullable=False),
        sa.Column("created", MOMENT, nullable=False),
        sa.Column("expires", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_uploads"),
    )
    op.create_index("ix_uploads_owner", "uploads", ["owner"], unique=False)


def _users() -> None:
    op.create_table(
        "users",
        sa.Column("id", ID, nullable=False),
        sa.Column("name", NAME, nullable=False),
        sa.Column("role", WORD, nullable=False),
        sa.Column("directory", sa.Boolean(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_users"),
        sa.UniqueConstraint("name", name="uq_users_name"),
    )


def _memberships() -> None:
    op.create_table(
        "memberships",
        sa.Column("user_id", ID, nullable=False),
        sa.Column("group", NAME, nullable=False),
        sa.ForeignKeyConstraint(["group"], ["groups.name"], name="fk_memberships_group", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_memberships_user_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", "group", name="pk_memberships"),
    )
    op.create_index("ix_memberships_group", "memberships", ["group"], unique=False)


def _portfolio_versions() -> None:
    op.create_table(
        "portfolio_versions",
        sa.Column("id", ID, nullable=False),
        sa.Column("portfolio_id", ID, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("files", sa.JSON(), nullable=False),
        sa.Column("reporting_currency", WORD, nullable=True),
        sa.Column("rates_url", sa.Text(), nullable=True),
        sa.Column("findings", sa.JSON(), nullable=False),
        sa.Column("created", MOMENT, nullable=False),
        sa.Column("created_by", NAME, nullable=False),
        sa.ForeignKeyConstraint(
            ["portfolio_id"], ["portfolios.id"], name="fk_portfolio_versions_portfolio_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_portfolio_versions"),
    )
    op.create_index("uq_portfolio_versions_number", "portfolio_versions", ["portfolio_id", "number"], unique=True)


def _tokens() -> None:
    op.create_table(
        "tokens",
        sa.Column("id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("name", NAME, nullable=False),
        sa.Column("hash", HASH, nullable=False),
        sa.Column("role_cap", WORD, nullable=True),
        sa.Column("created", MOMENT, nullable=False),
        sa.Column("expires", MOMENT, nullable=False),
        sa.Column("revoked", MOMENT, nullable=True),
        sa.Column("last_used", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_tokens_user_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_tokens"),
        sa.UniqueConstraint("hash", name="uq_tokens_hash"),
    )
    op.create_index("ix_tokens_user_id", "tokens", ["user_id"], unique=False)


def _runs() -> None:
    op.create_table(
        "runs",
        sa.Column("id", ID, nullable=False),
        sa.Column("name", NAME, nullable=False),
        sa.Column("owner", NAME, nullable=False),
        sa.Column("groups", sa.JSON(), nullable=False),
        sa.Column("model", NAME, nullable=False),
        sa.Column("portfolio_id", ID, nullable=True),
        sa.Column("version_id", ID, nullable=True),
        sa.Column("request", sa.JSON(), nullable=False),
        sa.Column("tags", sa.JSON(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("callback_url", sa.Text(), nullable=True),
        sa.Column("executor", WORD, nullable=False),
        sa.Column("state", WORD, nullable=False),
        sa.Column("stage", WORD, nullable=False),
        sa.Column("done", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("created", MOMENT, nullable=False),
        sa.Column("started", MOMENT, nullable=True),
        sa.Column("finished", MOMENT, nullable=True),
        sa.Column("cancel_requested", MOMENT, nullable=True),
        sa.Column("host", NAME, nullable=True),
        sa.Column("pid", sa.Integer(), nullable=True),
        sa.Column("process_started", sa.Float(precision=53), nullable=True),
        sa.Column("heartbeat", MOMENT, nullable=True),
        sa.Column("peak_bytes", sa.BigInteger(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("memory_kills", sa.Integer(), nullable=False),
        sa.Column("order_url", sa.Text(), nullable=True),
        sa.Column("task", sa.JSON(), nullable=True),
        sa.Column("results_url", sa.Text(), nullable=True),
        sa.Column("error", sa.JSON(), nullable=True),
        sa.Column("findings", sa.JSON(), nullable=True),
        sa.Column("estimate", sa.JSON(), nullable=True),
        sa.Column("headline", sa.JSON(), nullable=True),
        sa.Column("deleted", MOMENT, nullable=True),
        sa.Column("notified", MOMENT, nullable=True),
        sa.Column("purged", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["portfolio_id"], ["portfolios.id"], name="fk_runs_portfolio_id"),
        sa.ForeignKeyConstraint(["version_id"], ["portfolio_versions.id"], name="fk_runs_version_id"),
        sa.PrimaryKeyConstraint("id", name="pk_runs"),
    )
    op.create_index("ix_runs_owner", "runs", ["owner", "id"], unique=False)
    op.create_index("ix_runs_portfolio", "runs", ["portfolio_id"], unique=False)
    op.create_index("ix_runs_queue", "runs", ["state", "priority", "created"], unique=False)


def _chunks() -> None:
    op.create_table(
        "chunks",
        sa.Column("run_id", ID, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("part", WORD, nullable=False),
        sa.Column("events", sa.JSON(), nullable=False),
        sa.Column("event_ids", sa.LargeBinary(), nullable=True),
        sa.Column("item_events", sa.BigInteger(), nullable=False),
        sa.Column("expected_bytes", sa.BigInteger(), nullable=False),
        sa.Column("state", WORD, nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("deaths", sa.Integer(), nullable=False),
        sa.Column("worker", NAME, nullable=True),
        sa.Column("started", MOMENT, nullable=True),
        sa.Column("finished", MOMENT, nullable=True),
        sa.Column("seconds", sa.Float(precision=53), nullable=True),
        sa.Column("cpu_seconds", sa.Float(precision=53), nullable=True),
        sa.Column("peak_bytes", sa.BigInteger(), nullable=True),
        sa.Column("rows", sa.BigInteger(), nullable=True),
        sa.Column("address", HASH, nullable=True),
        sa.Column("ground_up", HASH, nullable=False),
        sa.Column("ground_up_reused", sa.Boolean(), nullable=False),
        sa.Column("reused", sa.Boolean(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("log_tail", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_chunks_run_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "number", "part", name="pk_chunks"),
    )
    op.create_index("ix_chunks_state", "chunks", ["state", "run_id"], unique=False)


def _run_events() -> None:
    op.create_table(
        "run_events",
        sa.Column("id", COUNTER, autoincrement=True, nullable=False),
        sa.Column("run_id", ID, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("kind", WORD, nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_run_events_run_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_run_events"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_run_events_run", "run_events", ["run_id", "id"], unique=False)
