"""How many samples of a large event a chunk computes at once."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the column; chunks that are there compute all samples at once."""
    op.add_column("chunks", sa.Column("samples_at_once", sa.Integer(), nullable=False, server_default="0"))
