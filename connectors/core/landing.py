"""Landing: pages of a source become batches in the lake, then manifest rows and cursors.

A batch is durable before the manifest names it, and manifest rows and cursors are one
transaction. A crash in between repeats a window under the same batch id. Nothing is rejected.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from connectors.core.clock import utc_now
from connectors.core.identifiers import (
    IDENTIFIERS,
    IDENTIFIERS_SOURCE,
    IDENTIFIERS_VENDOR,
    IdentifierCollector,
)
from connectors.core.lake import BatchName, Draft, Lake, chunk
from connectors.core.spec import (
    Batch,
    Cursor,
    CursorState,
    Manifest,
    Page,
    ReadContext,
    SourceSpec,
    Stream,
)

if TYPE_CHECKING:
    import pyarrow as pa

    from connectors.core.settings import Settings, SourceSettings

BATCH_ROWS = 100_000
BATCH_BYTES = 64 * 1024 * 1024
# Records are encoded as soon as there are so many bytes of them: a hundredth of a batch's memory.
GROUP_BYTES = 4 * 1024 * 1024
# A clock this far ahead of ours is wrong, not early.
CLOCK_TOLERANCE = timedelta(days=1)
# A row may be committed this much later than the change time that it bears.
SETTLING = timedelta(minutes=1)

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Landed:
    """What one call landed: `rows` of the stream itself, and all batches, identifiers included."""

    rows: int
    batches: tuple[Batch, ...]


def land(  # noqa: PLR0913 - it joins that many parts
    spec: SourceSpec,
    stream: Stream,
    source_id: str,
    settings: Settings,
    manifest: Manifest,
    lake: Lake,
    as_of: datetime,
    progress: Progress | None = None,
    *,
    batch_rows: int = BATCH_ROWS,
) -> Landed:
    """Extract what is new in a stream up to `as_of` (aware), which is the batches' landed_at.

    `progress` is called with each page's number of records. Pages are grouped into batches of up
    to `batch_rows`. Raises what the source or the lake raised; what was committed stays so.
    """
    state = manifest.cursors(spec.vendor, source_id, stream.name)
    context = _context(stream, source_id, settings.source(source_id), state, as_of)
    context = replace(context, page_size=min(context.page_size, batch_rows))
    key = settings.hash_key.get_secret_value()
    collector = IdentifierCollector(stream, key, settings.default_country)
    landing = _Landing(spec.vendor, context, manifest, lake, collector, batch_rows)
    for page in spec.read(context):
        landing.add(page)
        if progress is not None:
            progress(len(page.records))
    landing.commit()
    return Landed(landing.rows, tuple(landing.batches))


def _context(
    stream: Stream,
    source_id: str,
    source: SourceSettings,
    state: Mapping[str, CursorState],
    as_of: datetime,
) -> ReadContext:
    clock, now = as_of.astimezone(UTC), utc_now()
    return ReadContext(
        source_id=source_id,
        settings=source,
        stream=stream,
        cursors={part: cursor.position for part, cursor in state.items()},
        done_parts=frozenset(part for part, cursor in state.items() if cursor.done),
        as_of=clock,
        page_size=source.page_size,
        latest=max(clock, now) + CLOCK_TOLERANCE,
        settled=min(clock, now - SETTLING),
    )


@dataclass(slots=True)
class _Landing:
    """Groups pages into batches and commits them."""

    vendor: str
    context: ReadContext
    manifest: Manifest
    lake: Lake
    collector: IdentifierCollector
    batch_rows: int
    rows: int = 0
    batches: list[Batch] = field(default_factory=list)
    _chunks: list[pa.RecordBatch] = field(default_factory=list)
    _draft: Draft | None = None
    _found: list[pa.RecordBatch] = field(default_factory=list)
    _rows: int = 0
    _bytes: int = 0
    _start: tuple[str, str] = ("", "")
    _positions: dict[str, str] = field(default_factory=dict)
    _cursors: dict[str, Cursor] = field(default_factory=dict)

    def add(self, page: Page) -> None:
        """Take a page; commit what came before it if both together would be too much."""
        records = chunk(page.records)
        rows, size = self._rows + records.num_rows, self._bytes + records.nbytes
        if self._rows and (rows > self.batch_rows or size > BATCH_BYTES):
            self.commit()
        before = self._position(page.part)
        if records.num_rows and not self._rows:
            self._start = (page.part, before)
        self._chunks.append(records)
        self._rows += records.num_rows
        self._bytes += records.nbytes
        if sum(each.nbytes for each in self._chunks) > GROUP_BYTES:
            self._encode()
        if found := self.collector.collect(record.payload for record in page.records):
            self._found.append(chunk(found))
        # A cursor that stands still must not give two batches of a run the same name.
        moved = page.cursor is not None and page.cursor != before.rstrip("+")
        self._positions[page.part] = page.cursor or "" if moved else f"{before}+"
        if page.cursor is not None:
            self._cursors[page.part] = self._cursor(page, page.cursor)

    def commit(self) -> None:
        """Write the pending records, then record files and cursors in one transaction."""
        if not self._rows and not self._cursors:
            return
        batches = self._write() if self._rows else []
        self.manifest.commit(batches, list(self._cursors.values()))
        self.rows += self._rows
        self.batches += batches
        self._draft, self._found, self._rows, self._bytes = None, [], 0, 0
        self._cursors = {}

    def _encode(self) -> Draft:
        context = self.context
        names = (self.vendor, context.source_id, context.stream.name)
        draft = self._draft or Draft(BatchName(*names, context.as_of, *self._start))
        draft.add(self._chunks)
        self._draft, self._chunks = draft, []
        return draft

    def _write(self) -> list[Batch]:
        context, (part, position) = self.context, self._start
        batches = [self.lake.store(self._encode())]
        if self._found:
            names = (self.vendor, context.source_id, context.stream.name)
            own = (IDENTIFIERS_VENDOR, IDENTIFIERS_SOURCE, IDENTIFIERS.name)
            origin = BatchName(*own, context.as_of, "/".join((*names, part)), position)
            batches.append(self.lake.write(origin, self._found))
        return batches

    def _position(self, part: str) -> str:
        if part not in self._positions:
            self._positions[part] = self.context.cursors.get(part, "")
        return self._positions[part]

    def _cursor(self, page: Page, position: str) -> Cursor:
        context = self.context
        names = (self.vendor, context.source_id, context.stream.name)
        return Cursor(*names, page.part, position, page.done, context.as_of)
