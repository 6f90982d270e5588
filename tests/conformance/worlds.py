"""Worlds for the conformance suite of sources: a source joins by a World and a line in SOURCES."""

from __future__ import annotations

import atexit
import gzip
import shutil
import sqlite3
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import orjson
import pyarrow.parquet as pq
from pydantic import SecretStr

from connectors.core import landing, registry
from connectors.core.lake import Lake
from connectors.core.settings import Settings, SourceSettings
from connectors.core.spec import Batch, SourceSpec, Stream
from connectors.ledger.db import open_ledger
from connectors.ledger.manifest import LedgerManifest

AS_OF = datetime(2011, 12, 6, 11, 5, tzinfo=UTC)
ROWS = {f"k{n:03d}": AS_OF - timedelta(minutes=100 - n) for n in range(50)}
SECRET = "c4nary-s3cret"


class World(ABC):
    """A small outside world for one source: a place with records, and how it is connected.

    `has_clock`: the records' own times say when they happened. `broken_urls` cannot work, and
    hold a secret.
    """

    vendor: ClassVar[str]
    stream: ClassVar[str]
    source_id: ClassVar[str]
    has_clock: ClassVar[bool] = True
    broken_urls: ClassVar[tuple[str, ...]]

    @abstractmethod
    def __init__(self, folder: Path) -> None: ...

    @abstractmethod
    def url(self) -> str: ...

    @abstractmethod
    def put(self, records: dict[str, datetime]) -> None: ...

    @abstractmethod
    def put_garbage(self, key: str, text: str, at: datetime) -> None: ...


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


class SegmentWorld(World):
    """A folder of events, one compressed file a batch of records."""

    vendor, stream, source_id = "segment", "events", "web"
    broken_urls = (f"/nowhere/{SECRET}", f"nosuch://user:{SECRET}@host/x")

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "web"
        self._folder.mkdir()

    def url(self) -> str:
        return str(self._folder)

    def put(self, records: dict[str, datetime]) -> None:
        lines = [
            orjson.dumps({"messageId": key, "receivedAt": f"{at:%Y-%m-%dT%H:%M:%SZ}"})
            for key, at in sorted(records.items(), key=lambda item: item[1])
        ]
        for start in range(0, len(lines), 20):
            self._write(b"\n".join(lines[start : start + 20]) + b"\n")

    def put_garbage(self, key: str, text: str, at: datetime) -> None:  # noqa: ARG002 - has none
        self._write(text.encode() + b"\n")

    def _write(self, data: bytes) -> None:
        number = len(list(self._folder.iterdir()))
        (self._folder / f"{number:04d}.jsonl.gz").write_bytes(gzip.compress(data))


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
        source = SourceSettings(vendor=self.world.vendor, url=SecretStr(url), page_size=7)
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
        return [row["record_key"] for row in self.rows()]

    def rows(self) -> list[dict[str, Any]]:
        files = [self.lake.url(batch.path) for batch in self.batches()]
        return [row for file in files for row in pq.ParquetFile(file).read().to_pylist()]

    def files(self) -> set[str]:
        root = Path(self.settings.lake_root)
        return {str(f.relative_to(root)) for f in root.rglob("*") if f.is_file()}
