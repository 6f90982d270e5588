"""An invitation to one person as iCalendar (RFC 5545), to be sent or opened (iTIP, RFC 5546).

Times are in UTC: every calendar shows them in its reader's own zone, and no rule of daylight saving
has to travel along. Nobody but the organiser and the one who is invited stands in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import quote

from connectors.core.clock import as_utc

# A line has at most so many octets, without its end (RFC 5545, 3.1).
MOST_OCTETS: Final = 75
# What may stand in a mailto: address as it is (RFC 6068).
PLAIN: Final = "@!$'*+-./=^_`{|}~"
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")


@dataclass(frozen=True, slots=True)
class Invitation:
    """One event and who is asked to it. `uid` is the same whenever it is sent again."""

    uid: str
    stamp: datetime
    starts_at: datetime
    ends_at: datetime
    summary: str
    description: str
    organiser: str
    organiser_name: str
    attendee: str
    location: str = ""


def written(invitation: Invitation) -> str:
    """The calendar object with METHOD:REQUEST, its lines folded and ended by CRLF."""
    return "".join(f"{_folded(line)}\r\n" for line in _lines(invitation))


def escaped(text: str) -> str:
    """A text as a value of type TEXT (RFC 5545, 3.3.11): it can end no line and no value."""
    text = _CONTROL.sub(" ", text.replace("\r\n", "\n").replace("\r", "\n"))
    for sign in ("\\", ";", ","):
        text = text.replace(sign, f"\\{sign}")
    return text.replace("\n", "\\n")


def _lines(invitation: Invitation) -> Iterator[str]:
    yield from ("BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Parley//Parley//EN")
    yield from ("CALSCALE:GREGORIAN", "METHOD:REQUEST", "BEGIN:VEVENT")
    yield f"UID:{escaped(invitation.uid)}"
    for name, instant in (
        ("DTSTAMP", invitation.stamp),
        ("DTSTART", invitation.starts_at),
        ("DTEND", invitation.ends_at),
    ):
        yield f"{name}:{as_utc(instant):%Y%m%dT%H%M%SZ}"
    yield f"SUMMARY:{escaped(invitation.summary)}"
    yield f"DESCRIPTION:{escaped(invitation.description)}"
    if invitation.location:
        yield f"LOCATION:{escaped(invitation.location)}"
    name = _parameter(invitation.organiser_name or invitation.organiser)
    yield f"ORGANIZER;CN={name}:{_mailto(invitation.organiser)}"
    asked = "ATTENDEE;CUTYPE=INDIVIDUAL;ROLE=REQ-PARTICIPANT;PARTSTAT=NEEDS-ACTION;RSVP=TRUE"
    yield f"{asked}:{_mailto(invitation.attendee)}"
    yield from ("SEQUENCE:0", "STATUS:CONFIRMED", "TRANSP:OPAQUE")
    yield from ("END:VEVENT", "END:VCALENDAR")


def _parameter(text: str) -> str:
    """A parameter's value in quotes, which cannot hold one (RFC 5545, 3.1)."""
    return f'"{" ".join(_CONTROL.sub(" ", text).split()).replace(chr(34), chr(39))}"'


def _mailto(address: str) -> str:
    return f"mailto:{quote(address, safe=PLAIN)}"


def _folded(line: str) -> str:
    """Break a line between characters, never within one (RFC 5545, 3.1)."""
    parts, part, size = [], "", 0
    for character in line:
        octets = len(character.encode())
        if size + octets > MOST_OCTETS:
            parts.append(part)
            part, size = " ", 1
        part, size = part + character, size + octets
    return "\r\n".join([*parts, part])
