"""Reading an API record by record: what changed since the last run, or everything and compare.

Changes are asked for in the order of their time, from a while before the last one that was seen: a
vendor's clock may step back, and a record may be written later than it says. What comes again is
known by its contents and left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import orjson

from connectors.core.clock import iso_z, parse_instant
from connectors.core.payload import RecordOf, digest
from connectors.core.spec import Page, ReadContext, Record

OVERLAP = timedelta(minutes=15)
# What is remembered of the overlap. If more changed in it, some land again, which changes nothing.
MOST_RECENT = 1_000
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Fetched:
    """One answered page of parsed records. `total`: how many there are, as the vendor counts them.

    `before` of them came on earlier pages of the same question; `is_last`: no page follows.
    """

    records: Sequence[Any]
    is_last: bool = False
    total: int | None = None
    before: int = 0


Fetch = Callable[[datetime | None], Iterator[Fetched]]
"""The pages of what changed at or after a time (all there is for None), oldest change first."""


def changed_pages(
    context: ReadContext,
    fetch: Fetch,
    record_of: RecordOf,
    part: str = "",
    *,
    is_stable: bool = False,
) -> Iterator[Page]:
    """Read what changed since the part's cursor, up to `as_of`.

    `is_stable`: pages do not shift when a record changes while they are read (cursor paging).
    Otherwise (page numbers, offsets) a record that changes moves to the end and all others a place
    up, one of them past us; so the question is asked anew from the last change that was seen.
    """
    seen = Seen.stored(context.cursors.get(part))
    walk = _Walk(seen.at - OVERLAP if seen.at else None)
    while True:
        for page in fetch(walk.start):
            if walk.misses(page):
                seen.at = walk.start
                break
            records, at, is_over = _taken(page, record_of, context)
            news = [record for record in records if seen.learns(record)]
            seen.forget()
            if news:
                yield Page(news, seen.text, part)
            if is_over or page.is_last:
                return
            if not is_stable and walk.moves(page, at):
                break
        else:
            return


def _taken(
    page: Fetched, record_of: RecordOf, context: ReadContext
) -> tuple[list[Record], datetime | None, bool]:
    """The records up to `as_of`, the time of the last one, and whether `as_of` is reached."""
    records: list[Record] = []
    last: datetime | None = None
    for value in page.records:
        record = believed(record_of(value), context)
        if record.at is not None and record.at > context.as_of:
            return records, last, True
        records.append(record)
        last = record.at or last
    return records, last, False


def whole_pages(
    context: ReadContext, pages: Iterator[Fetched], record_of: RecordOf
) -> Iterator[Page]:
    """Read everything there is; landing compares it with what it knows."""
    for page in pages:
        records = [believed(record_of(value), context) for value in page.records]
        held = tuple(r.key for r in records if r.at is not None and r.at > context.as_of)
        taken = [r for r in records if r.at is None or r.at <= context.as_of]
        yield Page(taken, None, snapshot="paged", held=held)
    yield Page([], None, done=True, snapshot="paged")


@dataclass(slots=True)
class _Walk:
    """Which question is asked next, by its start, and whether the last one left something out."""

    start: datetime | None
    _before: datetime | None = None
    _expected: int | None = None
    _went_back: set[datetime | None] = field(default_factory=set)

    def misses(self, page: Fetched) -> bool:
        """Whether fewer records are left than the last page promised: then that one is asked again.

        A server that leaves out a page says so by its total. What was deleted meanwhile looks the
        same, so a page is asked for no more than twice.
        """
        expected, self._expected = self._expected, None
        if page.before or page.total is None or expected is None or page.total >= expected:
            return False
        if self._before in self._went_back:
            return False
        self._went_back.add(self._before)
        self.start = self._before
        return True

    def moves(self, page: Fetched, at: datetime | None) -> bool:
        """Whether the question is asked anew from `at`, the last change on the page."""
        if at is None or (self.start is not None and at - _SECOND <= self.start):
            return False  # all of one second: only the next page leads on
        left = None if page.total is None else page.total - page.before - len(page.records)
        self._before, self.start, self._expected = self.start, at - _SECOND, left
        return True


@dataclass(slots=True)
class Seen:
    """How far changes were read, and the contents of those within the overlap."""

    at: datetime | None = None
    recent: dict[str, tuple[str, float]] = field(default_factory=dict)

    @classmethod
    def stored(cls, position: str | None) -> Seen:
        """What `text` gave; nothing was seen for None."""
        if position is None:
            return cls()
        found = orjson.loads(position)
        recent = {key: (known, at) for key, (known, at) in found["recent"].items()}
        return cls(parse_instant(found["at"]), recent)

    @property
    def text(self) -> str:
        """It all as JSON text."""
        at = iso_z(self.at) if self.at else None
        return orjson.dumps({"at": at, "recent": self.recent}).decode()

    def knows(self, record: Record) -> bool:
        """Whether this very version was seen."""
        known = self.recent.get(record.key)
        return known is not None and known[0] == digest(record.payload)

    def learns(self, record: Record) -> bool:
        """Note a version; whether it is news."""
        is_news = not self.knows(record)
        self.recent.pop(record.key, None)
        stamp = record.at.timestamp() if record.at else 0.0
        self.recent[record.key] = (digest(record.payload), stamp)
        if record.at is not None:
            self.at = max(record.at, self.at or record.at)
        return is_news

    def forget(self) -> None:
        """Keep what lies within the overlap; a record without a time stays while there is room."""
        since = (self.at - OVERLAP).timestamp() if self.at else 0.0
        kept = [item for item in self.recent.items() if not 0.0 < item[1][1] < since]
        self.recent = dict(kept[-MOST_RECENT:])


def believed(record: Record, context: ReadContext) -> Record:
    """A time that no clock has reached yet is no time: the record does not wait for it."""
    if record.at is None or context.latest is None or record.at <= context.latest:
        return record
    return record._replace(at=None)
