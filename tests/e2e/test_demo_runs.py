"""The demo as a newcomer meets it: runs, their repetition, their clocks, their replays."""

from __future__ import annotations

import json
import re
import sqlite3
from collections import Counter

from demo_day import RUNS, columns, in_order, one, rows_in, sent_files

# Moments that lie ahead by their nature; every other one must have passed.
AHEAD = {"expires_at", "defer_until", "starts_at", "ends_at", "arrivals_since", "until"}


def test_the_demo_ends_with_a_summary_and_three_people_explained(demo):
    out = demo.said["first"].out
    titles = ("Segments", "Intent", "The plan", "Sent (triggered)", "Sent (mass)")
    assert in_order(*titles, "Left a basket, will hear from us", "Look further").search(out)
    assert "Left a basket, but bought afterwards" in out
    assert "Left a basket, but never gave permission" in out


def test_the_first_days_send_something_of_every_programme(demo):
    messages = [*demo.audience("eve"), *demo.audience("first")]
    sent = Counter(m["programme"] for m in messages if m["verdict"] == "send")
    programmes = {p["programme"] for p in demo.home.snapshot(demo.runs["first"], "programmes")}
    assert set(sent) == programmes


def test_a_second_demo_is_a_second_run_and_sends_nothing_again(demo):
    runs = {run["run_id"]: run for run in demo.home.runs()}
    first, again = runs[demo.runs["first"]], runs[demo.runs["again"]]
    assert first["run_id"] != again["run_id"]
    assert first["as_of"] == again["as_of"]
    assert (first["status"], again["status"]) == ("completed", "completed")
    assert demo.keys["first"]
    assert demo.keys["again"] == demo.keys["first"]
    assert again["audience_sha256"] == first["audience_sha256"]


def test_the_next_day_adds_messages_and_repeats_none(demo):
    new = demo.keys["next_day"] - demo.keys["evening"]
    assert new
    assert demo.keys["first"] < demo.keys["next_day"]
    sent = [row["message_key"] for path in sent_files(demo) for row in rows_in(path)]
    assert len(sent) == len(set(sent))


def test_every_run_completed_and_recorded_its_rows_and_the_hash_of_its_plan(demo):
    for run in demo.home.runs():
        assert run["status"] == "completed", run["run_id"]
        assert re.fullmatch("[0-9a-f]{64}", run["audience_sha256"])
    by_id = {run["run_id"]: json.loads(run["rows"]) for run in demo.home.runs()}
    landed = by_id[demo.runs["eve"]]["in"]
    assert landed["shop.orders"] > 10_000
    assert landed["web.events"] > 10_000
    assert landed["school.events"] > 1_000
    assert by_id[demo.runs["again"]]["in"]["shop.orders"] == 0


def test_a_replay_gives_the_same_audience_byte_for_byte(demo):
    # After all later data is in; and of a run that was built on what the eve left, from nothing:
    # the incremental build and the build from scratch give the same plan.
    said = demo.said["replay"]
    assert said.code == 0, said.text
    assert "the same audience, byte for byte" in said.out
    runs = {run["run_id"]: run for run in demo.home.runs()}
    original, again = runs[demo.runs["first"]], runs[demo.runs["replay"]]
    assert again["kind"] == "replay"
    assert again["audience_sha256"] == original["audience_sha256"]
    assert original["audience_sha256"] in said.out


def test_each_day_was_built_on_what_was_there(demo):
    full = {run["run_id"]: run["full_refresh"] for run in demo.home.runs()}
    assert full[demo.runs["eve"]]
    assert not any(full[demo.runs[name]] for name in RUNS)


def test_a_replay_leaves_ledger_and_bi_copy_alone(demo):
    assert demo.home.message_keys() == demo.keys["next_day"]
    [shown] = demo.home.bi("select distinct run_id from marts.candidates")
    assert shown["run_id"] == demo.runs["next_day"]


def test_nothing_is_taken_in_that_happened_after_the_clock(demo, first_bi):
    with sqlite3.connect(demo.home.path / "demo" / "shop.db") as connection:
        [(latest,)] = connection.execute("select max(ordered_at) from orders")
    assert latest.replace("T", " ") > "2011-12-07 11:05", "the shop must know more than the run"
    clocks = {first_bi: "2011-12-06 11:05:00", demo.bi: "2011-12-07 11:05:00"}
    for path, clock in clocks.items():
        moments = [(t, c) for t, c in columns(path, "TIMESTAMP") if c not in AHEAD]
        assert len(moments) > 30
        later = [
            f"{table}.{column}"
            for table, column in moments
            if one(path, f"""select count(*) from marts."{table}" where "{column}" > '{clock}'""")
        ]
        assert later == []


def test_no_batch_holds_a_record_of_after_its_run(demo):
    late = "select batch_id from batches where last_record_at > landed_at"
    assert demo.home.ledger("select count(*) as n from batches where last_record_at is not null")
    assert demo.home.ledger(late) == []
