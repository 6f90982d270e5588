"""The warehouse in a DuckDB file: one process writes it, and keeps those of others out."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from connectors.core.errors import FixConfig
from connectors.core.warehouse.embedded import (
    CatalogError,
    Connection,
    EngineError,
    open_file,
    unwritable,
    write_ordered,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from connectors.core.settings import Settings
    from connectors.core.warehouse import Revision


class DuckDBWarehouse:
    """The warehouse's tables as one transaction sees them."""

    def __init__(self, connection: Connection, settings: Settings, folder: Path) -> None:
        """Write tables to `folder`, which the connection may touch."""
        self._connection = connection
        self._settings = settings
        self._folder = folder

    def tables(self, layer: str) -> list[str]:
        """The names of a layer's tables and views, sorted; none if there is no such schema."""
        rows = self._connection.execute(
            "select table_name from information_schema.tables"
            " where table_catalog = current_database() and table_schema = ? order by table_name",
            [self._settings.schema_of(layer)],
        ).fetchall()
        return [str(row[0]) for row in rows]

    def write(self, layer: str, table: str) -> Path:
        """Write a table as one Parquet file."""
        schema = self._settings.schema_of(layer)
        target = self._folder / f"{table}.parquet"
        try:
            write_ordered(self._connection.sql(f'from "{schema}"."{table}"'), target)
        except EngineError as error:
            # The engine's own message may quote a value.
            raise unwritable(type(error).__name__, f"{schema}.{table}") from None
        return target


@contextmanager
def opened(settings: Settings, folder: Path) -> Iterator[DuckDBWarehouse]:
    """The warehouse, as it is now until it is closed; see `warehouse.opened`."""
    with connect(settings, [folder]) as connection:
        connection.execute("begin transaction read only")
        yield DuckDBWarehouse(connection, settings, folder)
        connection.execute("rollback")


def connect(settings: Settings, folders: Sequence[Path] = ()) -> Connection:
    """Open the file for reading; SQL on it may touch no other files but those in `folders`.

    Raises:
        FixConfig: it does not exist yet.
        RetryLater: another process is writing it.
        StopRun: it cannot be opened at all.
    """
    path = settings.warehouse_path
    if not exists(settings):
        what = "there is no warehouse yet"
        raise FixConfig(what, str(path), "Run `parley run daily` first, or check PARLEY_HOME.")
    return open_file(path, read_only=True, threads=settings.threads, folders=folders)


def exists(settings: Settings) -> bool:
    """Whether there is a file."""
    return settings.warehouse_path.is_file()


def drop(settings: Settings) -> None:
    """Remove the file, and what a writer that died left beside it."""
    path = settings.warehouse_path
    for each in (path, path.with_name(f"{path.name}.wal")):
        each.unlink(missing_ok=True)
    shutil.rmtree(path.with_name(f"{path.name}.tmp"), ignore_errors=True)


def restore(settings: Settings, layer: str, file: Path) -> None:
    """Make a table of a Parquet file; the warehouse too, where there is none."""
    schema, path = settings.schema_of(layer), settings.warehouse_path
    path.parent.mkdir(parents=True, exist_ok=True)
    with open_file(path, threads=settings.threads, folders=[file.parent]) as connection:
        connection.execute(f'create schema if not exists "{schema}"')
        connection.read_parquet(str(file)).create(f'"{schema}"."{file.stem}"')


def branch(settings: Settings, apart: Settings, changed: Sequence[Revision]) -> None:
    """Copy the file under its own name, by which views in it know it, and change the copy."""
    # A writer that died leaves a log beside it, which reading alone takes in or refuses.
    connect(settings).close()
    apart.warehouse_path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(settings.warehouse_path, apart.warehouse_path)
    with open_file(apart.warehouse_path, threads=apart.threads) as connection:
        for each in changed:
            rows = " and ".join(f'"{column}" = ?' for column in each.keys)
            table = f'"{apart.schema_of("seeds")}"."{each.seed}"'
            statement = f'update {table} set "{each.column}" = ? where {rows}'  # noqa: S608 - names of the seed's own
            try:
                connection.execute(statement, [each.value, *each.keys.values()])
            except EngineError:
                what = f"'{each.value}' is no value for {each.column}"
                remedy = "Give it one like those in that column of the seed."
                raise FixConfig(what, f"{each.seed}.csv", remedy) from None


def dbt_environment(settings: Settings) -> dict[str, str]:
    """What the profile's output asks for."""
    return {"PARLEY_WAREHOUSE_PATH": str(settings.warehouse_path)}


def applied_batches(settings: Settings) -> set[str]:
    """What the model `applied_batches` holds; nothing before there is one."""
    if not exists(settings):
        return set()
    with connect(settings) as connection:
        name = f"{settings.schema_of('intermediate')}.applied_batches"
        try:
            rows = connection.table(name).project("batch_id").fetchall()
        except CatalogError:
            return set()
    return {str(row[0]) for row in rows}


def release() -> None:
    """Close dbt's connection: it keeps the file open between models, which spares reopening it."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager  # noqa: PLC0415 - slow

    manager: Any = DuckDBConnectionManager  # without types
    manager.close_all_connections()
