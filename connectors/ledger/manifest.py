"""The manifest: which files the lake holds, which were checked, and how far sources were read."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Engine, Select, func, select, update
from sqlalchemy.orm import Session

from connectors.core.clock import utc_now
from connectors.core.errors import FixConfig, StopRun
from connectors.core.spec import Batch, BatchStatus, Cursor, CursorState, KnownRow
from connectors.ledger import known_rows
from connectors.ledger.db import write, writing
from connectors.ledger.models import BatchRow, CursorRow, ErasureRow, ShapeRow

_FIELDS = tuple(field.name for field in fields(Batch))
_CURSOR = tuple(field.name for field in fields(Cursor))


class Freshness(NamedTuple):
    """What the lake holds of a stream; `newest` is its newest record's time, `landed` a clock."""

    source_id: str
    stream: str
    batches: int
    rows: int
    newest: datetime | None
    landed: datetime


class LedgerManifest:
    """Implements `connectors.core.spec.Manifest` on the ledger database."""

    def __init__(self, engine: Engine, clock: Callable[[], datetime] = utc_now) -> None:
        """Use an engine from `open_ledger`; `clock` stamps `checked_at`."""
        self._engine = engine
        self._clock = clock

    def cursors(self, vendor: str, source_id: str, stream: str) -> dict[str, CursorState]:
        """Return the stored cursors of a stream by part."""
        query = select(CursorRow.part, CursorRow.position, CursorRow.done).where(
            CursorRow.vendor == vendor,
            CursorRow.source_id == source_id,
            CursorRow.stream == stream,
        )
        with self._engine.connect() as connection:
            rows = connection.execute(query)
            return {part: CursorState(position, done) for part, position, done in rows}

    def commit(
        self,
        batches: Sequence[Batch],
        cursors: Sequence[Cursor],
        known: Mapping[str, Sequence[KnownRow]] | None = None,
    ) -> None:
        """Record batches, cursors and known rows (by scope) in one transaction.

        A repeated batch is replaced. It must be checked again, unless its bytes are the same.
        Raises `StopRun`, with nothing recorded, if the id is that of another file.
        """
        with Session(writing(self._engine)) as session, session.begin():
            for batch in batches:
                before = session.get(BatchRow, batch.batch_id)
                _check_path(before, batch)
                if before is None or before.sha256 != batch.sha256:
                    values = {name: getattr(batch, name) for name in _FIELDS}
                    row = BatchRow(**values, checked_at=None, quarantine_reason=None)
                    session.merge(row)
            for cursor in cursors:
                session.merge(CursorRow(**{name: getattr(cursor, name) for name in _CURSOR}))
            for scope, rows in (known or {}).items():
                known_rows.remember(session.connection(), scope, rows)

    def erased(self) -> dict[str, bool]:
        """Return the nodes of erased people; true where other people's records name it too."""
        # Erased as one person's own beats erased as one that is shared.
        nodes = select(ErasureRow.node_id, ErasureRow.is_shared).order_by(
            ErasureRow.is_shared.desc(), ErasureRow.node_id
        )
        with self._engine.connect() as connection:
            return dict(connection.execute(nodes).tuples().all())

    def known(self, scope: str, keys: Sequence[str]) -> dict[str, KnownRow]:
        """Return what is known of these records of a snapshot, by key."""
        with self._engine.connect() as connection:
            return known_rows.of_keys(connection, scope, keys)

    def all_known(self, scope: str) -> Iterator[list[KnownRow]]:
        """Yield all that is known of a scope in pages, each read in a transaction of its own."""
        return known_rows.pages(self._engine, scope)

    def shape(self, vendor: str, source_id: str, stream: str) -> dict[str, Any]:
        """Return what the stream's records looked like so far; empty if it never landed."""
        with Session(self._engine) as session:
            row = session.get(ShapeRow, (vendor, source_id, stream))
            return dict(row.shape) if row else {}

    def note_shape(
        self, vendor: str, source_id: str, stream: str, shape: Mapping[str, Any]
    ) -> None:
        """Remember what they look like now."""
        with Session(writing(self._engine)) as session, session.begin():
            session.merge(
                ShapeRow(vendor=vendor, source_id=source_id, stream=stream, shape=dict(shape))
            )

    def every(self) -> list[Batch]:
        """Return all batches, whatever became of them."""
        return self._batches(select(BatchRow))

    def note_rewritten(self, batch: Batch) -> None:
        """Note what a batch's file holds since records were taken out; its status stays."""
        names = ("rows", "bytes", "sha256", "first_record_at", "last_record_at")
        values = {name: getattr(batch, name) for name in names}
        with write(self._engine) as connection:
            rewritten = update(BatchRow).where(BatchRow.batch_id == batch.batch_id)
            connection.execute(rewritten.values(values))

    def unchecked(self) -> list[Batch]:
        """Return the batches whose landing gate has not run, oldest first."""
        return self._batches(select(BatchRow).where(BatchRow.checked_at.is_(None)))

    def visible(self, as_of: datetime) -> list[Batch]:
        """Return the batches a run may read: landed up to `as_of`, checked, not quarantined."""
        return self._batches(
            select(BatchRow).where(
                BatchRow.landed_at <= as_of,
                BatchRow.checked_at.is_not(None),
                BatchRow.status != "quarantined",
            )
        )

    def freshness(self) -> list[Freshness]:
        """Return how fresh each stream is, by source and stream."""
        query = (
            select(
                BatchRow.source_id,
                BatchRow.stream,
                func.count(),
                func.sum(BatchRow.rows),
                func.max(BatchRow.last_record_at),
                func.max(BatchRow.landed_at),
            )
            .group_by(BatchRow.source_id, BatchRow.stream)
            .order_by(BatchRow.source_id, BatchRow.stream)
        )
        with self._engine.connect() as connection:
            return [Freshness(*row) for row in connection.execute(query).tuples()]

    def quarantined(self) -> list[tuple[Batch, str]]:
        """Return the withheld batches, and why each is withheld."""
        query = select(BatchRow).where(BatchRow.status == "quarantined").order_by(*_ORDER)
        with Session(self._engine) as session:
            return [(as_batch(row), row.quarantine_reason or "") for row in session.scalars(query)]

    def mark_checked(self, batch_ids: Sequence[str]) -> None:
        """Note that these batches passed their landing gate."""
        with write(self._engine) as connection:
            for batch_id in batch_ids:
                connection.execute(
                    update(BatchRow)
                    .where(BatchRow.batch_id == batch_id, BatchRow.checked_at.is_(None))
                    .values(checked_at=self._clock())
                )

    def quarantine(self, batch_id: str, why: str) -> None:
        """Withhold a batch; `why` is words without data. Raises `FixConfig` for an unknown one."""
        self._set(batch_id, "quarantined", why)

    def release(self, batch_id: str) -> None:
        """Let a quarantined batch in; a released one stays so.

        Raises `FixConfig` for a batch that is unknown or was never withheld.
        """
        with self._engine.connect() as connection:
            query = select(BatchRow.status).where(BatchRow.batch_id == batch_id)
            status = connection.scalar(query)
        if status == "landed":
            what = "This batch is not withheld"
            raise FixConfig(what, f"batch {batch_id}", "There is nothing to release.")
        if status != "released":
            self._set(batch_id, "released", None)

    def _set(self, batch_id: str, status: BatchStatus, why: str | None) -> None:
        values: dict[str, Any] = {"status": status, "checked_at": self._clock()}
        if why is not None:
            values["quarantine_reason"] = why
        with write(self._engine) as connection:
            statement = update(BatchRow).where(BatchRow.batch_id == batch_id).values(values)
            if not connection.execute(statement).rowcount:
                what = "There is no such batch"
                raise FixConfig(what, f"batch {batch_id}", "See `parley status`.")

    def _batches(self, query: Select[tuple[BatchRow]]) -> list[Batch]:
        with Session(self._engine) as session:
            return [as_batch(row) for row in session.scalars(query.order_by(*_ORDER))]


_ORDER = (BatchRow.landed_at, BatchRow.batch_id)


def _check_path(before: BatchRow | None, batch: Batch) -> None:
    if before is not None and before.path != batch.path:
        what = f"Batch {batch.batch_id} is already another file"
        raise StopRun(what, batch.path, "Run again with another clock (--as-of).")


def as_batch(row: BatchRow) -> Batch:
    """Turn a row into the value that the rest of Parley passes around."""
    return Batch(**{name: getattr(row, name) for name in _FIELDS})
