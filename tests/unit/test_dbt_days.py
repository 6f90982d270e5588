"""Tables that are rewritten by day end up as if built at once, whatever comes late."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import duckdb
import pytest

PROJECT = Path(__file__).parents[2] / "dbt_project"
SELECTED = "+int_order_lines"


def order(key: str, at: str, **fields: Any) -> tuple[str, str, str]:
    payload = {"order_id": key, "channel": "web", "currency": "GBP", "amount_minor": "100"}
    return key, "upsert", json.dumps({**payload, "ordered_at": at, **fields})


def line(key: str, order_id: str) -> tuple[str, str, str]:
    payload = {"line_id": key, "order_id": order_id, "product_id": "kettle", "quantity": "1"}
    return key, "upsert", json.dumps({**payload, "amount_minor": "100"})


def deleted(key: str) -> tuple[str, str, str]:
    return key, "delete", "{}"


# What each run lands: a first load; an order that moves to another day, one that is deleted and a
# line that moves; then something on the day that they left.
RUNS: list[dict[str, list[tuple[str, str, str]]]] = [
    {
        "orders": [order(k, "2011-12-01T10:00:00Z") for k in ("moves", "goes", "stays")],
        "order_lines": [
            line("a", "moves"),
            line("b", "goes"),
            line("c", "stays"),
            line("d", "stays"),
        ],
    },
    {
        "orders": [order("moves", "2011-12-02T10:00:00Z"), deleted("goes")],
        "order_lines": [line("d", "moves"), deleted("c")],
    },
    {"orders": [order("new", "2011-12-01T12:00:00Z")], "order_lines": [line("e", "new")]},
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
        "batch_id": batch, "vendor": "database", "source_id": "shop", "id_space": "main",
        "stream": stream, "path": str(path),
    }  # fmt: skip


def build(
    warehouse: Path, batches: list[dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> list[Any]:
    """Run the models on a warehouse; what the lines and their orders are then."""
    monkeypatch.setenv("PARLEY_WAREHOUSE_PATH", str(warehouse))
    target = str(warehouse.with_suffix(""))
    done = import_module("dbt.cli.main").dbtRunner().invoke([
        "--quiet", "build", "--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT),
        "--target-path", target, "--log-path", target,
        "--exclude-resource-type", "test", "unit_test",
        "--select", SELECTED, "applied_batches",
        "--vars", json.dumps({"as_of": "2011-12-06T11:05:00Z", "batches": batches}),
    ])  # fmt: skip
    assert done.success, done.exception
    with duckdb.connect(str(warehouse)) as connection:
        return connection.execute(
            "select o.order_id, o.ordered_on, l.line_id, l.ordered_on "
            "from intermediate.int_orders as o "
            "full join intermediate.int_order_lines as l using (order_key) order by all"
        ).fetchall()


def test_orders_and_lines_that_move_or_go_are_where_one_build_would_put_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches: list[dict[str, str]] = []
    found: list[Any] = []
    for number, streams in enumerate(RUNS):
        batches += [land(tmp_path, number, stream, records) for stream, records in streams.items()]
        found = build(tmp_path / "days.duckdb", batches, monkeypatch)
    assert [(row[0], row[1].day, row[2]) for row in found] == [
        ("moves", 2, "a"), ("moves", 2, "d"), ("new", 1, "e"), ("stays", 1, None),
    ]  # fmt: skip
    assert found == build(tmp_path / "once.duckdb", batches, monkeypatch)
