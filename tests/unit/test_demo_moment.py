"""At the demo's moment every kind of case is there to be seen."""

from collections import Counter, defaultdict
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any

import pytest
from demo_kit import World, when
from demo_kit import world as built

from connectors.demo import DEMO_AS_OF

DAY_AGO = DEMO_AS_OF - timedelta(days=1)
HOUR_AGO = DEMO_AS_OF - timedelta(hours=1)


@pytest.fixture(scope="module")
def world() -> World:
    return built()


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


def versions(world: World) -> dict[str, list[dict[str, Any]]]:
    """Return the versions of the products that changed, up to the demo's moment."""
    found: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in sorted(world.tables["products"], key=itemgetter("updated_at")):
        if when(row["updated_at"]) <= DEMO_AS_OF:
            found[row["product_id"]].append(row)
    return {key: rows for key, rows in found.items() if len(rows) > 1}


def looked_at(world: World, product_id: str, since: datetime, until: datetime) -> set[str]:
    """Return the addresses that may be written to of those who looked at a product."""
    email = {c["customer_id"]: c["email"] for c in world.tables["customers"]}
    viewers = {
        email[e["userId"]]
        for e in world.of("Product Viewed")
        if isinstance(e["properties"], dict)
        and e["properties"]["product_id"] == product_id
        and "userId" in e
        and since <= when(e["timestamp"]) <= until
    }
    return viewers & allowed_email(world)


def test_prices_fell_and_products_came_back_that_people_had_looked_at(world: World) -> None:
    fell, back = [], []
    for product_id, rows in versions(world).items():
        before, last = rows[-2:]
        at = when(last["updated_at"])
        if last["price_minor"] < before["price_minor"] * 0.95 and at > DAY_AGO:
            fell.append(looked_at(world, product_id, at - timedelta(days=30), at))
        if last["in_stock"] and not before["in_stock"] and at > DAY_AGO:
            back.append(looked_at(world, product_id, when(before["updated_at"]), at))
    assert len(fell) > 8
    assert len(back) > 8
    assert len(set().union(*fell)) > 20
    assert len(set().union(*back)) > 20


def test_a_price_that_rose_again_and_a_product_that_went_again_are_there_too(world: World) -> None:
    changed = versions(world).values()
    prices = [[row["price_minor"] for row in rows[-3:]] for rows in changed]
    assert any(p[0] == p[-1] > p[1] for p in prices if len(p) == 3)
    stock = [[bool(row["in_stock"]) for row in rows] for rows in changed]
    assert [True, False, True, False] in stock


def test_views_tell_the_price_of_the_day(world: World) -> None:
    changed, told = versions(world), Counter[bool]()
    for e in world.of("Product Viewed"):
        viewed = e["properties"] if isinstance(e["properties"], dict) else {}
        rows, at = changed.get(viewed.get("product_id", ""), []), when(e["timestamp"])
        moments = [when(row["updated_at"]) for row in rows]
        is_odd = not isinstance(viewed.get("price"), float)
        if is_odd or any(abs(at - moment) < timedelta(hours=1) for moment in moments):
            continue  # a visit may have begun before the change
        then = [row for row in rows if when(row["updated_at"]) <= at <= DEMO_AS_OF]
        if then:
            assert round(viewed["price"] * 100) == then[-1]["price_minor"]
            told[then[-1]["price_minor"] < rows[0]["price_minor"]] += 1
    assert told[False] > 500
    assert told[True] > 0


def test_people_came_back_by_the_campaign_of_the_day_before(world: World) -> None:
    came = {
        e["userId"]
        for e in world.events
        if e.get("userId")
        and e.get("context", {}).get("campaign", {}).get("name") == "winter_2011"
        and DAY_AGO < when(e["timestamp"]) < DEMO_AS_OF - timedelta(hours=4)
    }
    assert len(came) > 60
