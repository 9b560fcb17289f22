"""The database's schema, version by version."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from oasis_kernel.errors import OasisError
from oasis_kernel.service.database import Database

#: PostgreSQL's advisory lock that is held while a schema is brought up to date.
LOCK = 20261122


def upgrade(database: Database, revision: str = "head") -> None:
    """Bring the database's schema to a revision (default: the newest); one process does, the others wait for it."""
    with database.connection() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
        _refuse_newer(connection)
        command.upgrade(_config(connection), revision)


def require_current(database: Database) -> None:
    """OasisError when the schema is not the newest: the service brings it up to date when it starts."""
    with database.connection() as connection:
        found, wanted = current(connection), head()
    if found != wanted:
        raise OasisError(
            f"the database's schema is at {found or 'nothing'}, and this version needs {wanted}: start `oasis serve` "
            f"once, which brings it up to date"
        )


def current(connection: Connection) -> str | None:
    """The schema's revision; None when there is no schema."""
    return MigrationContext.configure(connection).get_current_revision()


def head() -> str:
    """The newest revision this version knows."""
    revision = ScriptDirectory.from_config(_config(None)).get_current_head()
    if revision is None:
        raise OasisError("this installation has no migrations; install oasis-workbench[service] again")
    return revision


def _refuse_newer(connection: Connection) -> None:
    """OasisError when a newer version of the service made the schema."""
    found = current(connection)
    known = {script.revision for script in ScriptDirectory.from_config(_config(None)).walk_revisions()}
    if found is not None and found not in known:
        raise OasisError(f"the database's schema ({found}) is of a newer version of the service; use that one")


def _config(connection: Connection | None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
