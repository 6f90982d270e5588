"""Two WooCommerce shops with the same ids in one house: what they sold, and who said yes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.conformance.apis.woocommerce import (
    PASSWORD,
    USER,
    WooShop,
    box,
    customer,
    line,
    order,
    product,
)
from tests.conformance.http_kit import Server
from tests.unit.store_kit import Stores, stores

AS_OF = datetime(2011, 12, 6, 11, 5, tzinfo=UTC)
MONDAY = AS_OF - timedelta(days=1)
BOX = "mailchimp_woocommerce_is_subscribed"
ADA = {"email": "ada@example.com", "phone": "+44 20 7946 0001", "country": "GB"}


def fill(shop: WooShop) -> None:
    """What happened in the first shop by Monday."""
    shop.put("products", product(7, MONDAY), MONDAY)
    shop.put("customers", customer(5, MONDAY, email="ada@example.com"), MONDAY)
    boxes(shop, {6: ("bob@example.com", "1"), 8: ("cem@example.com", "0")})
    shop.put(
        "orders",
        order(
            1, MONDAY, billing=ADA, customer_id=5, total="35.00", discount_total="5.00",
            meta_data=[box("_wc_order_attribution_source_type", "typein"), box(BOX, "1")],
            line_items=[line(11), line(12, product_id=8, quantity=2, total="5.00")],
        ),
        MONDAY,
    )  # fmt: skip
    for id_, status in ((2, "pending"), (3, "processing"), (4, "processing")):
        shop.put("orders", order(id_, MONDAY, billing=ADA, status=status), MONDAY)


def boxes(shop: WooShop, accounts: dict[int, tuple[str, str]]) -> None:
    """A plugin writes into accounts; their time of change stays."""
    for id_, (email, value) in accounts.items():
        account = customer(id_, MONDAY, email=email, meta_data=[box(BOX, value)])
        shop.put("customers", account, MONDAY)


def go_on(shop: WooShop) -> None:
    """What happened there on Tuesday."""
    refund = [{"id": 90, "reason": "", "total": "-5.00"}]
    again = {"total": "35.00", "discount_total": "5.00", "line_items": [line(11)]}
    paid_back = order(1, MONDAY, billing=ADA, customer_id=5, refunds=refund, **again)
    shop.put("orders", paid_back, AS_OF)
    shop.trash("orders", 3, AS_OF)
    shop.put("products", product(7, MONDAY, price="24.00", stock_status="outofstock"), AS_OF)
    boxes(shop, {6: ("bob@example.com", "0"), 8: ("cem@example.com", "1")})


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stores]:
    """Both shops, after two runs."""
    here, there = WooShop(), WooShop(currency="JPY", clock=timedelta(hours=9))
    fill(here)
    there.put("products", product(7, MONDAY, price="3000"), MONDAY)
    sold = order(1, MONDAY, currency="JPY", total="3000", line_items=[line(11, total="3000")])
    there.put("orders", sold, MONDAY)
    servers = [Server(here), Server(there)]
    sources = {
        name: {"vendor": "woocommerce", "url": server.url, "user": USER, "password": PASSWORD}
        for name, server in zip(("here", "there"), servers, strict=True)
    }
    with stores(tmp_path_factory.mktemp("shops"), sources) as made:
        made.run(MONDAY + timedelta(hours=1))
        go_on(here)
        made.run(AS_OF + timedelta(hours=1))
        yield made
    for server in servers:
        server.close()


def test_orders_of_the_same_number_stay_apart_by_their_shop(house: Stores) -> None:
    found = house.rows(
        "select source_id, currency, amount_minor from marts.orders where order_id = '1' order by 1"
    )
    assert [tuple(row.values()) for row in found] == [
        ("here", "GBP", 3500), ("there", "JPY", 3000),
    ]  # fmt: skip
    prices = house.rows("select source_id, currency, price_minor from marts.products order by 1")
    assert [tuple(row.values()) for row in prices] == [
        ("here", "GBP", 2400), ("there", "JPY", 3000),
    ]  # fmt: skip


def test_an_order_is_its_newest_version_with_the_lines_of_that_one(house: Stores) -> None:
    (found,) = house.rows(
        "select status, refund_minor, discount_minor, channel, ordered_at from marts.orders"
        " where source_id = 'here' and order_id = '1'"
    )
    assert tuple(found.values()) == ("paid", 500, 500, "web", MONDAY.replace(tzinfo=None))
    lines = house.rows(
        "select line_id, product_id, quantity, price_minor, amount_minor from marts.order_lines"
        " where source_id = 'here' order by 1"
    )
    assert [row["line_id"] for row in lines] == ["11", "20", "30", "40"]
    assert tuple(lines[0].values()) == ("11", "7", 1, 3000, 3000)


def test_what_went_to_the_trash_or_waits_for_its_payment_is_not_bought(house: Stores) -> None:
    found = house.rows(
        "select order_id, status, is_bought from intermediate.int_orders"
        " where source_id = 'here' order by 1"
    )
    assert [tuple(row.values()) for row in found] == [
        ("1", "paid", True), ("2", "pending", False), ("3", "cancelled", False),
        ("4", "paid", True),
    ]  # fmt: skip


def test_a_product_that_is_sold_out_is_not_in_stock(house: Stores) -> None:
    found = house.rows("select in_stock, category, name from marts.products where source_id='here'")
    assert [tuple(row.values()) for row in found] == [(False, "kitchen", "Kettle")]


def test_a_box_ticked_at_the_checkout_is_a_permission_since_then(house: Stores) -> None:
    (found,) = house.rows(
        "select p.state, p.legal_basis, p.proof, p.valid_from from marts.permissions as p"
        " inner join intermediate.int_identifiers as i on p.node_id = i.node_id"
        " where i.raw_value = 'ada@example.com'"
    )
    assert tuple(found.values()) == (
        "granted", "consent", f"checkout box {BOX}", MONDAY.replace(tzinfo=None),
    )  # fmt: skip


def test_a_box_of_an_account_counts_as_it_stands_since_it_was_seen_to_change(house: Stores) -> None:
    found = house.rows(
        "select i.raw_value, n.state, n.since from marts.permission_now as n"
        " inner join intermediate.int_identifiers as i on n.address_node = i.node_id"
        " where i.raw_value in ('bob@example.com', 'cem@example.com') order by 1"
    )
    monday, tuesday = (at.replace(tzinfo=None) + timedelta(hours=1) for at in (MONDAY, AS_OF))
    assert [tuple(row.values()) for row in found] == [
        ("bob@example.com", "withdrawn", tuesday),
        ("cem@example.com", "granted", monday + timedelta(seconds=1)),
    ]


def test_a_guest_and_an_account_with_one_address_are_one_person(house: Stores) -> None:
    found = house.rows(
        "select count(distinct n.person_id) as people, count(*) as orders from marts.orders as o"
        " inner join marts.people_nodes as n on o.node_id = n.node_id where o.source_id = 'here'"
    )
    assert found == [{"people": 1, "orders": 4}]
