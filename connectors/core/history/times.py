"""Times as other tools write them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum

from connectors.core.clock import as_utc

NO_TIME = "is no time"
AMBIGUOUS = "may be day-month or month-day: say which with --dates"
# Nobody agreed to email before: such a year is a zero that was taken for a time.
FIRST_YEAR = 1990
_ISO = re.compile(r"\d{4}-?\d\d-?\d\d([T ].+)?")
_ISO_BY_HAND = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})((?:[T ]+.+)?)")
_UNIX = re.compile(r"\d{10}(\.\d+)?|\d{13}")
_CLOCK = r"(?:,?\s+(\d{1,2}):(\d\d)(?::(\d\d))?(?:\.\d+)?\s*([AaPp])?\.?(?:[Mm]\.?)?)?"
_BY_HAND = re.compile(rf"(\d{{1,2}})([./-])(\d{{1,2}})[./-](\d{{4}}){_CLOCK}")
_MAIL = re.compile(r"(?:[A-Za-z]{3,9},\s*)?\d{1,2}\s+[A-Za-z]{3}\s+\d{4}\s+\d.*")


class Dates(StrEnum):
    """How 1/2/2019 is meant."""

    DAY_FIRST = "day-first"
    MONTH_FIRST = "month-first"


def read_time(text: str, dates: Dates | None = None, *, end_of_day: bool = False) -> datetime | str:
    """The instant (aware UTC) that a text means, or what is wrong with it.

    ISO 8601, seconds or milliseconds since 1970, mail headers' form, 31.12.2019, 12/31/2019; no
    zone means UTC. A day without a time is its midnight, or its last second for `end_of_day`.
    """
    text = re.sub(r"\s*(UTC|GMT|Z)$", "", text.strip())
    try:
        found = _read(text, dates)
    except (ValueError, OverflowError, OSError):
        return NO_TIME
    if found is None or isinstance(found, str):
        return found or NO_TIME
    if found.year < FIRST_YEAR:
        return NO_TIME
    if end_of_day and ":" not in text and found.timetz() == time(tzinfo=UTC):
        return found + timedelta(days=1, seconds=-1)
    return found


def _read(text: str, dates: Dates | None) -> datetime | str | None:
    if _UNIX.fullmatch(text):
        seconds = (
            float(text) if len(text.partition(".")[0]) == len("1234567890") else int(text) / 1000
        )
        return datetime.fromtimestamp(seconds, UTC)
    if _ISO.fullmatch(text):
        return as_utc(datetime.fromisoformat(text))
    if found := _ISO_BY_HAND.fullmatch(text):
        year, month, day, rest = found.groups()
        return as_utc(datetime.fromisoformat(f"{year}-{month:0>2}-{day:0>2}{rest.rstrip()}"))
    if found := _BY_HAND.fullmatch(text):
        return _by_hand(found, dates)
    if _MAIL.fullmatch(text):
        return as_utc(parsedate_to_datetime(text))
    return None


def _by_hand(found: re.Match[str], dates: Dates | None) -> datetime | str:
    """31.12.2019, 12/31/2019 01:30 PM: what names the half of the day names the month first."""
    one, mark, two, year, hour, minute, second, half = found.groups()
    first, other = int(one), int(two)
    if dates:
        is_day_first = dates is Dates.DAY_FIRST
    elif first > 12 or mark == ".":  # noqa: PLR2004 - months
        is_day_first = True
    elif other > 12 or half:  # noqa: PLR2004
        is_day_first = False
    elif first != other:
        return AMBIGUOUS
    else:
        is_day_first = True
    day, month = (first, other) if is_day_first else (other, first)
    hours = int(hour or 0)
    if half:
        hours = hours % 12 + (12 if half in "Pp" else 0)
    return datetime(int(year), month, day, hours, int(minute or 0), int(second or 0), tzinfo=UTC)
