"""Stories of campaigns, and of who goes first."""

from __future__ import annotations

from datetime import datetime, timedelta

from stories_cast import Who
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

CART, DROP, NEW = "abandoned_cart", "price_drop", "seasonal_to_engaged"


@story(
    given="Ada has not been heard of for more than half a year",
    when="there is something new of the range that she bought",
    then="she gets no campaign",
)
def test_sunset_after_half_a_year(s: Scene) -> Acts:
    ada = s.customer(at=EVENING - 400 * DAY)
    s.bought(ada, "o", s.product("kettle", EVENING - 400 * DAY), EVENING - 300 * DAY)
    s.likes(ada, EVENING - 300 * DAY)
    _offered(s, "new_collection_by_affinity")
    told = yield
    assert told.said(EVENING, ada, "new_collection_by_affinity") == ["drop: suppression, sunset"]
    assert told.sent(ada) == []


@story(
    given="Ada has been silent for more than half a year, and was asked twice whether to stay",
    when="a third such campaign begins",
    then="there is silence; Bob, who was asked once, is asked again after a fortnight",
)
def test_reactivation_twice_then_silence(s: Scene) -> Acts:
    long = EVENING - 400 * DAY
    ada, bob = s.customer(at=long), s.customer("bob", long)
    for who, asked in ((ada, (50, 30)), (bob, (30,))):
        s.bought(who, f"o-{who.user}", s.product("kettle", long), EVENING - 300 * DAY)
        for days in asked:
            _mailed(s, who, EVENING - timedelta(days=days), programme="reactivation")
        s.likes(who, EVENING - 300 * DAY)
    s.campaign("reactivation", EVENING - DAY, MONDAY + DAY)
    told = yield
    assert told.said(EVENING, ada, "reactivation") == ["drop: suppression, sunset"]
    assert told.said(EVENING, bob, "reactivation") == ["send"]


@story(
    given="Ada wants the newsletter monthly, Bob weekly",
    when="there is one on Saturday, and another ten days later",
    then="Ada gets the first, Bob both",
)
def test_newsletter_monthly_obeyed(s: Scene) -> Acts:
    ada, bob = s.customer(), s.customer("bob")
    kettle, _, _ = s.product("kettle"), s.product("cup"), s.product("pot")
    for who, wish in ((ada, "monthly"), (bob, "weekly")):
        s.bought(who, f"o-{who.user}", kettle, EVENING - 30 * DAY)
        s.likes(who, EVENING - 30 * DAY)
        s.event(who, "Preference Updated", EVENING - 20 * DAY, topic="frequency", answer=wish)
    s.campaign("newsletter", EVENING - DAY, SUNDAY - HOUR)
    s.campaign("newsletter", WEEK_LATER - DAY, WEEK_LATER + DAY, "2")
    told = yield
    assert told.said(EVENING, ada, "newsletter") == told.said(EVENING, bob, "newsletter")
    assert told.said(WEEK_LATER, ada, "newsletter") == ["drop: context, newsletter_not_due"]
    assert [at for at, *_ in told.sent(ada)] == [EVENING]
    assert [at for at, *_ in told.sent(bob)] == [EVENING, WEEK_LATER]


@story(
    given="Ada left a basket, a price she looked at has fallen, and a campaign concerns her",
    when="all three are due at once",
    then="the basket is answered, the price waits, and the campaign waits for both",
)
def test_two_triggers_and_a_campaign_at_once(s: Scene) -> Acts:
    ada, kettle, cup = s.customer(), s.product("kettle"), s.product("cup")
    s.likes(ada, EVENING - 60 * DAY)
    s.event(ada, "Product Viewed", EVENING - 3 * DAY, product_id=cup)
    s.product("cup", EVENING - 3 * HOUR, price=2000)
    s.added(ada, "c", kettle, EVENING - 2 * HOUR)
    _offered(s)
    told = yield
    assert told.said(EVENING, ada, CART) == ["send"]
    assert told.said(EVENING, ada, DROP) == ["defer: arbitration, lost_arbitration"]
    assert told.said(EVENING, ada, NEW) == ["defer: arbitration, trigger_pending"]
    assert [sent for sent in told.sent(ada) if sent[0] == EVENING] == [(EVENING, CART, 1)]


@story(
    given="Ada had two mails of the previous tool and a reminder of her basket in a week",
    when="a second reminder and a campaign are due",
    then="the cap is one for all kinds: the reminder waits, and the campaign is dropped",
)
def test_frequency_cap_shared_by_triggered_and_mass(s: Scene) -> Acts:
    ada, kettle = s.customer(), s.product("kettle")
    s.likes(ada, EVENING - 60 * DAY)
    for days in (2, 3):
        _mailed(s, ada, EVENING - days * DAY, programme="bought_in_store")
    s.added(ada, "c", kettle, EVENING - 2 * HOUR)
    _offered(s)
    told = yield
    assert told.said(MONDAY, ada, CART) == ["defer: caps, per_week"]
    assert told.said(MONDAY, ada, NEW) == ["drop: caps, per_week"]
    assert told.sent(ada) == [(EVENING, CART, 1)]


@story(
    given="Ada is deciding: her basket is two days older than its last reminder",
    when="a campaign concerns her",
    then="she is not talked over",
)
def test_deciding_person_is_not_talked_over(s: Scene) -> Acts:
    ada, kettle = s.customer(), s.product("kettle")
    s.likes(ada, EVENING - 60 * DAY)
    s.added(ada, "c", kettle, EVENING - 5 * DAY)
    _offered(s)
    told = yield
    assert told.said(EVENING, ada, CART) == []
    assert told.said(EVENING, ada, NEW) == ["defer: arbitration, deciding"]


@story(
    given="Ada likes a range that a campaign is about",
    when="the campaign's row has ended an hour ago",
    then="it says nothing to her",
)
def test_a_campaign_row_that_has_ended_sends_nothing(s: Scene) -> Acts:
    ada = s.customer()
    s.likes(ada, EVENING - 60 * DAY)
    _offered(s, until=SUNDAY - HOUR)
    told = yield
    assert [row["campaign_id"] for row in told.plan(EVENING, ada, NEW)] == [s.name]
    assert told.said(SUNDAY, ada, NEW) == []


def _offered(s: Scene, programme: str = NEW, until: datetime = MONDAY + 2 * DAY) -> None:
    """Two things of the story's range, and a campaign about them."""
    at = LONG_AGO if programme == NEW else EVENING - 6 * DAY
    for name in ("bowl", "tray"):
        s.product(name, at, created_at=at)
    s.campaign(programme, EVENING - DAY, until, arrivals_since=EVENING - 7 * DAY)


def _mailed(s: Scene, who: Who, at: datetime, **columns: str) -> None:
    """The previous tool wrote to them."""
    told = {"email": who.email, "channel": "email", "purpose": "marketing"}
    sent_at = at.isoformat() + "Z"
    s.record("history.sends", f"{who.user}-{at:%m%d}", at, **told, **columns, sent_at=sent_at)
