"""Keyset paging over one table: every row once, resumable, and nothing that is not settled.

Rows are read in the order of (change time, key). Rows that have no place in that order would be
lost by paging: see `connectors.core.database.leftover`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

import orjson
from sqlalchemy import (
    ColumnElement,
    Engine,
    FromClause,
    Label,
    Row,
    Select,
    case,
    func,
    literal,
    or_,
    select,
    true,
)
from sqlalchemy import column as sql_column
from sqlalchemy import table as sql_table
from sqlalchemy.types import DateTime, NullType, TypeEngine

from connectors.core.clock import as_utc, parse_instant
from connectors.core.payload import json_text
from connectors.core.spec import Page, ReadContext, Record

# One query reads so many rows: without an index each one sorts what is left of the table. While
# it is read, a SQLite database that isn't in WAL mode keeps its writers waiting.
WINDOW_ROWS = 500_000
_DATED = "[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]*"


@dataclass(frozen=True)
class KeysetTable:
    """A table or view as it was found.

    `found` maps the columns to read to their real names and types. `key` and `changed` are among
    them; `happened` names the column that dates a row without a change time; `booleans` are
    columns that SQLite keeps as 0 and 1. `view` is a query that stands in for the table.
    """

    name: str
    key: str
    changed: str
    found: dict[str, tuple[str, TypeEngine[Any]]]
    is_sqlite: bool
    happened: str | None = None
    booleans: tuple[str, ...] = ()
    view: FromClause | None = None

    @cached_property
    def names(self) -> list[str]:
        """The columns in the order in which they are read."""
        return list(self.found)

    @property
    def is_orderable(self) -> bool:
        """Whether the change time can be compared: a timestamp, or any ISO text on SQLite.

        A plain date cannot: what changes later on the day of the cursor would be lost behind it.
        """
        return self.is_sqlite or isinstance(self.found[self.changed][1], DateTime)

    @property
    def key_column(self) -> ColumnElement[Any]:
        """The key as it stands in the table."""
        return sql_column(self.found[self.key][0])

    @property
    def changed_column(self) -> ColumnElement[Any]:
        """The change time as it stands in the table."""
        return sql_column(self.found[self.changed][0])

    @property
    def order(self) -> ColumnElement[Any]:
        """What rows are ordered by: SQLite's text brought to one form, elsewhere the column."""
        changed = self.changed_column
        if not self.is_sqlite:
            return changed
        normal = func.strftime("%Y-%m-%d %H:%M:%f", changed)
        return case((changed.op("glob")(_DATED), normal))

    def bound(self, instant: datetime) -> ColumnElement[Any]:
        """An instant as a value that `order` can be compared with."""
        naive = instant.replace(tzinfo=None)
        if self.is_sqlite:
            return literal(naive.isoformat(sep=" ", timespec="milliseconds"))
        kind = self.found[self.changed][1]
        return literal(instant if getattr(kind, "timezone", False) else naive, kind)

    def since(self, instant: datetime) -> ColumnElement[bool]:
        """What an index can use to find rows from an instant on: SQLite has none on `order`."""
        if not self.is_sqlite:
            return true()
        # Whatever its zone and separator, ISO text begins with a date at most a day away.
        return self.changed_column >= literal((instant - timedelta(days=1)).date().isoformat())

    def rows(self) -> Select[Any]:
        """All rows, with the columns in the order of `names`."""
        chosen: list[Label[Any]] = [
            sql_column(self.found[name][0]).label(name) for name in self.names
        ]
        source = sql_table(self.name) if self.view is None else self.view
        return select(*chosen).select_from(source)

    def query(self) -> Select[Any]:
        """The columns, then the value of `order`."""
        return self.rows().add_columns(self.order.label("order_value"))

    def window(self, context: ReadContext, cursor: str | None) -> Select[Any]:
        """The rows after a cursor, up to `settled`, at most `WINDOW_ROWS`."""
        order, key = self.order, self.key_column
        query = self.query().where(key.is_not(None), order <= self.bound(context.settled))
        if cursor is not None:
            position = orjson.loads(cursor)
            at = as_utc(datetime.fromisoformat(position["at"]))
            reached = self.bound(at)
            # Untyped, so that the database compares it with whatever type its key has.
            later_key = key > literal(position["key"], NullType())
            query = query.where(self.since(at), order >= reached, or_(order > reached, later_key))
        return query.order_by(order, key).limit(WINDOW_ROWS)

    def leftover(self, context: ReadContext) -> Select[Any]:
        """The rows that the windows never reach."""
        order, keyless = self.order, self.key_column.is_(None)
        if context.latest is None:
            return self.query().where(or_(order.is_(None), keyless))
        latest = self.bound(context.latest)
        if self.is_sqlite:  # works the text out once a row, not twice
            return self.query().where(or_(func.coalesce(order, "none") > latest, keyless))
        return self.query().where(or_(order.is_(None), order > latest, keyless))

    def payload(self, row: Sequence[Any]) -> str:
        """A row as JSON text, with true and false for its booleans."""
        values = dict(zip(self.names, row, strict=False))
        for name in self.booleans:
            if values.get(name) in {0, 1}:
                values[name] = bool(values[name])
        return json_text(values)

    def key_of(self, row: Sequence[Any], payload: str) -> str:
        """A row's key; a hash of its payload where it has none."""
        key = row[self.names.index(self.key)]
        return (
            hashlib.sha256(payload.encode(errors="replace")).hexdigest()
            if key is None
            else str(key)
        )


def ordered_pages(engine: Engine, table: KeysetTable, context: ReadContext) -> Iterator[Page]:
    """Pages of the rows that changed since the cursor, up to `settled`."""
    cursor = context.cursors.get("")
    rows = WINDOW_ROWS
    while rows == WINDOW_ROWS:
        rows = 0
        query = table.window(context, cursor)
        with engine.connect().execution_options(yield_per=context.page_size) as connection:
            for part in connection.execute(query).partitions():
                rows += len(part)
                records = _ordered_records(table, part, context.settled)
                if records:
                    cursor = _cursor(table, part[len(records) - 1])
                    yield Page(records, cursor)
                if len(records) < len(part):
                    return


def _ordered_records(table: KeysetTable, rows: Sequence[Row[Any]], until: datetime) -> list[Record]:
    """The rows as records, up to the first that changed after `until`."""
    changed, key = table.names.index(table.changed), table.names.index(table.key)
    payload = table.payload
    records = []
    for row in rows:
        at = parse_instant(row[changed]) or parse_instant(row[-1])
        # SQLite compares milliseconds: what is later by less than that waits for the next run.
        if at is not None and at > until:
            break
        records.append(Record(str(row[key]), at, "upsert", payload(row)))
    return records


def _cursor(table: KeysetTable, row: Row[Any]) -> str:
    key, at = row[table.names.index(table.key)], row[-1]
    if isinstance(at, datetime):
        at = as_utc(at).isoformat()
    key = key if isinstance(key, (int, str)) else str(key)
    return orjson.dumps({"at": at, "key": key}).decode()
