"""Open the ledger database, migrate it, and take its write and emission locks."""

import fcntl
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from connectors.core.errors import FixConfig, RetryLater

MIGRATIONS = Path(__file__).parent / "migrations"
BUSY_TIMEOUT_MS = 60_000
LOCK_POLL_SECONDS = 0.05
CACHE_KIB = 64 * 1024
CHECKPOINT_PAGES = 16_384  # of 4 KiB
EMISSION_LOCK_KEY = 7_263_539  # any constant: the advisory lock's number on PostgreSQL
WRITE = "parley_write"


def open_ledger(url: str) -> Engine:
    """Return an engine on a ledger migrated to the newest schema.

    Raises `FixConfig` for an address that names no database.
    """
    try:
        parsed = make_url(url)
        engine = create_engine(parsed, hide_parameters=True)
    except (ArgumentError, NoSuchModuleError, ImportError) as error:
        what = "The ledger's address is not a database URL, or its driver is not installed"
        raise FixConfig(
            what,
            "PARLEY_LEDGER_URL",
            "Use sqlite:///path/to/ledger.db or postgresql+psycopg://host/database.",
        ) from error
    if engine.dialect.name == "sqlite":
        if parsed.database and parsed.database != ":memory:":
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    _migrate(engine)
    return engine


@contextmanager
def write(engine: Engine) -> Iterator[Connection]:
    """One write transaction; on SQLite it takes the write lock at once, so it never deadlocks."""
    with writing(engine).begin() as connection:
        yield connection


def writing(engine: Engine) -> Engine:
    """Return the same engine, whose transactions take SQLite's write lock when they begin."""
    return engine.execution_options(**{WRITE: True})


@contextmanager
def emission_lock(engine: Engine, wait_seconds: float = 600.0) -> Iterator[None]:
    """Let one process emit at a time: what it then finds half done was left by a dead one.

    The lock goes with its process, `kill -9` included. Raises `RetryLater` after `wait_seconds`.
    """
    if engine.dialect.name == "sqlite":
        yield from _file_lock(engine.url.database, wait_seconds)
    else:
        yield from _advisory_lock(engine)


def _file_lock(database: str | None, wait_seconds: float) -> Iterator[None]:
    if not database or database == ":memory:":
        yield
        return
    with Path(f"{database}.emit.lock").open("w") as handle:
        for _ in range(max(1, int(wait_seconds / LOCK_POLL_SECONDS))):
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                time.sleep(LOCK_POLL_SECONDS)
        else:
            what = "Another emission is still running"
            raise RetryLater(what, "ledger", "Wait for it to end, then run again.")
        yield


def _advisory_lock(engine: Engine) -> Iterator[None]:
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(text("select pg_advisory_lock(:key)"), {"key": EMISSION_LOCK_KEY})
        try:
            yield
        finally:
            connection.execute(text("select pg_advisory_unlock(:key)"), {"key": EMISSION_LOCK_KEY})


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # transactions begin where `_begin_sqlite` says
    cursor = connection.cursor()
    cursor.execute(f"pragma busy_timeout = {BUSY_TIMEOUT_MS}")
    _switch_to_wal(cursor)
    # A commit must survive a power cut: 'delivering' is written before anything leaves.
    cursor.execute("pragma synchronous = full")
    cursor.execute("pragma foreign_keys = on")
    cursor.execute(f"pragma wal_autocheckpoint = {CHECKPOINT_PAGES}")
    cursor.execute("pragma temp_store = file")
    # Keys are hashes, so every index is written all over: the default of 2 MB thrashes.
    cursor.execute(f"pragma cache_size = -{CACHE_KIB}")
    cursor.execute(f"pragma temp.cache_size = -{CACHE_KIB}")
    cursor.close()


def _switch_to_wal(cursor: sqlite3.Cursor) -> None:
    """Set the journal's mode; SQLite does not wait for another process that is at it."""
    for _ in range(BUSY_TIMEOUT_MS // int(LOCK_POLL_SECONDS * 1000)):
        try:
            if cursor.execute("pragma journal_mode").fetchone()[0] != "wal":
                cursor.execute("pragma journal_mode = wal")
        except sqlite3.OperationalError:
            time.sleep(LOCK_POLL_SECONDS)
        else:
            return
    what = "The ledger stays locked by another process"
    raise RetryLater(what, "ledger", "Wait for it to end, then run again.")


def _begin_sqlite(connection: Connection) -> None:
    immediate = connection.get_execution_options().get(WRITE, False)
    connection.exec_driver_sql("begin immediate" if immediate else "begin")


def _migrate(engine: Engine) -> None:
    newest = newest_revision()
    with engine.connect() as connection:  # look first: a reader must not wait for a writer
        if _revision(connection) == newest:
            return
    # Takes 12 MB and a moment, and is hardly ever needed.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config(str(MIGRATIONS / "alembic.ini"))
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    with write(engine) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def newest_revision() -> str:
    """The revision that a ledger has to be at: migrations are numbered by their files' names."""
    return max(path.name[:4] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.scalar(text("select version_num from alembic_version"))
    return str(found) if found else None
