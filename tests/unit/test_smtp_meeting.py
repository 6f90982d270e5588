"""An invitation by email: the same calendar object as in a file, to one person, by the server."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from handout_kit import message
from smtp_kit import mail_server, settings_for

from connectors.core.errors import SkipRecord
from connectors.destinations.smtp import SmtpDestination
from connectors.destinations.smtp.letter import writer

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
WHEN = {"subject": "Shall we meet?", "text": "Half an hour.", "starts_at": "2126-03-05T10:00Z"}


def test_a_meetings_email_asks_by_its_calendar_part(tmp_path: Path) -> None:
    sent = message("k1", "meeting", programme="meeting_invitation", content=WHEN)
    with mail_server() as post:
        made = SmtpDestination(settings_for(post.port, tmp_path))
        assert [each.state for each in made.deliver("b1", [sent])] == ["accepted"]
        [taken] = post.mailbox.taken
    assert taken.recipients == ["ada@example.com"]
    text, html, calendar = taken.email.iter_parts()
    assert [each.get_content_type() for each in (text, html, calendar)] == [
        "text/plain", "text/html", "text/calendar",
    ]  # fmt: skip
    assert calendar["Content-Type"].params["method"] == "REQUEST"
    said = calendar.get_content().replace("\n ", "").splitlines()
    assert "UID:k1" in said
    assert "METHOD:REQUEST" in said
    assert "DTSTART:21260305T100000Z" in said
    assert 'ORGANIZER;CN="Parley\'s Demo Shop":mailto:hello@brand.example' in said
    assert sum(line.startswith("ATTENDEE") for line in said) == 1
    assert taken.email["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_without_a_time_nothing_is_sent(tmp_path: Path) -> None:
    made = writer(settings_for(1, tmp_path), lambda: NOW)
    with pytest.raises(SkipRecord, match="no time to meet at"):
        made.write(message("k1", "meeting", content={"subject": "x"}))


def test_an_email_carries_no_invitation(tmp_path: Path) -> None:
    made = writer(settings_for(1, tmp_path), lambda: NOW)
    assert b"text/calendar" not in made.write(message("k1", content=WHEN)).data
