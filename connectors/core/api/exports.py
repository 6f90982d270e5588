"""A first load by export: the vendor writes everything into a file, which is read line by line.

The export's part of a stream holds how far its file was read. Once it is done, changes are read
from when the export began: until there is a cursor of theirs, `after_export` gives it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import chain, repeat
from typing import Any, Literal, Protocol

import orjson

from connectors.core.api.changes import Seen, believed
from connectors.core.clock import iso_z, parse_instant
from connectors.core.errors import RetryLater
from connectors.core.payload import RecordOf
from connectors.core.spec import Page, ReadContext, Record

PART = "export"
# Seconds between two looks at an export; the last of them again and again.
POLLS = (1.0, 2.0, 5.0, 10.0, 20.0)
# A run waits so long for an export; the next one goes on waiting.
PATIENCE_SECONDS = 300.0
# An export that fails is begun anew, so many times in a run.
STARTS = 2
# A file of which nothing comes is asked for so many times.
ATTEMPTS = 3
MOST_RECORDS = 500
PAGE_BYTES = 4 * 1024 * 1024

log = logging.getLogger("parley")


@dataclass(frozen=True, slots=True)
class Export:
    """An export, as the vendor speaks of it. `began`: aware UTC; all that changed later is missing.

    `url` is where its file lies; a "ready" one without a file is empty. `records`: how many it
    holds, if the vendor says so.
    """

    id: str
    began: datetime
    state: Literal["running", "ready", "failed"]
    url: str | None = None
    records: int | None = None


class Exporter(Protocol):
    """How a vendor exports one stream."""

    @property
    def instead(self) -> str:
        """What to do where exports keep failing."""
        ...

    def start(self) -> Export | None:
        """Begin an export; None where the vendor takes no other one now."""
        ...

    def find(self, export_id: str) -> Export | None:
        """The export of that id; None where it is unknown or gone."""
        ...

    def records(self, url: str, lines: int) -> Iterator[tuple[Any, int]]:
        """The records after so many lines of a file; each with the lines up to its end.

        Raises `RetryLater` where the file breaks off; the records before are good.
        """
        ...


@dataclass(slots=True)
class _Progress:
    """How far an export was read: `lines` of its file, in which there were `records`."""

    export: Export
    lines: int = 0
    records: int = 0
    seen: Seen = field(default_factory=Seen)

    @classmethod
    def stored(cls, position: str | None) -> _Progress | None:
        if position is None:
            return None
        found = orjson.loads(position)
        began = parse_instant(found["began"])
        assert began is not None  # noqa: S101 - we wrote it
        export = Export(found["id"], began, "running")
        seen = Seen.stored(orjson.dumps(found["changes"]).decode())
        return cls(export, found["lines"], found["records"], seen)

    @property
    def text(self) -> str:
        kept = {"id": self.export.id, "began": iso_z(self.export.began), "lines": self.lines}
        changes = orjson.loads(self.seen.text)
        return orjson.dumps({**kept, "records": self.records, "changes": changes}).decode()

    def learns(self, record: Record) -> None:
        """Note a record. What changed while the export ran changes nothing about its beginning."""
        at = self.seen.at
        self.seen.learns(record)
        self.seen.at = at


def after_export(
    context: ReadContext, exporter: Exporter, record_of: RecordOf
) -> Generator[Page, None, ReadContext]:
    """Read everything there is by an export, unless that is done; the context to go on with.

    Where the vendor takes no other export, nothing is read: all of it comes by changes then.

    Raises:
        RetryLater: it is not ready yet, or failed; the next run goes on.
    """
    progress = _Progress.stored(context.cursors.get(PART))
    if "" in context.cursors:
        return context
    if progress is None or PART not in context.done_parts:
        progress = yield from _ready(context, exporter, progress)
        if progress is None:
            return context
        yield from _pages(context, exporter, progress, record_of)
    return replace(context, cursors={**context.cursors, "": progress.seen.text})


def _ready(
    context: ReadContext, exporter: Exporter, progress: _Progress | None
) -> Generator[Page, None, _Progress | None]:
    """Wait until an export is ready; None where none can be begun."""
    where = f"source {context.source_id}, stream {context.stream.name}"
    for _ in range(STARTS):
        export = exporter.find(progress.export.id) if progress else _started(exporter)
        if progress is None and export is None:
            log.warning("%s: the vendor takes no export now, so pages are read", where)
            return None
        if export and (progress is None or progress.export.id != export.id):
            at = min(export.began, context.as_of)
            progress = _Progress(export, seen=Seen(at))
        export = export and _waited_for(exporter, export)
        if export and export.state == "ready" and progress:
            progress.export = export
            return progress
        if export and export.state == "running" and progress:
            yield Page([], progress.text, PART)
            what = "the vendor is still preparing the export of all records"
            raise RetryLater(what, where, "Run again in a few minutes: it goes on from there.")
        progress = None
    what = "the vendor's export of all records has failed"
    raise RetryLater(what, where, f"Run again later. If it stays so: {exporter.instead}")


def _started(exporter: Exporter) -> Export | None:
    for pause in _pauses():
        if export := exporter.start():
            return export
        time.sleep(pause)
    return None


def _waited_for(exporter: Exporter, export: Export) -> Export | None:
    found: Export | None = export
    for pause in _pauses():
        if found is None or found.state != "running":
            break
        time.sleep(pause)
        found = exporter.find(export.id)
    return found


def _pauses() -> Iterator[float]:
    """Seconds to wait, as long as there is patience."""
    until = time.monotonic() + PATIENCE_SECONDS
    for pause in chain(POLLS, repeat(POLLS[-1])):
        if time.monotonic() + pause > until:
            return
        yield pause


def _pages(
    context: ReadContext, exporter: Exporter, progress: _Progress, record_of: RecordOf
) -> Iterator[Page]:
    """The records of a file; one that breaks off is fetched again, and read on from there."""
    url, failures = progress.export.url, 0
    while url:
        taken = progress.lines
        try:
            yield from _cut(context, exporter.records(url, taken), progress, record_of)
            break
        except RetryLater:
            failures = failures + 1 if progress.lines == taken else 0
            if failures == ATTEMPTS:
                raise
            time.sleep(POLLS[min(failures, len(POLLS) - 1)])
    promised = progress.export.records
    if promised is not None and progress.records < promised:
        what = f"the export holds {progress.records:,} of {promised:,} records"
        where = f"source {context.source_id}, stream {context.stream.name}"
        raise RetryLater(what, where, f"Run again later. If it stays so: {exporter.instead}")
    yield Page([], progress.text, PART, done=True)


def _cut(
    context: ReadContext,
    found: Iterable[tuple[Any, int]],
    progress: _Progress,
    record_of: RecordOf,
) -> Iterator[Page]:
    """Pages of a bounded size; what happened after `as_of` is left to the changes."""
    most, records, size = min(context.page_size, MOST_RECORDS), list[Record](), 0
    broken: RetryLater | None = None
    try:
        for value, lines in found:
            record = believed(record_of(value), context)
            progress.lines, progress.records = lines, progress.records + 1
            if record.at is None or record.at <= context.as_of:
                progress.learns(record)
                records.append(record)
                size += len(record.payload)
            if len(records) >= most or size >= PAGE_BYTES:
                yield _page(records, progress)
                records, size = [], 0
    except RetryLater as error:
        broken = error
    if records:
        yield _page(records, progress)
    if broken:
        raise broken


def _page(records: list[Record], progress: _Progress) -> Page:
    progress.seen.forget()
    return Page(records, progress.text, PART)
