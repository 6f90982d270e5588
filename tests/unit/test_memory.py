"""What people said is remembered, obeyed and passed on without telling of anybody."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from days_kit import build, land

if TYPE_CHECKING:
    from pathlib import Path

TABLES = (
    *("intermediate.int_said", "intermediate.int_refusals"),
    *("marts.memory", "marts.person_memory", "marts.voice"),
)
CANARIES = ("canary", "7700", "900123", "example.com")
ADDRESS = "Write to ada.canary@example.com"
PHONE = "Ring Ada Canary: 07700 900 123"


def said(key: str, user: str, event: str, at: str = "01", **properties: Any) -> tuple[str, ...]:
    """A server's call about what a user said on a day of December 2011."""
    moment = f"2011-12-{at}T10:00:00Z"
    body = {"type": "track", "event": event, "messageId": key, "userId": user}
    times = {"originalTimestamp": moment, "receivedAt": moment}
    return key, "upsert", json.dumps({**body, **times, "properties": properties})


def review(key: str, user: str, words: str, rating: int = 2, at: str = "05") -> tuple[str, ...]:
    return said(
        key, user, "Product Reviewed", at, product_id="kettle", rating=rating, review_body=words
    )


def product(key: str, category: str) -> tuple[str, str, str]:
    row = {"product_id": key, "name": key.upper(), "category": category, "price_minor": 1}
    return key, "upsert", json.dumps({**row, "currency": "GBP", "in_stock": 1})


def order(key: str, customer: str, status: str = "completed") -> tuple[str, str, str]:
    row = {"order_id": key, "customer_id": customer, "channel": "web", "status": status}
    money = {"currency": "GBP", "amount_minor": "100"}
    return key, "upsert", json.dumps({**row, **money, "ordered_at": "2011-12-01T10:00:00Z"})


def line(order_id: str, product_id: str) -> tuple[str, str, str]:
    row = {"line_id": order_id, "order_id": order_id, "product_id": product_id, "quantity": "1"}
    return order_id, "upsert", json.dumps({**row, "amount_minor": "100"})


# What each run lands: words, purchases and canaries; then second thoughts, a word that comes
# late, a return and the third who says the same; then nothing of them.
RUNS: list[dict[str, list[Any]]] = [
    {
        "products": [product("kettle", "kitchen"), product("card", "paper")],
        "orders": [order("o1", "u1"), order("o2", "u2")],
        "order_lines": [line("o1", "kettle"), line("o2", "card")],
        "events": [
            said("s1", "u1", "Survey Answered", topic="kitchen", answer="not_interested"),
            said("s2", "u2", "Survey Answered", "03", topic="paper", answer="interested"),
            said("s3", "u2", "Call Completed", outcome="not_by_phone", comment=PHONE),
            said("s4", "u3", "Preference Updated", topic="frequency", answer="monthly"),
            said("s5", "u3", "Reply Received", topic="paper", answer=ADDRESS),
            said("s6", "u3", "Products Searched", query="ada.canary@example.com"),
            said("s7", "u4", "Call Completed", outcome=PHONE, topic="paper"),
            said("s10", "u4", "Reply Received", product_id="card", answer="Not interested"),
            said("s11", "u4", "Preference Updated", topic="email", answer="not_interested"),
            review("r1", "u1", "It leaks!"),
            review("r2", "u2", "it  leaks"),
            *(review(f"a{n}", f"u{n}", ADDRESS) for n in range(1, 5)),
            review("p1", "u1", "Ask for Ada Canary in your shop"),
            *(review(f"same{n}", "u2", "Ask for Ada Canary in your shop") for n in range(3)),
        ],
    },
    {
        "orders": [order("o2", "u2", "refunded")],
        "events": [
            said("s8", "u1", "Reply Received", "04", topic="kitchen", answer="Interested"),
            said("s9", "u2", "Survey Answered", "02", topic="paper", answer="not_interested"),
            said("s12", "u4", "Preference Updated", "06", topic="email", answer="interested"),
            review("r3", "u3", "It leaks."),
        ],
    },
    {"events": [said("m9", "u1", "Product Viewed", "06", product_id="kettle")]},
]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The tables after each run, and after one build of everything."""
    folder: Path = tmp_path_factory.mktemp("memory")
    batches: list[dict[str, str]] = []
    steps = []
    for number, streams in enumerate(RUNS):
        batches += [land(folder, number, name, records) for name, records in streams.items()]
        steps.append(build(folder / "days.duckdb", batches, tables=TABLES))
    once = build(folder / "once.duckdb", batches, tables=TABLES)
    return {"steps": steps, "once": once}


def facts(tables: dict[str, Any], fact: str) -> set[tuple[str, str, str, bool]]:
    """Of a fact about topics: kind, topic, value, and whether it holds."""
    rows = [r for r in tables["marts.memory"] if r["fact"] == fact and r["product_key"] is None]
    return {(r["kind"], r["topic"], r["value"], r["is_current"]) for r in rows}


def cell(tables: dict[str, Any], **of: Any) -> dict[str, Any]:
    [row] = [r for r in tables["marts.voice"] if of.items() <= r.items()]
    return dict(row)


def test_days_of_statements_end_up_as_if_built_at_once(built: dict[str, Any]) -> None:
    assert built["steps"][-1] == built["once"]
    assert built["steps"][1] == built["steps"][2]


def test_a_later_yes_lifts_a_no_and_a_no_that_comes_late_lifts_nothing(
    built: dict[str, Any],
) -> None:
    first, second = (facts(step, "interest") for step in built["steps"][:2])
    assert ("said", "kitchen", "not_interested", True) in first
    # What was bought in a topic counts only as long as nothing was stated.
    assert ("did", "kitchen", "interested", False) in first
    assert ("said", "kitchen", "interested", True) in second
    assert ("said", "paper", "interested", True) in first & second
    assert not {f for f in second if f[2] == "not_interested"}


def test_refusals_are_taken_from_calls_replies_and_preferences_until_they_are_lifted(
    built: dict[str, Any],
) -> None:
    first, second = (
        {(row["refused"], row["what"]) for row in step["intermediate.int_refusals"]}
        for step in built["steps"][:2]
    )
    [card] = [r["product_key"] for r in built["once"]["marts.memory"] if r["product_key"]
              and r["fact"] == "interest"]  # fmt: skip
    kept = {("channel", "call"), ("product", card)}
    assert first == kept | {("topic", "kitchen"), ("channel", "email")}
    assert second == kept


def test_what_came_back_is_no_purchase_any_more(built: dict[str, Any]) -> None:
    first, second = built["steps"][:2]
    assert ("did", "paper", "CARD", True) in facts(first, "bought")
    assert ("did", "paper", "CARD", True) in facts(second, "returned")
    assert ("did", "paper", "CARD", True) not in facts(second, "bought")
    assert ("did", "paper", "interested", False) not in facts(second, "interest")


def test_how_and_how_often_is_remembered(built: dict[str, Any]) -> None:
    last = built["once"]
    assert ("said", "phone", "not_interested", True) in facts(last, "contact")
    assert facts(last, "frequency") == {("said", "newsletter", "monthly", True)}
    texts = [row["memory"] for row in last["marts.person_memory"]]
    assert all(set(json.loads(text)) >= {"likes", "not_by", "newsletter"} for text in texts)
    assert {"phone"} == {row["not_by"] for row in last["marts.person_memory"]} - {None}


def test_words_are_quoted_when_a_third_person_says_the_same(built: dict[str, Any]) -> None:
    first, second = built["steps"][:2]
    assert cell(first, source="review")["examples"] is None
    reviews = cell(second, source="review")
    assert (reviews["examples"], reviews["topic"]) == ("it leaks", "kitchen")
    assert (reviews["statements"], reviews["people"], reviews["share_negative"]) == (11, 4, 1)


def test_no_name_or_address_of_a_comment_leaves_it(built: dict[str, Any]) -> None:
    """The words of two people name somebody, one says them thrice; four said the same address."""
    for table in ("marts.memory", "marts.person_memory", "marts.voice"):
        told = json.dumps(built["once"][table], default=str).lower()
        assert not [canary for canary in CANARIES if canary in told], table
