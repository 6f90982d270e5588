"""The tables that the gates look at: a DuckDB in memory, filled with what the rules need.

It is in memory because a table copied to a file would be one more place where data lies around.
"""

from __future__ import annotations

import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import duckdb
import fsspec
import sqlalchemy as sa
from fsspec.implementations.local import LocalFileSystem

from connectors.core.warehouse.embedded import SAFE_CONFIG, quote, safe_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from expectations.rules import Check


class UnreadableError(Exception):
    """A table cannot be filled; the text says why, without the engine's own words."""


class Relations:
    """Fills one table a check, in a database that lives as long as `connection`."""

    def __init__(
        self, url: str, connection: duckdb.DuckDBPyConnection, files: fsspec.AbstractFileSystem
    ) -> None:
        """Keep what is needed to read files; use `under` to make one."""
        self.url = url
        self._connection = connection
        self._files = files
        self._filled = 0

    @classmethod
    @contextmanager
    def under(cls, root: str) -> Iterator[Relations]:
        """A database that can read the files under `root`, a local path or any fsspec URL."""
        files, path = fsspec.core.url_to_fs(root)
        options = "&".join(f"{name}={value}" for name, value in SAFE_CONFIG.items())
        # A named database in memory is shared by the connections of this process, and by no other.
        url = f"duckdb:///:memory:gate_{uuid.uuid4().hex}?{options}"
        engine = sa.create_engine(url)
        try:
            with engine.connect() as held:
                raw: Any = held.connection.dbapi_connection
                connection = cast("duckdb.DuckDBPyConnection", raw)
                if isinstance(files, LocalFileSystem):
                    for statement in safe_settings([Path(path)]):
                        connection.execute(statement)
                else:
                    connection.register_filesystem(files)
                yield cls(url, connection, files)
        finally:
            engine.dispose()

    def fill(self, check: Check) -> tuple[str, frozenset[str]]:
        """Create the check's table.

        Returns:
            Its name, and the columns that it has.

        Raises:
            UnreadableError: a file is missing or damaged, or lacks a column that the query needs.
        """
        for file in check.files:
            if not self._files.exists(file):
                what = f"the file {Path(file).name} is missing"
                raise UnreadableError(what)
        table = f"t{self._filled}"
        self._filled += 1
        try:
            self._connection.execute(f"create table {table} as {self._query(check)}")
            columns = frozenset(self._connection.table(table).columns)
        except duckdb.BinderException:
            what = "it lacks a column that the check needs"
            raise UnreadableError(what) from None
        except (duckdb.Error, OSError) as error:
            what = f"it cannot be read ({type(error).__name__})"
            raise UnreadableError(what) from None
        return table, columns

    def drop(self, table: str) -> None:
        """Give a table's memory back."""
        self._connection.execute(f"drop table {table}")

    def _query(self, check: Check) -> str:
        sources = [
            f"read_parquet({quote(file.removeprefix('file://'))}, hive_partitioning = false)"
            for file in check.files
        ]
        if check.query is not None:
            return check.query.format(*sources)
        names = self._connection.sql(f"from {sources[0]} limit 0").columns
        if not check.every_column:
            needed = {column for rule in check.rules for column in rule.columns}
            names = [name for name in names if name in needed]
        kept = [_presence(name) if name in check.presence else _name(name) for name in names]
        return f"from {sources[0]} select {', '.join(kept) or '1 as one'}"


def _name(column: str) -> str:
    quoted = column.replace('"', '""')
    return f'"{quoted}"'


def _presence(column: str) -> str:
    return f"case when {_name(column)} is not null then 1 end as {_name(column)}"
