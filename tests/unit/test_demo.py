"""The demo shop is reproducible and consistent with the real orders."""

import gzip
import re
import sqlite3
from collections import Counter
from datetime import timedelta

import phonenumbers
import pytest
from demo_kit import World, fingerprint, when
from demo_kit import world as built

from connectors.demo import MARKER, generate
from connectors.demo.acts import CURRENCY
from connectors.demo.categories import CATEGORIES, category_of, tidy_name
from connectors.demo.permissions import END

RESERVED = re.compile(r"^[A-Za-z0-9.]+@example\.(com|org|net)$")


@pytest.fixture(scope="module")
def world() -> World:
    return built()


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
    days = sorted(path.name[:10] for path in world.shop.web_dir.glob("*.jsonl.gz"))
    assert (days[0], days[-1], len(days)) == ("2011-09-01", "2011-12-09", 100)


def test_amounts_are_the_sum_of_the_lines_and_every_line_has_its_product(world: World) -> None:
    connection = sqlite3.connect(world.shop.db_path)
    wrong = connection.execute(
        "select count(*) from orders join (select order_id, sum(amount_minor) as lines_minor "
        "from order_lines group by order_id) using (order_id) where amount_minor <> lines_minor"
    ).fetchone()
    assert wrong == (0,)
    unknown = connection.execute(
        "select count(*) from order_lines where product_id not in (select product_id from products)"
    ).fetchone()
    assert unknown == (0,)
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


def test_people_review_reply_and_call_and_some_say_the_same(world: World) -> None:
    said = {
        name: world.of(name)
        for name in ("Product Reviewed", "Preference Updated", "Reply Received", "Call Completed")
    }
    assert all(len(events) > 40 for events in said.values())
    customers = {c["customer_id"] for c in world.tables["customers"]}
    assert {e["userId"] for events in said.values() for e in events} <= customers
    alike = Counter(e["properties"].get("review_body") for e in said["Product Reviewed"])
    assert sum(1 for words, count in alike.items() if words and count >= 3) > 3
    outcomes = {e["properties"]["outcome"] for e in said["Call Completed"]}
    assert {"not_by_phone", "complaint", "not_interested"} <= outcomes


def test_products_are_named_and_sorted_as_a_shop_would() -> None:
    assert tidy_name("WHITE HANGING HEART T-LIGHT HOLDER") == "White Hanging Heart T-Light Holder"
    assert tidy_name("SET/10 RED POLKADOT PARTY CANDLES") == "Set of 10 Red Polkadot Party Candles"
    assert tidy_name("BLACK DROP EARRINGS W LONG BEADS") == "Black Drop Earrings with Long Beads"
    assert tidy_name("3 TRADITIONAl BISCUIT CUTTERS  SET") == "3 Traditional Biscuit Cutters Set"
    assert category_of("POST", "POSTAGE") == "services"
    assert category_of("22423", "REGENCY CAKESTAND 3 TIER") == "kitchen"
