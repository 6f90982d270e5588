"""Intent is kept by adding what is new, is what a build from scratch gives, and knows no future."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from days_kit import Record, land
from dbt_kit import build
from records_kit import event, iso, line, order, product

SEED = 2_611
EVENTS = ["Product Viewed", "Product Added", "Products Searched", "Trial Started"]
# The runs' clocks; what a run lands is older, or by a clock that is ahead.
RUNS = [datetime(2011, 12, 8 + n, 11, 5, tzinfo=UTC) for n in range(4)]
FIRST = RUNS[0] - timedelta(days=60)
MODELS = ("+intent_scores", "+account_intent", "+applied_batches")
TABLES = {
    "days": "from intermediate.int_signal_days order by all",
    # An amount that was taken back leaves a zero, which counts as nothing.
    "state": "from intermediate.int_signal_state where amount <> 0 order by all",
    "terms": "from intermediate.int_person_terms order by all",
    "scores": "from marts.intent_scores order by all",
}


Batches = list[dict[str, str]]


def all_of(landed: list[Batches]) -> Batches:
    return list(itertools.chain.from_iterable(landed))


def happenings(dice: random.Random, number: int) -> dict[str, list[Record]]:
    """What a run lands: mostly of the days since the last one, some of it late, some corrected."""
    now = RUNS[number]
    since = FIRST if number == 0 else RUNS[number - 1]
    orders: list[Record] = []
    lines: list[Record] = []
    events: list[Record] = []
    for n in range(60 if number == 0 else 12):
        late = dice.random() < 0.2
        begin = FIRST if late else since
        at = begin + (now - begin) * dice.random()
        user, key = f"u{dice.randrange(9)}", f"o{number}-{n}"
        extra = {"discount_minor": "100"} if dice.random() < 0.2 else {}
        orders.append(order(key, at, user, **extra))
        lines += [line(f"{key}-{m}", key, f"p{dice.randrange(5)}") for m in range(2)]
        name = dice.choice(
            ["Product Viewed", "Product Added", "Products Searched", "Trial Started"]
        )
        events.append(event(f"e{number}-{n}", at, user, name, product_id=f"p{dice.randrange(5)}"))
    # An hour ahead of the run's clock: it counts from the next run on.
    orders.append(order(f"ahead{number}", now + timedelta(hours=1), "u1"))
    if number:
        orders.append(order(f"o{number - 1}-1", now - timedelta(days=3), "u2", status="cancelled"))
        orders.append((f"o{number - 1}-2", "delete", "{}"))
        lines.append((f"o{number - 1}-3-0", "delete", "{}"))
    products = [
        product(f"p{n}", f"c{(n + number) % 3}") for n in range(5 if number in {0, 3} else 0)
    ]
    return {"orders": orders, "order_lines": lines, "events": events, "products": products}


@pytest.fixture(scope="module")
def landed(tmp_path_factory: pytest.TempPathFactory) -> list[Batches]:
    """The batches that each run adds."""
    dice, lake = random.Random(SEED), tmp_path_factory.mktemp("lake")
    return [
        [land(lake, n, stream, rows) for stream, rows in happenings(dice, n).items() if rows]
        for n in range(len(RUNS))
    ]


def tables(warehouse: Path) -> dict[str, list[tuple[Any, ...]]]:
    with duckdb.connect(str(warehouse)) as connection:
        return {name: connection.execute(query).fetchall() for name, query in TABLES.items()}


def runs(warehouse: Path, landed: list[Batches]) -> Iterator[datetime]:
    """Run after run on one warehouse."""
    batches: Batches = []
    before = ""
    for clock, added in zip(RUNS, landed, strict=True):
        batches += added
        build(warehouse, batches, iso(clock), *MODELS, last_as_of=before)
        before = iso(clock)
        yield clock


@pytest.fixture(scope="module")
def once(landed, tmp_path_factory) -> dict[str, list[tuple[Any, ...]]]:
    """What one build of all batches gives."""
    warehouse = tmp_path_factory.mktemp("once") / "once.duckdb"
    build(warehouse, all_of(landed), iso(RUNS[-1]), *MODELS)
    return tables(warehouse)


@pytest.fixture(scope="module")
def kept(landed, tmp_path_factory) -> Path:
    """A warehouse that was carried from run to run."""
    warehouse = tmp_path_factory.mktemp("kept") / "kept.duckdb"
    assert len(list(runs(warehouse, landed))) == len(RUNS)
    return warehouse


def test_sums_that_are_carried_from_run_to_run_are_those_of_one_build(kept: Path, once) -> None:
    assert {len(rows) > 0 for rows in once.values()} == {True}
    assert tables(kept) == once


def test_pair_that_was_not_kept_is_made_from_all_days(kept: Path, once, landed) -> None:
    with duckdb.connect(str(kept)) as connection:
        taken = "delete from intermediate.int_signal_state where half_life_days = 112"
        assert connection.execute(taken).fetchall() > [(0,)]
        connection.execute(
            "insert into intermediate.int_signal_state select node_id, signal, topic, 5, 1, 1"
            " from intermediate.int_signal_state where half_life_days = 28"
        )
    clock = iso(RUNS[-1])
    build(kept, all_of(landed), clock, *MODELS, last_as_of=clock)
    assert tables(kept) == once


def test_future_rows_change_no_score(landed, tmp_path: Path) -> None:
    """All of the future is landed already; asked for the past, scores are as they were then."""
    build(tmp_path / "then.duckdb", all_of(landed[:3]), iso(RUNS[2]), *MODELS)
    then = tables(tmp_path / "then.duckdb")
    later = RUNS[2] + timedelta(minutes=1)
    future = [
        order("f1", later, "u0"),
        order("f2", later + timedelta(hours=9), "u3", discount_minor="100"),
    ]
    seen = [event(f"f{n}", later, f"u{n}", "Product Viewed", product_id="p1") for n in range(9)]
    lake = tmp_path / "lake"
    lake.mkdir()
    more = [land(lake, 3, "orders", future), land(lake, 4, "events", seen)]
    build(tmp_path / "now.duckdb", [*all_of(landed[:3]), *more], iso(RUNS[2]), *MODELS)
    assert tables(tmp_path / "now.duckdb") == then


def test_contributions_of_every_score_add_up_to_it(once) -> None:
    assert {row[1] for row in once["scores"]} == {"buy", "enrol"}
    for _, _, _, probability, _, contributions, _ in once["scores"]:
        parts = json.loads(contributions, parse_float=Decimal)
        logit = sum(parts.values(), Decimal())
        odds = Decimal(1) / (1 + (-logit).exp())
        assert abs(odds - probability) <= Decimal("0.000001")
