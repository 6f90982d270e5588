"""A Shopify store on loopback with a lake and a ledger, for the tests of source `shopify`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq
from pydantic import SecretStr

from connectors.core import landing
from connectors.core.accounts import SourceSettings
from connectors.core.lake import Lake
from connectors.core.settings import Settings
from connectors.core.spec import Finding, Page, ReadContext
from connectors.ledger.db import open_ledger
from connectors.ledger.manifest import LedgerManifest
from connectors.sources.shopify import SPEC
from tests.conformance.apis.shopify.records import checkout, customer, order, product
from tests.conformance.apis.shopify.store import TOKEN, ShopifyStore
from tests.conformance.http_kit import Server

AS_OF = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
START = AS_OF - timedelta(hours=10)
MINUTE = timedelta(minutes=1)
Change = Callable[[Iterator[Page]], Iterator[Page]]


class KilledError(BaseException):
    """Stands for the end of the process."""


def killed_after(pages: int) -> Change:
    """Killed after so many pages."""

    def change(read: Iterator[Page]) -> Iterator[Page]:
        yield from islice(read, pages)
        raise KilledError

    return change


class Connected:
    """The store as a source; each landing has a clock of its own."""

    def __init__(self, home: Path, **options: str) -> None:
        self.store = ShopifyStore()
        self.server = Server(self.store)
        self.source = SourceSettings(
            vendor="shopify", url=SecretStr(self.server.url), token=SecretStr(TOKEN),
            options=options,
        )  # fmt: skip
        self.home = home
        self.lake = Lake(f"{home}/lake")
        self.manifest = LedgerManifest(open_ledger(f"sqlite:///{home}/ledger.db"))

    def close(self) -> None:
        self.server.close()
        self.store.files.close()

    def land(
        self,
        stream: str = "orders",
        as_of: datetime = AS_OF,
        change: Change = lambda read: read,
        batch_rows: int = 7,
    ) -> int:
        def read(context: ReadContext) -> Iterator[Page]:
            return change(SPEC.read(context))

        settings = Settings(home=self.home, sources={"shop": self.source})
        return landing.land(
            replace(SPEC, read=read), SPEC.stream(stream), "shop", settings, self.manifest,
            self.lake, as_of, batch_rows=batch_rows,
        ).rows  # fmt: skip

    def check(self) -> list[Finding]:
        return SPEC.check("shop", self.source)

    def landed(self, stream: str = "orders") -> list[dict[str, Any]]:
        """All versions of a stream, oldest first."""
        rows = [
            row
            for batch in self.manifest.unchecked()
            if batch.stream == stream
            for row in pq.ParquetFile(self.lake.url(batch.path)).read().to_pylist()
        ]
        return sorted(rows, key=lambda r: (r["landed_at"], str(r["record_at"]), r["seq"]))

    def newest(self, stream: str = "orders") -> dict[str, dict[str, Any]]:
        """The newest version of each record, parsed, by its id."""
        found = {row["record_key"]: row["payload"] for row in self.landed(stream)}
        return {key: orjson.loads(text) for key, text in found.items()}

    def asked(self, word: str) -> int:
        """How many queries hold a word."""
        bodies = [asked.body or {} for asked in self.server.asked]
        return sum(1 for body in bodies if word in str(body.get("query")))


def put_orders(shop: Connected, count: int, step: timedelta = MINUTE, lines: int = 1) -> None:
    for number in range(1, count + 1):
        shop.store.put("Order", order(number, START + number * step, lines))


def ids(shop: Connected, stream: str = "orders") -> list[int]:
    keys = [row["record_key"] for row in shop.landed(stream)]
    return sorted(int(key.rpartition("/")[2]) for key in keys)


def put_one_of_each(shop: Connected) -> None:
    shop.store.put("Order", order(1, START, lines=130))
    shop.store.put("Customer", customer(2, START))
    shop.store.put("Product", product(3, START, variants=120))
    shop.store.put("AbandonedCheckout", checkout(4, START, lines=37))
