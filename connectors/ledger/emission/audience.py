"""Read what a run's snapshot says: its audiences in chunks, and the contact policy."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from connectors.core.clock import as_utc
from connectors.core.errors import FixConfig, StopRun
from connectors.ledger.emission.scratch import CHUNK_ROWS

SLICES = ("triggered", "mass")
# column of the snapshot -> column of the ledger
LEDGER_COLUMNS = {
    "message_key": "message_key",
    "programme": "programme",
    "campaign_id": "campaign_id",
    "occasion": "occasion",
    "step": "step",
    "variant": "variant",
    "channel": "channel",
    "purpose": "purpose",
    "kind": "kind",
    "person_id": "person_id",
    "address_node": "address_hash",
    "destination": "destination",
    "verdict": "verdict",
}
# Columns of the snapshot that a candidate is compared by, and no message keeps.
COMPARED = ("goal", "account_id", "product_key", "occurred_at")
LOADED = (*LEDGER_COLUMNS.values(), *COMPARED)
# Missing words are stored as '' (and steps as 0): nulls never compare, so could never be unique.
MISSING: dict[str, str | int] = {"campaign_id": "", "occasion": "", "variant": "", "step": 0}

BUFFER_BYTES = 64 * 1024


@dataclass(frozen=True)
class CapRule:
    """A row of `contact_policy`: at most `max_messages` in `window_hours` per person and address.

    `channel` and `kind` may be 'any'. The ledger enforces the rolling rules; those of a calendar
    day need the person's time zone and belong to the plan.
    """

    rule: str
    channel: str
    kind: str
    window_hours: int
    max_messages: int
    calendar_day: bool = False


_POLICY = tuple(field.name for field in fields(CapRule))


def audience_path(snapshot_dir: Path, audience_slice: str) -> Path:
    """Return the file of a slice: 'triggered' or 'mass'."""
    if audience_slice not in SLICES:
        what = f"There is no audience '{audience_slice}'"
        raise FixConfig(what, "emission", f"Use one of: {', '.join(SLICES)}.")
    return snapshot_dir / f"audience_{audience_slice}.parquet"


def read_policy(snapshot_dir: Path) -> tuple[CapRule, ...]:
    """Read `contact_policy.parquet` of a snapshot. Raises `StopRun` where it is missing."""
    path = snapshot_dir / "contact_policy.parquet"
    if not path.exists():
        what = "The snapshot holds no contact policy"
        raise StopRun(what, str(path), "Run decide again, then emit.")
    with pq.ParquetFile(path) as file:
        rows = file.read().to_pylist()
    # The policy also holds rules that limit nothing, such as the global holdout's share.
    caps = (row for row in rows if row["max_messages"] is not None)
    return tuple(CapRule(**{name: row[name] for name in _POLICY}) for row in caps)


def chunks(
    path: Path, columns: Sequence[str] | None = None, rows: int = CHUNK_ROWS
) -> Iterator[pa.RecordBatch]:
    """Yield the audience in record batches of bounded size. Raises `StopRun` if it is missing."""
    if not path.exists():
        what = "The snapshot holds no such audience"
        raise StopRun(what, str(path), "Run decide again, then emit.")
    # Left to itself Arrow reads far ahead, by many threads: a chunk at a time is wanted here.
    with pq.ParquetFile(path, pre_buffer=False, buffer_size=BUFFER_BYTES) as file:
        yield from file.iter_batches(batch_size=rows, columns=columns, use_threads=False)


def ledger_rows(chunk: pa.RecordBatch) -> Iterator[tuple[Any, ...]]:
    """Yield a chunk's rows for the table of candidates, in the order of `LOADED`."""
    columns = [_filled(chunk.column(name).to_pylist(), name) for name in LEDGER_COLUMNS]
    # A plan that was published before a column was added is compared without it.
    there = {*chunk.schema.names}
    columns += [_texts(chunk.column(n)) if n in there else [None] * len(chunk) for n in COMPARED]
    return zip(*columns, strict=True)


def _filled(values: list[Any], name: str) -> list[Any]:
    if name not in MISSING or None not in values:
        return values
    return [MISSING[name] if value is None else value for value in values]


def _texts(column: pa.Array) -> list[str | None]:
    """The values as texts; of moments, which are few, as SQLite keeps them."""
    if not pa.types.is_timestamp(column.type):
        values: list[str | None] = column.cast(pa.string()).to_pylist()
        return values
    encoded = column.dictionary_encode()
    texts = [_moment(value) for value in encoded.dictionary.to_pylist()]
    return [None if place is None else texts[place] for place in encoded.indices.to_pylist()]


def _moment(value: datetime) -> str:
    return as_utc(value).replace(tzinfo=None).isoformat(" ", "microseconds")
