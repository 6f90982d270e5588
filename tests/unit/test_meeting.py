"""Invitations: the calendar's form, the right hour, one person, and nothing that text can break."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from handout_kit import message, settings, the_list

from connectors.core.delivery import Destination, OutMessage
from connectors.core.errors import FixConfig
from connectors.core.handout.calendar import MOST_OCTETS, Invitation, escaped, written
from connectors.destinations.meeting import MeetingFiles, check, create

ORGANISER = "hello@brand.example"
BEFORE = datetime(2026, 1, 1, tzinfo=UTC)
Line = tuple[str, dict[str, str], str]


def meetings(home: Path, now: datetime = BEFORE, **options: str) -> MeetingFiles:
    made = create(settings(home, "meeting", organiser=ORGANISER, **options))
    assert isinstance(made, Destination)
    object.__setattr__(made, "clock", lambda: now)
    return made


def invited(key: str = "k1", **content: Any) -> OutMessage:
    words = {"subject": "Shall we meet?", "text": "Half an hour."}
    return message(key, "meeting", programme="meeting_invitation", content={**words, **content})


def parsed(text: str) -> list[Line]:
    """The lines of a calendar as RFC 5545 reads them: unfolded, name, parameters, value.

    It is not made of what writes them.
    """
    assert text.endswith("\r\n")
    assert "\n" not in text.replace("\r\n", "")
    assert "\r" not in text.replace("\r\n", "")
    raw = text.removesuffix("\r\n").split("\r\n")
    assert all(0 < len(line.encode()) <= MOST_OCTETS for line in raw)
    lines: list[str] = []
    for line in raw:
        if line[0] in " \t":
            lines[-1] += line[1:]
        else:
            lines.append(line)
    found = []
    for line in lines:
        head = re.match(
            r'([A-Z-]+)((?:;[A-Z-]+=(?:"[^"\x00-\x1f]*"|[^";:,]*))*):(.*)', line, re.DOTALL
        )
        assert head, line
        pairs = re.findall(r';([A-Z-]+)=("[^"]*"|[^";:,]*)', head[2])
        found.append((head[1], {name: value.strip('"') for name, value in pairs}, head[3]))
    return found


def plain(value: str) -> str:
    """The text that a value of type TEXT means."""
    return re.sub(r"\\(.)", lambda at: "\n" if at[1] in "nN" else at[1], value)


def event(made: MeetingFiles, key: str = "k1", batch: str = "b1") -> dict[str, Line]:
    [path] = made.root.glob(f"*/{batch}.{key}.ics")
    lines = parsed(path.read_bytes().decode())
    names = [line[0] for line in lines]
    assert names.count("BEGIN") == names.count("END") == 2
    assert [line[2] for line in lines if line[0] in ("BEGIN", "END")] == [
        "VCALENDAR", "VEVENT", "VEVENT", "VCALENDAR",
    ]  # fmt: skip
    rest = [line for line in lines if line[0] not in ("BEGIN", "END")]
    assert len({line[0] for line in rest}) == len(rest)
    return {line[0]: line for line in rest}


def test_an_invitation_is_a_request_to_one_person(tmp_path: Path) -> None:
    made = meetings(tmp_path, location="Room 1; second floor, left")
    sent = invited(starts_at="2026-03-05T10:00:00+01:00", minutes=45)
    assert [each.state for each in made.deliver("b1", [sent])] == ["accepted"]
    said = event(made)
    assert said["METHOD"][2] == "REQUEST"
    assert said["VERSION"][2] == "2.0"
    assert said["UID"][2] == "k1"
    assert (said["DTSTART"][2], said["DTEND"][2]) == ("20260305T090000Z", "20260305T094500Z")
    assert said["ORGANIZER"] == ("ORGANIZER", {"CN": "Parley's Demo Shop"}, f"mailto:{ORGANISER}")
    assert said["ATTENDEE"][2] == "mailto:ada@example.com"
    assert plain(said["LOCATION"][2]) == "Room 1; second floor, left"
    assert plain(said["SUMMARY"][2]) == "Shall we meet?"
    told = plain(said["DESCRIPTION"][2])
    assert "/unsubscribe/k1." in told
    assert "1 Example Street, Exampleton EX1 1EX" in told
    [row] = the_list(made.root)
    assert (row["starts_at"], row["file"]) == ("2026-03-05T09:00:00Z", "b1.k1.ics")
    assert [each.state for each in made.lookup("b1")] == ["accepted"]


def test_nobody_sees_who_else_is_invited(tmp_path: Path) -> None:
    """I14: each has a file of their own, in which no other address stands."""
    made = meetings(tmp_path)
    sent = [invited(f"k{n}", starts_at="2026-03-05T10:00Z") for n in range(5)]
    for number, each in enumerate(sent):
        object.__setattr__(each, "address", f"p{number}@example.com")
    made.deliver("b1", sent)
    for number in range(5):
        [path] = made.root.glob(f"*/b1.k{number}.ics")
        unfolded = path.read_bytes().decode().replace("\r\n ", "")
        assert {*re.findall(r"mailto:(\S+)", unfolded)} == {f"p{number}@example.com", ORGANISER}


@pytest.mark.parametrize(
    ("content", "starts"),
    [
        ({"starts_at": "2026-01-15T10:00", "time_zone": "Europe/Berlin"}, "20260115T090000Z"),
        ({"starts_at": "2026-07-15T10:00", "time_zone": "Europe/Berlin"}, "20260715T080000Z"),
        ({"starts_at": "2026-07-15T10:00", "time_zone": "Australia/Sydney"}, "20260715T000000Z"),
        ({"starts_at": "2026-12-15T10:00", "time_zone": "Australia/Sydney"}, "20261214T230000Z"),
        ({"starts_at": "2026-07-15T10:00", "time_zone": "Asia/Kathmandu"}, "20260715T041500Z"),
        # An offset says more than a zone; an hour that does not exist is the one after the gap.
        ({"starts_at": "2026-07-15T10:00Z", "time_zone": "Asia/Tokyo"}, "20260715T100000Z"),
        ({"starts_at": "2026-03-29T02:30", "time_zone": "Europe/Berlin"}, "20260329T013000Z"),
        ({"starts_at": "2026-10-25T02:30", "time_zone": "Europe/Berlin"}, "20261025T003000Z"),
    ],
)
def test_the_hour_is_the_right_one(tmp_path: Path, content: dict[str, str], starts: str) -> None:
    made = meetings(tmp_path)
    made.deliver("b1", [invited(**content)])
    assert event(made)["DTSTART"][2] == starts


@pytest.mark.parametrize(
    ("after", "days", "starts"),
    [
        (datetime(2026, 3, 2, 9, tzinfo=UTC), "2", "20260304T093000Z"),
        (datetime(2026, 3, 6, 9, tzinfo=UTC), "1", "20260309T093000Z"),  # a Saturday: the Monday
        (datetime(2026, 3, 26, 9, tzinfo=UTC), "2", "20260330T083000Z"),  # summer time by then
        (datetime(2026, 3, 2, 23, 30, tzinfo=UTC), "1", "20260304T093000Z"),  # it is the 3rd there
    ],
)
def test_a_time_is_proposed_where_a_message_names_none(
    tmp_path: Path, after: datetime, days: str, starts: str
) -> None:
    options = {"days_ahead": days, "at": "10:30", "time_zone": "Europe/Berlin", "minutes": "60"}
    made = meetings(tmp_path, **options)
    sent = invited()
    object.__setattr__(sent, "send_after", after)
    made.deliver("b1", [sent])
    said = event(made)
    assert said["DTSTART"][2] == starts
    assert said["DTEND"][2] == starts.replace("T09", "T10").replace("T08", "T09")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ({}, "no time to meet"),
        ({"starts_at": "soon"}, "no time to meet"),
        ({"starts_at": "2026-03-05T10:00"}, "no time to meet"),  # whose ten o'clock is not known
        ({"starts_at": "2026-03-05T10:00", "time_zone": "../../etc/passwd"}, "no time to meet"),
        ({"starts_at": "2025-03-05T10:00Z"}, "has passed"),
    ],
)
def test_without_a_time_nobody_is_invited(
    tmp_path: Path, content: dict[str, str], why: str
) -> None:
    made = meetings(tmp_path)
    [said] = made.deliver("b1", [invited(**content)])
    assert said.state == "rejected"
    assert why in said.detail
    assert not made.root.exists()


@pytest.mark.parametrize(
    "address",
    [
        "", "a@x.org,b@x.org", "a@x.org;b@x.org", "a@x.org b@x.org", "a@b@x.org", "ada",
        "a@x.org\r\n", "a@x.org\r\nATTENDEE:mailto:eve@x.org", '"a"@x.org', "<a@x.org>",
    ],
)  # fmt: skip
def test_exactly_one_person_is_invited(tmp_path: Path, address: str) -> None:
    made = meetings(tmp_path)
    sent = invited(starts_at="2026-03-05T10:00Z")
    object.__setattr__(sent, "address", address)
    assert [each.state for each in made.deliver("b1", [sent])] == ["rejected"]
    assert not made.root.exists()


NASTY = [
    "a;b,c\\d", "line\nline", "line\r\nATTENDEE:mailto:eve@example.com",
    "x\rEND:VEVENT\r\nBEGIN:VALARM", "\\n", "ends with \\", "é" * 80, "a" * 300, "😀" * 60,
    '"quoted"', ":;=", "\x00\x07\x1b[31m",
    "\u2028ATTENDEE:mailto:eve@example.com", "\x85END:VCALENDAR", " starts with a blank", "\t",
]  # fmt: skip


@pytest.mark.parametrize("text", NASTY)
def test_no_text_breaks_the_calendar(text: str) -> None:
    at = datetime(2026, 3, 5, 10, tzinfo=UTC)
    made = written(Invitation("k1", at, at, at, text, text, ORGANISER, text, "ada@x.org", text))
    lines = parsed(made)
    assert [line[0] for line in lines].count("ATTENDEE") == 1
    assert len(lines) == len(parsed(written(
        Invitation("k1", at, at, at, "a", "a", ORGANISER, "a", "ada@x.org", "a")
    )))  # fmt: skip
    values = {name: value for name, _, value in lines}
    cleaned = re.sub(
        r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]", " ", re.sub(r"\r\n?", "\n", text)
    )
    assert plain(values["SUMMARY"]) == plain(values["DESCRIPTION"]) == cleaned


def test_escaping_is_what_the_standard_says() -> None:
    assert escaped("a\\b;c,d\ne:f") == "a\\\\b\\;c\\,d\\ne:f"


def test_what_a_dead_delivery_left_is_removed(tmp_path: Path) -> None:
    made = meetings(tmp_path)
    made.deliver("b1", [invited(starts_at="2026-03-05T10:00Z")])
    [path] = made.root.glob("*/b1.csv")
    path.unlink()
    assert made.lookup("b1") == []
    assert [*made.root.glob("*/*")] == []


@pytest.mark.parametrize(
    ("options", "where"),
    [
        ({"organiser": "nobody"}, "__ORGANISER"), ({"organiser": "a@x.org\r\nX: y"}, "__ORGANISER"),
        ({"time_zone": "Mars/Base"}, "__TIME_ZONE"), ({"time_zone": "/etc/passwd"}, "__TIME_ZONE"),
        ({"days_ahead": "soon"}, "__DAYS_AHEAD"), ({"days_ahead": "3"}, "__TIME_ZONE"),
        ({"at": "25:00"}, "__AT"), ({"minutes": "0"}, "__MINUTES"),
        ({"minutes": "9999"}, "__MINUTES"),
        ({"colour": "red"}, "OPTIONS"),
    ],
)  # fmt: skip
def test_an_option_that_cannot_be_read_is_refused(
    tmp_path: Path, options: dict[str, str], where: str
) -> None:
    given = settings(tmp_path, "meeting", **{"organiser": ORGANISER, **options})
    with pytest.raises(FixConfig) as caught:
        create(given)
    assert caught.value.where.endswith(where)
    assert [each.level for each in check(given)] == ["error"]


def test_somebody_has_to_invite(tmp_path: Path) -> None:
    with pytest.raises(FixConfig, match="missing"):
        create(settings(tmp_path))
    assert [each.level for each in check(settings(tmp_path, "meeting", organiser=ORGANISER))] == [
        "ok", "warning",
    ]  # fmt: skip
