"""A backup of the ledger: one SQLite file, whichever database the ledger lives in.

It is one moment's state, taken while others read and write, checked before it gets its name. Since
`restore` reads it into either database, it is also the way from SQLite to PostgreSQL and back.
"""

import json
import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from connectors.core.clock import as_utc, iso_z
from connectors.core.errors import FixConfig, StopRun
from connectors.core.snapshot import flush
from connectors.ledger.db import newest_revision, open_ledger, write
from connectors.ledger.keeping.tables import replace_all, row_counts

# What the file says of itself, beside the ledger's own tables.
LABEL = "backup_label"
_TOLD = ("taken_at", "revision", "row_counts")


@dataclass(frozen=True)
class Label:
    """When a backup was taken (aware), the ledger's revision then, and the rows of each table."""

    taken_at: datetime
    revision: str
    row_counts: Mapping[str, int]


def back_up(engine: Engine, file: Path, at: datetime) -> Label:
    """Write the ledger, as it is at one moment, to a new file; nobody is kept waiting.

    `at` is the clock to be noted in it. Raises `FixConfig` where the file exists or the disk
    refuses, and `StopRun` for a ledger or a copy that is not sound; there is no file then.
    """
    if file.exists():
        what = "There is a file of that name already"
        raise FixConfig(what, str(file), "A backup never replaces another: choose a new name.")
    part = file.with_name(f".{file.name}.part")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        _remove(part)
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        counts = (
            _copy_file(engine, part)
            if engine.dialect.name == "sqlite"
            else _copy_rows(engine, part)
        )
        label = Label(as_utc(at), newest_revision(), counts)
        _finish(part, label)
        part.rename(file)
        flush(file.parent)
    except (OSError, sqlite3.OperationalError, SQLAlchemyError) as error:
        what = "The backup cannot be written"
        raise FixConfig(
            what, str(file), "Free space, or name another place; then again."
        ) from error
    finally:
        _remove(part)
    return label


def read_label(file: Path) -> Label:
    """Check a backup and return what it says of itself.

    Raises `FixConfig` for a file that is no backup, is damaged, or is of a newer Parley.
    """
    try:
        with _opened(file) as connection:
            sound = connection.execute("pragma integrity_check").fetchall() == [("ok",)]
            taken_at, revision, counts = connection.execute(
                f"select {', '.join(_TOLD)} from {LABEL}"  # noqa: S608 - names of ours
            ).fetchone()
            counts = json.loads(counts)
            is_whole = sound and counts == _counts(connection, counts)
    except (sqlite3.Error, TypeError, ValueError) as error:
        what = "This is no backup of a ledger, or it is damaged"
        raise FixConfig(what, str(file), "Use a file that `parley backup` wrote.") from error
    if not is_whole:
        what = "This backup is damaged"
        raise FixConfig(what, str(file), "Use another one; this one lacks rows or does not open.")
    if revision > newest_revision():
        what = "This backup was made by a newer version of Parley"
        raise FixConfig(what, str(file), "Install that version, or a later one, then restore.")
    return Label(as_utc(datetime.fromisoformat(taken_at)), revision, counts)


def _copy_file(engine: Engine, part: Path) -> dict[str, int]:
    """Copy a SQLite ledger page by page, in the one transaction that also counts its rows."""
    with engine.connect() as connection, closing(sqlite3.connect(part)) as target:
        counts = row_counts(connection)  # the transaction's view of the file begins here
        driver = connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)  # noqa: S101 - for the type checker
        driver.backup(target)
    return counts


def _copy_rows(engine: Engine, part: Path) -> dict[str, int]:
    """Copy another database's ledger row by row, out of one snapshot of it."""
    copy = open_ledger(f"sqlite:///{part}")
    try:
        with _one_moment(engine) as source, write(copy) as target:
            return replace_all(source, target)
    finally:
        copy.dispose()


@contextmanager
def _one_moment(engine: Engine) -> Iterator[Connection]:
    options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    with engine.connect().execution_options(**options) as connection:
        row_counts(connection)  # all tables are known here
        yield connection


def _finish(part: Path, label: Label) -> None:
    """Label the copy, check it, and leave it as one file that has reached the disk."""
    with closing(sqlite3.connect(part, isolation_level=None)) as connection:
        connection.execute("pragma journal_mode = delete")
        connection.execute(f"drop table if exists {LABEL}")
        connection.execute(f"create table {LABEL} ({', '.join(_TOLD)})")
        told = (iso_z(label.taken_at), label.revision, json.dumps(dict(label.row_counts)))
        connection.execute(f"insert into {LABEL} values (?, ?, ?)", told)  # noqa: S608
    try:
        read_label(part)
    except FixConfig as error:
        what = "The copy of the ledger is not sound"
        raise StopRun(
            what, "ledger", "Check the disk; the ledger itself may be damaged."
        ) from error
    flush(part)


def _counts(connection: sqlite3.Connection, names: Mapping[str, int]) -> dict[str, int]:
    return {
        name: connection.execute(f'select count(*) from "{name}"').fetchone()[0]  # noqa: S608
        for name in names
    }


@contextmanager
def _opened(file: Path) -> Iterator[sqlite3.Connection]:
    """Open a backup without ever changing or making it."""
    uri = f"{file.resolve().as_uri()}?mode=ro&immutable=1"
    with closing(sqlite3.connect(uri, uri=True)) as connection:
        yield connection


def _remove(part: Path) -> None:
    for ending in ("", "-wal", "-shm", "-journal"):
        part.with_name(part.name + ending).unlink(missing_ok=True)
