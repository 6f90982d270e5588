"""Batches in a lake of a test, and the models built from them run after run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
from dbt_kit import PROJECT
from dbt_kit import build as run

# The tables that are rewritten by day.
TABLES = (
    "intermediate.int_orders",
    "intermediate.int_order_lines",
    "intermediate.int_identity_sightings",
    "intermediate.int_web_zones",
    "intermediate.int_day_choices",
    "marts.web_events",
    "marts.sessions",
)
VENDORS = {"events": "segment", "identifiers": "parley"}
Record = tuple[str, str, str]


def land(
    lake: Path, number: int, stream: str, records: list[Record], vendor: str | None = None
) -> dict[str, str]:
    """One batch in the lake, of the run of that number, as its row of the manifest."""
    vendor = vendor or VENDORS.get(stream, "database")
    batch, path = f"b{number}-{vendor}-{stream}", lake / f"{number}-{vendor}-{stream}.parquet"
    at = f"2011-12-{8 + number:02}"
    with duckdb.connect() as connection:
        connection.execute(
            "create table r (record_key varchar, op varchar, payload varchar, seq bigint)"
        )
        connection.executemany(
            "insert into r values (?, ?, ?, ?)", [(*r, n) for n, r in enumerate(records)]
        )
        connection.execute(
            f"copy (select *, '{batch}' as batch_id, cast(null as timestamp) as record_at, "
            f"timestamp '{at} 00:00:00' as landed_at from r) to '{path}' (format parquet)"
        )
    return {
        "batch_id": batch, "vendor": vendor, "source_id": vendor, "id_space": "main",
        "stream": stream, "landed_at": f"{at}T00:00:00Z", "path": str(path),
    }  # fmt: skip


def build(
    warehouse: Path,
    batches: list[dict[str, str]],
    project: Path = PROJECT,
    tables: tuple[str, ...] = TABLES,
) -> dict[str, list[dict[str, Any]]]:
    """Run the models on a warehouse; the rows of the tables, in order."""
    names = ["+" + table.split(".")[1] for table in tables]
    run(warehouse, batches, "2011-12-16T11:05:00Z", *names, "applied_batches", project=project)
    with duckdb.connect(str(warehouse)) as connection:
        return {
            table: connection.execute(f"from {table} order by all").to_arrow_table().to_pylist()
            for table in tables
        }
