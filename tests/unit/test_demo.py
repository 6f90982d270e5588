"""The demo shop is reproducible, consistent with the real orders, and shows every case."""

import gzip
import os
import re
import sqlite3
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from subprocess import Popen
from typing import Any

import orjson
import phonenumbers
import pytest

from connectors.demo import DEMO_AS_OF, MARKER, DemoShop, generate
from connectors.demo.acts import CURRENCY
from connectors.demo.categories import CATEGORIES, category_of, tidy_name
from connectors.demo.permissions import END

Event = dict[str, Any]
ROOT = Path(__file__).parents[2]
RESERVED = re.compile(r"^[A-Za-z0-9.]+@example\.(com|org|net)$")
DAY_AGO = DEMO_AS_OF - timedelta(days=1)
HOUR_AGO = DEMO_AS_OF - timedelta(hours=1)


@dataclass
class World:
    """A generated shop, read back: rows by table, parsed lines, lines that don't parse."""

    shop: DemoShop
    tables: dict[str, list[dict[str, Any]]]
    events: list[Event]
    broken: int
    second: tuple[Path, Popen[bytes]]

    def of(self, event: str) -> list[Event]:
        """Return the track events of a name."""
        return [e for e in self.events if e.get("event") == event]


@pytest.fixture(scope="module")
def second(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Popen[bytes]]]:
    """Start a second build beside the first, in a process that hashes text differently."""
    home = tmp_path_factory.mktemp("second")
    code = "import pathlib, sys, connectors.demo as d; d.generate(pathlib.Path(sys.argv[1]))"
    hashing = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
    environment = {**os.environ, "PYTHONHASHSEED": hashing, "PYTHONPATH": str(ROOT)}
    with Popen([sys.executable, "-c", code, str(home)], env=environment, cwd=ROOT) as builder:
        yield home, builder


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, second: tuple[Path, Popen[bytes]]) -> World:
    shop = generate(tmp_path_factory.mktemp("demo"))
    connection = sqlite3.connect(shop.db_path)
    connection.row_factory = sqlite3.Row
    names = ("customers", "products", "orders", "consents")
    tables = {n: [dict(r) for r in connection.execute(f"select * from {n}")] for n in names}
    connection.close()
    events: list[Event] = []
    broken = 0
    for line in lines_of(shop):
        try:
            events.append(orjson.loads(line))
        except orjson.JSONDecodeError:
            broken += 1
    return World(shop, tables, events, broken, second)


def lines_of(shop: DemoShop) -> Iterator[bytes]:
    for path in sorted(shop.web_dir.glob("*.jsonl.gz")):
        with gzip.open(path) as file:
            yield from file


def when(text: object) -> datetime:
    """Read a time of either source; a value of a wrong type lies before everything."""
    if not isinstance(text, str):
        return datetime(1970, 1, 1, tzinfo=UTC)
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def fingerprint(shop: DemoShop) -> str:
    digest = sha256()
    connection = sqlite3.connect(shop.db_path)
    for table in ("customers", "products", "orders", "order_lines", "consents"):
        for row in connection.execute(f"select * from {table} order by 1"):
            digest.update(repr(row).encode())
    connection.close()
    for line in lines_of(shop):
        digest.update(line)
    return digest.hexdigest()


def allowed_email(world: World) -> set[str]:
    """Return the addresses that may get marketing at the demo's moment, by all declarations."""
    said: list[tuple[datetime, str, bool]] = [
        (when(row["given_at"]), row["email"], row["state"] == "granted")
        for row in world.tables["consents"]
        if row["channel"] == "email"
    ]
    for e in world.of("Permission Updated") + world.of("Unsubscribed"):
        properties = e["properties"]
        if properties["channel"] == "email":
            said.append(
                (
                    when(e["timestamp"]),
                    properties["email"],
                    "state" in properties and properties["state"] == "granted",
                )
            )
    state = {email: ok for at, email, ok in sorted(said) if at <= DEMO_AS_OF}
    return {email for email, ok in state.items() if ok}


def carts_left(world: World) -> dict[str, list[datetime]]:
    """Return by customer when they last changed a cart 1 to 24 hours ago that was not ordered."""
    ordered = {o["cart_id"] for o in world.tables["orders"] if when(o["ordered_at"]) <= DEMO_AS_OF}
    changed: dict[str, tuple[datetime, str]] = {}
    for e in world.of("Product Added"):
        at, cart = when(e["timestamp"]), e["properties"]["cart_id"]
        if e.get("userId") and when(e["receivedAt"]) <= DEMO_AS_OF and cart not in ordered:
            changed[cart] = max((at, e["userId"]), changed.get(cart, (at, e["userId"])))
    left: defaultdict[str, list[datetime]] = defaultdict(list)
    for at, user in changed.values():
        if DAY_AGO <= at <= HOUR_AGO:
            left[user].append(at)
    return left


def bought_at(world: World) -> dict[str, list[datetime]]:
    """Return the times of all orders by customer, those known by a loyalty card too."""
    by_card = {c["loyalty_card"]: c["customer_id"] for c in world.tables["customers"]}
    found: defaultdict[str, list[datetime]] = defaultdict(list)
    for o in world.tables["orders"]:
        customer = o["customer_id"] or (o["loyalty_card"] and by_card[o["loyalty_card"]])
        if customer and when(o["ordered_at"]) <= DEMO_AS_OF:
            found[customer].append(when(o["ordered_at"]))
    return found


def test_same_seed_gives_the_same_rows_and_lines(world: World) -> None:
    home, builder = world.second
    assert builder.wait(timeout=300) == 0
    assert fingerprint(generate(home)) == fingerprint(world.shop)


def test_a_complete_shop_is_kept_and_a_broken_off_one_is_built_anew(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = world.shop.db_path.parent
    assert generate(home) == world.shop
    marker = (home / MARKER).read_bytes()
    (home / MARKER).unlink()
    monkeypatch.setattr("connectors.demo._build", lambda *_: (_ for _ in ()).throw(OSError("full")))
    with pytest.raises(OSError, match="full"):
        generate(home)
    assert world.shop.db_path.exists()
    (home / MARKER).write_bytes(marker)


def test_sizes_are_those_of_the_real_year(world: World) -> None:
    assert (world.shop.customers, world.shop.orders) == (4_341, 19_950)
    assert 150_000 < world.shop.events < 300_000
    assert len(world.events) + world.broken == world.shop.events


def test_amounts_are_the_sum_of_the_lines_and_every_line_has_its_product(world: World) -> None:
    connection = sqlite3.connect(world.shop.db_path)
    wrong = connection.execute(
        "select count(*) from orders join (select order_id, sum(amount_minor) as lines_minor "
        "from order_lines group by order_id) using (order_id) where amount_minor <> lines_minor"
    ).fetchone()
    assert wrong == (0,)
    assert connection.execute("pragma foreign_key_check").fetchall() == []
    connection.close()


def test_a_row_changes_only_after_what_it_tells(world: World) -> None:
    told = {"customers": "created_at", "products": "created_at", "orders": "ordered_at"}
    for table, column in (told | {"consents": "given_at"}).items():
        assert all(row["updated_at"] >= row[column] for row in world.tables[table])
        assert all(when(row["updated_at"]).timestamp() <= END for row in world.tables[table])


def test_only_reserved_domains_and_valid_unique_phones(world: World) -> None:
    customers = world.tables["customers"]
    emails = [c["email"] for c in customers]
    said = [
        e["properties"]["email"]
        for e in world.events
        if isinstance(e.get("properties"), dict) and "email" in e["properties"]
    ]
    traits = [e["traits"]["email"] for e in world.events if e["type"] == "identify"]
    guests = [o["email"] for o in world.tables["orders"] if o["email"]]
    assert all(RESERVED.match(email) for email in (*emails, *said, *traits, *guests))
    assert len(set(emails)) == len(emails)
    numbers = [phonenumbers.parse(c["phone"], c["country"]) for c in customers if c["phone"]]
    assert len(numbers) > 2_000
    assert all(phonenumbers.is_valid_number(number) for number in numbers)
    assert len({(n.country_code, n.national_number) for n in numbers}) == len(numbers)


def test_each_completed_order_is_in_the_shop_with_its_total_and_time(world: World) -> None:
    orders = {o["order_id"]: o for o in world.tables["orders"]}
    completed = {e["properties"]["order_id"]: e for e in world.of("Order Completed")}
    assert len(completed) > 5_000
    for order_id, e in completed.items():
        order = orders[order_id]
        assert round(e["properties"]["total"] * 100) == order["amount_minor"]
        assert e["properties"]["cart_id"] == order["cart_id"]
        assert e["properties"]["currency"] == order["currency"] == CURRENCY
        late = when(e["timestamp"]) - when(order["ordered_at"])
        assert timedelta(0) <= late < timedelta(minutes=2)
    web = [o for o in orders.values() if o["channel"] == "web" and o["ordered_at"] > "2011-09-02"]
    assert {o["order_id"] for o in web} == set(completed) - {
        o for o in completed if orders[o]["ordered_at"] <= "2011-09-02"
    }


def test_carts_hold_products_that_the_catalogue_had_by_then(world: World) -> None:
    since = {p["product_id"]: when(p["created_at"]) for p in world.tables["products"]}
    for e in world.of("Product Added") + world.of("Product Removed"):
        assert when(e["timestamp"]) >= since[e["properties"]["product_id"]]
        assert e["properties"]["category"] in CATEGORIES


def test_nobody_has_a_user_id_before_the_account(world: World) -> None:
    created = {c["customer_id"]: when(c["created_at"]) for c in world.tables["customers"]}
    known = [e for e in world.events if e.get("userId")]
    early = [
        e
        for e in known
        if isinstance(e["timestamp"], str)
        and when(e["timestamp"]) < created[e["userId"]] - timedelta(seconds=1)
    ]
    assert early == []


def test_timestamp_is_corrected_for_wrong_clocks(world: World) -> None:
    skewed = 0
    for e in world.events:
        if isinstance(e["timestamp"], str):
            lag = when(e["sentAt"]) - when(e["originalTimestamp"])
            assert when(e["timestamp"]) == when(e["receivedAt"]) - lag
            skewed += abs(when(e["timestamp"]) - when(e["originalTimestamp"])) > timedelta(hours=1)
    assert 0 < skewed < len(world.events) * 0.05


def test_files_hold_the_day_received_in_order_with_the_usual_faults(world: World) -> None:
    for path in world.shop.web_dir.glob("*.jsonl.gz"):
        received = []
        with gzip.open(path) as file:
            for line in file:
                found = re.search(rb'"receivedAt":"([^"]+)"', line)
                received += [found[1].decode()] if found else []
        assert received == sorted(received)
        assert {text[:10] for text in received} == {path.name[:10]}
    ids = Counter(e.get("messageId") for e in world.events)
    twice = sum(1 for key, count in ids.items() if key and count > 1)
    late = sum(
        when(e["receivedAt"]) - when(e["timestamp"]) > timedelta(minutes=1)
        for e in world.events
        if isinstance(e["timestamp"], str)
    )
    assert 0.002 < twice / len(world.events) < 0.004
    assert 0.003 < late / len(world.events) < 0.008
    assert 10 <= world.broken <= 30
    assert ids[None] >= 3
    assert any(not isinstance(e["timestamp"], str) for e in world.events)


def test_carts_left_at_the_demo_moment(world: World) -> None:
    allowed, bought, left = allowed_email(world), bought_at(world), carts_left(world)
    email = {c["customer_id"]: c["email"] for c in world.tables["customers"]}
    after = {
        user
        for user, times in left.items()
        if any(order > at for at in times for order in bought.get(user, []))
    }
    assert len({u for u in left if u not in after and email[u] in allowed}) >= 15
    assert len({u for u in after if email[u] in allowed}) >= 3
    marked = [c for c in world.tables["customers"] if c["customer_id"] in left]
    assert any(c["is_staff"] for c in marked)
    assert any(c["is_test"] for c in marked)
    assert any(email[u] not in allowed for u in left)


def test_downloads_and_shop_floor_sales_at_the_demo_moment(world: World) -> None:
    recent = [
        e
        for e in world.of("Content Downloaded")
        if DEMO_AS_OF - timedelta(hours=6) <= when(e["timestamp"])
        and when(e["receivedAt"]) <= DEMO_AS_OF
    ]
    assert len(recent) >= 5
    accounts = {c["email"] for c in world.tables["customers"]}
    assert any(e["properties"]["email"] not in accounts for e in recent)
    allowed = allowed_email(world)
    by_card = {c["loyalty_card"]: c["email"] for c in world.tables["customers"]}
    floor = {
        by_card[o["loyalty_card"]]
        for o in world.tables["orders"]
        if o["loyalty_card"] and DAY_AGO <= when(o["ordered_at"]) <= DEMO_AS_OF
    }
    assert len(floor & allowed) >= 5


def test_guests_surveys_permissions_and_crawlers_are_there(world: World) -> None:
    accounts = {c["email"] for c in world.tables["customers"]}
    guests = [o for o in world.tables["orders"] if o["email"] and not o["customer_id"]]
    known = sum(o["email"].lower() in accounts for o in guests)
    assert 0.2 < known / len(guests) < 0.45
    answered = {e.get("userId") for e in world.of("Survey Answered")}
    assert 0.07 < len(answered) / len(accounts) < 0.13
    granted = {
        c["customer_id"]
        for c in world.tables["consents"]
        if c["channel"] == "email" and c["legal_basis"] == "consent"
    }
    assert 0.6 < len(granted) / len(accounts) < 0.7
    states = Counter(e["properties"]["state"] for e in world.of("Permission Updated"))
    assert states["granted"] > states["withdrawn"] > 10
    views = Counter(e.get("anonymousId") for e in world.of("Product Viewed"))
    assert sum(count > 500 for count in views.values()) >= 2


def test_products_are_named_and_sorted_as_a_shop_would() -> None:
    assert tidy_name("WHITE HANGING HEART T-LIGHT HOLDER") == "White Hanging Heart T-Light Holder"
    assert tidy_name("SET/10 RED POLKADOT PARTY CANDLES") == "Set of 10 Red Polkadot Party Candles"
    assert tidy_name("BLACK DROP EARRINGS W LONG BEADS") == "Black Drop Earrings with Long Beads"
    assert tidy_name("3 TRADITIONAl BISCUIT CUTTERS  SET") == "3 Traditional Biscuit Cutters Set"
    assert category_of("POST", "POSTAGE") == "services"
    assert category_of("22423", "REGENCY CAKESTAND 3 TIER") == "kitchen"
