"""Tables that are rewritten by day end up as if built at once, whatever comes late."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from days_kit import PROJECT, build, land

if TYPE_CHECKING:
    from pathlib import Path


def order(key: str, at: str, **fields: Any) -> tuple[str, str, str]:
    payload = {"order_id": key, "channel": "web", "currency": "GBP", "amount_minor": "100"}
    return key, "upsert", json.dumps({**payload, "ordered_at": at, **fields})


def line(key: str, order_id: str) -> tuple[str, str, str]:
    payload = {"line_id": key, "order_id": order_id, "product_id": "kettle", "quantity": "1"}
    return key, "upsert", json.dumps({**payload, "amount_minor": "100"})


def event(
    key: str, day: int, device: str = "d1", minutes: int = 0, **fields: Any
) -> tuple[str, str, str]:
    at = f"2011-12-0{day}T10:{minutes:02}:00Z"
    payload = {"type": "track", "event": "Product Viewed", "messageId": key, "anonymousId": device}
    stamped = {**payload, "originalTimestamp": at, "receivedAt": at}
    return key, "upsert", json.dumps({**stamped, **fields})


def context(zone: str, *, allows: bool) -> dict[str, Any]:
    """Of an event whose user told an email, where they are, and whether it may be written to."""
    consent = {"categoryPreferences": {"email_marketing": allows, "analytics": True}}
    return {"timezone": zone, "consent": consent, "traits": {"email": "ada@example.com"}}


def identifier(raw: str) -> tuple[str, str, str]:
    payload = {"type": "email", "raw": raw, "value": raw, "node_id": "e1", "is_valid": True}
    return raw, "upsert", json.dumps(payload)


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
        "events": [
            event("m3", 4),
            event("m1", 1, context=context("Europe/London", allows=True)),
            event("m2", 1, "other"),
        ],
        "identifiers": [identifier("ada@example.com")],
    },
    {
        "orders": [order("moves", "2011-12-02T10:00:00Z"), deleted("goes")],
        "order_lines": [line("d", "moves"), deleted("c")],
        # A copy by a sender whose clock stood still, and an event that joins two visits.
        "events": [
            event("m1", 3, context=context("Asia/Tokyo", allows=True)),
            event("m4", 1, minutes=20, context=context("Europe/Paris", allows=False)),
        ],
    },
    {
        "orders": [order("new", "2011-12-01T12:00:00Z"), deleted("moves")],
        "order_lines": [line("e", "new")],
        "events": [event("m5", 1, minutes=45)],
    },
    {"orders": [deleted("stays")], "order_lines": [deleted("e")]},
]


def test_what_moves_or_goes_or_comes_late_is_where_one_build_would_put_it(tmp_path: Path) -> None:
    batches: list[dict[str, str]] = []
    counts: list[list[int]] = []
    found: dict[str, list[dict[str, Any]]] = {}
    for number, streams in enumerate(RUNS):
        batches += [land(tmp_path, number, stream, records) for stream, records in streams.items()]
        found = build(tmp_path / "days.duckdb", batches)
        counts.append([len(rows) for rows in found.values()])
    # Orders, lines, sightings (by day of landing), zones, answers, events, sessions after each run.
    assert counts == [
        [3, 4, 3, 1, 1, 3, 3],
        [2, 2, 4, 1, 3, 4, 3],
        [2, 1, 5, 1, 3, 5, 3],
        [1, 0, 5, 1, 3, 5, 3],
    ]
    assert found == build(tmp_path / "once.duckdb", batches)


def test_a_run_of_nothing_new_changes_nothing(tmp_path: Path) -> None:
    batches = [land(tmp_path, 0, stream, records) for stream, records in RUNS[0].items()]
    first = build(tmp_path / "days.duckdb", batches)
    assert build(tmp_path / "days.duckdb", batches) == first


@pytest.mark.parametrize("path", sorted((PROJECT / "models").rglob("*.sql")), ids=lambda p: p.stem)
def test_the_days_that_are_cleared_are_the_days_that_are_written(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    cleared = re.findall(r"clear_days\('\w+', (touched_days\(.*\))\) }}", text)
    written = re.findall(r"set days = (touched_days\(.*\)) %}", text)
    assert [call.replace("'", '"') for call in cleared] == written


def test_batches_are_applied_after_every_table_that_is_rewritten_by_day() -> None:
    """A batch that is taken for applied too early leaves its days as they were, for good."""
    models = PROJECT / "models"
    by_day = {
        path.stem
        for path in models.rglob("*.sql")
        if "clear_days('" in path.read_text(encoding="utf-8")
    }
    applied = (models / "intermediate/applied_batches.sql").read_text(encoding="utf-8")
    named = set(re.findall(r'ref\("(\w+)"\)', applied))
    # The last table of a chain stands for those before it.
    assert by_day - named == {"int_identity_sightings", "int_web_events"}
