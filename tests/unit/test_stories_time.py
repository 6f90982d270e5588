"""Stories of clocks: zones, holidays, midnights, silences and repetitions."""

from __future__ import annotations

from datetime import datetime

from stories_kit import (
    DAY,
    EVENING,
    HOUR,
    LONG_AGO,
    MONDAY,
    SUNDAY,
    WEEK_LATER,
    Acts,
    Scene,
    story,
)
from stories_stage import STALE

CART, DROP, UPGRADE = "abandoned_cart", "price_drop", "upgrade_call"


@story(
    given="Ada, Bob and Eve left baskets in London, where it is night and summer time ends",
    when="Ada flies to New York, Eve to Sydney, and Bob stays",
    then="all wait for eight in the morning by the new time, and then each for their own day",
)
def test_moved_time_zone_on_the_dst_night(s: Scene) -> Acts:
    home = {"country": "GB", "time_zone": None}
    ada, bob, kettle = s.customer(**home), s.customer("bob", **home), s.product("kettle")
    eve = s.customer("eve", **home)
    for who in (ada, bob, eve):
        s.added(who, f"c-{who.user}", kettle, EVENING - 3 * HOUR, zone="Europe/London")
    s.event(ada, "Page Viewed", SUNDAY - 2 * HOUR, zone="America/New_York")
    s.event(eve, "Page Viewed", SUNDAY - 2 * HOUR, zone="Australia/Sydney")
    told = yield
    for who in (ada, bob, eve):
        [row] = told.plan(EVENING, who, CART)
        assert (row["verdict"], row["reason"]) == ("defer", "quiet_hours")
        assert row["defer_until"] == datetime(2010, 10, 31, 8, 0)  # noqa: DTZ001
    assert told.said(SUNDAY, ada, CART) == told.said(SUNDAY, bob, CART) == ["send"]
    [row] = told.plan(SUNDAY, eve, CART)
    assert row["defer_until"] == datetime(2010, 10, 31, 21, 0)  # noqa: DTZ001


@story(
    given="Ada was told on Saturday evening that something costs less",
    when="something that she looked at comes back on Sunday morning",
    then="midnight opens no new account: she is told on Monday",
)
def test_cap_across_midnight(s: Scene) -> Acts:
    ada, kettle, cup = s.customer(), s.product("kettle"), s.product("cup", price=900)
    s.event(ada, "Product Viewed", EVENING - 3 * DAY, product_id=kettle)
    s.event(ada, "Product Viewed", EVENING - 3 * DAY, product_id=cup)
    s.product("kettle", EVENING - 3 * HOUR, price=2000)
    s.product("cup", SUNDAY - 2 * HOUR, in_stock=False)
    s.product("cup", SUNDAY - HOUR)
    told = yield
    assert told.said(EVENING, ada, DROP) == ["send"]
    assert told.said(SUNDAY, ada, "back_in_stock") == ["defer: caps, contact_window"]
    assert told.sent(ada) == [(EVENING, DROP, 1), (MONDAY, "back_in_stock", 1)]


@story(
    given="Ada in Paris may be called, and her plan became too small on Sunday evening",
    when="Monday is All Saints",
    then="the call waits for Tuesday, when calls are allowed in France",
)
def test_public_holiday_on_the_call_day(s: Scene) -> Acts:
    ada = s.customer(country="FR", time_zone="Europe/Paris")
    s.allows(ada, LONG_AGO, channel="call")
    s.event(ada, "Usage Limit Reached", SUNDAY + 3 * HOUR, title="Seats")
    told = yield
    [row] = told.plan(MONDAY, ada, UPGRADE)
    assert (row["verdict"], row["reason"]) == ("defer", "public_holiday")
    assert row["defer_until"].date() == (MONDAY + DAY).date()


@story(
    given="Ada reached the limit of her firm's plan",
    when="a colleague orders the larger one",
    then="nobody calls her about it",
)
def test_a_colleague_in_the_account_buys(s: Scene) -> Acts:
    firm = "firm.colleague-buys.example"
    ada, bob = s.customer(domain=firm), s.customer("bob", domain=firm)
    eve = s.customer("eve")
    for who in (ada, eve):
        s.allows(who, LONG_AGO, channel="call")
        s.event(who, "Usage Limit Reached", SUNDAY + 2 * HOUR, title="Seats")
    s.event(bob, "Plan Upgraded", SUNDAY + 4 * HOUR)
    told = yield
    assert told.said(MONDAY, ada, UPGRADE) == ["drop: context, decided"]
    assert told.said(MONDAY, eve, UPGRADE) == ["send"]


@story(
    given="Ada read two guides, and so did Eve of another firm",
    when="a colleague of Ada's enrols",
    then="Eve is called, and Ada is not",
)
def test_a_colleague_in_the_account_enrols(s: Scene) -> Acts:
    firm = "firm.colleague-enrols.example"
    ada, bob, eve = s.customer(domain=firm), s.customer("bob", domain=firm), s.customer("eve")
    for who in (ada, eve):
        s.allows(who, LONG_AGO, channel="call")
        for days, guide in ((2, "one"), (1, "two")):
            asked = {"download_id": f"{who.user}-{guide}", "content_id": f"{s.name}-{guide}"}
            at = EVENING - days * DAY
            s.event(who, "Content Downloaded", at, **asked, title=guide, topic=s.name)
    s.event(bob, "Enrolled", SUNDAY + 4 * HOUR)
    told = yield
    assert told.said(MONDAY, ada, "advisor_call") == ["drop: context, decided"]
    assert told.said(MONDAY, eve, "advisor_call") == ["send"]


@story(
    given="Ada left a basket and asked for a guide",
    when="nothing runs for the six days after",
    then="both occasions are over, and neither is made up for",
)
def test_outage_of_a_week(s: Scene) -> Acts:
    ada, kettle = s.customer(), s.product("kettle")
    s.added(ada, "c", kettle, MONDAY + 2 * DAY)
    s.event(ada, "Content Downloaded", MONDAY + 2 * DAY, download_id="d", title="A guide")
    told = yield
    assert told.said(WEEK_LATER, ada, CART) == []
    assert told.said(WEEK_LATER, ada, "content_download") == []
    assert told.sent(ada) == []


@story(
    given="everything that was planned on Sunday was sent",
    when="Sunday's plan is made once more",
    then="it is the same, word for word, and the ledger sends nothing again",
)
def test_rerun_of_the_same_clock_plans_the_same(s: Scene) -> Acts:
    s.customer()
    told = yield
    assert told.again == told.rows[SUNDAY]
    for rows in told.rows.values():
        keys = [(r["person_id"], r["programme"], r["occasion"], r["step"]) for r in rows]
        assert len(keys) == len({*keys})
    assert [row for row in told.again if row["verdict"] == "send"]
    assert told.emitted_again.reserved == 0
    assert told.emitted_again.absorbed >= told.emitted[SUNDAY].reserved > 0


@story(
    given="Ada's plan became too small an hour before the shop and the site fell silent",
    when="a plan is made five days later",
    then="it waits for news of her, as whether it still holds is not known",
)
def test_a_stale_source_defers(s: Scene) -> Acts:
    ada = s.customer()
    s.allows(ada, LONG_AGO, channel="call")
    s.event(ada, "Usage Limit Reached", WEEK_LATER - HOUR / 2, title="Seats")
    told = yield
    assert told.said(WEEK_LATER, ada, UPGRADE) == []
    assert told.said(STALE, ada, UPGRADE) == ["defer: context, stale_source"]
