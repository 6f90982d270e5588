"""Finds the rows of some people in Parquet files of tables, and writes the files without them.

A row is theirs if a column holds one of their ids, or a text that holds one of their addresses;
and so are the rows that name such a row by its key.
"""

from __future__ import annotations

import os
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from connectors.core.snapshot import flush
from connectors.core.warehouse.embedded import Relation, scratch, write_ordered

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from connectors.core.warehouse import Connection

# No table has a column of this name: within a subquery it would stand for the wrong one.
_MARK = "parley_mark"
# Keys of things that are nobody's own.
_OF_THINGS = ("product",)
_PLAIN = ("BIGINT", "INTEGER", "BOOLEAN", "DATE", "DOUBLE", "FLOAT", "TIMESTAMP", "DECIMAL")


@dataclass
class Marks:
    """What a row of theirs holds: one of the `ids` as a whole, or one of the `texts` within."""

    ids: set[str] = field(default_factory=set)
    texts: set[str] = field(default_factory=set)

    def are_in(self, cells: Iterable[object]) -> bool:
        """Whether one of these cells holds any."""
        told = [str(cell) for cell in cells]
        whole = "\x1f".join(told).lower()
        return not self.ids.isdisjoint(told) or any(each.lower() in whole for each in self.texts)


@dataclass(frozen=True)
class Folder:
    """The tables of a folder, one Parquet file each; it is looked at with these marks."""

    path: Path
    marks: Marks

    def counts(self) -> dict[str, int]:
        """How many rows of each table are theirs, of those that hold any.

        Keys of their rows are added to the marks, until no row is found by a new one.
        """
        with closing(scratch([self.path])) as connection:
            while True:
                known = len(self.marks.ids)
                self._load(connection)
                counts = {file.stem: self._look(connection, file) for file in self._files()}
                if len(self.marks.ids) == known:
                    return {table: rows for table, rows in counts.items() if rows}

    def rows(self) -> Iterator[tuple[str, list[dict[str, Any]]]]:
        """Their rows by table, of those that hold any, in the order of the files."""
        with closing(scratch([self.path])) as connection:
            self._load(connection)
            for file in self._files():
                found = connection.read_parquet(str(file)).filter(_theirs(connection, file))
                names = list(found.columns)
                rows = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
                if rows:
                    yield file.stem, rows

    def clear(self) -> None:
        """Write the files that hold any without them, in the order that all snapshots have."""
        with closing(scratch([self.path])) as connection:
            self._load(connection)
            for file in self._files():
                theirs = _theirs(connection, file)
                relation = connection.read_parquet(str(file))
                if _count(relation.filter(theirs)):
                    part = file.with_name(f".{file.name}.{os.getpid()}.tmp")
                    write_ordered(relation.filter(f"not ({theirs})"), part)
                    flush(part)
                    part.replace(file)
        flush(self.path)

    def _files(self) -> list[Path]:
        return sorted(self.path.glob("[!.]*.parquet"))

    def _load(self, connection: Connection) -> None:
        for table, values in (("ids", self.marks.ids), ("texts", self.marks.texts)):
            connection.execute(f"create or replace table {table} ({_MARK} varchar)")
            listed = [value.lower() if table == "texts" else value for value in sorted(values)]
            connection.execute(f"insert into {table} select unnest(?::varchar[])", [listed])

    def _look(self, connection: Connection, file: Path) -> int:
        """How many rows of a table are theirs; notes the keys in them."""
        found = connection.read_parquet(str(file)).filter(_theirs(connection, file))
        for column in found.columns:
            if _is_own_key(column):
                keys = found.filter(f'"{column}" is not null').project(f'"{column}"::varchar')
                self.marks.ids.update(row[0] for row in keys.distinct().fetchall())
        return _count(found)


def _is_own_key(column: str) -> bool:
    is_key = column.endswith("_key") or column == "session_id"
    return is_key and not column.startswith(_OF_THINGS)


def _theirs(connection: Connection, file: Path) -> str:
    """The condition on a table's rows."""
    relation = connection.read_parquet(str(file))
    columns = zip(relation.columns, relation.types, strict=True)
    texts = [f'"{name}"::varchar' for name, kind in columns if not str(kind).startswith(_PLAIN)]
    found = [
        f"{text} in (from ids) or exists (from texts where contains(lower({text}), {_MARK}))"
        for text in texts
    ]
    return "coalesce(" + (" or ".join(found) or "false") + ", false)"


def _count(relation: Relation) -> int:
    row = relation.count("*").fetchone()
    return int(row[0]) if row else 0
