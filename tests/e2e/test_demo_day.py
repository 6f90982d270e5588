"""The demo as a newcomer meets it: every acceptance line that a person could check by hand."""

from __future__ import annotations

import csv
import json
import re
import sqlite3
from collections import Counter, defaultdict
from datetime import datetime, timedelta

import duckdb
import pytest
from home_kit import rows_of

from connectors.core.identifiers import normalise_email

KEY = "parley-demo"
RUNS = ("first", "again", "evening", "next_day")
TABLES = (
    *("people", "people_nodes", "products", "orders", "order_lines", "web_events", "sessions"),
    *("carts", "permissions", "permission_now", "memory", "intent_scores", "segments"),
    *("segment_members", "conversions", "candidates", "decision_gates", "decisions"),
    *("audience_triggered", "audience_mass", "messages"),
)
CONTACT_WINDOW = timedelta(hours=16)
COUNTS = ("reserved", "delivering", "accepted", "unknown", "held")
# Moments that lie ahead by their nature; every other one must have passed.
AHEAD = {"expires_at", "defer_until", "starts_at", "ends_at", "arrivals_since", "until"}
EMAIL = re.compile(r"[^\s@\"']+@[^\s@\"']+\.\w")
PHONE = re.compile(r"\+\d[\d ()/-]{7,}\d")


def moment(text):
    return datetime.fromisoformat(text)


def in_order(*words):
    return re.compile(".*".join(map(re.escape, words)), re.DOTALL)


@pytest.fixture(scope="module")
def first_bi(demo):
    """The BI copy as it was after the first `parley demo`."""
    return demo.home.folder / "first.duckdb"


@pytest.fixture(scope="module")
def shop(demo):
    """Email addresses of the demo's customers by their node."""
    with sqlite3.connect(demo.home.path / "demo" / "shop.db") as connection:
        emails = {email for (email,) in connection.execute("select email from customers")}
    return {normalise_email(email, KEY).node_id: email for email in emails}


@pytest.fixture(scope="module")
def messages(demo):
    """The ledger's messages after everything."""
    return demo.home.ledger("select * from messages")


# Runs and repetition


def test_the_demo_ends_with_a_summary_and_three_people_explained(demo):
    out = demo.said["first"].out
    titles = ("Segments", "Intent", "The plan", "Sent (triggered)", "Sent (mass)")
    assert in_order(*titles, "Left a basket, will hear from us", "Look further").search(out)
    assert "Left a basket, but bought afterwards" in out
    assert "Left a basket, but never gave permission" in out


def test_the_first_run_sends_something_of_every_programme(demo):
    sent = Counter(m["programme"] for m in demo.audience("first") if m["verdict"] == "send")
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
    landed = by_id[demo.runs["first"]]["in"]
    assert landed["shop.orders"] > 10_000
    assert landed["web.events"] > 10_000
    assert by_id[demo.runs["again"]]["in"]["shop.orders"] == 0


@pytest.mark.parametrize("step", ["first", "next_day"])
def test_a_replay_gives_the_same_audience_byte_for_byte(demo, step):
    # That of the next day's run, which was built on what was there, from nothing: the
    # incremental build and the build from scratch give the same plan.
    said = demo.said[f"replay_{step}"]
    assert said.code == 0, said.text
    assert "the same audience, byte for byte" in said.out
    runs = {run["run_id"]: run for run in demo.home.runs()}
    original, again = runs[demo.runs[step]], runs[demo.runs[f"replay_{step}"]]
    assert again["kind"] == "replay"
    assert again["audience_sha256"] == original["audience_sha256"]
    assert original["audience_sha256"] in said.out


def test_the_next_day_was_built_on_what_was_there(demo):
    full = {run["run_id"]: run["full_refresh"] for run in demo.home.runs()}
    assert [bool(full[demo.runs[name]]) for name in RUNS] == [True, False, False, False]


def test_a_replay_leaves_ledger_and_bi_copy_alone(demo):
    assert demo.home.message_keys() == demo.keys["next_day"]
    [shown] = demo.home.bi("select distinct run_id from marts.candidates")
    assert shown["run_id"] == demo.runs["next_day"]


def test_nothing_is_taken_in_that_happened_after_the_clock(demo, first_bi):
    with sqlite3.connect(demo.home.path / "demo" / "shop.db") as connection:
        [(latest,)] = connection.execute("select max(ordered_at) from orders")
    assert latest.replace("T", " ") > "2011-12-07 11:05", "the shop must know more than the run"
    clocks = {first_bi: datetime(2011, 12, 6, 11, 5), bi(demo): datetime(2011, 12, 7, 11, 5)}  # noqa: DTZ001
    for path, clock in clocks.items():
        later = [
            f"{table}.{column}"
            for table, column in columns(path, "TIMESTAMP")
            if column not in AHEAD
            and one(path, f'select max("{column}") from marts."{table}"') not in (None, clock)
            and one(path, f'select max("{column}") from marts."{table}"') > clock
        ]
        assert later == []


def test_no_batch_holds_a_record_of_after_its_run(demo):
    late = "select batch_id from batches where last_record_at > landed_at"
    assert demo.home.ledger("select count(*) as n from batches where last_record_at is not null")
    assert demo.home.ledger(late) == []


# The output tables


def bi(demo):
    return demo.home.path / "bi" / "parley.duckdb"


def one(path, query):
    [row] = rows_of(path, query)
    return next(iter(row.values()))


def columns(path, data_type):
    found = rows_of(
        path,
        "select table_name, column_name from duckdb_columns()"
        " where schema_name = 'marts' and data_type = ? order by all",
        [data_type],
    )
    return [(row["table_name"], row["column_name"]) for row in found]


@pytest.mark.parametrize("table", TABLES)
def test_the_bi_copy_has_the_table_with_rows(first_bi, table):
    assert one(first_bi, f'select count(*) from marts."{table}"') > 0


def test_no_column_of_the_bi_copy_is_named_for_an_address(demo):
    names = rows_of(bi(demo), "select distinct lower(column_name) as n from duckdb_columns()")
    named = {row["n"] for row in names if re.search("address|e_?mail|phone|mobile", row["n"])}
    assert named == {"address_node"}


def test_no_cell_of_the_bi_copy_shows_an_address(demo, first_bi):
    with sqlite3.connect(demo.home.path / "demo" / "shop.db") as connection:
        phones = {p for (p,) in connection.execute("select phone from customers") if p}
    assert phones
    for path in (first_bi, bi(demo)):
        shown = []
        for table, column in columns(path, "VARCHAR"):
            has = f""" "{column}" like '%@%' or regexp_matches("{column}", '[0-9][0-9 ()-]{{7}}')"""
            cells = rows_of(
                path, f'select distinct "{column}" as cell from marts."{table}" where {has}'
            )
            texts = [row["cell"] for row in cells]
            if any(EMAIL.search(t) or PHONE.search(t) or t in phones for t in texts):
                shown.append(f"{table}.{column}")
        assert shown == []


def test_the_bi_copy_cannot_be_locked_by_a_reader_and_is_swapped_under_it(demo):
    # A reader of the first file, opened before the swap, would go on reading it; the copy on the
    # disk is the last run's.
    assert bi(demo).stat().st_mode & 0o222 == 0
    with duckdb.connect(str(bi(demo)), read_only=True) as reader:
        assert reader.execute("select count(*) from marts.people").fetchone()[0] > 1_000


@pytest.mark.parametrize("step", RUNS)
def test_every_candidate_is_sent_deferred_dropped_or_held_back(demo, step):
    candidates = demo.home.snapshot(demo.runs[step], "candidates")
    decisions = demo.home.snapshot(demo.runs[step], "decisions")
    verdicts = Counter(decision["verdict"] for decision in decisions)
    assert set(verdicts) <= {"send", "defer", "drop", "hold"}
    assert sum(verdicts.values()) == len(candidates) > 0
    keys = {candidate["candidate_key"] for candidate in candidates}
    assert {decision["candidate_key"] for decision in decisions} == keys
    gates = Counter(
        gate["candidate_key"] for gate in demo.home.snapshot(demo.runs[step], "decision_gates")
    )
    assert set(gates.values()) == {11}
    assert set(gates) == keys
    if step == "first":
        assert set(verdicts) == {"send", "defer", "drop", "hold"}


def test_the_audiences_are_what_was_decided_to_send_or_hold_back(demo):
    candidates = {
        c["candidate_key"]: c["message_key"]
        for c in demo.home.snapshot(demo.runs["first"], "candidates")
    }
    decided = {
        candidates[d["candidate_key"]]
        for d in demo.home.snapshot(demo.runs["first"], "decisions")
        if d["verdict"] in ("send", "hold")
    }
    assert {m["message_key"] for m in demo.audience("first")} == decided == demo.keys["first"]


# What must never happen


def test_every_message_sent_had_a_permission_then_or_is_a_service_message(demo, messages):
    declared = defaultdict(list)
    for each in demo.home.bi("from marts.permissions"):
        declared[each["node_id"], each["channel"], each["purpose"]].append(each)
    accepted = [m for m in messages if m["state"] == "accepted"]
    marketing = [m for m in accepted if m["purpose"] == "marketing"]
    assert {m["purpose"] for m in accepted} == {"marketing", "service"}
    for message in marketing:
        then = moment(message["planned_as_of"])
        known = [
            d
            for d in declared[message["address_hash"], message["channel"], "marketing"]
            if d["valid_from"] <= then and d["known_at"] <= then
        ]
        assert known, f"{message['message_key']} was sent without any declaration"
        newest = max(d["valid_from"] for d in known)
        states = {d["state"] for d in known if d["valid_from"] == newest}
        assert states == {"granted"}, message["message_key"]


def test_people_without_permission_were_candidates_and_got_nothing(demo):
    # Else the test above would pass by having nobody to refuse.
    reasons = Counter(d["reason"] for d in demo.home.snapshot(demo.runs["first"], "decisions"))
    assert reasons["no_permission"] > 0
    assert reasons["permission_withdrawn"] > 0


def test_nobody_gets_two_marketing_messages_within_a_contact_window(demo, messages):
    nodes = demo.home.bi("select node_id, person_id from marts.people_nodes")
    person = {row["node_id"]: row["person_id"] for row in nodes}
    planned = defaultdict(list)
    for m in messages:
        if m["purpose"] == "marketing" and m["state"] in COUNTS:
            who = person.get(m["address_hash"], m["person_id"])
            planned[who].append(moment(m["planned_as_of"]))
    gaps = [
        later - earlier
        for moments in planned.values()
        for earlier, later in zip(sorted(moments), sorted(moments)[1:], strict=False)
    ]
    assert planned
    assert [gap for gap in gaps if gap < CONTACT_WINDOW] == []


def test_the_evening_run_lets_those_wait_who_were_written_to_in_the_morning(demo):
    reasons = Counter(
        (d["verdict"], d["reason"]) for d in demo.home.snapshot(demo.runs["evening"], "decisions")
    )
    assert reasons["defer", "contact_window"] + reasons["drop", "contact_window"] > 0


def test_the_triggered_run_leaves_the_mass_slice_of_its_plan_alone(demo, messages):
    kinds = {m["kind"] for m in messages if m["run_id"] == demo.runs["evening"]}
    assert kinds <= {"triggered"}


# Files


def sent_files(demo):
    return sorted((demo.home.path / "out" / "file").glob("*/*.csv"))


def rows_in(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_files_hold_exactly_the_accepted_messages(demo, messages):
    written = [row for path in sent_files(demo) for row in rows_in(path)]
    accepted = [m for m in messages if m["state"] == "accepted"]
    assert written
    assert sorted(r["message_key"] for r in written) == sorted(m["message_key"] for m in accepted)
    for path in sent_files(demo):
        [parquet] = rows_of(
            ":memory:", f"select count(*) as n from '{path.with_suffix('.parquet')}'"
        )
        assert parquet["n"] == len(rows_in(path))
        assert {row["programme"] for row in rows_in(path)} == {path.parent.name}


def test_each_message_goes_to_the_one_address_that_was_decided_about(demo, messages):
    node = {m["message_key"]: m["address_hash"] for m in messages}
    for path in sent_files(demo):
        for row in rows_in(path):
            assert normalise_email(row["address"], KEY).node_id == node[row["message_key"]]


def test_held_back_messages_are_in_the_ledger_and_in_no_file(demo, messages):
    held = {m["message_key"] for m in messages if m["state"] == "held"}
    written = {row["message_key"] for path in sent_files(demo) for row in rows_in(path)}
    assert held
    assert not held & written


# The commands


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
    assert in_order("Runs", "completed", "Sources", "shop.orders", "web.events", "Rows").search(
        told
    )
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
