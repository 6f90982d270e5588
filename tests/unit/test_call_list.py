"""Lists of calls: who may be called and when, what to say, and how they come back."""

from __future__ import annotations

import csv
import logging
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from handout_kit import HOURS, NOW, message, settings, the_list

from connectors.core.delivery import Destination
from connectors.core.errors import FixConfig
from connectors.core.history.judge import Reading
from connectors.core.registry import destination
from connectors.core.spec import ReadContext
from connectors.destinations.call_list import CallList, check, create, registered
from connectors.sources.history import HistoryFile, Tally


@pytest.fixture
def calls(tmp_path: Path) -> CallList:
    made = destination("call_list")(settings(tmp_path))
    assert isinstance(made, CallList)
    assert isinstance(made, Destination)
    return made


def test_a_call_says_whom_when_and_what_about(calls: CallList) -> None:
    assert (
        calls.deliver("b1", [message("k2", "call"), message("k1", "call")])[0].state == "accepted"
    )
    first, second = the_list(calls.root)
    assert (first["message_key"], second["message_key"]) == ("k1", "k2")
    assert first == {
        "message_key": "k1", "phone": "'+447700900123", "person_id": "p1",
        "programme": "advisor_call", "campaign_id": "", "language": "de",
        "call_after": "2026-03-02T09:00:00Z", "deadline": "2026-03-09T09:00:00Z",
        "contact_hours": HOURS, "opening": "May we help?", "fact": "You looked into tills.",
        "talking_points": "Tills; stock", "channel": "call",
        "outcome": "", "topic": "", "comment": "", "happened_at": "",
    }  # fmt: skip
    assert [each.state for each in calls.lookup("b1")] == ["accepted"] * 2
    assert calls.lookup("b2") == []


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"contact_hours": ""}, "when a call is allowed"),
        ({"contact_hours": "  "}, "when a call is allowed"),
        ({"address": ""}, "no address"),
        ({"address": "+447700900123, +447700900124"}, "more than one"),
        ({"channel": "email"}, "no call"),
    ],
)
def test_who_is_not_listed(calls: CallList, changes: dict[str, str], why: str) -> None:
    wrong = replace(message("k1", "call"), **changes)  # type: ignore[arg-type]
    said = calls.deliver("b1", [wrong, message("k2", "call")])
    assert {each.message_key: each.state for each in said} == {"k1": "rejected", "k2": "accepted"}
    assert why in next(each.detail for each in said if each.state == "rejected")
    assert [row["message_key"] for row in the_list(calls.root)] == ["k2"]


def test_a_list_that_was_filled_in_comes_back(calls: CallList, tmp_path: Path) -> None:
    """By `parley import-history outcomes`: what was filled in is read, the others are told of."""
    calls.deliver("b1", [message(f"k{n}", "call", address=f"+44207946000{n}") for n in range(3)])
    filled = the_list(calls.root)
    filled[0] |= {"outcome": "call back", "happened_at": "2026-03-03 10:15", "topic": "tills"}
    filled[1] |= {
        "outcome": "not_by_phone",
        "happened_at": "2026-03-03T10:20Z",
        "comment": "no, ta",
    }
    path = tmp_path / "called.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, filled[0].keys())
        writer.writeheader()
        writer.writerows(filled)
    tally = Tally()
    read = HistoryFile(path, "outcomes", Reading(NOW + timedelta(days=2), "GB"))
    spec = read.spec(tally)
    context = ReadContext(
        source_id="calls", settings=settings(tmp_path).source("web"), stream=spec.streams[0],
        cursors={}, done_parts=frozenset(), as_of=NOW, settled=NOW, page_size=100,
    )  # fmt: skip
    records = [record for page in spec.read(context) for record in page.records]
    assert (tally.rows, tally.usable, {*tally.rejected}) == (3, 2, {"outcome is missing"})
    payloads = "".join(record.payload for record in records)
    assert '"outcome":"call_back"' in payloads
    assert '"outcome":"not_by_phone"' in payloads
    assert '"topic":"tills"' in payloads
    assert "May we help?" not in payloads.split('"row"', maxsplit=1)[0]


# The do-not-call list.


@pytest.mark.parametrize(
    "line",
    [
        "+447700900123",
        "00447700900123",
        "07700 900123",
        "7700900123",
        "(07700) 900-123\r",
        "\ufeff07700900123",
    ],
)
def test_who_is_on_the_register_is_not_listed(tmp_path: Path, line: str) -> None:
    register = tmp_path / "dnc.txt"
    register.write_text(f"phone\n\n{line}\n+4930123456\n", encoding="utf-8", newline="")
    calls = create(settings(tmp_path, "call_list", do_not_call=str(register)))
    said = calls.deliver(
        "b1", [message("k1", "call"), message("k2", "call", address="+447700900124")]
    )
    assert {each.message_key: each.state for each in said} == {"k1": "rejected", "k2": "accepted"}
    [refused] = [each for each in said if each.state == "rejected"]
    assert refused.detail == "on the do-not-call list"
    assert [row["message_key"] for row in the_list(calls.root)] == ["k2"]


def test_a_batch_of_which_all_are_on_the_register_writes_nothing(tmp_path: Path) -> None:
    register = tmp_path / "dnc.txt"
    register.write_text("07700900123")
    calls = create(settings(tmp_path, "call_list", do_not_call=str(register)))
    assert [each.state for each in calls.deliver("b1", [message("k1", "call")])] == ["rejected"]
    assert not calls.root.exists()


@pytest.mark.parametrize(("days", "is_told"), [(0, False), (30, False), (32, True)])
def test_a_register_older_than_31_days_is_warned_of(
    tmp_path: Path, days: int, *, is_told: bool, caplog: pytest.LogCaptureFixture
) -> None:
    register = tmp_path / "dnc.txt"
    register.write_text("07700900999\n")
    at = (datetime.now(UTC) - timedelta(days=days)).timestamp()
    os.utime(register, (at, at))
    given = settings(tmp_path, "call_list", do_not_call=str(register))
    with caplog.at_level(logging.WARNING):
        create(given).deliver("b1", [message("k1", "call")])
    assert ("older than 31 days" in caplog.text) is is_told
    assert ("warning" in {each.level for each in check(given)}) is is_told


def test_a_register_that_is_gone_stops_all_calls(tmp_path: Path) -> None:
    missing = settings(tmp_path, "call_list", do_not_call=str(tmp_path / "no.txt"))
    with pytest.raises(FixConfig, match="so nobody is called"):
        create(missing)
    assert [each.level for each in check(missing)] == ["error"]
    register = tmp_path / "dnc.txt"
    register.write_text("1")
    calls = create(settings(tmp_path, "call_list", do_not_call=str(register)))
    register.unlink()
    with pytest.raises(FixConfig, match="so nobody is called"):
        calls.deliver("b1", [message("k1", "call")])
    assert not calls.root.exists()


def test_without_a_register_the_check_says_so(tmp_path: Path) -> None:
    assert [each.level for each in check(settings(tmp_path))] == ["ok", "warning"]


def test_a_short_line_of_the_register_is_nobody(tmp_path: Path) -> None:
    register = tmp_path / "dnc.txt"
    register.write_text("\n0\n44\n+\n00\n")
    assert registered(register, ["+447700900123", "", "x"], "GB") == set()
