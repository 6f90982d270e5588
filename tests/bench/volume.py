"""Volume in the demo's shape, landed: a seeded lake and the manifest rows that name its files.

The world is invented by `volume.sql`, a run of days at a time; what arrived on a day is landed at
five past the next midnight, one batch a stream, as a nightly run would have done it.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import orjson

from connectors.core.batch import CHUNK, BatchName, chunk
from connectors.core.identifiers import (
    IDENTIFIERS,
    IDENTIFIERS_SOURCE,
    normalise_email,
    normalise_phone,
)
from connectors.core.lake import Lake
from connectors.core.settings import OWN_VENDOR, Settings
from connectors.core.spec import Record
from connectors.ledger.db import open_ledger
from connectors.ledger.manifest import LedgerManifest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from connectors.core.spec import Batch

WORLD = Path(__file__).with_name("volume.sql")
# The demo's season: what its seeds say of campaigns and dates holds for the volume too.
LAST_DAY = date(2011, 12, 6)
EPOCH = date(1970, 1, 1)
STREAMS = {
    "customers": ("database", "shop"),
    "products": ("database", "shop"),
    "orders": ("database", "shop"),
    "order_lines": ("database", "shop"),
    "consents": ("database", "shop"),
    "events": ("segment", "web"),
}
# What was told on a day and is not landed yet, and the identifiers found in it.
TABLES = """
    create table pending (
        stream text, day int, record_key text, record_at timestamp, payload text
    );
    create table found (stream text, day int, type text, raw text)
"""
# Events of a session on average, repeated deliveries included; the test holds it to a percent.
EVENTS_A_SESSION = 8.53
# Days are invented together up to this many events: more is no faster and needs more memory.
EVENTS_AT_ONCE = 250_000


@dataclass(frozen=True)
class Volume:
    """What was landed: rows by stream, and the clock of the run that follows the last landing."""

    rows: dict[str, int]
    days: int

    @property
    def as_of(self) -> datetime:
        """The clock at which the last day is landed."""
        return landed_at(LAST_DAY)


def landed_at(day: date) -> datetime:
    """When the records that arrived on a day are landed: at five past the midnight after it."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1, minutes=5)


def make(home: Path, events: int, days: int, seed: int = 2011) -> Volume:
    """Land `days` days up to `LAST_DAY` with about `events` web events in all, under `home`.

    The lake and the ledger's manifest are those that `Settings(home=home)` names; the batches
    count as checked. The same arguments give the same records.
    """
    settings = Settings(home=home)
    manifest = LedgerManifest(open_ledger(settings.ledger_url.get_secret_value()))
    lake, rows = Lake(settings.lake_root), Counter[str]()
    for batches in _landed(settings, lake, events // days, days, seed):
        manifest.commit(batches, [])
        manifest.mark_checked([batch.batch_id for batch in batches])
        for batch in batches:
            rows[batch.stream] += batch.rows
    return Volume(dict(rows), days)


def _landed(
    settings: Settings, lake: Lake, events_a_day: int, days: int, seed: int
) -> Iterator[list[Batch]]:
    """The batches of each day, written."""
    last = (LAST_DAY - EPOCH).days
    first, at_once = last - days + 1, max(1, EVENTS_AT_ONCE // events_a_day)
    with duckdb.connect(":memory:", config={"threads": settings.threads}) as world:
        _begin(world, seed, first, events_a_day)
        for start in range(first, last + 1, at_once):
            end = min(start + at_once, last + 1)
            world.execute(f"set variable from_day = {start}; set variable to_day = {end}")
            world.execute(WORLD.read_text(encoding="utf-8"))
            for day in range(start, end):
                yield _land_day(world, settings, lake, EPOCH + timedelta(days=day))
            # Rows that are deleted keep their memory, a table that is replaced does not.
            for table in ("pending", "found"):
                world.execute(f"create or replace table {table} as from {table} where day >= {end}")


def _begin(world: duckdb.DuckDBPyConnection, seed: int, first: int, events_a_day: int) -> None:
    variables = {
        "seed": seed,
        "first_day": first,
        "sessions_a_day": max(1, round(events_a_day / EVENTS_A_SESSION)),
        "people_at_start": max(100, events_a_day * 3 // 10),
        "people_a_day": max(1, events_a_day // 100),
    }
    for name, value in variables.items():
        world.execute(f"set variable {name} = {value}")
    world.execute(TABLES)


def _land_day(
    world: duckdb.DuckDBPyConnection, settings: Settings, lake: Lake, day: date
) -> list[Batch]:
    batches = []
    number = (day - EPOCH).days
    for stream, (vendor, source_id) in STREAMS.items():
        records = world.execute(
            "select record_key, record_at, 'upsert' as op, payload from pending"
            " where stream = $1 and day = $2 order by record_at, record_key",
            [stream, number],
        ).to_arrow_table()
        if not records.num_rows:
            continue
        name = BatchName(vendor, source_id, stream, landed_at(day), "", day.isoformat())
        batches.append(lake.write(name, records.cast(CHUNK).to_batches()))
        found = world.execute(
            "select distinct type, raw from found"
            " where stream = $1 and day = $2 and raw is not null order by all",
            [stream, number],
        ).fetchall()
        if found:
            batches.append(lake.write(_origin(name), [chunk(_identifiers(settings, found))]))
    return batches


def _origin(name: BatchName) -> BatchName:
    """The batch of the identifiers that were found in another one."""
    own = (OWN_VENDOR, IDENTIFIERS_SOURCE, IDENTIFIERS.name)
    part = f"{name.vendor}/{name.source_id}/{name.stream}"
    return BatchName(*own, name.landed_at, part, name.position)


def _identifiers(settings: Settings, found: list[tuple[str, str]]) -> list[Record]:
    key, country = settings.hash_key.get_secret_value(), settings.default_country
    records = []
    for type_, raw in found:
        known = (
            normalise_email(raw, key) if type_ == "email" else normalise_phone(raw, country, key)
        )
        record_key = hashlib.sha256(f"{type_}:{raw}".encode()).hexdigest()[:32]
        records.append(Record(record_key, None, "upsert", orjson.dumps(known).decode()))
    return records
