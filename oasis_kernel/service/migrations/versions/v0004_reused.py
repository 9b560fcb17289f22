"""Of how many events of a chunk an earlier run had the losses."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the column; chunks that are there took none."""
    op.add_column("chunks", sa.Column("events_reused", sa.Integer(), nullable=False, server_default="0"))
