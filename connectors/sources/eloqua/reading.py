"""Reading a stream: window by window, each by an export that a later run can go on with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

import orjson

from connectors.core.api.windows import windowed_pages
from connectors.core.clock import parse_instant
from connectors.core.errors import FixConfig, RetryLater
from connectors.core.payload import RecordOf, at_path, record_reader
from connectors.core.spec import Page, ReadContext, Record, Stream
from connectors.core.vendors.eloqua import EXPORTS, PAGE, RUNNING, Bulk, connect
from connectors.sources.eloqua.kinds import (
    ACTIVITIES,
    DEALS,
    TYPES,
    Exported,
    activities,
    exported,
)

LATE: Final = timedelta(hours=1)
AGAIN: Final = timedelta(days=3)
"""Bounces may be recorded days after they happened."""


@dataclass(frozen=True)
class _Reader:
    """Reads what is exported; `back`: how much longer ago than asked for a window begins."""

    bulk: Bulk
    what: Exported
    until: datetime
    size: int
    back: timedelta = field(default=timedelta(0))

    def listed(
        self, since: datetime | None, place: str | None
    ) -> Iterator[tuple[Sequence[Any], str]]:
        """The records of an export; a place is the sync and how many were read."""
        sync, _, start = (place or "").partition(" ")
        if not sync or not self._is_there(sync):
            start_at = (since or self.until) - self.back if since or self.back else None
            sync, start = self.bulk.begin(self._defined(start_at), EXPORTS), "0"
        try:
            state = self.bulk.ended(sync)
        except RetryLater:
            yield [], f"{sync} {start}"  # the next run goes on waiting
            raise
        if state == "error":
            yield [], ""  # the next run begins another one
            what = "Eloqua's export has failed"
            raise RetryLater(what, self.what.kind, "Run again later.")
        for items, read, _ in self.bulk.pages(f"{sync}/data", self.size, int(start)):
            yield items, f"{sync} {read}"

    def _defined(self, since: datetime | None) -> str:
        kind, body = f"{self.what.kind}/exports", self.what.body(since, self.until)
        try:
            return self.bulk.define(kind, body)
        except FixConfig:
            if not self.what.doubtful:
                raise
        sure = {n: each for n, each in body["fields"].items() if n not in self.what.doubtful}
        return self.bulk.define(kind, {**body, "fields": sure})

    def _is_there(self, sync: str) -> bool:
        """Whether an export of an earlier run can be read on."""
        try:
            return self.bulk.state(sync) in {*RUNNING, "success", "warning"}
        except FixConfig:
            return False


def read(context: ReadContext) -> Iterator[Page]:
    """Read one stream.

    Raises:
        FixConfig: the credentials do not suffice, or an option is wrong.
        RetryLater: Eloqua is busy or away, or still at an export; the next run goes on.
    """
    where = f"source {context.source_id}, stream {context.stream.name}"
    if context.stream is DEALS and not context.settings.options.get("deals"):
        return
    bulk = connect(context.settings.url.get_secret_value(), context.settings, where)
    size = min(context.page_size, PAGE)
    if context.stream.name != ACTIVITIES.name:
        what = exported(bulk, context.stream.name, context.settings)
        reader = _Reader(bulk, what, context.as_of, size)
        of = _keyed(context.source_id, context.stream)
        yield from windowed_pages(context, reader.listed, of)
        return
    for kind in TYPES:
        yield from _activities(bulk, context, kind, size)


def _activities(bulk: Bulk, context: ReadContext, kind: str, size: int) -> Iterator[Page]:
    what = activities(kind, context.settings)
    is_late = kind == "Bounceback"
    until = context.as_of - LATE if is_late else context.as_of
    yield from _part(context, _Reader(bulk, what, until, size), kind)
    day = until.replace(hour=0, minute=0, second=0, microsecond=0)
    part = f"{kind} again"
    if is_late and kind in context.cursors and not _is_read(context.cursors.get(part), day):
        yield from _part(context, _Reader(bulk, what, day, size, AGAIN), part)


def _part(context: ReadContext, reader: _Reader, part: str) -> Iterator[Page]:
    """A part of a stream, read as if it were a stream of its own."""
    known = context.cursors.get(part)
    alone = replace(context, cursors={"": known} if known else {}, as_of=reader.until)
    of_id = _keyed(context.source_id, ACTIVITIES)

    def activity(value: Any) -> Record:  # noqa: ANN401 - JSON
        """An activity; ids are those of its type."""
        record = of_id(value)
        return record._replace(key=f"{at_path(value, 'ActivityType')} {record.key}")

    for page in windowed_pages(alone, reader.listed, activity):
        yield replace(page, part=part)


def _keyed(source_id: str, stream: Stream) -> RecordOf:
    """Reads records; what names a contact gets an id that no other source's users have."""
    record_of = record_reader(stream)

    def read(value: Any) -> Record:  # noqa: ANN401 - JSON
        contact = at_path(value, "ContactId")
        return record_of({**value, "ContactKey": f"{source_id}:{contact}"} if contact else value)

    return read


def _is_read(cursor: str | None, until: datetime) -> bool:
    """Whether a part was read to its end up to a moment."""
    found = orjson.loads(cursor) if cursor else {}
    at = parse_instant(found.get("at"))
    return at is not None and at >= until and "window" not in found
