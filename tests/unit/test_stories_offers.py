"""Stories of prices, of what is there again or runs out, and of thanks."""

from __future__ import annotations

from stories_kit import (
    DAY,
    EVENING,
    HOUR,
    LONG_AGO,
    MONDAY,
    SUNDAY,
    Acts,
    Scene,
    story,
)


@story(
    given="Ada looked at a kettle",
    when="its price falls in the night and rises again before the plan",
    then="she is not told of a price that does not hold",
)
def test_price_dropped_then_rose(s: Scene) -> Acts:
    ada, kettle = s.customer(), s.product("kettle")
    s.event(ada, "Product Viewed", EVENING - 3 * DAY, product_id=kettle)
    s.product("kettle", SUNDAY - 8 * HOUR, price=2000)
    s.product("kettle", SUNDAY - 2 * HOUR, price=3000)
    told = yield
    assert told.said(SUNDAY, ada, "price_drop") == ["drop: context, price_rose"]
    assert told.sent(ada) == []


@story(
    given="Ada and Bob looked at a kettle, and Bob has bought it since",
    when="its price falls",
    then="Ada is told, and Bob is not",
)
def test_price_drop_on_a_viewed_item_bought_meanwhile(s: Scene) -> Acts:
    ada, bob, kettle = s.customer(), s.customer("bob"), s.product("kettle")
    for who in (ada, bob):
        s.event(who, "Product Viewed", EVENING - 3 * DAY, product_id=kettle)
    s.bought(bob, "o", kettle, EVENING - DAY)
    s.product("kettle", SUNDAY - 2 * HOUR, price=2000)
    told = yield
    assert told.said(SUNDAY, ada, "price_drop") == ["send"]
    assert told.said(SUNDAY, bob, "price_drop") == ["drop: context, bought_meanwhile"]


@story(
    given="Ada looked at a kettle that was sold out",
    when="it comes back",
    then="she is told, once",
)
def test_back_in_stock(s: Scene) -> Acts:
    ada, kettle = s.customer(), s.product("kettle", EVENING - 5 * DAY, in_stock=False)
    s.event(ada, "Product Viewed", EVENING - 3 * DAY, product_id=kettle)
    s.product("kettle", SUNDAY - HOUR)
    told = yield
    assert told.said(SUNDAY, ada, "back_in_stock") == ["send"]
    assert told.said(MONDAY, ada, "back_in_stock") == ["drop: memory, already_sent"]
    assert told.sent(ada) == [(SUNDAY, "back_in_stock", 1)]


@story(
    given="Ada and Bob buy coffee every thirty days, the last time a month ago",
    when="Bob has just bought it again",
    then="Ada is asked whether hers runs out, and Bob is not",
)
def test_replenishment_when_it_is_time_and_not_if_bought_again(s: Scene) -> Acts:
    ada, bob, coffee = s.customer(), s.customer("bob"), s.product("coffee")
    for who in (ada, bob):
        for n in range(6):
            at = SUNDAY - (29 + 30 * n) * DAY
            s.bought(who, f"{who.user}-{n}", coffee, at)
    s.bought(bob, "again", coffee, EVENING - 2 * HOUR)
    told = yield
    assert told.said(EVENING, ada, "replenishment") == ["send"]
    assert told.said(EVENING, bob, "replenishment") == []
    assert told.said(MONDAY, ada, "replenishment") == ["drop: memory, already_sent"]


@story(
    given="Ada and Bob bought every month, and then nothing for two and a half",
    when="Bob buys again before the plan",
    then="Ada is asked to come back, and Bob is not",
)
def test_win_back_ends_with_a_purchase(s: Scene) -> Acts:
    ada, bob = s.customer(), s.customer("bob")
    lamp, vase = s.product("lamp"), s.product("vase")
    for who in (ada, bob):
        for n, product in enumerate((lamp, vase, lamp, vase)):
            s.bought(who, f"{who.user}-{n}", product, SUNDAY - (75 + 30 * n) * DAY - HOUR)
    s.bought(bob, "again", lamp, SUNDAY - 2 * HOUR)
    told = yield
    assert told.said(SUNDAY, ada, "win_back") == ["send"]
    assert told.said(SUNDAY, bob, "win_back") == []


@story(
    given="Ada was thanked for what she bought in the shop",
    when="she brings it back the next day",
    then="nothing more is said about it",
)
def test_refund_after_the_thank_you(s: Scene) -> Acts:
    ada, bob = s.customer(), s.customer("bob")
    kettle, cup = s.product("kettle"), s.product("cup")
    s.bought(bob, "other", cup, LONG_AGO + 60 * DAY)
    at = EVENING - 4 * HOUR
    s.bought(ada, "o", kettle, at, channel="shop")
    s.bought(ada, "o", kettle, at, told=SUNDAY, channel="shop", status="refunded")
    told = yield
    assert told.said(EVENING, ada, "bought_in_store") == ["send"]
    assert told.said(SUNDAY, ada, "bought_in_store") == ["drop: context, order_cancelled"]
    assert told.sent(ada) == [(EVENING, "bought_in_store", 1)]
