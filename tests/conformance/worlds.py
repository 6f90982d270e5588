"""Worlds for the conformance suite of sources: a source joins by a World and a line in SOURCES."""

from __future__ import annotations

import atexit
import shutil
import sqlite3
import tempfile
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from pydantic import SecretStr

from connectors.core import landing, registry
from connectors.core.lake import Lake
from connectors.core.settings import Settings, SourceSettings
from connectors.core.spec import Batch, SourceSpec, Stream
from connectors.ledger.db import open_ledger
from connectors.ledger.manifest import LedgerManifest
from tests.conformance.file_worlds import Ga4World, PosthogWorld, SegmentWorld, SnowplowWorld
from tests.conformance.http_worlds import WooWorld
from tests.conformance.shopify_worlds import ShopifyCartsWorld, ShopifyPagesWorld, ShopifyWorld
from tests.conformance.world import AS_OF, ROWS, SECRET, World

__all__ = ["AS_OF", "ROWS", "SECRET", "SOURCES", "Rig", "World"]


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


SOURCES: list[type[World]] = [
    DatabaseWorld,
    SegmentWorld,
    Ga4World,
    PosthogWorld,
    SnowplowWorld,
    WooWorld,
    ShopifyWorld,
    ShopifyPagesWorld,
    ShopifyCartsWorld,
    LedgerWorld,
]


@cache
def _migrated_ledger() -> Path:
    """An empty ledger, migrated once for all tests."""
    path = Path(tempfile.mkdtemp(prefix="parley-ledger-")) / "ledger.db"
    atexit.register(shutil.rmtree, path.parent, ignore_errors=True)
    open_ledger(f"sqlite:///{path}").dispose()
    return path


class Rig:
    """One source connected to a lake and a ledger of its own."""

    def __init__(self, world: World, home: Path) -> None:
        self.world = world
        self.spec = registry.source(world.vendor)
        self.settings = self._settings(home, world.url())
        self.lake = Lake(self.settings.lake_root)
        shutil.copy(_migrated_ledger(), home / "manifest.db")
        self.manifest = LedgerManifest(open_ledger(f"sqlite:///{home}/manifest.db"))

    def _settings(self, home: Path, url: str) -> Settings:
        if self.world.source_id == "ledger":
            return Settings(home=home, ledger_url=SecretStr(url))
        secrets = {name: SecretStr(value) for name, value in self.world.secrets.items()}
        source = SourceSettings(
            vendor=self.world.vendor, url=SecretStr(url), page_size=7,
            options=dict(self.world.options), **secrets,
        )  # fmt: skip
        return Settings(home=home, sources={self.world.source_id: source})

    @property
    def stream(self) -> Stream:
        return self.spec.stream(self.world.stream)

    def land(
        self, as_of: datetime = AS_OF, spec: SourceSpec | None = None, batch_rows: int = 7
    ) -> landing.Landed:
        return landing.land(
            spec or self.spec,
            self.stream,
            self.world.source_id,
            self.settings,
            self.manifest,
            self.lake,
            as_of,
            batch_rows=batch_rows,
        )

    def batches(self) -> list[Batch]:
        found = self.manifest.unchecked()
        return [batch for batch in found if batch.stream == self.world.stream]

    def keys(self) -> list[str]:
        return [self.world.name_of(row) for row in self.rows()]

    def rows(self) -> list[dict[str, Any]]:
        files = [self.lake.url(batch.path) for batch in self.batches()]
        return [row for file in files for row in pq.ParquetFile(file).read().to_pylist()]

    def files(self) -> set[str]:
        root = Path(self.settings.lake_root)
        return {str(f.relative_to(root)) for f in root.rglob("*") if f.is_file()}
