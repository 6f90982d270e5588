"""Open the ledger database, migrate it, and take its write lock."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from connectors.core.errors import FixConfig, RetryLater
from connectors.ledger import faults
from connectors.ledger.gate import give_way, right_of_way

MIGRATIONS = Path(__file__).parent / "migrations"
BUSY_TIMEOUT_MS = 60_000
LOCK_POLL_SECONDS = 0.05
CACHE_KIB = 64 * 1024
CHECKPOINT_PAGES = 16_384  # of 4 KiB
WRITE = "parley_write"
FIRST = "parley_first"


def open_ledger(url: str) -> Engine:
    """Return an engine on a ledger migrated to the newest schema.

    Raises `FixConfig` for an address that names no database, and where the disk refuses.
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
            faults.make_folder(Path(parsed.database).parent)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        event.listen(engine, "handle_error", faults.explain)
    _migrate(engine)
    return engine


@contextmanager
def write(engine: Engine) -> Iterator[Connection]:
    """One write transaction; on SQLite it takes the write lock at once, so it never deadlocks."""
    with writing(engine).begin() as connection:
        yield connection


@contextmanager
def write_first(engine: Engine) -> Iterator[Connection]:
    """As `write`, before everybody who does not write yet."""
    with right_of_way(engine), write(engine.execution_options(**{FIRST: True})) as connection:
        yield connection


def writing(engine: Engine) -> Engine:
    """Return the same engine, whose transactions take SQLite's write lock when they begin."""
    return engine.execution_options(**{WRITE: True})


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
        except sqlite3.OperationalError as error:
            if not error.sqlite_errorname.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
                raise
            time.sleep(LOCK_POLL_SECONDS)
        else:
            return
    what = "The ledger stays locked by another process"
    raise RetryLater(what, "ledger", "Wait for it to end, then run again.")


def _begin_sqlite(connection: Connection) -> None:
    options = connection.get_execution_options()
    immediate = options.get(WRITE, False)
    if immediate and not options.get(FIRST, False):
        give_way(connection.engine.url.database)
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
