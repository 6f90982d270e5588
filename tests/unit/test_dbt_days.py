"""Tables that are rewritten by day end up as if built at once, whatever comes late."""

from __future__ import annotations

import json
import re
from importlib import import_module
from pathlib import Path
from typing import Any

import duckdb
import pytest

PROJECT = Path(__file__).parents[2] / "dbt_project"
TABLES = (
    "intermediate.int_orders",
    "intermediate.int_order_lines",
    "marts.web_events",
    "marts.sessions",
)


def order(key: str, at: str, **fields: Any) -> tuple[str, str, str]:
    payload = {"order_id": key, "channel": "web", "currency": "GBP", "amount_minor": "100"}
    return key, "upsert", json.dumps({**payload, "ordered_at": at, **fields})


def line(key: str, order_id: str) -> tuple[str, str, str]:
    payload = {"line_id": key, "order_id": order_id, "product_id": "kettle", "quantity": "1"}
    return key, "upsert", json.dumps({**payload, "amount_minor": "100"})


def event(key: str, day: int, device: str = "d1", minutes: int = 0) -> tuple[str, str, str]:
    at = f"2011-12-0{day}T10:{minutes:02}:00Z"
    payload = {"type": "track", "event": "Product Viewed", "messageId": key, "anonymousId": device}
    return key, "upsert", json.dumps({**payload, "originalTimestamp": at, "receivedAt": at})


def deleted(key: str) -> tuple[str, str, str]:
    return key, "delete", "{}"


# What each run lands: a first load; an order that moves to another day, one that is deleted and a
# line that moves; then something on the day that they left, and the one that had moved goes, the
# only one of its day; then nothing but deletions.
RUNS: list[dict[str, list[tuple[str, str, str]]]] = [
    {
        "orders": [order(k, "2011-12-01T10:00:00Z") for k in ("moves", "goes", "stays")],
        "order_lines": [
            line("a", "moves"),
            line("b", "goes"),
            line("c", "stays"),
            line("d", "stays"),
        ],
        "events": [event("m3", 4), event("m1", 1), event("m2", 1, "other")],
    },
    {
        "orders": [order("moves", "2011-12-02T10:00:00Z"), deleted("goes")],
        "order_lines": [line("d", "moves"), deleted("c")],
        # A copy by a sender whose clock stood still, and an event that joins two visits.
        "events": [event("m1", 3), event("m4", 1, minutes=20)],
    },
    {
        "orders": [order("new", "2011-12-01T12:00:00Z"), deleted("moves")],
        "order_lines": [line("e", "new")],
        "events": [event("m5", 1, minutes=45)],
    },
    {"orders": [deleted("stays")], "order_lines": [deleted("e")]},
]


def land(
    lake: Path, number: int, stream: str, records: list[tuple[str, str, str]]
) -> dict[str, str]:
    """One batch in the lake, as its row of the manifest."""
    batch, path = f"b{number}-{stream}", lake / f"{number}-{stream}.parquet"
    with duckdb.connect() as connection:
        connection.execute(
            "create table r (record_key varchar, op varchar, payload varchar, seq bigint)"
        )
        connection.executemany(
            "insert into r values (?, ?, ?, ?)", [(*r, n) for n, r in enumerate(records)]
        )
        connection.execute(
            f"copy (select *, '{batch}' as batch_id, cast(null as timestamp) as record_at, "
            f"timestamp '2011-12-0{3 + number} 00:00:00' as landed_at from r) "
            f"to '{path}' (format parquet)"
        )
    return {
        "batch_id": batch, "vendor": "segment" if stream == "events" else "database",
        "source_id": "shop", "id_space": "main", "stream": stream,
        "landed_at": f"2011-12-0{3 + number}T00:00:00Z", "path": str(path),
    }  # fmt: skip


def build(
    warehouse: Path, batches: list[dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> dict[str, list[Any]]:
    """Run the models on a warehouse; the rows of the tables that are rewritten by day."""
    monkeypatch.setenv("PARLEY_WAREHOUSE_PATH", str(warehouse))
    target = str(warehouse.with_suffix(""))
    done = import_module("dbt.cli.main").dbtRunner().invoke([
        "--quiet", "build", "--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT),
        "--target-path", target, "--log-path", target,
        "--exclude-resource-type", "test", "unit_test",
        "--select", "+int_order_lines", "+sessions", "+int_web_links", "applied_batches",
        "--vars", json.dumps({"as_of": "2011-12-06T11:05:00Z", "batches": batches}),
    ])  # fmt: skip
    assert done.success, done.exception
    with duckdb.connect(str(warehouse)) as connection:
        return {
            table: connection.execute(f"from {table} order by all").fetchall() for table in TABLES
        }


def test_what_moves_or_goes_or_comes_late_is_where_one_build_would_put_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches: list[dict[str, str]] = []
    counts: list[list[int]] = []
    found: dict[str, list[Any]] = {}
    for number, streams in enumerate(RUNS):
        batches += [land(tmp_path, number, stream, records) for stream, records in streams.items()]
        found = build(tmp_path / "days.duckdb", batches, monkeypatch)
        counts.append([len(rows) for rows in found.values()])
    # Orders, lines, events, sessions after each run.
    assert counts == [[3, 4, 3, 3], [2, 2, 4, 3], [2, 1, 5, 3], [1, 0, 5, 3]]
    assert found == build(tmp_path / "once.duckdb", batches, monkeypatch)


def test_a_run_of_nothing_new_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches = [land(tmp_path, 0, stream, records) for stream, records in RUNS[0].items()]
    first = build(tmp_path / "days.duckdb", batches, monkeypatch)
    assert build(tmp_path / "days.duckdb", batches, monkeypatch) == first


@pytest.mark.parametrize("path", sorted((PROJECT / "models").rglob("*.sql")), ids=lambda p: p.stem)
def test_the_days_that_are_cleared_are_the_days_that_are_written(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    cleared = re.findall(r"clear_days\('\w+', (touched_days\(.*\))\) }}", text)
    written = re.findall(r"set days = (touched_days\(.*\)) %}", text)
    assert [call.replace("'", '"') for call in cleared] == written
