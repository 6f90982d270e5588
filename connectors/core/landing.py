"""Landing: pages of a source become batches in the lake, then manifest rows and cursors.

A batch is durable before the manifest names it, and manifest rows, cursors and what is known of
snapshots are one transaction. A crash in between repeats a window under the same batch id. Nothing
is rejected; records that look unlike the earlier ones are told of.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from connectors.core.admission import admission_to
from connectors.core.batch import BatchName, Draft, chunk
from connectors.core.clock import utc_now
from connectors.core.comparison import Comparison, News
from connectors.core.drift import Drift, Shape, noticed
from connectors.core.errors import ParleyError
from connectors.core.identifiers import (
    IDENTIFIERS,
    IDENTIFIERS_SOURCE,
    IdentifierCollector,
)
from connectors.core.lake import Lake
from connectors.core.payload import digest
from connectors.core.settings import OWN_VENDOR
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

    from connectors.core.settings import Settings

BATCH_ROWS = 100_000
BATCH_BYTES = 64 * 1024 * 1024
# A clock this far ahead of ours is wrong, not early.
CLOCK_TOLERANCE = timedelta(days=1)
# A row may be committed this much later than the change time that it bears.
SETTLING = timedelta(minutes=1)


Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Landed:
    """What one call landed: `rows` of the stream itself, and all batches, identifiers included.

    `drift`: in what the records differ from those that landed before. `kept_out`: records of people
    who were erased.
    """

    rows: int
    batches: tuple[Batch, ...]
    drift: tuple[Drift, ...] = ()
    kept_out: int = 0


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
    context = reading(stream, source_id, settings, state, as_of)
    context = replace(context, page_size=min(context.page_size, batch_rows))
    key = settings.hash_key.get_secret_value()
    collector = IdentifierCollector(stream, key, settings.default_country)
    admission = admission_to(stream, source_id, settings, manifest)
    landing = _Landing(spec.vendor, context, manifest, lake, collector, batch_rows)
    try:
        for page in spec.read(context):
            landing.add(admission.admit(page))
            if progress is not None:
                progress(len(page.records))
    except ParleyError:
        landing.commit()  # the pages before it are good, and the next run goes on after them
        raise
    landing.commit()
    drift = noticed(landing.shape, manifest, (spec.vendor, source_id, stream.name), as_of)
    return Landed(landing.rows, tuple(landing.batches), drift, admission.kept_out)


def reading(
    stream: Stream,
    source_id: str,
    settings: Settings,
    state: Mapping[str, CursorState],
    as_of: datetime,
) -> ReadContext:
    """What a source is told to read one stream from these cursors up to `as_of` (aware)."""
    source = settings.source(source_id)
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
    shape: Shape = field(default_factory=Shape)
    _compared: dict[str, Comparison] = field(default_factory=dict)
    _draft: Draft | None = None
    _found: Draft | None = None
    _rows: int = 0
    _bytes: int = 0
    _positions: dict[str, str] = field(default_factory=dict)
    _cursors: dict[str, Cursor] = field(default_factory=dict)

    def add(self, page: Page) -> None:
        """Take a page; of a snapshot what is new, and at its end what is gone."""
        if page.snapshot is None:
            self._take(page)
            return
        comparison = self._comparison(page.part)
        self._learn(page, comparison, comparison.news(page))
        if page.done:
            self.commit()
            for gone in comparison.gone(at_once=page.snapshot == "consistent"):
                self._learn(page, comparison, gone)
                self.commit()

    def _learn(self, page: Page, comparison: Comparison, news: News) -> None:
        """Take records, and only then note them as known: the commit before is not theirs."""
        self._take(replace(page, records=news.records))
        comparison.pending.update(news.known)

    def _take(self, page: Page) -> None:
        """Commit what came before a page if both together would be too much."""
        records = chunk(page.records)
        rows, size = self._rows + records.num_rows, self._bytes + records.nbytes
        if self._rows and (rows > self.batch_rows or size > BATCH_BYTES):
            self.commit()
        before = self._position(page)
        if page.records:
            self._write(page, before, records)
        # A cursor that stands still must not give two batches of a run the same name.
        moved = page.cursor is not None and page.cursor != before.rstrip("+")
        self._positions[page.part] = page.cursor or "" if moved else f"{before}+"
        if page.cursor is not None:
            self._cursors[page.part] = self._cursor(page, page.cursor)

    def commit(self) -> None:
        """Write the pending records, then record files and cursors in one transaction."""
        known = {c.scope: [*c.pending.values()] for c in self._compared.values() if c.pending}
        if not self._rows and not self._cursors and not known:
            return
        drafts = [draft for draft in (self._draft, self._found) if draft and draft.rows]
        batches = [self.lake.store(draft) for draft in drafts]
        self.manifest.commit(batches, list(self._cursors.values()), known)
        self.rows += self._rows
        self.batches += batches
        self._draft, self._found, self._rows, self._bytes = None, None, 0, 0
        self._cursors = {}
        for comparison in self._compared.values():
            comparison.pending.clear()

    def _write(self, page: Page, position: str, records: pa.RecordBatch) -> None:
        """Put a page's records, and the identifiers in them, into the batches that grow."""
        context = self.context
        names = (self.vendor, context.source_id, context.stream.name)
        if self._draft is None:
            self._draft = Draft(BatchName(*names, context.as_of, page.part, position))
            own = (OWN_VENDOR, IDENTIFIERS_SOURCE, IDENTIFIERS.name)
            origin = "/".join((*names, page.part))
            self._found = Draft(BatchName(*own, context.as_of, origin, position))
        self._draft.add(records)
        self._rows += records.num_rows
        self._bytes += records.nbytes
        self.shape.look([record.payload for record in page.records if record.op == "upsert"])
        found = self.collector.collect(record.payload for record in page.records)
        if found and self._found is not None:
            self._found.add(chunk(found))

    def _position(self, page: Page) -> str:
        """Where a page begins: at its part's cursor, or in a snapshot with its first record."""
        if page.snapshot and page.records:
            return f"{page.records[0].key}:{digest(page.records[0].payload)}"
        if page.part not in self._positions:
            self._positions[page.part] = self.context.cursors.get(page.part, "")
        return self._positions[page.part]

    def _comparison(self, part: str) -> Comparison:
        if part not in self._compared:
            names = (self.vendor, self.context.source_id, self.context.stream.name, part)
            self._compared[part] = Comparison(self.manifest, "/".join(names))
        return self._compared[part]

    def _cursor(self, page: Page, position: str) -> Cursor:
        context = self.context
        names = (self.vendor, context.source_id, context.stream.name)
        return Cursor(*names, page.part, position, page.done, context.as_of)
