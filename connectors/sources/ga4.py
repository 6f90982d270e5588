"""Source `ga4`: Google Analytics 4's BigQuery export as files, Parquet or JSON, one event a row.

Files belong to the day that their path names: `events_20210406…`, `events_intraday_20210406…` or
`event_date=2021-04-06/…`. Google writes a day's table anew for three days, and the intraday table's
events come again in the daily one: an event has the same key wherever it stands, and the copy that
landed last counts.
"""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, date, datetime, timedelta

from connectors.core.files.captured import Event
from connectors.core.files.formats import SUFFIXES, FileFormat
from connectors.core.files.source import file_source
from connectors.core.spec import Stream

VENDOR = "ga4"
EVENTS = Stream(
    name="events",
    key="event_timestamp",
    cursor="event_timestamp",
    people={"user_id": ("user_id",), "device": ("user_pseudo_id", "client_id")},
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = re.compile(r"(?:events_(?:intraday_)?|event_date=)(\d{4})-?(\d{2})-?(\d{2})(?!\d)")
# GA4 gives no id. The first name of a pair is the export's, the other one that of flat exports.
_IDENTITY = (
    ("user_pseudo_id", "client_id"),
    ("user_id",),
    ("event_timestamp",),
    ("event_name",),
    ("event_bundle_sequence_id",),
    ("batch_page_id",),
    ("batch_ordering_id",),
    ("batch_event_index",),
    ("stream_id",),
)


def key_of(event: Event) -> str | None:
    """A hash of what identifies an event; None where it has no name or no time."""
    if event.get("event_timestamp") is None or event.get("event_name") is None:
        return None
    values = [
        next((str(event[n]) for n in names if event.get(n) is not None), "") for names in _IDENTITY
    ]
    return hashlib.sha256("\x1f".join(values).encode(errors="replace")).hexdigest()[:32]


def time_of(event: Event) -> datetime | None:
    """`event_timestamp`, microseconds since 1970; None where it is no such number."""
    try:
        return _EPOCH + timedelta(microseconds=int(str(event.get("event_timestamp"))))
    except (ValueError, OverflowError):
        return None


def day_of(path: str) -> date | None:
    """The day of the table that a path belongs to."""
    for year, month, day in reversed(_DAY.findall(path)):
        try:
            return date(int(year), int(month), int(day))
        except ValueError:
            continue
    return None


FORMAT = FileFormat(
    apart=lambda event: [event],
    arrived=lambda _: None,
    told=time_of,
    key=key_of,
    suffixes=(*SUFFIXES, ".parquet"),
    day=day_of,
    repeats=True,
)
SPEC = file_source(
    VENDOR,
    EVENTS,
    FORMAT,
    "The GA4 BigQuery export, as Parquet or JSON files. url: a folder, s3:// or gs://.",
)
