"""How fast a nested REST API lands, and in how much memory, against dlt's `rest_api` source.

Both read the same API on loopback, each in a process of its own. Parley lands as a run does: whole
records in durable Parquet, identifiers normalised, manifest and cursor in the ledger database. dlt
does with its defaults what it does: it normalises into a table a nesting and loads Parquet.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
from pydantic import SecretStr

from connectors.core.accounts import SourceSettings
from connectors.core.clock import parse_instant
from connectors.core.http import HttpClient, field_next
from connectors.core.lake import Lake
from connectors.core.landing import land
from connectors.core.settings import Settings
from connectors.core.spec import Page, ReadContext, Record, SourceSpec, Stream
from connectors.ledger.db import open_ledger
from connectors.ledger.manifest import LedgerManifest
from tests.bench.orders_api import served
from tests.bench.report import Measured, Row, measure

ORDERS = 100_000
AS_OF = datetime(2011, 12, 31, tzinfo=UTC)
SPEED_GOAL, MEMORY_GOAL = 6.0, 0.5
STREAM = Stream(
    "orders", "id", "updated_at", {"email": ("customer.email",), "phone": ("customer.phone",)}
)


def rows(scale: float, home: Path) -> list[Row]:
    """Measure both on an API of 100,000 orders x scale."""
    orders = int(ORDERS * scale)
    with served(orders) as url:
        theirs = measure("tests.bench.dlt_land:land_by_dlt", url, str(home / "dlt"))
        ours = measure("tests.bench.land:land_by_parley", url, str(home / "parley"))
    for name, measured in (("dlt", theirs), ("Parley", ours)):
        if measured.result["rows"] != orders:
            message = f"{name} landed {measured.result['rows']} of {orders} orders"
            raise RuntimeError(message)
    return judged(orders, ours, theirs)


def judged(orders: int, ours: Measured, theirs: Measured) -> list[Row]:
    """The two rows: speed and memory."""
    speed, memory = theirs.seconds / ours.seconds, ours.peak_mb / theirs.peak_mb
    own, other = (f"{orders / each.seconds:,.0f} rows/s" for each in (ours, theirs))
    spent = f"{ours.seconds:.1f} s against {theirs.seconds:.1f} s for {orders:,} orders"
    return [
        Row("land: speed", own, f"{other} (dlt)", speed, f"≥ {SPEED_GOAL:g}x", speed >= SPEED_GOAL,
            ours.peak_mb, (spent,)),
        Row("land: memory", f"{ours.peak_mb:.0f} MB", f"{theirs.peak_mb:.0f} MB (dlt)", memory,
            f"≤ {MEMORY_GOAL:g}x", memory <= MEMORY_GOAL, ours.peak_mb),
    ]  # fmt: skip


def land_by_parley(url: str, home: str) -> dict[str, Any]:
    """Land the API's orders into a lake and ledger of their own."""
    source = SourceSettings(vendor="orders_api", url=SecretStr(url))
    settings = Settings(home=Path(home), sources={"orders_api": source})
    manifest = LedgerManifest(open_ledger(settings.ledger_url.get_secret_value()))
    lake = Lake(settings.lake_root)
    spec = SourceSpec("orders_api", (STREAM,), read, lambda *_: [])
    began = time.perf_counter()
    landed = land(spec, STREAM, "orders_api", settings, manifest, lake, AS_OF)
    return {"seconds": time.perf_counter() - began, "rows": landed.rows}


def read(context: ReadContext) -> Iterator[Page]:
    """Every order as a record, a page of the API as a page; the cursor is the page's address."""
    client = HttpClient(context.settings.url.get_secret_value())
    for reply in client.pages("/orders", field_next("next")):
        yield Page([_record(order) for order in reply.body["orders"]], reply.url)


def _record(order: dict[str, Any]) -> Record:
    at = parse_instant(order["updated_at"])
    return Record(order["id"], at, "upsert", orjson.dumps(order).decode())
