"""Audiences by the ledger's own sync to a Marketo account, and what a rehearsal shows of it."""

from __future__ import annotations

import orjson
from audiences_kit import Lists, people
from marketo_kit import Connected, marketo, member, message, patience

from connectors.core.rehearsal import Rehearsal
from connectors.destinations.marketo import create, create_audience
from connectors.ledger.db import open_ledger

__all__ = ["marketo", "patience"]


def sent(marketo: Connected) -> list[tuple[str, list[object]]]:
    """What was written since this was asked last: path and rows."""
    found = [(each.path, each.body["input"]) for each in marketo.server.asked
             if isinstance(each.body, dict) and "input" in each.body]  # fmt: skip
    marketo.server.asked.clear()
    return found


def test_a_second_sync_sends_only_what_changed(marketo: Connected) -> None:
    engine = open_ledger(f"sqlite:///{marketo.home}/ledger.db")
    target = create_audience(marketo.settings(folder="12", fields="country:country"))
    lists = Lists(engine, marketo.home, target)
    everybody = people(2_000)
    assert lists.sync(everybody).added == 2_000
    members = marketo.account.members_of(target.list_id("vip"))
    assert len(members) == 2_000
    sent(marketo)
    assert lists.sync(everybody).same == 2_000
    assert not sent(marketo)
    changed = people(2_000)
    for number in range(0, 2_000, 100):
        changed[f"n{number:05}"]["properties"] = orjson.dumps({"country": "IE"}).decode()
    for number in range(5):
        del changed[f"n{number * 100 + 1:05}"]
    changed["n09999"] = people(10_000)["n09999"]
    told = lists.sync(changed)
    assert (told.added, told.changed, told.removed, told.rejected) == (1, 20, 5, 0)
    written = sent(marketo)
    rows = [len(rows) for path, rows in written if path == "/rest/v1/leads.json"]
    assert sum(rows) == 21
    on_list = [len(rows) for path, rows in written if "/lists/" in path]
    assert sorted(on_list) == [1, 5]
    assert len(members) == 1_996
    leads = marketo.account.leads.values()
    assert sum(lead.get("country") == "IE" for lead in leads) == 20


def test_full_sync_finds_what_somebody_changed_there(marketo: Connected) -> None:
    engine = open_ledger(f"sqlite:///{marketo.home}/ledger.db")
    target = create_audience(marketo.settings(folder="12"))
    lists = Lists(engine, marketo.home, target)
    lists.sync(people(700))
    members = marketo.account.members_of(target.list_id("vip"))
    for lead_id in list(members)[:3]:
        del members[lead_id]
    lists.sync(people(700), full=True)
    assert len(members) == 700


def test_a_rehearsal_shows_the_requests_that_would_leave(marketo: Connected) -> None:
    rehearsal = Rehearsal()
    said = create(marketo.settings(), client=rehearsal).deliver(
        "b1", [message("k1"), message("k2")]
    )
    assert {each.state for each in said} == {"accepted"}
    target = create_audience(marketo.settings(bulk_from="2"), client=rehearsal)
    list_id = target.list_id("loyal")
    target.put(list_id, [member("k1")])
    target.put(list_id, [member("k1"), member("k2")])
    assert [f"{each.method} {each.path.partition('?')[0]}" for each in rehearsal.noted] == [
        "POST /rest/v1/leads.json",
        "GET /rest/v1/leads.json",
        "POST /rest/v1/campaigns/1021/trigger.json",
        "GET /rest/v1/lists.json",
        "POST /rest/v1/leads.json",
        "POST /rest/v1/lists/1/leads.json",
        "POST /bulk/v1/leads.json",
        "GET /rest/v1/leads.json",
    ]
    assert not marketo.server.asked
