"""The service's database in tests: SQLite and a real PostgreSQL, each test with an empty one of its own."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import postgresql_server
import pytest
from sqlalchemy import create_engine, text

from oasis_kernel.service.database import Database
from oasis_kernel.service.migrations import upgrade
from oasis_kernel.service.settings import ServiceSettings


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The address, without a database, of a PostgreSQL server that these tests started."""
    folder = postgresql_server.programs()
    if folder is None:
        pytest.skip("needs PostgreSQL's programs (Debian: apt-get install postgresql), which are not here")
    with postgresql_server.running(folder) as address:
        yield address


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database: of both kinds, one after the other."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'service.db'}"
    address: str = request.getfixturevalue("postgresql")
    name = f"test_{uuid4().hex}"
    server = create_engine(f"{address}/postgres", isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    server.dispose()
    return f"{address}/{name}"


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> ServiceSettings:
    """Settings of a service that keeps everything in the test's folder."""
    return ServiceSettings(root=tmp_path / "service", database_url=database_url, port=0)


@pytest.fixture
def database(settings: ServiceSettings) -> Iterator[Database]:
    """The service's database, with its schema."""
    made = Database(settings.database_url)
    upgrade(made)
    yield made
    made.close()
