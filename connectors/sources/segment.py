"""Source `segment`: files of Segment-spec events, one JSON object a line (RudderStack's too).

A line is an event, a batch of them as libraries post it, or a captured request of either. Where an
event has no `sentAt` or `receivedAt`, that of its batch or request is taken.
"""

from __future__ import annotations

from functools import partial

from connectors.core.files.captured import taken_apart
from connectors.core.files.formats import FileFormat, first_id, first_instant
from connectors.core.files.source import file_source
from connectors.core.spec import Stream

VENDOR = "segment"
EVENTS = Stream(
    name="events",
    key="messageId",
    cursor="receivedAt",
    identifiers={
        "email": ("traits.email", "properties.email", "context.traits.email"),
        "phone": ("traits.phone", "properties.phone", "context.traits.phone"),
    },
    people={"user_id": ("userId",), "device": ("anonymousId", "previousId")},
)
FORMAT = FileFormat(
    apart=partial(taken_apart, listed="batch", told=("sentAt", "receivedAt")),
    arrived=partial(first_instant, ("receivedAt",)),
    told=partial(first_instant, ("sentAt", "timestamp", "originalTimestamp")),
    key=partial(first_id, ("messageId",)),
)
SPEC = file_source(
    VENDOR,
    EVENTS,
    FORMAT,
    "Events of Segment or RudderStack, archived or as sent. url: a folder, s3:// or gs://.",
)
