"""Scores by category and campaign add up, know no future, and are learned as they are made."""

from __future__ import annotations

import json
import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any

import duckdb
import pytest
from days_kit import Record, land
from dbt_kit import PROJECT, build, environment
from records_kit import event, iso, line, order, product

SEED = 1_412
# The start of a day, as learning has it; the seed's campaign runs.
NOW = datetime(2011, 12, 8, tzinfo=UTC)
FIRST = NOW - timedelta(days=90)
CAMPAIGN = "winter_2011"
CATEGORIES = 30
MOST_NEW = 25
MODELS = ("+category_intent", "+response_scores", "+applied_batches")
TABLES = {
    "categories": "from marts.category_intent order by all",
    "campaigns": "from marts.response_scores order by all",
}
# A model as runs build it, beside the same from the days alone, as weights are learned.
LEARNED = """
    with moments as (select {{ as_of() }} as as_of),
    weights as (select * from {{ ref("int_weights") }}),
    pairs as ({{ pairs_behind("weights") }}),
    days as ({{ terms_at("moments", "pairs") }}),
    campaigns as ({{ campaigns_at("moments") }}),
    offered as ({{ offered_at("moments") }}),
    by_category as ({{ category_terms("days", "weights") }}),
    by_campaign as ({{ campaign_terms("days", "campaigns", "offered", "weights") }}),
    learned as (select * from by_category union all select * from by_campaign),
    served as (
        select * from {{ ref("int_category_terms") }}
        union all
        select * from {{ ref("int_campaign_terms") }}
    )
    select
        count(*) as rows,
        count(*) filter (where s.term is null or l.term is null) as missing,
        max(abs(s.term - l.term)) as difference
    from served as s
    full outer join learned as l
        on
            s.as_of = l.as_of and s.person_id = l.person_id and s.topic = l.topic
            and s.goal = l.goal and s.signal = l.signal and s.half_life_days = l.half_life_days
"""


def happenings(dice: random.Random) -> dict[str, list[Record]]:
    """Sixty customers with a taste each; some look around, some answer campaigns."""
    orders: list[Record] = []
    lines: list[Record] = []
    events: list[Record] = []
    for n in range(240):
        at = FIRST + (NOW - FIRST) * dice.random()
        user, key = dice.randrange(60), f"o{n}"
        extra = {"discount_minor": "100"} if dice.random() < 0.2 else {}
        orders.append(order(key, at, f"u{user}", **extra))
        picked = [(user + round(dice.gauss(0, 3))) % CATEGORIES for _ in range(3)]
        lines += [line(f"{key}-{m}", key, f"p{each}") for m, each in enumerate(picked)]
    for n in range(120):
        at = FIRST + (NOW - FIRST) * dice.random()
        name = dice.choice(["Product Viewed", "Coupon Applied"])
        campaign = dice.choice(["", CAMPAIGN, "autumn_2011"])
        thing = f"p{dice.randrange(CATEGORIES)}"
        user = f"u{dice.randrange(70)}"
        events.append(event(f"e{n}", at, user, name, campaign, product_id=thing))
    made = iso(NOW - timedelta(days=9))
    products = [product(f"p{n}", f"c{n}") for n in range(CATEGORIES)]
    products += [product(f"new{n}", f"c{n // 2}", created_at=made) for n in range(6)]
    return {"orders": orders, "order_lines": lines, "events": events, "products": products}


@pytest.fixture(scope="module")
def landed(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, str]]:
    lake, found = tmp_path_factory.mktemp("lake"), happenings(random.Random(SEED))
    return [land(lake, 0, stream, rows) for stream, rows in found.items()]


@pytest.fixture(scope="module")
def warehouse(landed, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("topics") / "topics.duckdb"
    build(path, landed, iso(NOW), *MODELS)
    return path


def rows(warehouse: Path, query: str) -> list[dict[str, Any]]:
    with duckdb.connect(str(warehouse)) as connection:
        return connection.execute(query).to_arrow_table().to_pylist()


def test_contributions_of_every_score_add_up_to_it(warehouse: Path) -> None:
    said: set[str] = set()
    for query in TABLES.values():
        scores = rows(warehouse, query)
        assert len(scores) > 60
        for score in scores:
            parts = json.loads(score["contributions"], parse_float=Decimal)
            logit = sum(parts.values(), Decimal())
            odds = Decimal(1) / (1 + (-logit).exp())
            assert abs(odds - score["probability"]) <= Decimal("0.000001")
            said |= set(parts)
    assert said >= {"intercept", "category_bought", "category_viewed", "popular", "near"}
    assert said >= {"coupon_redeemed", "campaign_answered", "affinity_offered", "coupon_day"}


def test_category_is_scored_once_and_is_new_where_it_was_never_bought(warehouse: Path) -> None:
    scores = rows(warehouse, TABLES["categories"])
    counts = Counter((score["person_id"], score["category"]) for score in scores)
    assert set(counts.values()) == {1}
    bought = rows(
        warehouse,
        "select distinct n.person_id, d.topic from intermediate.int_signal_days as d"
        " inner join marts.people_nodes as n on d.node_id = n.node_id"
        " where d.signal = 'category_bought'",
    )
    again = {(s["person_id"], s["category"]) for s in scores if not s["is_new"]}
    assert again == {(each["person_id"], each["topic"]) for each in bought}


def test_new_categories_are_those_with_the_most_buyers_or_that_were_looked_at(
    warehouse: Path,
) -> None:
    scores = rows(warehouse, TABLES["categories"])
    new = Counter(score["category"] for score in scores if score["is_new"])
    buyers = Counter(score["category"] for score in scores if not score["is_new"])
    largest = sorted(buyers, key=lambda category: (-buyers[category], category))[:MOST_NEW]
    assert len(buyers) == CATEGORIES
    people = len({score["person_id"] for score in scores if not score["is_new"]})
    # Whoever buys at all has each of the largest, bought or not; others only as far as they looked.
    assert all(new[category] + buyers[category] >= people for category in largest)
    assert all(new[c] + buyers[c] < people for c in set(buyers) - set(largest))


def test_future_rows_change_no_score(warehouse: Path, landed, tmp_path: Path) -> None:
    """All of the future is landed already; asked for the past, scores are as they were then."""
    later = NOW + timedelta(minutes=1)
    lines = [line(f"f{n}-{n}", f"f{n}", f"p{n}") for n in range(9)]
    more = {
        "orders": [order(f"f{n}", later, f"u{n}", discount_minor="9") for n in range(9)],
        "order_lines": lines,
        "events": [
            event(f"f{n}", later, f"u{n}", name, CAMPAIGN, product_id="p1")
            for n, name in enumerate(["Product Viewed", "Coupon Applied"] * 5)
        ],
        "products": [product(f"f{n}", "c9", created_at=iso(later)) for n in range(3)],
    }
    ahead = [land(tmp_path, 1, stream, records) for stream, records in more.items()]
    build(tmp_path / "now.duckdb", [*landed, *ahead], iso(NOW), *MODELS)
    for query in TABLES.values():
        assert rows(tmp_path / "now.duckdb", query) == rows(warehouse, query)


def test_weights_are_learned_from_the_terms_that_scores_count_with(
    warehouse: Path, tmp_path: Path
) -> None:
    told = json.dumps({"as_of": iso(NOW), "batches": [], "vendors": []})
    with environment({"PARLEY_WAREHOUSE_PATH": str(warehouse), "TZ": "UTC"}):
        done = import_module("dbt.cli.main").dbtRunner().invoke([
            "--quiet", "show", "--inline", LEARNED, "--vars", told,
            "--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT),
            "--target-path", str(tmp_path), "--log-path", str(tmp_path),
        ])  # fmt: skip
    assert done.success, done.exception
    table = done.result.results[0].agate_table
    shown = dict(zip(table.column_names, table.rows[0], strict=True))
    assert shown["missing"] == 0
    # Kept sums are rounded by era, those of learning by day.
    assert shown["difference"] <= Decimal("0.00001")
    assert shown["rows"] > 10_000
