"""The warehouse: the one place that picks the engine, opens it safely and takes turns writing.

DuckDB lets one process write, and a writer keeps readers of other processes out. So whoever
writes holds `writer_slot`, and everybody else reads a run's snapshot or the BI copy.
"""

from __future__ import annotations

import fcntl
import json
import math
import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, TextIO

import duckdb

from connectors.core.clock import iso_z, utc_now
from connectors.core.errors import FixConfig, RetryLater, StopRun

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from connectors.core.settings import Settings

POLL_SECONDS: Final = 0.2

# DuckDB would fetch extensions over the network by itself: everything needed is built in.
SAFE_CONFIG: Final = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
}


def quote(text: str) -> str:
    """A SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def safe_settings(folders: Sequence[Path]) -> list[str]:
    """Statements that fix the zone to UTC and shut off all files but those in `folders`."""
    allowed = ", ".join(quote(str(folder)) for folder in folders)
    return [
        "set TimeZone = 'UTC'",
        f"set allowed_directories = [{allowed}]",
        "set enable_external_access = false",
    ]


def open_duckdb(
    path: Path | str,
    *,
    read_only: bool = False,
    threads: int = 2,
    folders: Sequence[Path] = (),
) -> duckdb.DuckDBPyConnection:
    """Open a DuckDB file, or ":memory:", that may touch no files but itself and `folders`.

    Raises:
        RetryLater: another process has the file open in a way that keeps this one out.
        StopRun: the file cannot be opened at all.
    """
    config: dict[str, str | bool | int | float | list[str]] = {**SAFE_CONFIG, "threads": threads}
    try:
        connection = duckdb.connect(str(path), read_only=read_only, config=config)
    except duckdb.Error as error:
        raise _refused(path, error) from error
    # A second connection of this process shares the first one's settings: only narrow them once.
    row = connection.execute("select current_setting('enable_external_access')").fetchone()
    if row is not None and row[0]:
        for statement in safe_settings(folders):
            connection.execute(statement)
    else:
        connection.execute("set TimeZone = 'UTC'")
    return connection


def _refused(path: Path | str, error: duckdb.Error) -> RetryLater | StopRun:
    if "lock on file" in str(error):
        return RetryLater(
            "another process has the database open",
            str(path),
            "Wait for its run to finish, or close the program that holds it open.",
        )
    return StopRun(
        f"the database cannot be opened: {type(error).__name__}",
        str(path),
        "Close other connections of this process; if the file is damaged, move it away and run"
        " `parley run daily`, which rebuilds it from the lake.",
    )


def exists(settings: Settings) -> bool:
    """Whether there is a warehouse at all; there is none before the first run."""
    return settings.warehouse_path.is_file()


def connect(
    settings: Settings, *, read_only: bool = True, folders: Sequence[Path] = ()
) -> duckdb.DuckDBPyConnection:
    """Open the warehouse. A writer must hold `writer_slot`.

    Args:
        settings: where the warehouse is, and how many threads it may use.
        read_only: readers of one process do not disturb each other.
        folders: the only places that SQL on this connection may read and write files.

    Raises:
        FixConfig: it is to be read and does not exist yet.
        RetryLater: another process is writing it.
        StopRun: it cannot be opened at all.
    """
    path = settings.warehouse_path
    if read_only and not exists(settings):
        what = "there is no warehouse yet"
        raise FixConfig(what, str(path), "Run `parley run daily` first, or check PARLEY_HOME.")
    path.parent.mkdir(parents=True, exist_ok=True)
    return open_duckdb(path, read_only=read_only, threads=settings.threads, folders=folders)


def tables(connection: duckdb.DuckDBPyConnection, schema: str) -> list[str]:
    """The names of a schema's tables and views, sorted; none if there is no such schema."""
    rows = connection.execute(
        "select table_name from information_schema.tables"
        " where table_catalog = current_database() and table_schema = ? order by table_name",
        [schema],
    ).fetchall()
    return [str(row[0]) for row in rows]


@contextmanager
def writer_slot(settings: Settings, timeout: float) -> Iterator[None]:
    """Hold the only right to write the warehouse; the lock is the operating system's.

    A process that dies lets go of it at once. It is not re-entrant: a second call in the same
    process waits like any other.

    Args:
        settings: says where the lock file is.
        timeout: how many seconds to wait for whoever holds it.

    Raises:
        RetryLater: it was still taken after `timeout`; says by whom and since when.
    """
    path = settings.home / "warehouse.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as lock:
        if not _take(lock, timeout):
            raise _taken(lock, path, timeout)
        _note(lock, {"pid": os.getpid(), "since": iso_z(utc_now())})
        try:
            yield
        finally:
            # Closing the file lets go of the lock; the note goes first so that it is never stale.
            _note(lock, {})


def _take(lock: TextIO, timeout: float) -> bool:
    for attempt in range(1 + math.ceil(max(timeout, 0) / POLL_SECONDS)):
        if attempt:
            time.sleep(POLL_SECONDS)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        return True
    return False


def _note(lock: TextIO, holder: dict[str, Any]) -> None:
    lock.seek(0)
    lock.truncate()
    lock.write(json.dumps(holder) if holder else "")
    lock.flush()


def _taken(lock: TextIO, path: Path, timeout: float) -> RetryLater:
    lock.seek(0)
    try:
        holder = json.loads(lock.read())
        who = f"process {int(holder['pid'])} since {holder['since']}"
    except (ValueError, KeyError, TypeError):
        who = "another process"
    return RetryLater(
        f"the warehouse is being written by {who}; waited {timeout:g} s",
        str(path),
        "Wait for that run to finish and start this one again; if it hangs, end that process.",
    )
