"""The migrations make exactly the tables that the code works with."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, select, text

from oasis_kernel.errors import OasisError
from oasis_kernel.service import migrations
from oasis_kernel.service.database import Database
from oasis_kernel.service.tables import Base, Group


def test_migrations_and_tables_agree(database: Database):
    with database.connection() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, Base.metadata) == []


def test_an_upgrade_of_the_newest_changes_nothing(database: Database):
    migrations.upgrade(database)
    migrations.require_current(database)


def test_a_database_without_schema_is_refused_with_the_remedy(database_url: str):
    empty = Database(database_url)
    with pytest.raises(OasisError, match=r"schema is at nothing, and this version needs .*: start `oasis serve`"):
        migrations.require_current(empty)
    empty.close()


def test_a_schema_of_a_newer_version_is_refused(database: Database):
    with database.connection() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(OasisError, match=r"schema \(9999\) is of a newer version"):
        migrations.upgrade(database)


def test_a_migration_that_fails_leaves_nothing(database_url: str, monkeypatch: pytest.MonkeyPatch):
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("no more")

    monkeypatch.setattr("sqlalchemy.sql.ddl.CreateIndex.__init__", broken)
    made = Database(database_url)
    with pytest.raises(RuntimeError, match="no more"):
        migrations.upgrade(made)
    assert "runs" not in inspect(made.engine).get_table_names()
    made.close()


def test_what_the_first_schema_holds_is_there_in_the_newest(database_url: str):
    made = Database(database_url)
    migrations.upgrade(made, "0001")
    with made.connection() as connection:
        connection.execute(text("INSERT INTO \"groups\" (name) VALUES ('north')"))
    with pytest.raises(OasisError, match="schema is at 0001, and this version needs"):
        migrations.require_current(made)
    migrations.upgrade(made)
    migrations.require_current(made)
    with made.read() as session:
        assert [group.name for group in session.scalars(select(Group))] == ["north"]
    made.close()
