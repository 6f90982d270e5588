"""Stories of what people allowed, refused and asked for."""

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

CART, DOWNLOAD = "abandoned_cart", "content_download"
MORNING = EVENING + 10 * HOUR


@story(
    given="Ada is to be reminded of her basket",
    when="she unsubscribes between the plan and the push",
    then="the ledger refuses the message, and later plans know why",
)
def test_unsubscribed_between_plan_and_push(s: Scene) -> Acts:
    ada, kettle = s.customer(), s.product("kettle")
    s.added(ada, "c", kettle, EVENING - 3 * HOUR)
    s.suppress(ada, EVENING)
    s.event(ada, "Unsubscribed", EVENING + HOUR / 2, channel="email", email=ada.email)
    told = yield
    assert told.said(EVENING, ada, CART) == ["send"]
    assert told.sent(ada) == []
    assert told.emitted[EVENING].refused["suppressed"] >= 1
    assert told.said(SUNDAY, ada, CART) == ["drop: permission, permission_withdrawn"]


@story(
    given="Ada said on the phone that the kitchen range is nothing for her",
    when="she clicks on a kettle all the same, and puts it in a basket",
    then="what she said outweighs what she did",
)
def test_declined_by_phone_then_clicked(s: Scene) -> Acts:
    ada, kettle = s.customer(), s.product("kettle")
    at, no = EVENING - 2 * DAY, {"outcome": "not_interested", "topic": s.name}
    s.event(ada, "Call Completed", at, **no)
    s.event(ada, "Product Viewed", EVENING - 5 * HOUR, product_id=kettle)
    s.added(ada, "c", kettle, EVENING - 4 * HOUR)
    told = yield
    assert told.said(EVENING, ada, CART) == ["drop: memory, declined"]
    assert told.sent(ada) == []


@story(
    given="Ada complained on the phone, and nobody has put it right; so did Bob, and somebody has",
    when="both leave a full basket",
    then="Bob is reminded, and Ada is left alone",
)
def test_an_unhappy_customer_with_a_full_cart(s: Scene) -> Acts:
    ada, bob, kettle = s.customer(), s.customer("bob"), s.product("kettle")
    for who in (ada, bob):
        s.event(who, "Call Completed", EVENING - 3 * DAY, outcome="complaint")
        s.added(who, f"c-{who.user}", kettle, EVENING - 5 * HOUR)
    s.event(bob, "Call Completed", EVENING - 2 * DAY, outcome="resolved")
    told = yield
    assert told.said(EVENING, ada, CART) == ["drop: suppression, unhappy"]
    assert told.said(EVENING, bob, CART) == ["send"]


@story(
    given="Ada asks for a guide",
    when="she presses the button twice, and once more the next morning",
    then="she gets it once, and is asked about it once",
)
def test_download_twice_is_delivered_once(s: Scene) -> Acts:
    ada = s.customer()
    for at in (EVENING - HOUR, EVENING - HOUR / 2, MORNING):
        s.event(ada, "Content Downloaded", at, download_id="guide", title="A guide")
    told = yield
    assert told.said(EVENING, ada, DOWNLOAD) == ["send"]
    assert told.said(MONDAY, ada, "content_nurture") == ["send"]
    assert [sent for sent in told.sent(ada) if sent[1] == DOWNLOAD] == [(EVENING, DOWNLOAD, 1)]


@story(
    given="Ada has withdrawn her permission for marketing",
    when="she asks for a guide",
    then="she gets it, and nothing about it afterwards",
)
def test_download_by_somebody_who_withdrew_marketing(s: Scene) -> Acts:
    ada = s.customer()
    s.allows(ada, EVENING - 2 * DAY, "withdrawn")
    s.event(ada, "Content Downloaded", EVENING - HOUR, download_id="d", title="A guide")
    told = yield
    assert told.said(EVENING, ada, DOWNLOAD) == ["send"]
    assert told.said(MONDAY, ada, "content_nurture") == ["drop: permission, permission_withdrawn"]
    assert told.sent(ada) == [(EVENING, DOWNLOAD, 1)]


@story(
    given="Ada may be written to about what is like the things that she bought",
    when="she leaves a basket, and a newsletter is due",
    then="she is reminded of the basket, and gets no newsletter",
)
def test_soft_opt_in_person_gets_no_newsletter(s: Scene) -> Acts:
    ada, kettle, cup = s.customer(allowed=""), s.product("kettle"), s.product("cup")
    s.bought(ada, "o", cup, LONG_AGO + DAY)
    s.allows(ada, LONG_AGO + 2 * DAY, basis="soft_opt_in")
    s.event(ada, "Preference Updated", LONG_AGO + 3 * DAY, topic="frequency", answer="weekly")
    s.likes(ada, LONG_AGO + 3 * DAY)
    s.added(ada, "c", kettle, EVENING - 5 * HOUR)
    s.campaign("newsletter", EVENING - DAY, MONDAY + DAY)
    told = yield
    assert told.said(EVENING, ada, CART) == ["send"]
    assert told.said(EVENING, ada, "newsletter") == ["drop: permission, not_similar"]


@story(
    given="Ada answered a survey that one range is nothing for her",
    when="she leaves a basket of that range and one of another",
    then="she hears of the other one alone",
)
def test_declined_topic(s: Scene) -> Acts:
    ada, kettle = s.customer(), s.product("kettle")
    lamp = s.product("lamp", category=f"{s.name}_lamps")
    s.event(ada, "Survey Answered", EVENING - 9 * DAY, topic=s.name, answer="not_interested")
    s.added(ada, "c1", kettle, EVENING - 5 * HOUR)
    s.added(ada, "c2", lamp, EVENING - 4 * HOUR)
    told = yield
    assert told.said(EVENING, ada, CART) == ["drop: memory, declined", "send"]


@story(
    given="Ada may be called, but told the last caller not to ring again",
    when="her plan becomes too small",
    then="nobody calls her",
)
def test_not_by_phone(s: Scene) -> Acts:
    ada = s.customer()
    s.allows(ada, LONG_AGO, channel="call")
    s.event(ada, "Call Completed", EVENING - 20 * DAY, outcome="not_by_phone")
    s.event(ada, "Usage Limit Reached", SUNDAY + 2 * HOUR, title="Seats")
    told = yield
    assert told.said(MONDAY, ada, "upgrade_call") == ["drop: memory, declined_channel"]


@story(
    given="mail to Ada's address came back for good",
    when="she asks for a guide",
    then="not even that is sent there",
)
def test_hard_bounce_stops_service_too(s: Scene) -> Acts:
    ada = s.customer()
    told_at = {"email": ada.email, "kind": "hard", "bounced_at": "2010-10-01T10:00:00Z"}
    s.record("history.bounces", "b", EVENING - 20 * DAY, **told_at)
    s.event(ada, "Content Downloaded", EVENING - HOUR, download_id="d", title="A guide")
    told = yield
    assert told.said(EVENING, ada, DOWNLOAD) == ["drop: address, hard_bounced"]
    assert told.sent(ada) == []
