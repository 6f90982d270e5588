"""Ada typed her address into a form on Ben's laptop, and they were taken for one person.

Ben leaves a kettle in a basket, and a message about it goes out on that belief. Then somebody
notices, and takes them apart again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from home_kit import Home, Said
from shop_kit import TinyShop, kettle_in_basket, subscribed, z

from connectors.core.identifiers import node_id

MONDAY = datetime(2024, 3, 4, tzinfo=UTC)
LONG_AGO = datetime(2024, 1, 15, 18, 0, tzinfo=UTC)
# With these ids Ada is in no holdout.
PHONE, ADA, LAPTOP, BEN = "ada-phone", "ada@example.com", "ben-laptop", "ben@example.com"
NODES = {name: node_id("email", name, "parley-demo") for name in (ADA, BEN)}
RUNS = {"apart": 11, "merged": 14, "parted": 15, "later": 16}


@dataclass
class Story:
    """What the runs, and the commands between them, left behind."""

    home: Home
    runs: dict[str, str]
    said: dict[str, Said]

    def people(self, run: str) -> dict[str, str]:
        nodes = self.home.snapshot(self.runs[run], "people_nodes")
        return {node["node_id"]: node["person_id"] for node in nodes}

    def history(self, run: str) -> list[dict[str, Any]]:
        return self.home.snapshot(self.runs[run], "identity_history")


@pytest.fixture(scope="module")
def story(tmp_path_factory, make_home):
    shop = TinyShop(tmp_path_factory.mktemp("shop"))
    story = Story(make_home("split", shop.sources), {}, {})

    def run(name):
        story.home.ok("run", "triggered", "--as-of", z(MONDAY + timedelta(hours=RUNS[name])))
        story.runs[name] = story.home.last_run()

    def split(name, *arguments):
        at = z(MONDAY + timedelta(hours=14, minutes=30))
        story.said[name] = story.home.parley("identity", "split", *arguments, "--as-of", at)

    shop.product("kettle", "Kettle", 3000, LONG_AGO)
    shop.events(
        subscribed(PHONE, ADA, LONG_AGO), subscribed(LAPTOP, BEN, LONG_AGO + timedelta(days=1))
    )
    run("apart")
    split("never merged", ADA)
    at_bens = MONDAY + timedelta(hours=11, minutes=30)
    shop.events(
        subscribed(LAPTOP, ADA, at_bens),
        kettle_in_basket("c7", at_bens + timedelta(hours=1), device=LAPTOP),
    )
    run("merged")
    split("looked", ADA, "--dry-run")
    split("one node", ADA, "--node", BEN, "--dry-run")
    split("nobody's node", ADA, "--node", "zoe@example.com")
    split("cut", BEN, "--reason", "a visitor's form")
    split("cut again", BEN)
    run("parted")
    run("later")
    story.said["replayed"] = story.home.parley("replay", story.runs["merged"])
    return story


def test_a_form_on_bens_laptop_made_them_one_person_and_the_history_says_which(story):
    before, after = story.people("apart"), story.people("merged")
    assert before[NODES[ADA]] != before[NODES[BEN]]
    assert after[NODES[ADA]] == after[NODES[BEN]] == before[NODES[ADA]]
    assert not story.history("apart")
    rows = [row for row in story.history("merged") if row["node_id"] == NODES[BEN]]
    [row] = rows
    assert (row["kind"], row["reason"], row["link_source_id"]) == ("merged", "link", "web")
    assert (row["from_person_id"], row["person_id"]) == (before[NODES[BEN]], before[NODES[ADA]])
    assert {row["link_node_type"], row["link_other_type"]} == {"device", "email"}
    assert NODES[ADA] in {row["link_node_id"], row["link_other_id"]}


def test_who_was_never_merged_is_not_taken_apart(story):
    said = story.said["never merged"]
    assert said.code == 1
    assert "no run merged this person" in said.text


def test_the_split_shows_the_evidence_and_exactly_what_went_out_meanwhile(story):
    said = story.said["looked"]
    assert said.code == 0, said.text
    assert "would be 2 people" in said.text
    assert "2024-03-04 11:30 to 2024-03-04 11:30, learned 2024-03-04 14:00 (web)" in said.text
    [message] = story.home.ledger("select * from messages")
    assert message["message_key"] in said.text
    assert "since 2024-03-04T14:00:00Z: 1" in said.text
    side = "1" if message["address_hash"] == NODES[ADA] else "2"
    assert f"to side {side}" in said.text
    assert "nothing was cut" in said.text


def test_no_address_is_ever_shown(story):
    assert not [name for name, said in story.said.items() if "@" in said.text]


def test_one_identifier_may_be_taken_away_instead(story):
    said = story.said["one node"]
    assert said.code == 0, said.text
    # It is joined by Ben's own laptop alone.
    assert f"2: email {NODES[BEN][:8]}" in said.text
    assert story.said["nobody's node"].code == 1
    assert "is not one identifier of this person" in story.said["nobody's node"].text


def test_what_is_cut_stays_cut_and_says_why(story):
    assert "1 link is cut" in story.said["cut"].text
    [row] = story.home.ledger("select * from identity_cuts")
    assert row["reason"] == "a visitor's form"
    assert NODES[ADA] in {row["node_id"], row["other_id"]}
    assert story.said["cut again"].code == 1
    assert "these links are cut already" in story.said["cut again"].text


@pytest.mark.parametrize("run", ["parted", "later"])
def test_the_next_run_parts_them_and_the_history_shows_both(story, run):
    before, after = story.people("apart"), story.people(run)
    for node in NODES.values():
        assert after[node] == before[node]
    rows = [row for row in story.history(run) if row["node_id"] == NODES[BEN]]
    kinds = [(row["kind"], row["reason"]) for row in sorted(rows, key=lambda r: r["changed_at"])]
    assert kinds == [("merged", "link"), ("unmerged", "cut")]


def test_a_replay_of_the_merged_run_is_the_same_byte_for_byte(story):
    assert story.said["replayed"].code == 0, story.said["replayed"].text
    assert "byte for byte" in story.said["replayed"].text
