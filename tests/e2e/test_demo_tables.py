"""What the demo leaves for BI tools: every table with rows, no address, sums that add up."""

from __future__ import annotations

import re
import sqlite3
from collections import Counter

import duckdb
import pytest
from demo_day import RUNS, columns, one
from home_kit import rows_of

TABLES = (
    *("people", "people_nodes", "products", "orders", "order_lines", "web_events", "sessions"),
    *("carts", "permissions", "permission_now", "memory", "intent_scores", "segments"),
    *("category_intent", "response_scores"),
    *("person_memory", "voice", "recommendations"),
    *("segment_members", "conversions", "candidates", "decision_gates", "decisions"),
    *("audience_triggered", "audience_mass", "audience_members", "messages"),
)
# The demo has no CRM, and its messages are files that nobody answers.
EMPTY = ("crm_contacts", "deals", "engagements", "feedback_rejects")
EMAIL = re.compile(r"[^\s@\"']+@[^\s@\"']+\.\w")
PHONE = re.compile(r"\+\d[\d ()/-]{7,}\d")


@pytest.mark.parametrize("table", TABLES)
def test_the_bi_copy_has_the_table_with_rows(first_bi, table):
    assert one(first_bi, f'select count(*) from marts."{table}"') > 0


@pytest.mark.parametrize("table", EMPTY)
def test_the_bi_copy_has_the_table_that_no_source_of_the_demo_fills(first_bi, table):
    assert one(first_bi, f'select count(*) from marts."{table}"') == 0


def test_no_column_of_the_bi_copy_is_named_for_an_address(demo):
    names = rows_of(demo.bi, "select distinct lower(column_name) as n from duckdb_columns()")
    named = {row["n"] for row in names if re.search("address|e_?mail|phone|mobile", row["n"])}
    assert named == {"address_node"}


def test_no_cell_of_the_bi_copy_shows_an_address(demo, first_bi):
    with sqlite3.connect(demo.home.path / "demo" / "shop.db") as connection:
        phones = {p for (p,) in connection.execute("select phone from customers") if p}
    assert phones
    shown = []
    for table, column in columns(first_bi, "VARCHAR"):
        has = f""" "{column}" like '%@%' or regexp_matches("{column}", '[0-9][0-9 ()-]{{7}}')"""
        cells = rows_of(
            first_bi, f'select distinct "{column}" as cell from marts."{table}" where {has}'
        )
        texts = [row["cell"] for row in cells]
        if any(EMAIL.search(t) or PHONE.search(t) or t in phones for t in texts):
            shown.append(f"{table}.{column}")
    assert shown == []


def test_the_bi_copy_cannot_be_locked_by_a_reader_and_is_swapped_under_it(demo):
    # A reader of the first file, opened before the swap, would go on reading it; the copy on the
    # disk is the last run's.
    assert demo.bi.stat().st_mode & 0o222 == 0
    with duckdb.connect(str(demo.bi), read_only=True) as reader:
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
    assert {m["message_key"] for m in demo.audience("first")} == decided
    assert demo.keys["first"] - demo.keys["eve"] <= decided <= demo.keys["first"]
