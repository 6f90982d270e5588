"""Source `parley` (source_id `ledger`): what the outbox knows about messages flows back.

Reads the ledger's table `messages` by its `change_seq`, the counter that each change of a row
moves on. No filter by `as_of` is needed: the ledger's times are those of its runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Engine, MetaData, Table, inspect, select

from connectors.core.clock import parse_instant
from connectors.core.database.reading import reading
from connectors.core.errors import ParleyError
from connectors.core.payload import json_text
from connectors.core.settings import SourceSettings
from connectors.core.spec import Finding, Page, ReadContext, Record, SourceSpec, Stream

VENDOR = "parley"
MESSAGES = Stream(name="messages", key="message_key", cursor="change_seq")
# When something happened to a message; `planned_as_of` is a plan, not a change.
_CHANGES = ("reserved_at", "accepted_at", "sent_at", "delivered_at")


def read(context: ReadContext) -> Iterator[Page]:
    """Read the messages that changed since the cursor; none if there is no ledger yet.

    Raises:
        FixConfig, RetryLater: the ledger can't be opened or read.
    """
    stored = context.cursors.get("")
    reached = int(orjson.loads(stored)["change_seq"]) if stored else -1
    with reading(context.settings.url, f"source {context.source_id}") as engine:
        table = _messages(engine)
        while table is not None:
            changed = table.c.change_seq
            query = select(table).where(changed > reached).order_by(changed, table.c.message_key)
            with engine.connect() as connection:
                rows = connection.execute(query.limit(context.page_size)).mappings().all()
            if not rows:
                return
            reached = rows[-1]["change_seq"]
            records = [_record({str(name): row[name] for name in row}) for row in rows]
            yield Page(records, orjson.dumps({"change_seq": reached}).decode())


def check(source_id: str, settings: SourceSettings) -> list[Finding]:
    """Say whether the ledger can be read."""
    try:
        with reading(settings.url, f"source {source_id}") as engine:
            if _messages(engine) is None:
                remedy = "The first run makes it."
                return [Finding("warning", "the ledger has no table 'messages' yet", remedy)]
    except ParleyError as error:
        return [Finding("error", f"{error.what} ({error.where})", error.remedy)]
    return [Finding("ok", "the ledger can be read")]


def _messages(engine: Engine) -> Table | None:
    if not inspect(engine).has_table(MESSAGES.name):
        return None
    return Table(MESSAGES.name, MetaData(), autoload_with=engine)


def _record(row: dict[str, Any]) -> Record:
    times: list[datetime] = [at for name in _CHANGES if (at := parse_instant(row.get(name)))]
    return Record(str(row["message_key"]), max(times, default=None), "upsert", json_text(row))


SPEC = SourceSpec(VENDOR, (MESSAGES,), read, check)
