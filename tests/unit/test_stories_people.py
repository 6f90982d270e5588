"""Stories of permission, refusal, and of who is who."""

from __future__ import annotations

from stories_kit import DAY, EVENING, HOUR, LONG_AGO, MONDAY, SUNDAY, Acts, Scene, story

CART, DOWNLOAD = "abandoned_cart", "content_download"
MORNING = EVENING + 10 * HOUR


@story(
    given="Ada's oldest login is in the group that gets no marketing, Bob's is not",
    when="it turns out that they are one person",
    then="Bob's first reminder stays sent, and from then on there is none",
)
def test_holdout_person_merges_with_a_treated_one(s: Scene) -> Acts:
    ada, kettle = s.customer(held_out=True), s.product("kettle")
    bob = s.customer("bob", LONG_AGO + 30 * DAY)
    s.added(ada, "c1", kettle, EVENING - 5 * HOUR)
    s.added(bob, "c2", kettle, EVENING - 4 * HOUR)
    s.event(bob, "Page Viewed", EVENING + HOUR, email=ada.email)
    told = yield
    assert told.said(EVENING, ada, CART) == ["drop: global_holdout, global_holdout"]
    assert told.said(EVENING, bob, CART) == ["send"]
    assert told.people[SUNDAY][ada.nodes[0]] == told.people[SUNDAY][bob.nodes[0]]
    assert told.people[SUNDAY][bob.nodes[0]] == told.people[EVENING][ada.nodes[0]]
    _, second = told.said(MONDAY, bob, CART)
    assert second == "drop: global_holdout, global_holdout"
    assert [at for at, *_ in told.sent(bob)] == [EVENING]


@story(
    given="Ada was born on 29 February, and Bob's profile says so of a year without one",
    when="both leave a basket",
    then="both are reminded",
)
def test_born_on_29_february(s: Scene) -> Acts:
    ada, bob = s.customer(born_on="1988-02-29"), s.customer("bob", born_on="1989-02-29")
    kettle = s.product("kettle")
    s.added(ada, "c1", kettle, EVENING - 5 * HOUR)
    s.added(bob, "c2", kettle, EVENING - 5 * HOUR)
    told = yield
    assert told.said(EVENING, ada, CART) == told.said(EVENING, bob, CART) == ["send"]


@story(
    given="Ada was erased",
    when="a tracker that has not heard of it tells of a download and a basket",
    then="nothing is sent, not even the download",
)
def test_erased_person(s: Scene) -> Acts:
    ada, kettle = s.customer(), s.product("kettle")
    for node, kind in zip(ada.nodes, ("user_id", "email"), strict=True):
        forgot = {"node_id": node, "node_type": kind, "is_shared": "false"}
        s.record("parley.erasures", node, EVENING - DAY, **forgot, erased_at="2010-10-29T10:00:00Z")
    s.added(ada, "c", kettle, EVENING - 5 * HOUR)
    s.event(ada, "Content Downloaded", EVENING - HOUR, download_id=f"{s.name}-d", title="A guide")
    told = yield
    rows = [row for plan in told.rows.values() for row in plan if s.name in row["occasion"]]
    assert {(row["verdict"], row["reason"]) for row in rows} <= {("drop", "erased")}
    assert told.sent(ada) == []


@story(
    given="Ada works in the shop, and Bob is a test",
    when="both leave a basket",
    then="neither is reminded of it",
)
def test_staff_and_test_person(s: Scene) -> Acts:
    ada, bob = s.customer(is_staff="true"), s.customer("bob", is_test="true")
    kettle = s.product("kettle")
    s.added(ada, "c1", kettle, EVENING - 5 * HOUR)
    s.added(bob, "c2", kettle, EVENING - 5 * HOUR)
    told = yield
    assert told.said(EVENING, ada, CART) == ["drop: identity, staff"]
    assert told.said(EVENING, bob, CART) == ["drop: identity, test_person"]


@story(
    given="four people of an office share a mailbox",
    when="Ada leaves a basket, and a colleague buys the same thing",
    then="they stay four people, and the colleague's purchase is not taken for hers",
)
def test_shared_mailbox(s: Scene) -> Acts:
    office = "info@office.shared-mailbox.example"
    ada, *others = [s.customer(name, email=office, allowed="") for name in "abcd"]
    kettle = s.product("kettle")
    s.added(ada, "c", kettle, EVENING - 5 * HOUR)
    s.bought(others[0], "o", kettle, EVENING - 4 * HOUR)
    told = yield
    people = {told.people[EVENING][who.nodes[0]] for who in (ada, *others)}
    assert len(people) == 4
    assert told.said(EVENING, ada, CART) == ["drop: address, no_address"]


@story(
    given="Ada bought as a guest and ticked the box for news",
    when="she registers the next morning with the same mailbox, and ticks it again",
    then="she is welcomed once",
)
def test_guest_checkout_welcomed_once(s: Scene) -> Acts:
    ada, kettle = s.who(), s.product("kettle")
    s.bought(ada, "o", kettle, EVENING - 3 * HOUR, as_guest=True)
    at = EVENING - 2 * HOUR
    s.event(ada, "Permission Updated", at, email=ada.email, **_box())
    s.customer(at=MORNING)
    told = yield
    assert told.said(EVENING, ada, "welcome") == ["send"]
    assert [sent for sent in told.sent(ada) if sent[1] == "welcome"] == [(EVENING, "welcome", 1)]


@story(
    given="Ada was welcomed at her new mailbox",
    when="it turns out that she is Bob, who has been a reader for months",
    then="neither of them is welcomed again",
)
def test_merge_does_not_welcome_twice(s: Scene) -> Acts:
    ada, bob = s.customer(at=EVENING - 2 * HOUR), s.customer("bob")
    s.event(bob, "Page Viewed", MORNING, email=ada.email)
    told = yield
    assert told.said(EVENING, ada, "welcome") == ["send"]
    assert told.said(EVENING, bob, "welcome") == []
    assert told.people[SUNDAY][ada.nodes[0]] == told.people[SUNDAY][bob.nodes[0]]
    assert told.said(SUNDAY, ada, "welcome") == ["drop: memory, already_sent"]
    assert [*told.sent(ada), *told.sent(bob)] == [(EVENING, "welcome", 1)]


def _box() -> dict[str, str | bool]:
    granted = {"channel": "email", "purpose": "marketing", "state": "granted"}
    return {**granted, "proof": "checkout box", "is_confirmed": True}
