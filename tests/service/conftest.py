"""The service's database in tests: SQLite and a real PostgreSQL, each test with an empty one of its own."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import postgresql_server
import pytest
from rest_service import WHOLE, Rest, rest_service
from service_runs import ServiceRuns
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


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Both kinds of database, one after the other; for slow tests the one that services have in earnest, if here."""
    if "database_url" not in metafunc.fixturenames:
        return
    slow, each = (metafunc.definition.get_closest_marker(name) for name in ("slow", "each_database"))
    best = "sqlite" if postgresql_server.programs() is None else "postgresql"
    metafunc.parametrize("database_url", ["sqlite", "postgresql"] if each or not slow else [best], indirect=True)


@pytest.fixture
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database of the kind that is asked for."""
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


@pytest.fixture
def rest(settings: ServiceSettings) -> Iterator[Rest]:
    """The REST application over an empty database, of both kinds, with users and a client for each."""
    with rest_service(settings) as made:
        yield made


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Rest, dict[str, Any]]]:
    """A REST application with a completed analysis of the toy model, which kept its ground-up losses."""
    root = tmp_path_factory.mktemp("finished")
    with rest_service(ServiceSettings(root=root, port=0)) as made:
        portfolio = made.portfolio()
        asked = {"model": "toy-wind", "portfolio": portfolio["id"], "settings": WHOLE, "keep_ground_up": True}
        yield made, made.complete(**asked, name="Base", tags=["base"])


@pytest.fixture
def service_runs(database: Database, settings: ServiceSettings, tmp_path: Path) -> Iterator[ServiceRuns]:
    """Runs on the database, and a supervisor to be started; whatever was started ends with the test."""
    made = ServiceRuns(database, settings, tmp_path)
    yield made
    made.clean_up()
