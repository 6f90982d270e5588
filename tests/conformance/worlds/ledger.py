"""A ledger's table of messages."""

from __future__ import annotations

import sqlite3
from datetime import datetime
from pathlib import Path

from tests.conformance.worlds.base import World
from tests.conformance.worlds.database import DatabaseWorld


class LedgerWorld(World):
    """A ledger's table of messages."""

    vendor, stream, source_id = "parley", "messages", "ledger"
    has_clock = False
    broken_urls = DatabaseWorld.broken_urls

    def __init__(self, folder: Path) -> None:
        self._path = folder / "outbox.db"
        with sqlite3.connect(self._path) as connection:
            connection.execute(
                "create table messages (message_key text primary key, state text,"
                " accepted_at datetime, change_seq integer)"
            )

    def url(self) -> str:
        return f"sqlite:///{self._path}"

    def put(self, records: dict[str, datetime]) -> None:
        self._put([(key, "accepted", at) for key, at in records.items()])

    def put_garbage(self, key: str, text: str, at: datetime) -> None:
        self._put([(key, text, at)])

    def _put(self, rows: list[tuple[str, str, datetime]]) -> None:
        with sqlite3.connect(self._path) as connection:
            connection.executemany(
                "insert or replace into messages select ?, ?, ?,"
                " (select coalesce(max(change_seq), 0) + 1 from messages)",
                [(key, state, f"{at:%Y-%m-%d %H:%M:%S}.000000") for key, state, at in rows],
            )
        connection.close()


WORLDS = (LedgerWorld,)
