"""Rows that have no place in the order of (change time, key), which paging would lose.

They have no key, no change time, or one that no clock has reached yet. They are read as a whole,
as the part `unordered`, whenever one of them has changed since the last run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import orjson
from sqlalchemy import Engine

from connectors.core.clock import parse_instant
from connectors.core.database.keyset import KeysetTable
from connectors.core.spec import Page, ReadContext, Record

UNORDERED = "unordered"


def unordered_pages(engine: Engine, table: KeysetTable, context: ReadContext) -> Iterator[Page]:
    """Pages of all rows without a place in the order, or none if they are as they were.

    Two passes, because whether something changed is known only at the end, and memory is bounded.
    """
    digest = _Digest()
    for page in _leftover_records(engine, table, context):
        digest.add(page)
    if digest.position == context.cursors.get(UNORDERED, _Digest().position):
        return
    seen = _Digest()
    for page in _leftover_records(engine, table, context):
        seen.add(page)
        yield Page(page, None, UNORDERED)
    yield Page([], seen.position, UNORDERED)


class _Digest:
    """A fingerprint of a set of rows that doesn't depend on their order."""

    def __init__(self) -> None:
        self._rows = 0
        self._sum = 0

    def add(self, records: list[Record]) -> None:
        for record in records:
            hashed = hashlib.sha256(record.payload.encode(errors="replace")).digest()
            self._sum = (self._sum + int.from_bytes(hashed[:16])) % 2**128
        self._rows += len(records)

    @property
    def position(self) -> str:
        return orjson.dumps({"rows": self._rows, "digest": f"{self._sum:032x}"}).decode()


def _leftover_records(
    engine: Engine, table: KeysetTable, context: ReadContext
) -> Iterator[list[Record]]:
    dated = table.names.index(table.happened) if table.happened in table.found else None
    with engine.connect().execution_options(yield_per=context.page_size) as connection:
        for part in connection.execute(table.leftover(context)).partitions():
            records = []
            for row in part:
                at = parse_instant(row[dated]) if dated is not None else None
                at = None if at and context.latest and at > context.latest else at
                if at is not None and at > context.as_of:
                    continue
                payload = table.payload(row)
                records.append(Record(table.key_of(row, payload), at, "upsert", payload))
            yield records
