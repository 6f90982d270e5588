"""A withdrawal that arrives late: it lists exactly what was sent between its two clocks.

Lea and Ben left a kettle at nine. Both are written to at five past eleven on Monday. On Tuesday the
shop tells that Lea had taken her permission back on Monday at half past ten, and Ben on Monday at
noon; and that Eve, who lives in Germany, never confirmed her sign-up.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from home_kit import Home
from shop_kit import TinyShop, identify, kettle_in_basket, z

from connectors.core.identifiers import node_id

MONDAY = datetime(2024, 3, 4, tzinfo=UTC)
LONG_AGO = datetime(2024, 1, 15, 18, 0, tzinfo=UTC)
RUN = MONDAY + timedelta(hours=11, minutes=5)
TUESDAY = MONDAY + timedelta(days=1, hours=11, minutes=5)
# With these names nobody is in a holdout: a stable hash of the person's first identifier.
LATE, AFTER, UNCONFIRMED = "lea@example.com", "ben@example.com", "eve@example.com"
TOLD = {LATE: timedelta(hours=10, minutes=30), AFTER: timedelta(hours=12)}


@dataclass(frozen=True)
class Story:
    """The home after both runs, and what the command said of each: now, and as of Monday."""

    home: Home
    first_run: str
    now: dict[str, str]
    monday: dict[str, str]


def withdraw(shop: TinyShop, email: str) -> None:
    """The shop learns on Tuesday what somebody said on Monday."""
    at, told = MONDAY + TOLD[email], MONDAY + timedelta(days=1)
    shop.put(
        "consents", consent_id=f"no-{email}", customer_id=f"u-{email}", email=email,
        channel="email", purpose="marketing", state="withdrawn", proof="by letter [1]",
        given_at=z(at), updated_at=z(told),
    )  # fmt: skip


@pytest.fixture(scope="module")
def story(tmp_path_factory, make_home):
    shop = TinyShop(tmp_path_factory.mktemp("shop"))
    home = make_home("late", shop.sources)
    shop.product("kettle", "Kettle", 3000, LONG_AGO)
    nine = MONDAY + timedelta(hours=9)
    people = {LATE: "GB", AFTER: "GB", UNCONFIRMED: "DE"}
    for email, country in people.items():
        shop.customer(f"u-{email}", LONG_AGO, email=email, country=country)
        shop.put(
            "consents", consent_id=f"yes-{email}", customer_id=f"u-{email}", email=email,
            channel="email", purpose="marketing", state="granted", legal_basis="consent",
            proof="checkout box", given_at=z(LONG_AGO), updated_at=z(LONG_AGO),
        )  # fmt: skip
    shop.events(
        *(identify(nine, device=f"d-{e}", user=f"u-{e}", email=e) for e in people),
        *(kettle_in_basket(f"c-{e[:3]}", nine, device=f"d-{e}") for e in people),
    )
    home.ok("run", "triggered", "--as-of", z(RUN))
    first_run = home.last_run()
    for email in TOLD:
        withdraw(shop, email)
    home.ok("run", "triggered", "--as-of", z(TUESDAY))
    told = {email: home.ok("permission", email) for email in people}
    noon = z(MONDAY + timedelta(hours=12))
    monday = {email: home.ok("permission", email, "--as-of", noon) for email in people}
    return Story(home, first_run, told, monday)


def node(email: str) -> str:
    return node_id("email", email, "parley-demo")


def test_exactly_what_was_sent_between_the_two_clocks_is_listed(story):
    sent = story.home.bi("from marts.messages where state = 'accepted'")
    assert {each["address_node"] for each in sent} == {node(LATE), node(AFTER)}
    [missed] = story.home.bi("from marts.late_withdrawals")
    assert missed["node_id"] == node(LATE)
    [message] = [each for each in sent if each["address_node"] == node(LATE)]
    assert missed["message_key"] == message["message_key"]
    assert missed["valid_from"] <= missed["sent_at"] < missed["known_at"]


def test_the_command_tells_what_holds_and_what_was_missed(story):
    said = story.now[LATE]
    assert "marketing by email: withdrawn since 2024-03-04T10:30:00Z" in said
    assert "(consent, by letter [1], shop)" in said
    assert "valid 2024-03-04T10:30:00Z, known 2024-03-05T11:05:00Z: withdrawn" in said
    assert "1 day, 0:35:00 late; 1 message was sent in between" in said
    assert "abandoned_cart main/c-lea on 2024-03-04T11:05:00Z" in said
    assert "late; no message was sent in between" in story.now[AFTER]
    assert "abandoned_cart" not in story.now[AFTER]


def test_it_tells_what_was_known_at_a_moment(story):
    for email in TOLD:
        assert "marketing by email: granted since 2024-01-15T18:00:00Z" in story.monday[email]
        assert "withdrawn" not in story.monday[email]


def test_a_sign_up_that_was_not_confirmed_is_none_where_the_country_asks(story):
    said = story.now[UNCONFIRMED]
    assert "unconfirmed since 2024-01-15T18:00:00Z: no, the sign-up was not confirmed" in said
    decisions = story.home.snapshot(story.first_run, "decisions")
    reasons = [(each["verdict"], each["gate"], each["reason"]) for each in decisions]
    assert ("drop", "permission", "permission_unconfirmed") in reasons


def test_no_address_is_shown_and_none_is_in_an_error(story):
    for said in (*story.now.values(), *story.monday.values()):
        assert re.search(r"Person [0-9a-f]{32}", said)
        assert "@" not in said
    for arguments in (("nobody.here@example.org",), (LATE, "--as-of", z(LONG_AGO))):
        failed = story.home.parley("permission", *arguments)
        assert failed.code == 1
        assert "FixConfig" in failed.err
        assert "@" not in failed.text
