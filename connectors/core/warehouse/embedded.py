"""DuckDB as a library: opens its files, or a database in memory, safely, and reads Parquet with it.

This is how snapshots and demo data are read on either engine; on Spark nothing is kept in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import duckdb

from connectors.core.errors import RetryLater, StopRun

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

Connection = duckdb.DuckDBPyConnection
Relation = duckdb.DuckDBPyRelation
EngineError = duckdb.Error
CatalogError = duckdb.CatalogException

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
    """Statements that fix the zone, shut off all files but those in `folders`, and draw no bars."""
    allowed = ", ".join(quote(str(folder)) for folder in folders)
    return [
        "set TimeZone = 'UTC'",
        "set enable_progress_bar = false",
        f"set allowed_directories = [{allowed}]",
        "set enable_external_access = false",
    ]


def scratch(folders: Sequence[Path], *, threads: int = 2) -> Connection:
    """A database in memory that may touch no files but those in `folders`; it ends with `close`."""
    return open_file(":memory:", folders=folders, threads=threads)


def open_file(
    path: Path | str,
    *,
    read_only: bool = False,
    threads: int = 2,
    folders: Sequence[Path] = (),
) -> Connection:
    """Open a DuckDB file, or ":memory:", that may touch no files but itself and `folders`.

    Raises:
        RetryLater: another process has the file open in a way that keeps this one out.
        StopRun: the file cannot be opened at all.
    """
    config: dict[str, str | bool | int | float | list[str]] = {**SAFE_CONFIG, "threads": threads}
    try:
        connection = duckdb.connect(str(path), read_only=read_only, config=config)
    except EngineError as error:
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


def write_ordered(relation: Relation, file: Path) -> None:
    """Write a relation as Parquet, ordered by all its columns: equal rows give equal bytes."""
    relation.order("all").write_parquet(str(file), compression="zstd")


def unwritable(reason: str, where: str) -> StopRun:
    """The error for a table that cannot be written; `reason` must hold nobody's values."""
    what = f"the table cannot be written: {reason}"
    return StopRun(what, where, "Build the table again and check the disk.")
