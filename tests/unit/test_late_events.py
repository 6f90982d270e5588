"""What comes late, twice or by a wrong clock is where one build, and the truth, would put it."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.unit.web_kit import Home

SEED = 1_206
FIRST = datetime(2011, 12, 1, 23, tzinfo=UTC)
RUNS = [FIRST + timedelta(days=n) for n in range(6)]
MODELS = ("+carts", "+sessions", "+applied_batches")
TABLES = {
    "events": "select * from marts.web_events order by all",
    "sessions": "select * from marts.sessions order by all",
    "carts": "select * exclude (state) from marts.carts order by all",
}
PAUSE = timedelta(minutes=30)


@dataclass
class Happening:
    """What truly happened: `skew` is how far the sender's clock is from the truth."""

    key: str
    visitor: str
    at: datetime
    skew: timedelta
    event: str
    facts: dict[str, Any] = field(default_factory=dict)

    def told(self, received: datetime) -> bytes:
        """As it is received, sent at once by a client that only knows its own clock."""
        times = {
            "originalTimestamp": self.at + self.skew,
            "sentAt": received + self.skew,
            "receivedAt": received,
        }
        own = {"type": "track", "event": self.event, "messageId": self.key}
        told = {name: at.isoformat() for name, at in times.items()}
        event = {**own, **told, "anonymousId": self.visitor, "properties": self.facts}
        return orjson.dumps(event) + b"\n"


def visits(dice: random.Random) -> list[Happening]:
    """A week of a few visitors who come back, browse and fill baskets."""
    found: list[Happening] = []
    for number in range(8):
        skew = timedelta(minutes=dice.randrange(-900, 900))
        at = RUNS[0] - timedelta(hours=20)
        while at < RUNS[-1] - timedelta(hours=1):
            product = {"product_id": f"p{dice.randrange(5)}", "price": dice.randrange(1, 50)}
            basket = {**product, "quantity": dice.randrange(1, 4), "cart_id": f"c{number}-{at.day}"}
            event, facts = dice.choice(
                [("Product Viewed", product), ("Product Added", basket), ("Page Viewed", {})]
            )
            key = f"m{number}-{len(found)}"
            found.append(Happening(key, f"v{number}", at, skew, event, facts))
            at += timedelta(minutes=dice.choice([3, 8, 25, 29, 31, 300, 900]))
    return found


def delivered(dice: random.Random, happened: Iterable[Happening]) -> list[list[bytes]]:
    """What each run finds: up to three days late, some of it twice, in the order of arrival."""
    found: list[list[tuple[datetime, bytes]]] = [[] for _ in RUNS]
    for each in happened:
        lates = [timedelta(seconds=1), timedelta(hours=dice.randrange(1, 72))]
        for late in dice.sample(lates, k=dice.choice([1, 1, 1, 2])):
            received = each.at + late
            number = next((n for n, run in enumerate(RUNS) if received <= run), len(RUNS) - 1)
            found[number].append((min(received, RUNS[-1]), each.told(min(received, RUNS[-1]))))
    return [[line for _, line in sorted(lines)] for lines in found]


def sessions_of(happened: Iterable[Happening]) -> list[tuple[datetime, datetime, int]]:
    """Start, end and number of events of each visit: thirty minutes of silence end it."""
    by_visitor: dict[str, list[datetime]] = defaultdict(list)
    for each in happened:
        by_visitor[each.visitor].append(each.at)
    found: list[list[datetime]] = []
    for times in by_visitor.values():
        for number, at in enumerate(sorted(times)):
            if number and at - found[-1][-1] <= PAUSE:
                found[-1].append(at)
            else:
                found.append([at])
    return sorted((_plain(times[0]), _plain(times[-1]), len(times)) for times in found)


def carts_of(happened: Iterable[Happening]) -> list[tuple[str, datetime, int, int]]:
    """Cart, last change, products in it and what they are worth at the last price seen."""
    carts: dict[str, list[Happening]] = defaultdict(list)
    for each in happened:
        if "cart_id" in each.facts:
            carts[each.facts["cart_id"]].append(each)
    found = []
    for cart, added in carts.items():
        lines: dict[str, tuple[int, int]] = {}
        for each in sorted(added, key=lambda each: each.at):
            facts = each.facts
            quantity, _ = lines.get(facts["product_id"], (0, 0))
            lines[facts["product_id"]] = (quantity + facts["quantity"], facts["price"] * 100)
        worth = sum(quantity * price for quantity, price in lines.values())
        found.append((cart, _plain(max(each.at for each in added)), len(lines), worth))
    return sorted(found)


def _plain(at: datetime) -> datetime:
    return at.replace(tzinfo=None)


@pytest.fixture(scope="module")
def happened() -> list[Happening]:
    return visits(random.Random(SEED))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, happened: list[Happening]) -> Home:
    """Landed and built run by run; then once more, all at once, in a warehouse of its own."""
    folder = tmp_path_factory.mktemp("late")
    (folder / "web").mkdir()
    home = Home(folder, {"web": ("segment", folder / "web")})
    for number, lines in enumerate(delivered(random.Random(SEED), happened)):
        (folder / "web" / f"{number}.jsonl").write_bytes(b"".join(lines))
        assert home.land(RUNS[number]) == len(lines)
        if number == 1:  # a day that nothing touches any more keeps what somebody wrote there
            home.rows(
                "insert into marts.web_events by name select event_key || 'x' as event_key,"
                " * exclude (event_key) replace (timestamp '2011-10-01' as occurred_at,"
                " date '2011-10-01' as occurred_on, 'mark' as event)"
                " from marts.web_events limit 1"
            )
        home.build(RUNS[number], *MODELS)
    assert home.rows("select count(*) from marts.web_events where event = 'mark'") == [(1,)]
    home.rows("delete from marts.web_events where event = 'mark'")
    home.build(RUNS[-1], *MODELS, warehouse="once")
    return home


def test_many_come_late_and_twice(happened: list[Happening]) -> None:
    lines = delivered(random.Random(SEED), happened)
    assert len(happened) > 150
    assert len(lines) == len(RUNS)
    assert sum(map(len, lines)) > len(happened) * 1.1


def test_an_event_counts_once_and_happened_when_it_did_whatever_the_senders_clock(
    home: Home, happened: list[Happening]
) -> None:
    found = home.rows("select event, occurred_at from marts.web_events order by 2, 1")
    assert found == sorted(((h.event, _plain(h.at)) for h in happened), key=lambda row: row[::-1])


def test_late_events_are_in_the_visit_that_they_belong_to(
    home: Home, happened: list[Happening]
) -> None:
    found = home.rows("select started_at, ended_at, events from marts.sessions order by all")
    assert found == sessions_of(happened)


def test_late_additions_are_in_their_cart(home: Home, happened: list[Happening]) -> None:
    found = home.rows("select cart_id, changed_at, lines, value_minor from marts.carts order by 1")
    assert found == carts_of(happened)


@pytest.mark.parametrize("table", TABLES)
def test_run_by_run_gives_what_one_build_gives(home: Home, table: str) -> None:
    once = home.rows(TABLES[table], warehouse="once")
    assert len(once) > 5
    assert home.rows(TABLES[table]) == once


def test_an_event_three_days_late_joins_the_visits_on_both_sides_of_midnight(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "web"
    folder.mkdir()
    home = Home(tmp_path, {"web": ("segment", folder)})
    midnight = RUNS[0] + timedelta(hours=1)
    early, late, missing = (
        Happening(key, "v1", midnight + timedelta(minutes=minutes), timedelta(), "Page Viewed")
        for key, minutes in (("a", -35), ("b", 15), ("c", -10))
    )
    seen = [each.told(each.at + timedelta(seconds=1)) for each in (early, late)]
    (folder / "1.jsonl").write_bytes(b"".join(seen))
    home.land(RUNS[1])
    home.build(RUNS[1], *MODELS)
    assert home.rows("select events from marts.sessions order by all") == [(1,), (1,)]
    (folder / "2.jsonl").write_bytes(missing.told(missing.at + timedelta(days=3)))
    home.land(RUNS[4])
    home.build(RUNS[4], *MODELS)
    assert home.rows("select started_at, ended_at, events from marts.sessions") == sessions_of(
        [early, late, missing]
    )


def ga4(name: str, minute: int, **more: object) -> dict[str, object]:
    micros = int((RUNS[0] - timedelta(minutes=60 - minute)).timestamp()) * 1_000_000
    session = [{"key": "ga_session_id", "value": {"int_value": "5"}}]
    known = {"event_timestamp": str(micros), "user_pseudo_id": "v1", "event_params": session}
    return {"event_name": name, **known, **more}


def test_a_table_of_ga4_that_comes_again_replaces_what_it_said_before(tmp_path: Path) -> None:
    folder = tmp_path / "web"
    folder.mkdir()
    home = Home(tmp_path, {"web": ("ga4", folder)})

    def run(number: int, file: str, *events: dict[str, object]) -> list[tuple[Any, ...]]:
        (folder / file).write_bytes(b"".join(orjson.dumps(event) + b"\n" for event in events))
        home.land(RUNS[number])
        home.build(RUNS[number], *MODELS)
        return home.rows("select event, product_id, category from marts.web_events order by all")

    one = [{"item_id": "A"}]
    view, added = ga4("view_item", 1, items=one), ga4("add_to_cart", 2, items=[*one, *one])
    first = run(0, "events_intraday_20111201.json", view, added)
    assert first == [("Product Added", "A", None)] * 2 + [("Product Viewed", "A", None)]
    named = [{"item_id": "A", "item_category": "Tents"}]
    daily = [{**view, "items": named}, {**added, "items": [*named, *named]}]
    second = run(1, "events_20111201.json", *daily, ga4("scroll", 3))
    assert second == [
        ("Product Added", "A", "tents"),
        ("Product Added", "A", "tents"),
        ("Product Viewed", "A", "tents"),
        ("scroll", None, None),
    ]
    fewer = {**added, "items": named}
    third = run(2, "events_20111201.json", daily[0], fewer, ga4("page_view", 4), ga4("scroll", 3))
    assert third == sorted([*second[1:], ("Page Viewed", None, None)])
    assert home.rows("select events, product_views from marts.sessions") == [(4, 1)]
    assert home.rows("select cart_id, lines from marts.carts") == [("v1.5", 1)]
    home.build(RUNS[2], *MODELS, warehouse="once")
    for query in TABLES.values():
        assert home.rows(query) == home.rows(query, warehouse="once")
