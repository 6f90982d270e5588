"""The BI copy: one DuckDB file with schema `marts` and no addresses, swapped in atomically.

It is made from a run's snapshot and never touches the warehouse. A reader that has the old file
open goes on reading it; whoever opens the path after the swap sees the new run.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

import duckdb

from connectors.core.errors import StopRun
from connectors.core.snapshot import flush
from connectors.core.warehouse.embedded import open_file, write_ordered

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# Columns that would show how to reach a person; analysts join on nodes and person ids instead.
ADDRESS_COLUMNS: Final = frozenset({"address", "email", "phone"})


def publish(
    snapshot_dir: Path, bi_path: Path, replace: Mapping[str, Path] | None = None
) -> dict[str, int]:
    """Build the BI copy from a snapshot and put it in the place of the one before.

    Args:
        snapshot_dir: a published run, one Parquet file a table.
        bi_path: where BI tools look, such as `<home>/bi/parley.duckdb`. It is made read-only:
            a tool that opened it for writing would lock the others out.
        replace: Parquet files that stand in for tables of the snapshot, or add to them, such as
            `messages` as it was after emission.

    Returns:
        Rows by table.

    Raises:
        StopRun: the copy could not be built; the one before stays as it was.
    """
    files = {path.stem: path for path in sorted(snapshot_dir.glob("*.parquet"))}
    files.update(replace or {})
    bi_path.parent.mkdir(parents=True, exist_ok=True)
    # One name per process: two publishers do not write into each other's file.
    building = bi_path.with_name(f".{bi_path.name}.{os.getpid()}.tmp")
    _remove(building)
    try:
        counts = _build(building, files)
        _swap(building, bi_path)
    finally:
        _remove(building)
    return counts


def unpack(bi_path: Path, folder: Path) -> bool:
    """Write every table of the BI copy to a folder, as Parquet; whether there is a copy.

    Raises:
        RetryLater: a tool keeps it open for writing.
    """
    if not bi_path.is_file():
        return False
    with open_file(bi_path, read_only=True, folders=[folder]) as connection:
        found = connection.execute(
            "select table_name from information_schema.tables where table_schema = 'marts'"
        ).fetchall()
        for (table,) in found:
            write_ordered(connection.table(f'marts."{table}"'), folder / f"{table}.parquet")
    return True


def _build(building: Path, files: Mapping[str, Path]) -> dict[str, int]:
    counts = {}
    folders = sorted({path.parent for path in files.values()})
    with open_file(building, folders=folders) as connection:
        connection.execute("create schema marts")
        for table, path in sorted(files.items()):
            counts[table] = _copy(connection, table, path)
        connection.execute("checkpoint")
    return counts


def _copy(connection: duckdb.DuckDBPyConnection, table: str, path: Path) -> int:
    try:
        source = connection.read_parquet(str(path), hive_partitioning=False)
        kept = [name for name in source.columns if name.lower() not in ADDRESS_COLUMNS]
        source.project(", ".join(f'"{name}"' for name in kept)).create(f'marts."{table}"')
        row = connection.table(f'marts."{table}"').count("*").fetchone()
    except duckdb.Error as error:
        # The engine's own message may quote a value.
        what = f"the table cannot be copied: {type(error).__name__}"
        remedy = "Check the free disk space and the run's folder, then publish again."
        raise StopRun(what, str(path), remedy) from None
    return int(row[0]) if row else 0


def _swap(building: Path, bi_path: Path) -> None:
    building.chmod(0o444)
    flush(building)
    # A log left by a tool that wrote to the old file must not be replayed into the new one.
    _log(bi_path).unlink(missing_ok=True)
    building.replace(bi_path)
    flush(bi_path.parent)


def _remove(building: Path) -> None:
    building.unlink(missing_ok=True)
    _log(building).unlink(missing_ok=True)


def _log(path: Path) -> Path:
    return path.with_name(f"{path.name}.wal")
