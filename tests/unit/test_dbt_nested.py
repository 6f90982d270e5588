"""A vendor is a folder and a line: one whose orders hold their lines and whose events change."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest
from days_kit import PROJECT, Record, build, land

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = (
    '{{ config(materialized="incremental", incremental_strategy=by_day(), '
    'partition_by="landed_on") }}\n'
)
OTHERS = """
{% macro others(kind, given) -%}
    {%- for column in columns_of(kind) if column not in given %}
    cast(null as {{ type_of(column) }}) as {{ column }},
    {%- endfor %}
{%- endmacro %}
"""
MODELS = {
    "orders": """
{% set fields = {"id": "text", "at": "text", "lines": [{"sku": "text", "quantity": "text"}]} %}
with records as (
    select *, {{ typed_json("payload", fields) }} as j from {{ lake("stall", "orders") }} as lake
)
select
    {{ lake_columns() }},
    {{ others("orders", ["order_id", "status", "ordered_at", "ordered_on"]) }}
    j.id as order_id,
    'paid' as status,
    {{ to_utc("j.at") }} as ordered_at,
    {{ day_of(to_utc("j.at")) }} as ordered_on,
    j.lines as lines,
    case when op = 'upsert' and j is null then 'not a JSON object' end as reject_reason,
    payload
from records
""",
    "order_lines": """
select
    source_id, id_space, batch_id, seq, landed_at, landed_on,
    concat(record_key, '/', item.sku) as record_key, record_at, op,
    {{ others("order_lines", ["line_id", "order_id", "product_id", "quantity", "is_nested"]) }}
    concat(record_key, '/', item.sku) as line_id,
    order_id,
    item.sku as product_id,
    {{ to_int("item.quantity") }} as quantity,
    true as is_nested,
    reject_reason,
    payload
from {{ staged_entries("stall", "orders", "lines") }}
""",
    "events": """
with records as (
    select *, {{ typed_json("payload", {"at": "text", "sku": "text"}) }} as j
    from {{ lake("stall", "events") }} as lake
)
select
    {{ lake_columns() }},
    {{ others("events", ["message_id", "event", "anonymous_id", "occurred_at", "occurred_on",
                         "product_id", "is_revisable"]) }}
    record_key as message_id,
    'Product Viewed' as event,
    'd1' as anonymous_id,
    {{ to_utc("j.at") }} as occurred_at,
    {{ day_of(to_utc("j.at")) }} as occurred_on,
    j.sku as product_id,
    true as is_revisable,
    cast(null as {{ dbt.type_string() }}) as reject_reason,
    payload
from records
""",
}
LINES, EVENTS = "intermediate.int_order_lines", "intermediate.int_web_events"
TABLES = (LINES, EVENTS, "staging.stg_stall__order_lines")


def order(key: str, day: int, **lines: int) -> Record:
    each = [{"sku": sku, "quantity": quantity} for sku, quantity in lines.items()]
    payload = {"id": key, "at": f"2011-12-0{day}T10:00:00Z", "lines": each}
    return key, "upsert", json.dumps(payload)


def event(key: str, day: int, sku: str) -> Record:
    return key, "upsert", json.dumps({"at": f"2011-12-0{day}T10:00:00Z", "sku": sku})


# A first load; an order that comes again with other lines and a day later, and one without any; a
# version that cannot be read, and a new order; then the first is deleted. Of the events, one moves
# to the next day, then another further, while the first changes once more.
RUNS: list[dict[str, list[Record]]] = [
    {
        "orders": [order("a", 1, cup=1, jug=1), order("b", 1, cup=5)],
        "events": [event("m1", 1, "cup"), event("m2", 1, "cup")],
    },
    {
        "orders": [order("a", 2, jug=2, pan=1), order("b", 1)],
        "events": [event("m1", 2, "jug")],
    },
    {
        "orders": [("a", "upsert", "{oops"), order("c", 1, cup=3)],
        "events": [event("m2", 4, "jug"), event("m1", 2, "pan")],
    },
    {"orders": [("a", "delete", "{}")]},
]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The dbt project with another vendor."""
    copy = tmp_path / "dbt_project"
    shutil.copytree(PROJECT, copy, ignore=shutil.ignore_patterns("target", "logs", "__pycache__"))
    folder = copy / "models/staging/stall"
    folder.mkdir()
    for kind, text in MODELS.items():
        (folder / f"stg_stall__{kind}.sql").write_text(CONFIG + text)
    (copy / "macros/others.sql").write_text(OTHERS)
    listed = copy / "macros/staged.sql"
    line = f'"stall": {json.dumps(list(MODELS))},\n        "parley": ['
    listed.write_text(listed.read_text().replace('"parley": [', line))
    return copy


def test_lines_and_revised_events_follow_the_newest_version_wherever_it_moves(
    project: Path, tmp_path: Path
) -> None:
    batches: list[dict[str, str]] = []
    told: list[tuple[list[str], list[str]]] = []
    for number, streams in enumerate(RUNS):
        batches += [land(tmp_path, number, name, each, "stall") for name, each in streams.items()]
        found = build(tmp_path / "days.duckdb", batches, project, TABLES)
        lines = [
            f"{row['ordered_on']:%d} {row['quantity']} {row['line_id']}" for row in found[LINES]
        ]
        events = [f"{row['occurred_on']:%d} {row['product_id']}" for row in found[EVENTS]]
        told.append((sorted(lines), sorted(events)))
    assert told == [
        (["01 1 a/cup", "01 1 a/jug", "01 5 b/cup"], ["01 cup", "01 cup"]),
        (["02 1 a/pan", "02 2 a/jug"], ["01 cup", "02 jug"]),
        (["01 3 c/cup", "02 1 a/pan", "02 2 a/jug"], ["02 pan", "04 jug"]),
        (["01 3 c/cup"], ["02 pan", "04 jug"]),
    ]
    assert found == build(tmp_path / "once.duckdb", batches, project, TABLES)
