"""A Shopify store, from its API to the marts: what was sold, what was left, who may be mailed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.conformance.apis.shopify.records import (
    checkout,
    customer,
    line,
    money,
    order,
    product,
    stamp,
)
from tests.conformance.apis.shopify.store import TOKEN, ShopifyStore
from tests.conformance.http_kit import Server
from tests.unit.store_kit import Stores, stores

TUESDAY = datetime(2011, 12, 6, 11, 5, tzinfo=UTC)
MONDAY = TUESDAY - timedelta(days=1)
HOUR = timedelta(hours=1)


def fill(store: ShopifyStore) -> None:
    """What was so by Monday."""
    store.clock = MONDAY
    store.put("Product", product(7, MONDAY, variants=2))
    for number in (5, 6):
        store.put("Customer", customer(number, MONDAY - HOUR))
    store.put("Customer", customer(8, MONDAY - HOUR, "PENDING"))
    store.put("Order", order(1, MONDAY, lines=12))
    store.put("Order", order(2, MONDAY, test=True))
    for number in (31, 32, 33):
        store.put("AbandonedCheckout", checkout(number, MONDAY, lines=11))


def go_on(store: ShopifyStore) -> None:
    """What happened on Tuesday."""
    dear = {"minVariantPrice": {"amount": "24.0", "currencyCode": "GBP"}}
    store.put("Product", product(7, TUESDAY, variants=1, priceRangeV2=dear))
    store.put("Customer", customer(6, TUESDAY, "UNSUBSCRIBED"))
    again = {"totalRefundedSet": money("5.0"), "processedAt": stamp(MONDAY)}
    store.put("Order", order(1, TUESDAY, lines=11, displayFulfillmentStatus="FULFILLED", **again))
    guest = {"customer": None, "email": "eve@example.com"}
    store.put("Order", order(3, TUESDAY, cartToken="cart31", **guest))
    done = checkout(32, MONDAY, completedAt=stamp(TUESDAY), updatedAt=stamp(TUESDAY))
    store.put("AbandonedCheckout", done)
    fewer = [line(33_000, "AbandonedCheckoutLineItem", quantity=2)]
    left = checkout(33, MONDAY, updatedAt=stamp(TUESDAY), lineItems=fewer)
    store.put("AbandonedCheckout", left)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stores]:
    """The store, after a run by bulk operations and one by changes."""
    store = ShopifyStore()
    server = Server(store)
    source = {"vendor": "shopify", "url": server.url, "token": TOKEN}
    fill(store)
    with stores(tmp_path_factory.mktemp("shopify"), {"shop": source}) as made:
        made.run(MONDAY + HOUR)
        go_on(store)
        made.run(TUESDAY + 3 * HOUR)
        yield made
    server.close()
    store.files.close()


def test_an_order_is_its_newest_version_with_the_lines_of_that_one(house: Stores) -> None:
    found = house.rows(
        "select o.order_id, o.status, o.amount_minor, o.refund_minor, o.is_bought,"
        " count(*) as lines from intermediate.int_orders as o"
        " inner join intermediate.int_order_lines as l on o.order_key = l.order_key"
        " group by all order by 1"
    )
    assert [tuple(row.values()) for row in found] == [
        ("1", "fulfilled", 2700, 500, True, 11),
        ("2", "cancelled", 2700, 0, False, 1),
        ("3", "paid", 2700, 0, True, 1),
    ]


def test_lines_are_worth_what_was_paid_for_them(house: Stores) -> None:
    found = house.rows(
        "select distinct product_id, quantity, price_minor, amount_minor from marts.order_lines"
    )
    assert [tuple(row.values()) for row in found] == [("7", 1, 3000, 2700)]


def test_a_cart_is_ordered_by_its_checkout_or_by_the_order_that_came_of_it(house: Stores) -> None:
    found = house.rows("select cart_id, state, lines, value_minor from marts.carts order by 1")
    assert [tuple(row.values()) for row in found] == [
        ("cart31", "ordered", 1, 33_000),
        ("cart32", "ordered", 1, 3_000),
        ("cart33", "abandoned", 1, 6_000),
    ]


def test_a_product_is_what_it_costs_and_whether_it_can_be_bought_now(house: Stores) -> None:
    found = house.rows("select name, category, price_minor, in_stock from marts.products")
    assert [tuple(row.values()) for row in found] == [("Kettle", "kitchen", 2400, False)]


def test_a_marketing_state_is_a_permission_until_it_is_taken_back(house: Stores) -> None:
    found = house.rows(
        "select i.raw_value, n.state, n.since from marts.permission_now as n"
        " inner join intermediate.int_identifiers as i on n.address_node = i.node_id order by 1"
    )
    assert [tuple(row.values()) for row in found] == [
        ("ada5@example.com", "granted", (MONDAY - HOUR).replace(tzinfo=None)),
        ("ada6@example.com", "withdrawn", TUESDAY.replace(tzinfo=None)),
    ]


def test_who_left_a_cart_is_known_by_the_account(house: Stores) -> None:
    found = house.rows(
        "select count(distinct n.person_id) as people from marts.carts as c"
        " inner join marts.people_nodes as n on c.node_id = n.node_id"
    )
    assert found == [{"people": 1}]
