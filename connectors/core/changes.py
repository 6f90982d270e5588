"""Reading an API record by record: what changed since the last run, or everything and compare.

Changes are asked for in the order of their time, from a while before the last one that was seen: a
vendor's clock may step back, and a record may be written later than it says. What comes again is
known by its contents and left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
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
    context: ReadContext, fetch: Fetch, record_of: RecordOf, *, is_stable: bool = False
) -> Iterator[Page]:
    """Read what changed since the cursor, up to `as_of`.

    `is_stable`: pages do not shift when a record changes while they are read (cursor paging).
    Otherwise (page numbers, offsets) a record that changes moves to the end and all others a place
    up, one of them past us; so the question is asked anew from the last change that was seen.
    """
    seen = _Seen.stored(context.cursors.get(""))
    start = seen.at - OVERLAP if seen.at else None
    walk = _Walk(start)
    while True:
        for page in fetch(walk.start):
            if walk.misses(page):
                seen.at = walk.start
                break
            records, at = seen.take(page.records, record_of, context)
            if records:
                yield Page(records, seen.text)
            if seen.has_reached_as_of or page.is_last:
                return
            if not is_stable and walk.moves(page, at):
                break
        else:
            return


def whole_pages(
    context: ReadContext, pages: Iterator[Fetched], record_of: RecordOf
) -> Iterator[Page]:
    """Read everything there is; landing compares it with what it knows."""
    for page in pages:
        records = [_believed(record_of(value), context) for value in page.records]
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
class _Seen:
    """How far changes were read, and the contents of those within the overlap."""

    at: datetime | None = None
    recent: dict[str, tuple[str, float]] = field(default_factory=dict)
    has_reached_as_of: bool = False

    @classmethod
    def stored(cls, position: str | None) -> _Seen:
        if position is None:
            return cls()
        found = orjson.loads(position)
        recent = {key: (known, at) for key, (known, at) in found["recent"].items()}
        return cls(parse_instant(found["at"]), recent)

    @property
    def text(self) -> str:
        at = iso_z(self.at) if self.at else None
        return orjson.dumps({"at": at, "recent": self.recent}).decode()

    def take(
        self, values: Sequence[Any], record_of: RecordOf, context: ReadContext
    ) -> tuple[list[Record], datetime | None]:
        """The records that are news, up to `as_of`; and the time of the last one."""
        news: list[Record] = []
        last: datetime | None = None
        for value in values:
            record = _believed(record_of(value), context)
            if record.at is not None and record.at > context.as_of:
                self.has_reached_as_of = True
                break
            last = record.at or last
            mark = digest(record.payload)
            known = self.recent.get(record.key)
            if known is None or known[0] != mark:
                news.append(record)
            self.recent.pop(record.key, None)
            self.recent[record.key] = (mark, record.at.timestamp() if record.at else 0.0)
            self.at = max(record.at or _NEVER, self.at or _NEVER)
        self._forget()
        return news, last

    def _forget(self) -> None:
        since = (self.at - OVERLAP).timestamp() if self.at and self.at > _NEVER else 0.0
        kept = [item for item in self.recent.items() if not 0.0 < item[1][1] < since]
        self.recent = dict(kept[-MOST_RECENT:])


_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


def _believed(record: Record, context: ReadContext) -> Record:
    """A time that no clock has reached yet is no time: the record does not wait for it."""
    if record.at is None or context.latest is None or record.at <= context.latest:
        return record
    return record._replace(at=None)
