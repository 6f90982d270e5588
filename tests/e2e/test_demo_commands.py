"""What a person asks after the demo: explain, preview, status, and what is not there."""

from __future__ import annotations

import pytest
from demo_day import in_order


@pytest.fixture(scope="module")
def bought_afterwards(demo):
    """A person who left a basket and bought after it."""
    run = demo.runs["first"]
    key = {
        d["candidate_key"]
        for d in demo.home.snapshot(run, "decisions")
        if d["reason"] == "goal_reached"
    }
    people = [
        c["person_id"]
        for c in demo.home.snapshot(run, "candidates")
        if c["candidate_key"] in key and c["programme"] == "abandoned_cart"
    ]
    return min(people)


def test_explain_says_that_somebody_bought_after_leaving_the_basket(demo, bought_afterwards):
    told = demo.home.ok("explain", bought_afterwards, "--run", demo.runs["first"])
    assert "not sent: this person bought after the occasion" in told
    assert "ledger: nothing was sent" in told
    programmes = demo.home.snapshot(demo.runs["first"], "programmes")
    assert all(programme["programme"] in told for programme in programmes)
    gates = demo.home.snapshot(demo.runs["first"], "gates")
    assert all(gate["gate"] in told for gate in gates)


def test_explain_takes_an_address_and_shows_none(demo, shop, bought_afterwards):
    nodes = demo.home.snapshot(demo.runs["first"], "people_nodes")
    [email, *_] = [
        shop[n["node_id"]]
        for n in nodes
        if n["person_id"] == bought_afterwards and n["node_id"] in shop
    ]
    told = demo.home.ok("explain", f" {email.upper()} ", "--run", demo.runs["first"])
    assert f"Person {bought_afterwards}" in told
    assert "this person bought after the occasion" in told
    assert "@" not in told


def test_preview_shows_who_and_why_and_sends_nothing(demo):
    told = demo.home.ok("preview", "abandoned_cart", "--most", "500", "--run", demo.runs["first"])
    in_audience = [m for m in demo.audience("first") if m["programme"] == "abandoned_cart"]
    assert in_audience
    for message in in_audience:
        assert message["person_id"][:12] in told
    assert "this person bought after the occasion" in told
    assert "You put this in your basket" in told
    assert "@" not in told
    assert demo.home.message_keys() == demo.keys["next_day"]


def test_status_names_runs_sources_and_rows(demo):
    told = demo.home.ok("status")
    assert all(run in told for run in demo.runs.values())
    wanted = in_order("Runs", "completed", "Sources", "shop.orders", "web.events", "decisions")
    assert wanted.search(told)
    assert "withheld" not in told
    assert "@" not in told


@pytest.mark.parametrize(
    ("command", "word"),
    [
        (("explain", "nobody.at.all@example.net"), "nobody is known by this address"),
        (("explain", "f" * 32), "nobody is known"),
        (("explain", "x", "--run", "no-such-run"), "no such run"),
        (("preview", "no_such_programme"), "abandoned_cart"),
        (("replay", "no-such-run"), "no such run"),
        (("release", "no-such-batch"), "no such batch"),
        (("run", "daily", "--as-of", "yesterday-ish"), "2011-12-06T11:05:00Z"),
    ],
)
def test_what_is_not_there_is_an_error_in_a_sentence(demo, command, word):
    said = demo.home.parley(*command)
    assert said.code == 1
    assert "Traceback" not in said.text
    assert "FixConfig" in said.err
    assert word.lower() in said.err.lower()
    assert "nobody.at.all" not in said.text


def test_nothing_was_written_outside_of_parley_home(demo):
    allowed = {"var", "home", "first.duckdb"}
    assert {path.name for path in demo.home.folder.iterdir()} == allowed
    assert list((demo.home.folder / "home").iterdir()) == []
