"""How a call or a meeting ended comes back as a file, is remembered, and is obeyed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from days_kit import build, land
from history_kit import judged

ADA, BEN = "ada@example.com", "+44 20 7946 0001"
TABLES = ("intermediate.int_said", "intermediate.int_refusals", "marts.memory")
ROWS = [
    {"phone": BEN, "outcome": "Declined", "topic": "Kitchen", "happened_at": "2011-12-06 10:00"},
    {"phone": BEN, "outcome": "do not call", "happened_at": "2011-12-06 10:00"},
    {"email": ADA, "channel": "visit", "outcome": "positive", "topic": "kitchen",
     "happened_at": "2011-12-05"},
    {"email": ADA, "outcome": "No answer", "happened_at": "2011-12-06 11:00"},
]  # fmt: skip


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    folder = tmp_path_factory.mktemp("outcomes")
    outcomes = [
        (str(n), "upsert", json.dumps({"problem": None, **judged("outcomes", **row).fields}))
        for n, row in enumerate(ROWS)
    ]
    identifiers = [
        (raw, "upsert", json.dumps({
            "type": kind, "raw": raw, "value": raw, "address": raw, "node_id": kind,
            "is_valid": True,
        }))
        for kind, raw in (("email", ADA), ("phone", BEN))
    ]  # fmt: skip
    batches = [
        land(folder, 0, "outcomes", outcomes, "history"),
        land(folder, 0, "identifiers", identifiers),
    ]
    return build(folder / "days.duckdb", batches, tables=TABLES)


def test_an_outcome_becomes_memory(built: dict[str, list[dict[str, Any]]]) -> None:
    said = {(row["source"], row["call_result"], row["topic"]) for row in built[TABLES[0]]}
    assert said == {
        ("call", "not_interested", "kitchen"), ("call", "not_by_phone", None),
        ("meeting", "interested", "kitchen"), ("call", "no_answer", None),
    }  # fmt: skip
    memory = {(row["fact"], row["topic"], row["value"]) for row in built[TABLES[2]]}
    assert memory == {
        ("interest", "kitchen", "not_interested"), ("contact", "phone", "not_interested"),
        ("interest", "kitchen", "interested"), ("outcome", "general", "no_answer"),
    }  # fmt: skip


def test_who_was_not_interested_on_the_phone_is_not_asked_about_it_again(
    built: dict[str, list[dict[str, Any]]],
) -> None:
    """Only that person, only that topic; who wants no calls gets none."""
    refusals = {(row["refused"], row["what"]) for row in built[TABLES[1]]}
    assert refusals == {("topic", "kitchen"), ("channel", "call")}
    assert len({row["person_id"] for row in built[TABLES[1]]}) == 1


def test_a_row_without_an_outcome_a_time_or_an_address_is_rejected() -> None:
    whole = ROWS[0]
    for column, why in (
        ("outcome", "outcome is missing"),
        ("happened_at", "happened_at is missing"),
        ("phone", "it names no phone"),
    ):
        without = {name: value for name, value in whole.items() if name != column}
        assert judged("outcomes", **without).problem == why
    assert judged("outcomes", **whole, channel="smoke").problem == "channel is not call or meeting"
    assert judged("outcomes", **{**whole, "outcome": "Wants blue"}).fields["outcome"] == (
        "Wants blue"
    )
