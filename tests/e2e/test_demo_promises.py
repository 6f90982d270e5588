"""What must never happen, looked for in what the demo sent: by the ledger and by the files."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime, timedelta
from functools import partial

from demo_day import KEY, rows_in, sent_files
from home_kit import rows_of

from connectors.core.identifiers import normalise_email, normalise_phone

CONTACT_WINDOW = timedelta(hours=16)
COUNTS = ("reserved", "delivering", "accepted", "unknown", "held")


def moment(text):
    return datetime.fromisoformat(text)


def test_every_message_sent_had_a_permission_then_or_is_a_service_message(demo, messages):
    declared = defaultdict(list)
    for each in demo.home.bi("from marts.permissions"):
        declared[each["node_id"], each["channel"], each["purpose"]].append(each)
    accepted = [m for m in messages if m["state"] == "accepted"]
    marketing = [m for m in accepted if m["purpose"] == "marketing"]
    asked = {"meeting": "email"}  # an invitation comes as an email
    assert {m["purpose"] for m in accepted} == {"marketing", "service"}
    for message in marketing:
        then = moment(message["planned_as_of"])
        channel = asked.get(message["channel"], message["channel"])
        known = [
            d
            for d in declared[message["address_hash"], channel, "marketing"]
            if d["valid_from"] <= then and d["known_at"] <= then
        ]
        assert known, f"{message['message_key']} was sent without any declaration"
        newest = max(d["valid_from"] for d in known)
        states = {d["state"] for d in known if d["valid_from"] == newest}
        assert states == {"granted"}, message["message_key"]


def test_people_without_permission_were_candidates_and_got_nothing(demo):
    # Else the test above would pass by having nobody to refuse.
    reasons = Counter(d["reason"] for d in demo.home.snapshot(demo.runs["first"], "decisions"))
    for reason in ("no_permission", "permission_withdrawn", "permission_unconfirmed"):
        assert reasons[reason] > 0, reason


def test_where_the_country_asks_only_confirmed_sign_ups_were_written_to(demo, messages):
    run = demo.runs["next_day"]
    country = {p["person_id"]: p["country"] for p in demo.home.snapshot(run, "people")}
    person = {n["node_id"]: n["person_id"] for n in demo.home.snapshot(run, "people_nodes")}
    confirmed = {
        p["node_id"]
        for p in demo.home.snapshot(run, "permissions")
        if p["confirmed_at"] or p["legal_basis"] == "soft_opt_in"
    }
    strict = [
        m["address_hash"]
        for m in messages
        if m["state"] == "accepted"
        and m["purpose"] == "marketing"
        and country[person[m["address_hash"]]] in {"DE", "AT", "CH", None}
    ]
    assert strict
    assert set(strict) <= confirmed


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
            is_call = row["channel"] == "call"
            read = partial(normalise_phone, country="GB") if is_call else normalise_email
            assert read(row["address"], key=KEY).node_id == node[row["message_key"]]


def test_held_back_messages_are_in_the_ledger_and_in_no_file(demo, messages):
    held = {m["message_key"] for m in messages if m["state"] == "held"}
    written = {row["message_key"] for path in sent_files(demo) for row in rows_in(path)}
    assert held
    assert not held & written
