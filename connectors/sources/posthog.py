"""Source `posthog`: files of PostHog events, from batch exports or as libraries send them.

A line is an event, a batch, or a captured request of either. Batch exports in Parquet
hold `properties` as a text of JSON; it is opened, so that what stands in it is found.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from connectors.core.files.captured import Event, json_in, taken_apart
from connectors.core.files.formats import SUFFIXES, FileFormat, first_id, first_instant
from connectors.core.files.source import file_source
from connectors.core.spec import Stream

VENDOR = "posthog"
_IDS = (
    *("distinct_id", "properties.distinct_id", "properties.alias", "properties.$device_id"),
    *("properties.$user_id", "properties.$anon_distinct_id"),
)
EVENTS = Stream(
    name="events",
    key="uuid",
    cursor="created_at",
    identifiers={
        "email": ("$set.email", "properties.$set.email", "properties.email"),
        "phone": ("$set.phone", "properties.$set.phone", "properties.phone"),
    },
    # A distinct id is a device's or a user's.
    people={"user_id": _IDS, "device": _IDS},
)
_TEXTS = ("properties", "person_properties")


def apart(line: Event) -> list[Any]:
    """The events of a line, with nothing of them in texts."""
    events = taken_apart(line, listed="batch", told=("sent_at", "receivedAt"))
    return [_opened(event) if isinstance(event, dict) else event for event in events]


def _opened(event: Event) -> Event:
    texts = [name for name in _TEXTS if isinstance(event.get(name), str)]
    return event | {name: json_in(event[name]) for name in texts} if texts else event


FORMAT = FileFormat(
    apart=apart,
    arrived=partial(first_instant, ("created_at", "receivedAt")),
    told=partial(first_instant, ("sent_at", "timestamp")),
    key=partial(first_id, ("uuid",)),
    suffixes=(*SUFFIXES, ".parquet"),
)
SPEC = file_source(
    VENDOR, EVENTS, FORMAT, "Events of PostHog, exported or as sent. url: a folder, s3:// or gs://."
)
