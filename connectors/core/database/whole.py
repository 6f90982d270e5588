"""Reading a table as a whole, where it does not tell what changed; landing compares it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine

from connectors.core.clock import parse_instant
from connectors.core.database.keyset import KeysetTable
from connectors.core.spec import Page, ReadContext, Record

WHOLE = "whole"


def whole_pages(engine: Engine, table: KeysetTable, context: ReadContext) -> Iterator[Page]:
    """All rows by key, as one query sees them; those from after `as_of` are held back.

    A record's time is its change time, where the table has one.
    """
    rows = _Rows(table, context)
    query = table.rows().order_by(table.key_column)
    with engine.connect().execution_options(yield_per=context.page_size) as connection:
        for part in connection.execute(query).partitions():
            yield rows.page(part)
    yield Page([], None, WHOLE, done=True, snapshot="consistent")


@dataclass(frozen=True, slots=True)
class _Rows:
    """Makes records of a table's rows."""

    table: KeysetTable
    context: ReadContext

    def page(self, rows: Sequence[Sequence[Any]]) -> Page:
        records, held = [], []
        for row in rows:
            record, happened = self._record(row), self._time(row, self.table.happened)
            latest = max((at for at in (record.at, happened) if at), default=None)
            if latest is not None and latest > self.context.as_of:
                held.append(record.key)
            else:
                records.append(record)
        return Page(records, None, WHOLE, snapshot="consistent", held=tuple(held))

    def _record(self, row: Sequence[Any]) -> Record:
        payload = self.table.payload(row)
        at = self._time(row, self.table.changed)
        return Record(self.table.key_of(row, payload), at, "upsert", payload)

    def _time(self, row: Sequence[Any], name: str | None) -> datetime | None:
        """A time that no clock has reached yet is no time."""
        if name not in self.table.found:
            return None
        at = parse_instant(row[self.table.names.index(name)])
        latest = self.context.latest
        return None if at is not None and latest is not None and at > latest else at
