"""Stories of baskets, prices and purchases."""

from __future__ import annotations

from datetime import timedelta

from stories_kit import DAY, EVENING, HOUR, MONDAY, SUNDAY, Acts, Scene, story
from stories_told import content

CART, GOAL, ORDERED = (
    "abandoned_cart",
    "drop: context, goal_reached",
    "drop: context, cart_ordered",
)


@story(
    given="Ada leaves a kettle in a basket",
    when="she buys it as a guest on another device, known by her mailbox alone",
    then="nobody reminds her of the basket",
)
def test_guest_buys_with_another_device(s: Scene) -> Acts:
    ada, kettle = s.customer(), s.product("kettle")
    s.added(ada, "c", kettle, EVENING - 5 * HOUR)
    s.event(None, "Page Viewed", EVENING - 4 * HOUR, device="guest-phone")
    s.bought(ada, "o", kettle, EVENING - 4 * HOUR, as_guest=True)
    told = yield
    assert told.said(EVENING, ada, CART) == [GOAL]
    assert told.sent(ada) == []


@story(
    given="Ada has filled one basket on her phone and another on her laptop",
    when="she orders the second one",
    then="neither is reminded of, and the plan says why of each",
)
def test_two_carts_one_order(s: Scene) -> Acts:
    ada, kettle = s.customer(), s.product("kettle")
    s.added(ada, "c1", kettle, EVENING - 6 * HOUR, device="phone")
    s.added(ada, "c2", kettle, EVENING - 5 * HOUR, device="laptop")
    s.bought(ada, "o", kettle, EVENING - 4 * HOUR, cart_id=f"{s.name}-c2")
    told = yield
    assert told.said(EVENING, ada, CART) == [GOAL, ORDERED]
    assert told.sent(ada) == []


@story(
    given="Ada has a kettle in a basket",
    when="she takes it out again",
    then="there is nothing to remind her of",
)
def test_cart_emptied(s: Scene) -> Acts:
    ada, kettle = s.customer(), s.product("kettle")
    s.added(ada, "c", kettle, EVENING - 5 * HOUR)
    s.added(ada, "c", kettle, EVENING - 4 * HOUR, event="Product Removed")
    told = yield
    assert told.said(EVENING, ada, CART) == []
    assert told.sent(ada) == []


@story(
    given="Ada filled a basket hours ago",
    when="she adds something half an hour before the plan",
    then="the wait begins anew, and she is reminded by the next plan",
)
def test_cart_changed_restarts_the_wait(s: Scene) -> Acts:
    ada, kettle, cup = s.customer(), s.product("kettle"), s.product("cup")
    s.added(ada, "c", kettle, EVENING - 5 * HOUR)
    s.added(ada, "c", cup, EVENING - HOUR / 2)
    told = yield
    assert told.said(EVENING, ada, CART) == []
    assert told.said(SUNDAY, ada, CART) == ["send"]


@story(
    given="Ada was reminded of her basket an hour after she left it",
    when="a day has gone by and it is still there",
    then="the second reminder goes out, once, and offers no discount",
)
def test_second_reminder_after_a_day(s: Scene) -> Acts:
    ada, kettle = s.customer(), s.product("kettle")
    s.added(ada, "c", kettle, EVENING - 2 * HOUR)
    told = yield
    assert told.said(SUNDAY, ada, CART) == ["drop: memory, already_sent"]
    assert told.sent(ada) == [(EVENING, CART, 1), (MONDAY, CART, 2)]
    texts = [str(content(row)) for at in (EVENING, MONDAY) for row in told.plan(at, ada, CART)]
    assert len(texts) == len({*texts}) == 2
    assert not [text for text in texts if "%" in text or "discount" in text.lower()]


@story(
    given="Ada fills a basket on the web",
    when="she buys in the shop, with her loyalty card",
    then="the basket is no longer reminded of",
)
def test_order_in_the_shop_ends_a_web_cart(s: Scene) -> Acts:
    ada, kettle = s.customer(loyalty_card="card-in-the-shop"), s.product("kettle")
    s.added(ada, "c", kettle, EVENING - 5 * HOUR)
    card = {"customer_id": None, "loyalty_card": "card-in-the-shop", "channel": "shop"}
    s.bought(ada, "o", kettle, EVENING - 4 * HOUR, **card)
    told = yield
    assert told.said(EVENING, ada, CART) == [GOAL]


@story(
    given="Ada has a kettle in a basket",
    when="the last one is sold to somebody else",
    then="she is not reminded of what she can't have",
)
def test_out_of_stock(s: Scene) -> Acts:
    ada, kettle = s.customer(), s.product("kettle")
    s.added(ada, "c", kettle, EVENING - 5 * HOUR)
    s.product("kettle", EVENING - HOUR, in_stock=False)
    told = yield
    assert told.said(EVENING, ada, CART) == ["drop: context, out_of_stock"]


@story(
    given="Ada ordered her basket, and the shop tells it a night late",
    when="she was reminded in between",
    then="the message stays on record, and there is no second one",
)
def test_late_order_makes_a_reminder_wrong_in_hindsight(s: Scene) -> Acts:
    ada, kettle = s.customer(), s.product("kettle")
    s.added(ada, "c", kettle, EVENING - 5 * HOUR)
    s.bought(ada, "o", kettle, EVENING - 4 * HOUR, told=SUNDAY, cart_id=f"{s.name}-c")
    told = yield
    assert told.said(EVENING, ada, CART) == ["send"]
    assert told.said(SUNDAY, ada, CART) == [ORDERED]
    assert told.said(MONDAY, ada, CART) == [ORDERED]
    assert told.sent(ada) == [(EVENING, CART, 1)]


@story(
    given="a robot follows every link in Ada's name",
    when="it looks at things, fills baskets and asks for downloads",
    then="nothing of it is answered",
)
def test_a_bot_that_clicks_everything(s: Scene) -> Acts:
    ada, kettle = s.customer(), s.product("kettle")
    robot, at = "Mozilla/5.0 (compatible; LinkCheckBot/2.1)", EVENING - 5 * HOUR
    s.added(ada, "c", kettle, at, agent=robot)
    s.event(ada, "Product Viewed", at, agent=robot, product_id=kettle)
    s.event(ada, "Content Downloaded", EVENING - HOUR, agent=robot, download_id="d", title="A")
    told = yield
    assert told.all_of(ada) == []


@story(
    given="a shop with two years of baskets, looks, downloads, purchases and permissions",
    when="it is connected and all of it lands at once",
    then="none of it is answered",
)
def test_two_year_back_fill_sends_nothing(s: Scene) -> Acts:
    ada = s.customer(at=EVENING - 760 * DAY)
    kettle, cup = s.product("kettle"), s.product("cup")
    for days in range(20, 740, 60):
        at = EVENING - timedelta(days=days)
        s.added(ada, f"c{days}", kettle, at)
        s.event(ada, "Product Viewed", at + HOUR, product_id=cup)
        s.event(ada, "Content Downloaded", at + HOUR, download_id=f"d{days}", title="A guide")
        s.event(ada, "Usage Limit Reached", at + HOUR, title="Seats")
    for days in (500, 450, 400):
        s.bought(ada, f"o{days}", cup, EVENING - timedelta(days=days), channel="shop")
    told = yield
    assert told.all_of(ada) == []
