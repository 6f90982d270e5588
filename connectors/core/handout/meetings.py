"""When to meet, and who invites: what the settings of destination `meeting` and a message say.

When: the message's content says `starts_at` (with an offset, or in its `time_zone`) and `minutes`;
where it says nothing, the settings may propose a time.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from connectors.core.clock import as_utc
from connectors.core.delivery import OutMessage
from connectors.core.errors import FixConfig
from connectors.core.handout.calendar import Invitation
from connectors.core.handout.recipients import refusal
from connectors.core.mail_server import ADDRESS
from connectors.core.settings import Settings

SETTING: Final = "PARLEY_DESTINATIONS__MEETING__OPTIONS"
OPTIONS: Final[Mapping[str, str]] = {
    "organiser": "the email address that invites; PARLEY_SMTP__SENDER without it",
    "location": "where",
    "time_zone": "of a time that is proposed or says none, as Europe/Berlin",
    "days_ahead": "propose the weekday that is so many days or more ahead",
    "at": "propose this hour, 10:00 without it",
    "minutes": "how long, 30 without it",
}
SATURDAY: Final = 5
MOST_MINUTES: Final = 24 * 60
Span = tuple[datetime, datetime]


@dataclass(frozen=True)
class Meetings:
    """Who invites and where to; `days_ahead` None: no time is proposed."""

    organiser: str
    company: str
    location: str = ""
    time_zone: str = ""
    days_ahead: int | None = None
    at: time = time(10)
    minutes: int = 30

    def span(self, message: OutMessage, now: datetime) -> Span | None:
        """When to meet, in UTC; None where nothing says."""
        content = message.content
        zone = _zone(str(content.get("time_zone") or "")) or _zone(self.time_zone)
        length = timedelta(minutes=_minutes(content.get("minutes")) or self.minutes)
        starts = _instant(content.get("starts_at"), zone)
        if starts is None and self.days_ahead is not None and zone:
            day = (message.send_after or now).astimezone(zone).date()
            day += timedelta(days=self.days_ahead)
            while day.weekday() >= SATURDAY:
                day += timedelta(days=1)
            starts = as_utc(datetime.combine(day, self.at, zone))
        return (starts, starts + length) if starts else None

    def refusal(self, message: OutMessage, now: datetime) -> str:
        """Say why nobody is invited by a message; '' if somebody is."""
        if message.channel != "meeting":
            return "it is no invitation to a meeting"
        if several := refusal(message):
            return several
        if not re.fullmatch(r"[^\s@<>\"\x00-\x1f\x7f]+@[^\s@<>\"\x00-\x1f\x7f]+", message.address):
            return "not an address that can be invited"
        span = self.span(message, now)
        if span is None:
            return "it says no time to meet at, and none is proposed"
        return "the time to meet at has passed" if span[0] <= now else ""

    def invitation(
        self, message: OutMessage, summary: str, description: str, now: datetime
    ) -> Invitation:
        """What a message that is not refused becomes."""
        span = self.span(message, now)
        assert span  # noqa: S101 - says so to the type checker
        return Invitation(
            message.message_key, now, *span, summary, description, self.organiser, self.company,
            message.address, self.location,
        )  # fmt: skip


def read_meetings(settings: Settings) -> Meetings:
    """What the settings say.

    Raises:
        FixConfig: nobody is named who invites, or an option is unknown or cannot be read.
    """
    options = settings.destination("meeting").options
    organiser = options.get("organiser") or settings.smtp.sender
    days, at = options.get("days_ahead", ""), options.get("at", "10:00")
    zone, minutes = options.get("time_zone", ""), options.get("minutes", "30")
    for is_right, name, remedy in (
        (not {*options} - {*OPTIONS}, "", f"Options are {', '.join(OPTIONS)}."),
        (organiser and re.fullmatch(ADDRESS, organiser), "__ORGANISER", "Set who invites."),
        (not zone or _zone(zone), "__TIME_ZONE", "Write it like Europe/Berlin."),
        (re.fullmatch(r"(\d{1,3})?", days), "__DAYS_AHEAD", "Set a number of days."),
        (not days or zone, "__TIME_ZONE", "A time that is proposed needs one."),
        (re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", at), "__AT", "Write it like 10:00."),
        (_minutes(minutes), "__MINUTES", "Set a number of minutes."),
    ):
        if not is_right:
            what = "an option of the invitations is missing or cannot be read"
            raise FixConfig(what, f"{SETTING}{name}", remedy)
    return Meetings(
        organiser, settings.written_by.company, options.get("location", ""), zone,
        int(days) if days else None, time.fromisoformat(at), _minutes(minutes),
    )  # fmt: skip


def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (OSError, ValueError, KeyError):  # none of that name, or no name at all
        return None


def _minutes(value: object) -> int:
    """A length in minutes, 0 where it is none."""
    text = str(value or "")
    found = int(text) if re.fullmatch(r"\d{1,4}", text) else 0
    return found if found <= MOST_MINUTES else 0


def _instant(value: object, zone: ZoneInfo | None) -> datetime | None:
    """The instant that a content names; without an offset it is in the zone."""
    try:
        found = datetime.fromisoformat(str(value or "").strip())
    except ValueError:
        return None
    if found.tzinfo is None and zone is None:
        return None
    return as_utc(found if found.tzinfo else found.replace(tzinfo=zone))
