"""A shop's SQLite file."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from tests.conformance.worlds.base import SECRET, World


class DatabaseWorld(World):
    """A shop's SQLite file."""

    vendor, stream, source_id = "database", "customers", "shop"
    broken_urls = (
        f"sqlite:///{SECRET}/missing.db",
        f"nosuch://user:{SECRET}@host/db",
        f"postgresql+psycopg://user:{SECRET}@127.0.0.1:1/db",
        f"{SECRET} is no url",
    )

    def __init__(self, folder: Path) -> None:
        self._path = folder / "shop.db"
        self._run("create table customers (customer_id text, first_name text, updated_at text)")
        self._run("create table orders (order_id text)")

    def url(self) -> str:
        return f"sqlite:///{self._path}"

    def put(self, records: dict[str, datetime]) -> None:
        rows = [(key, "Ada", f"{at:%Y-%m-%dT%H:%M:%SZ}") for key, at in records.items()]
        self._run("delete from customers where customer_id = ?", [row[:1] for row in rows])
        self._run("insert into customers values (?, ?, ?)", rows)

    def put_garbage(self, key: str, text: str, at: datetime) -> None:
        row = (key, text, f"{at:%Y-%m-%d %H:%M:%S}")
        self._run("insert into customers values (?, ?, ?)", [row])

    def _run(self, statement: str, rows: Sequence[tuple[str, ...]] = ((),)) -> None:
        with sqlite3.connect(self._path) as connection:
            connection.executemany(statement, rows)
        connection.close()


WORLDS = (DatabaseWorld,)
