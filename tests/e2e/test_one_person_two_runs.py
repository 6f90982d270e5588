"""One person, two runs: what was not known cannot have been acted on.

Ada came to the newsletter by her phone (device a1, address e1). On Monday she leaves a kettle in
a basket and gets a message. Later it turns out that she had bought it as a guest (address e3),
twenty minutes before the message was planned.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from home_kit import Home
from shop_kit import TinyShop, identify, kettle_in_basket, subscribed, z

from connectors.core.identifiers import node_id

MONDAY = datetime(2024, 3, 4, tzinfo=UTC)
LONG_AGO = datetime(2024, 1, 15, 18, 0, tzinfo=UTC)
MONDAY_RUN = MONDAY + timedelta(hours=11, minutes=5)
TUESDAY_RUN = MONDAY + timedelta(days=1, hours=9, minutes=5)
# Holdouts are a stable hash of the person: with these ids Ada is in none of them, neither by her
# phone nor by her first address, whichever comes first.
PHONE, FIRST, LAPTOP, OTHER = "ada-phone", "ada@example.com", "a2", "ada.l@example.org"
BOB = "bob@example.com"


@dataclass(frozen=True)
class Story:
    """What every step of the story left behind."""

    home: Home
    runs: dict[str, str]
    people: dict[str, dict[str, str]]
    explained: dict[str, str]
    replayed: str
    replay_code: int
    messages: dict[str, list[dict[str, Any]]]

    def candidate(self, run: str) -> dict[str, Any]:
        """The one candidate about Ada's basket in a run, with its decision."""
        run_id = self.runs[run]
        [found] = [
            c for c in self.home.snapshot(run_id, "candidates") if c["occasion"] == "main/c7"
        ]
        decisions = self.home.snapshot(run_id, "decisions")
        [decision] = [d for d in decisions if d["candidate_key"] == found["candidate_key"]]
        return {**found, **decision}


def open_shop(shop: TinyShop) -> None:
    """Bob bought on Sunday, Ada subscribed long ago."""
    shop.product("kettle", "Kettle", 3000, LONG_AGO)
    shop.customer("u1", LONG_AGO, email=BOB, country="GB")
    shop.consent("u1", BOB, LONG_AGO)
    sunday = MONDAY - timedelta(hours=10)
    shop.order("o1", "kettle", 3000, sunday, customer_id="u1", email=BOB, country="GB")
    shop.events(subscribed(PHONE, FIRST, LONG_AGO))


@pytest.fixture(scope="module")
def story(tmp_path_factory, make_home):
    shop = TinyShop(tmp_path_factory.mktemp("shop"))
    home = make_home("ada", shop.sources)
    runs, people, explained, messages = {}, {}, {}, {}

    def run(name, as_of):
        home.ok("run", "triggered", "--as-of", z(as_of))
        runs[name] = home.last_run()
        nodes = home.snapshot(runs[name], "people_nodes")
        people[name] = {node["node_id"]: node["person_id"] for node in nodes}
        explained[name] = home.ok("explain", FIRST)
        messages[name] = home.bi("from marts.messages")

    open_shop(shop)
    shop.events(kettle_in_basket("c7", MONDAY + timedelta(hours=10), device=PHONE))
    run("monday", MONDAY_RUN)

    login = MONDAY + timedelta(hours=18)
    shop.customer("u9", login, email=OTHER, country="GB")
    shop.events(identify(login, device=LAPTOP, user="u9", email=FIRST))
    shop.order(
        "o2", "kettle", 3000, MONDAY + timedelta(hours=10, minutes=40),
        told_at=MONDAY + timedelta(days=1, hours=9), email=OTHER, cart_id="c7", country="GB",
    )  # fmt: skip
    run("tuesday", TUESDAY_RUN)

    replayed = home.parley("replay", runs["monday"])
    return Story(home, runs, people, explained, replayed.text, replayed.code, messages)


def test_on_monday_the_basket_is_answered_to_the_address_that_gave_permission(story):
    [message] = story.home.snapshot(story.runs["monday"], "audience_triggered")
    assert message["address"] == FIRST
    assert (message["programme"], message["occasion"], message["step"]) == (
        "abandoned_cart",
        "main/c7",
        1,
    )
    assert message["verdict"] == "send"
    [row] = story.messages["monday"]
    assert (row["message_key"], row["state"]) == (message["message_key"], "accepted")


def test_a_login_makes_one_person_of_both_devices_and_keeps_her_id(story):
    before, after = story.people["monday"], story.people["tuesday"]
    first = node_id("email", FIRST, "parley-demo")
    other = node_id("email", OTHER, "parley-demo")
    ada = before[first]
    assert len([node for node, person in before.items() if person == ada]) == 2
    assert after[first] == after[other] == ada
    # a1, a2, u9, e1, e3: the id is that of the identifier which was known first.
    assert len([node for node, person in after.items() if person == ada]) == 5


def test_the_merged_person_was_spoken_to_about_this_basket_before(story):
    candidate = story.candidate("tuesday")
    gates = story.home.snapshot(story.runs["tuesday"], "decision_gates")
    mine = [g for g in gates if g["candidate_key"] == candidate["candidate_key"]]
    reasons = {gate["gate"]: gate["reason"] for gate in mine}
    assert reasons["memory"] == "already_sent"
    [k1] = story.messages["monday"]
    assert candidate["message_key"] == k1["message_key"]


def test_the_late_order_makes_the_basket_an_ordered_one(story):
    carts = story.home.snapshot(story.runs["tuesday"], "carts")
    assert [(cart["cart_id"], cart["state"]) for cart in carts] == [("c7", "ordered")]
    candidate = story.candidate("tuesday")
    assert (candidate["verdict"], candidate["gate"]) == ("drop", "context")
    assert candidate["reason"] == "cart_ordered"


def test_there_is_no_second_message_and_the_first_stays_on_record(story):
    assert story.messages["tuesday"] == story.messages["monday"]
    [row] = story.home.ledger("select * from messages")
    assert row["run_id"] == story.runs["monday"]
    assert row["planned_as_of"].startswith("2024-03-04 11:05")


def test_explain_says_that_the_order_was_not_yet_known_when_the_message_was_planned(story):
    assert "to be sent: all gates passed" in story.explained["monday"]
    told = story.explained["tuesday"]
    assert "not sent: the basket was ordered" in told
    assert "planned 2024-03-04T11:05:00Z" in told
    assert "not yet known" in told
    assert "2024-03-04T10:40:00Z" in told
    assert "2024-03-05T09:05:00Z" in told


def test_explain_shows_no_address(story):
    for told in story.explained.values():
        assert "@" not in told


def test_a_replay_of_monday_still_sends_the_message_byte_for_byte(story):
    assert story.replay_code == 0, story.replayed
    assert "the same audience, byte for byte" in story.replayed
    [monday] = [r for r in story.home.runs() if r["run_id"] == story.runs["monday"]]
    [again] = [r for r in story.home.runs() if r["kind"] == "replay"]
    assert again["audience_sha256"] == monday["audience_sha256"]
    # A run that sent nothing has another hash: equal hashes are not equal by emptiness.
    others = {r["audience_sha256"] for r in story.home.runs() if r["kind"] == "triggered"}
    assert len(others) == 2
    assert again["as_of"] == monday["as_of"]
