"""The service's database: SQLite where nobody says otherwise, PostgreSQL where many write."""

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, Engine, String, create_engine, event, exists, false, make_url, select
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction

SQLITE_WAIT_SECONDS = 30
AGAIN_SECONDS = 0.5

log = logging.getLogger(__name__)
T = TypeVar("T")


class Database:
    """Sessions on one database, shared by the threads of a process."""

    def __init__(self, url: str):
        self.engine = _sqlite(url) if url.startswith("sqlite") else _server(url)
        # SQLite refuses a transaction that has read and then wants to write while another wrote: say it at the start.
        self._writing = self.engine.execution_options(writes=True)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session that looks; nothing it changes is kept."""
        with Session(self.engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session whose changes are kept when the block ends well, all of them or none."""
        with Session(self._writing, expire_on_commit=False) as session, session.begin():
            yield session

    def write_patiently(self, change: Callable[[Session], T], seconds: float = 60.0) -> T:
        """What ``change`` returns in a session that writes; tried again for so long while the database is away."""
        end = time.monotonic() + seconds
        while True:
            try:
                with self.write() as session:
                    return change(session)
            except (OperationalError, InterfaceError) as error:
                if time.monotonic() >= end:
                    raise
                log.warning("the database does not answer, trying again: %s", error)
                time.sleep(AGAIN_SECONDS)

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """A connection in a transaction that writes, for migrations."""
        with self._writing.connect() as connection, connection.begin():
            yield connection

    def close(self) -> None:
        """Give back every connection."""
        self.engine.dispose()


def _sqlite(url: str) -> Engine:
    path = make_url(url).database
    if path and path != ":memory:":
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, connect_args={"timeout": SQLITE_WAIT_SECONDS})

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, record: Any) -> None:
        connection.isolation_level = None  # the driver starts no transaction; _begin does
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _server(url: str) -> Engine:
    chosen = make_url(url)
    if chosen.drivername in ("postgresql", "postgres"):
        chosen = chosen.set(drivername="postgresql+psycopg")
    return create_engine(chosen, pool_pre_ping=True, pool_size=10, max_overflow=20)


class _JsonTexts(GenericFunction[Any]):
    """The texts of a JSON list as the rows of a table with one column, ``value``."""

    inherit_cache = True
    name = "json_texts"
    type = String()


@compiles(_JsonTexts, "sqlite")
def _json_texts_sqlite(element: _JsonTexts, compiler: SQLCompiler, **kwargs: Any) -> str:
    return f"json_each({compiler.process(element.clauses, **kwargs)})"


@compiles(_JsonTexts, "postgresql")
def _json_texts_postgresql(element: _JsonTexts, compiler: SQLCompiler, **kwargs: Any) -> str:
    return f"json_array_elements_text({compiler.process(element.clauses, **kwargs)})"


def holds_any(column: InstrumentedAttribute[list[str]], values: Iterable[str]) -> ColumnElement[bool]:
    """Whether the JSON list in a column holds one of the values: groups of an object, tags of a run."""
    wanted = sorted(set(values))
    if not wanted:
        return false()
    texts = _JsonTexts(column).table_valued("value")
    return exists(select(1).select_from(texts).where(texts.c.value.in_(wanted)))
