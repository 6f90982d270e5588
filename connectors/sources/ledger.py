"""Source `parley` (source_id `ledger`): what the ledger knows flows back, a stream a table.

Reads each table by its `change_seq`, the counter that each change of a row moves on. No filter by
`as_of` is needed: the ledger's times are those of its runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Engine, MetaData, Table, inspect, select

from connectors.core.accounts import SourceSettings
from connectors.core.clock import parse_instant
from connectors.core.database.reading import reading
from connectors.core.errors import ParleyError
from connectors.core.payload import json_text
from connectors.core.settings import OWN_VENDOR
from connectors.core.spec import Finding, Page, ReadContext, Record, SourceSpec, Stream


class _Told(NamedTuple):
    """A table that flows back: its stream, and its columns that say when a row changed."""

    stream: Stream
    table: str
    changes: tuple[str, ...]


# A message's `planned_as_of` is a plan, not a change. What only grows is keyed by its number.
_TOLD = (
    _Told(
        Stream(
            name="messages",
            key="message_key",
            cursor="change_seq",
            people={"node": ("address_hash", "person_id")},
        ),
        "messages",
        ("reserved_at", "accepted_at", "sent_at", "delivered_at"),
    ),
    _Told(
        Stream(
            name="cuts",
            key="change_seq",
            cursor="change_seq",
            people={"node": ("node_id", "other_id")},
        ),
        "identity_cuts",
        ("cut_at",),
    ),
    _Told(
        Stream(name="erasures", key="change_seq", cursor="change_seq"), "erasures", ("erased_at",)
    ),
    _Told(
        Stream(name="weights", key="change_seq", cursor="change_seq"), "weights", ("accepted_at",)
    ),
)


def read(context: ReadContext) -> Iterator[Page]:
    """Read the rows that changed since the cursor; none if there is no such table yet.

    Raises:
        FixConfig, RetryLater: the ledger can't be opened or read.
    """
    told = next(each for each in _TOLD if each.stream.name == context.stream.name)
    key = told.stream.key
    stored = context.cursors.get("")
    reached = int(orjson.loads(stored)["change_seq"]) if stored else -1
    with reading(context.settings.url, f"source {context.source_id}") as engine:
        table = _table(engine, told.table)
        while table is not None:
            changed = table.c.change_seq
            query = select(table).where(changed > reached).order_by(changed, table.c[key])
            with engine.connect() as connection:
                rows = connection.execute(query.limit(context.page_size)).mappings().all()
            if not rows:
                return
            reached = rows[-1]["change_seq"]
            records = [_record(told, {str(name): row[name] for name in row}) for row in rows]
            yield Page(records, orjson.dumps({"change_seq": reached}).decode())


def check(source_id: str, settings: SourceSettings) -> list[Finding]:
    """Say whether the ledger can be read."""
    try:
        with reading(settings.url, f"source {source_id}") as engine:
            is_there = any(_table(engine, each.table) is not None for each in _TOLD)
    except ParleyError as error:
        return [Finding("error", f"{error.what} ({error.where})", error.remedy)]
    if not is_there:
        return [Finding("warning", "the ledger has no tables yet", "The first run makes them.")]
    return [Finding("ok", "the ledger can be read")]


def _table(engine: Engine, name: str) -> Table | None:
    if not inspect(engine).has_table(name):
        return None
    return Table(name, MetaData(), autoload_with=engine)


def _record(told: _Told, row: dict[str, Any]) -> Record:
    times: list[datetime] = [at for name in told.changes if (at := parse_instant(row.get(name)))]
    key = str(row[told.stream.key])
    return Record(key, max(times, default=None), "upsert", json_text(row))


SPEC = SourceSpec(OWN_VENDOR, tuple(told.stream for told in _TOLD), read, check)
