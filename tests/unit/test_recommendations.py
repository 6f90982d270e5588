"""What is recommended: what goes with what they have, for a reason, whatever comes later."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
from days_kit import land
from dbt_kit import build

if TYPE_CHECKING:
    from pathlib import Path

MORNING, EVENING = "2011-12-09T09:00:00Z", "2011-12-09T20:00:00Z"
RECOMMENDED = "select * from marts.recommendations order by all"
PAIRS = """
    select a.product_id, b.product_id, p.cosine
    from intermediate.int_item_pairs as p
    inner join intermediate.int_item_stats as i on p.item_no = i.item_no and i.is_now
    inner join intermediate.int_item_stats as n on p.neighbour_no = n.item_no
    inner join marts.products as a on i.product_key = a.product_key
    inner join marts.products as b on n.product_key = b.product_key
    order by all
"""
FORMULAS = "select * from intermediate.int_recommend_formulas order by all"
CATALOGUE = {
    "tea": ("drinks", 1), "cup": ("kitchen", 1), "kettle": ("kitchen", 0), "card": ("paper", 1),
    "test": ("pregnancy_tests", 1),
}  # fmt: skip
Records = dict[str, list[tuple[str, str, str]]]


def record(key: str, **fields: Any) -> tuple[str, str, str]:
    return key, "upsert", json.dumps(fields)


def ordered(number: int, customer: str, at: str, *items: str) -> Records:
    """An order, at a time of 2011, and its lines."""
    order = f"o{number}"
    paid = {"channel": "web", "status": "completed", "currency": "GBP", "amount_minor": "100"}
    return {
        "orders": [
            record(order, order_id=order, customer_id=customer, ordered_at=f"2011-{at}:00Z", **paid)
        ],
        "order_lines": [
            record(f"{order}-{item}", line_id=f"{order}-{item}", order_id=order, product_id=item,
                   quantity="1", amount_minor="100")
            for item in items
        ],
    }  # fmt: skip


def said(key: str, user: str, at: str, topic: str, answer: str) -> tuple[str, str, str]:
    moment = f"2011-{at}:00Z"
    times = {"originalTimestamp": moment, "receivedAt": moment}
    body = {"type": "track", "event": "Survey Answered", "messageId": key, "userId": user}
    return record(key, **body, **times, properties={"topic": topic, "answer": answer})


def joined(*parts: Records) -> Records:
    streams = {name for part in parts for name in part}
    return {name: [row for part in parts for row in part.get(name, [])] for name in streams}


def history() -> Records:
    """Twelve who buy tea together with much else; Ada buys tea every ten days; Ben likes paper."""
    products = [
        record(key, product_id=key, name=key.upper(), category=category, price_minor=1,
               currency="GBP", in_stock=in_stock)
        for key, (category, in_stock) in CATALOGUE.items()
    ]  # fmt: skip
    others = [
        ordered(n, f"c{n}", f"11-{n + 1:02}T10:00", "tea", "cup", "kettle", "test")
        for n in range(12)
    ]
    cards = [ordered(20 + n, f"c{n}", f"12-0{n + 1}T10:00", "card") for n in range(3)]
    ada = [
        ordered(30 + n, "ada", at, "tea")
        for n, at in enumerate(["11-10T10:00", "11-20T10:00", "11-30T10:00"])
    ]
    likes = {"events": [said("s1", "ben", "12-01T10:00", "paper", "interested")]}
    return joined({"products": products}, *others, *cards, *ada, likes)


def later() -> Records:
    """A purchase at noon of the run's day, and words and purchases of the week after it."""
    noon = ordered(40, "c1", "12-09T12:00", "tea", "card", "cup")
    after = [ordered(50 + n, f"c{n}", "12-15T10:00", "card", "tea") for n in range(12)]
    bought = ordered(70, "ada", "12-15T10:00", "cup")
    words = {"events": [said("s2", "ben", "12-15T10:00", "paper", "not_interested")]}
    return joined(noon, *after, bought, words)


def tables(folder: Path, as_of: str, *landed: Records) -> dict[str, list[dict[str, Any]]]:
    """Build the recommendations of a moment; as rows, what shows."""
    folder.mkdir()
    # What came later landed later: no source is believed that its rows lie ahead of their landing.
    batches = [
        land(folder, 8 * number, stream, records)
        for number, streams in enumerate(landed)
        for stream, records in streams.items()
    ]
    warehouse = folder / "recommendations.duckdb"
    build(warehouse, batches, as_of, "+recommendations")
    with duckdb.connect(str(warehouse)) as connection:
        queries = {"recommended": RECOMMENDED, "pairs": PAIRS, "formulas": FORMULAS}
        return {
            name: connection.execute(query).to_arrow_table().to_pylist()
            for name, query in queries.items()
        }


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The morning's tables, without and with what came later, and the evening's."""
    folder = tmp_path_factory.mktemp("recommendations")
    return {
        "morning": tables(folder / "morning", MORNING, history()),
        "known": tables(folder / "known", MORNING, history(), later()),
        "evening": tables(folder / "evening", EVENING, history(), later()),
    }


def offered(rows: list[dict[str, Any]], kind: str, person_of: str) -> dict[str, str]:
    """What is offered, and why, to whoever has a recommendation with this reason."""
    [person] = {row["person_id"] for row in rows if row["reason"] == person_of}
    return {
        row["product_id"]: row["reason"]
        for row in rows
        if row["person_id"] == person and row["kind"] == kind
    }


def test_what_goes_with_what_they_have_is_offered_and_what_they_have_is_due(
    built: dict[str, Any],
) -> None:
    rows = built["morning"]["recommended"]
    new = offered(rows, "new", "time to refill TEA")
    assert new == {"cup": "bought with TEA", "card": "popular in paper"}
    assert offered(rows, "repeat", "time to refill TEA") == {"tea": "time to refill TEA"}


def test_nobody_is_offered_what_is_out_of_stock_or_sensitive(built: dict[str, Any]) -> None:
    names = {row["product_id"] for rows in built.values() for row in rows["recommended"]}
    assert names == {"tea", "cup", "card"}


def test_who_never_bought_is_offered_what_they_said_they_like_first(built: dict[str, Any]) -> None:
    rows = built["morning"]["recommended"]
    ben = offered(rows, "new", "you said you like paper")
    assert ben == {
        "card": "you said you like paper", "tea": "popular in drinks", "cup": "popular in kitchen",
    }  # fmt: skip
    assert offered(rows, "repeat", "you said you like paper") == {}


def test_ranks_run_from_one_without_a_gap(built: dict[str, Any]) -> None:
    ranks: dict[tuple[str, str], list[int]] = {}
    for row in built["evening"]["recommended"]:
        ranks.setdefault((row["person_id"], row["kind"]), []).append(row["rank"])
    assert all(sorted(each) == list(range(1, len(each) + 1)) for each in ranks.values())


def test_what_happens_after_the_run_changes_nothing(built: dict[str, Any]) -> None:
    assert built["known"] == built["morning"]


def test_pairs_and_formulas_are_those_of_the_start_of_the_day(built: dict[str, Any]) -> None:
    assert built["evening"]["recommended"] != built["morning"]["recommended"]
    assert built["evening"]["pairs"] == built["morning"]["pairs"] != []
    assert built["evening"]["formulas"] == built["morning"]["formulas"]


def test_formulas_are_judged_by_what_was_bought_in_the_fourteen_days_before(
    built: dict[str, Any],
) -> None:
    judged = {row["formula"]: row for row in built["morning"]["formulas"]}
    assert {row["kind"] for row in judged.values() if row["is_chosen"]} == {"repeat", "new"}
    # Ada bought tea again; three bought a card, which nobody had bought before.
    assert judged["habit"]["people"] == 1
    assert judged["habit"]["recall"] == 1
    assert judged["blend"]["people"] == 3
    assert judged["blend"]["recall"] == 0
