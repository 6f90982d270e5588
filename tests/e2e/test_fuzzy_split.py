"""Two accounts of one name, birthday and home were taken for one person; they are two namesakes.

Nothing that was seen joins them: the fuzzy rules do. Somebody takes them apart, and so it stays.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from home_kit import Home
from shop_kit import TinyShop, z
from test_identity_split import Story

from connectors.core.identifiers import node_id

MONDAY = datetime(2024, 3, 4, tzinfo=UTC)
ADA, NAMESAKE = "ada@example.com", "archer@example.com"
NODES = {name: node_id("email", name, "parley-demo") for name in (ADA, NAMESAKE)}
ARCHER = {
    "first_name": "Ada", "last_name": "Archer", "born_on": "1980-02-29",
    "street": "1 High Street", "postcode": "LS1 1AA", "city": "Leeds",
}  # fmt: skip
# Enough others to tell how rare all of that is.
OTHERS = 60
RUNS = {"apart": 11, "merged": 14, "parted": 15}


@pytest.fixture(scope="module")
def story(tmp_path_factory, make_home):
    shop = TinyShop(tmp_path_factory.mktemp("shop"))
    home: Home = make_home("fuzzy", {**shop.sources, "PARLEY_FUZZY_IDENTITY": "true"})
    story = Story(home, {}, {})

    def run(name):
        home.ok("run", "triggered", "--as-of", z(MONDAY + timedelta(hours=RUNS[name])))
        story.runs[name] = home.last_run()

    def split(name, *arguments):
        at = z(MONDAY + timedelta(hours=14, minutes=30))
        story.said[name] = home.parley("identity", "split", *arguments, "--as-of", at)

    morning = MONDAY + timedelta(hours=9)
    shop.product("kettle", "Kettle", 3000, morning)
    shop.customer("ada", morning, email=ADA, **ARCHER)
    for number in range(OTHERS):
        name = {"first_name": f"First{number:02}x", "last_name": f"Last{number:02}y"}
        born_on = f"19{40 + number:02}-0{1 + number % 9}-1{number % 10}"
        home_of = {
            "street": f"{number} Lane {number:03}",
            "postcode": f"P{number:02}",
            "city": "York",
        }
        shop.customer(f"other{number}", morning, born_on=born_on, **name, **home_of)
    shop.order("o1", "kettle", 3000, morning, customer_id="archer", email=NAMESAKE)
    run("apart")
    # Who ordered as a stranger says who they are.
    shop.customer("archer", MONDAY + timedelta(hours=12), email=NAMESAKE, **ARCHER)
    run("merged")
    split("looked", ADA, "--dry-run")
    split("cut", NAMESAKE, "--reason", "two cousins")
    run("parted")
    return story


def test_the_history_names_the_fuzzy_rule_that_made_them_one(story):
    before, after = story.people("apart"), story.people("merged")
    assert before[NODES[ADA]] != before[NODES[NAMESAKE]]
    assert after[NODES[ADA]] == after[NODES[NAMESAKE]]
    merged = story.history("merged")
    told = {(row["kind"], row["reason"], row["link_source_id"]) for row in merged}
    assert told == {("merged", "link", "fuzzy birth")}
    assert {row["link_node_type"] for row in merged} == {"user_id"}
    assert {row["link_other_type"] for row in merged} == {"user_id"}


def test_the_split_shows_the_rule_and_cuts_the_belief(story):
    assert "would be 2 people" in story.said["looked"].text
    assert "(fuzzy birth)" in story.said["looked"].text
    assert "1 link is cut" in story.said["cut"].text


def test_what_the_rules_believe_is_not_believed_again(story):
    before, after = story.people("apart"), story.people("parted")
    for node in NODES.values():
        assert after[node] == before[node]
    history = story.history("parted")
    kinds = {(row["kind"], row["reason"], row["link_source_id"]) for row in history}
    assert kinds == {("merged", "link", "fuzzy birth"), ("unmerged", "cut", "fuzzy birth")}
