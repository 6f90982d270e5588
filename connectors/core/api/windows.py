"""Reading what changed since a moment, where a vendor does not list it by its time of change.

A window ends with the run's `as_of`. It is read to its end before the next one begins; its cursor
says how far. What changes meanwhile is in the next one: windows overlap as changes do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from connectors.core.api.changes import OVERLAP, Seen, believed
from connectors.core.clock import iso_z, parse_instant
from connectors.core.payload import RecordOf
from connectors.core.spec import Page, ReadContext, Record

Listed = Callable[[datetime | None, str | None], Iterator[tuple[Sequence[Any], str]]]
"""All that changed at or after a moment (None: ever), after a place in the vendor's own order.

Each page comes with its own place. No record may move to a place before the one that it had.
"""


def windowed_pages(context: ReadContext, listed: Listed, record_of: RecordOf) -> Iterator[Page]:
    """Read what changed since the cursor, up to `as_of`; a window begun before is ended first."""
    walk = _Walk.stored(context.cursors.get(""), context.as_of)
    if context.as_of < max(walk.until, walk.before.at or walk.until):
        return  # a run that looks back: what was known then has landed
    while True:
        start = walk.before.at - OVERLAP if walk.before.at else None
        for values, place in listed(start, walk.place):
            walk.place = place
            records = (believed(record_of(value), context) for value in values)
            yield Page([record for record in records if walk.takes(record)], walk.text)
        yield Page([], walk.seen.text)
        if walk.until >= context.as_of:
            return
        walk = _Walk(walk.seen, Seen(context.as_of), context.as_of)


@dataclass(slots=True)
class _Walk:
    """Through a window up to `until`: `before` is known from the last one, `seen` from this one."""

    before: Seen
    seen: Seen
    until: datetime
    place: str | None = None

    @classmethod
    def stored(cls, position: str | None, as_of: datetime) -> _Walk:
        before = Seen.stored(position)
        window = orjson.loads(position).get("window") if position else None
        if window is None:
            return cls(before, Seen(as_of), as_of)
        seen = Seen.stored(orjson.dumps(window["changes"]).decode())
        until = parse_instant(window["until"]) or as_of
        return cls(before, seen, until, window["place"])

    @property
    def text(self) -> str:
        self.seen.forget()
        changes = orjson.loads(self.seen.text)
        window = {"until": iso_z(self.until), "place": self.place, "changes": changes}
        return orjson.dumps({**orjson.loads(self.before.text), "window": window}).decode()

    def takes(self, record: Record) -> bool:
        """Whether a record is news, and not from after the window."""
        if record.at is not None and record.at > self.until:
            return False
        was_known = self.before.knows(record)
        return self.seen.learns(record) and not was_known
