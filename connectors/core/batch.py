"""A batch: its name, its columns, and how it grows from records to a Parquet file."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from connectors.core.spec import Record

CHUNK = pa.schema(
    [
        ("record_key", pa.string()),
        ("record_at", pa.timestamp("us")),
        ("op", pa.string()),
        ("payload", pa.string()),
    ]
)
SCHEMA = pa.schema(
    [*CHUNK, ("batch_id", pa.string()), ("seq", pa.int64()), ("landed_at", pa.timestamp("us"))]
)
_EPOCH, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
# Arrow's own allocators keep what was freed: a fifth of the memory of a long landing.
pa.set_memory_pool(pa.system_memory_pool())
# Records are encoded as soon as there are so many bytes of them: a hundredth of a batch's memory.
GROUP_BYTES = 1024 * 1024
# What a chunk weighs whatever is in it: pages of a few records each add up.
_CHUNK_BYTES = 4 * 1024
# A dictionary of values that hardly repeat costs time and saves nothing.
_OPTIONS: dict[str, Any] = {
    "compression": "zstd",
    "use_dictionary": ["op", "batch_id", "landed_at"],
}


@dataclass(frozen=True, slots=True)
class BatchName:
    """What a batch is called after: its stream, its run's clock, and where its window begins."""

    vendor: str
    source_id: str
    stream: str
    landed_at: datetime
    part: str
    position: str

    @property
    def batch_id(self) -> str:
        """The same window of the same run gets the same id, and overwrites itself."""
        landed = self.landed_at.astimezone(UTC)
        names = (self.vendor, self.source_id, self.stream, landed.isoformat())
        text = "\x1f".join((*names, self.part, self.position))
        return f"{landed:%Y%m%dT%H%M%SZ}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"

    @property
    def path(self) -> str:
        """The batch's file, relative to the lake's root."""
        day = f"landed_on={self.landed_at.astimezone(UTC):%Y-%m-%d}"
        return f"{self.vendor}/{self.source_id}/{self.stream}/{day}/{self.batch_id}.parquet"


class Draft:
    """A batch while it grows: encoded as it comes, so that the raw records need not be kept."""

    def __init__(self, name: BatchName) -> None:
        """Begin an empty batch of that name."""
        self.name, self.rows = name, 0
        self._chunks: list[pa.RecordBatch] = []
        self._bytes = 0
        self._sink = pa.BufferOutputStream()
        self._writer = pq.ParquetWriter(self._sink, SCHEMA, **_OPTIONS)

    def add(self, records: pa.RecordBatch) -> None:
        """Take a `chunk`; as soon as there are enough bytes of them they are encoded."""
        self._chunks.append(records)
        self.rows += records.num_rows
        self._bytes += records.nbytes + _CHUNK_BYTES
        if self._bytes > GROUP_BYTES:
            self._encode()

    def close(self) -> pa.Buffer:
        """The finished file."""
        self._encode()
        self._writer.close()
        return self._sink.getvalue()

    def _encode(self) -> None:
        table = pa.Table.from_batches(self._chunks, CHUNK)
        self._writer.write_table(_with_batch(self.name, table, self.rows - table.num_rows))
        self._chunks, self._bytes = [], 0


def encoded(parts: Iterable[pa.RecordBatch]) -> tuple[pa.Buffer, int]:
    """A file of whole records (`SCHEMA`), each with the seq that it has, and their number.

    The same records give the same bytes, however they are cut into parts.
    """
    sink, table = pa.BufferOutputStream(), pa.Table.from_batches(parts, SCHEMA).combine_chunks()
    pq.write_table(table, sink, **_OPTIONS)
    return sink.getvalue(), table.num_rows


def record_times(data: pa.Buffer) -> list[datetime]:
    """The earliest and latest record_at of each row group (aware UTC), as the file tells them."""
    metadata = pq.read_metadata(pa.BufferReader(data))
    place = SCHEMA.get_field_index("record_at")
    groups = range(metadata.num_row_groups)
    told = [metadata.row_group(group).column(place).statistics for group in groups]
    known = [each for each in told if each is not None and each.has_min_max]
    return [at.replace(tzinfo=UTC) for each in known for at in (each.min, each.max)]


def chunk(records: Sequence[Record]) -> pa.RecordBatch:
    """Records as columns: a tenth of the memory, and nothing for the garbage collector to walk."""
    keys, times, ops, payloads = zip(*records, strict=True) if records else ((), (), (), ())
    columns = [_text(keys), _times(times), _text(ops), _text(payloads)]
    return pa.RecordBatch.from_arrays(columns, schema=CHUNK)


def _with_batch(name: BatchName, table: pa.Table, first: int) -> pa.Table:
    rows = table.num_rows
    numbers = pa.py_buffer(array("q", range(first, first + rows)))
    seq = pa.Array.from_buffers(pa.int64(), rows, [None, numbers])
    own = [_text([name.batch_id] * rows), seq, _times([name.landed_at] * rows)]
    return pa.Table.from_arrays([*table.columns, *own], schema=SCHEMA)


# Arrow's buffers are filled here: `pa.array` and `pa.scalar` would import pandas, which costs 42 MB
# and most of a second.
def _text(values: Sequence[str]) -> pa.Array:
    # Lone surrogates can't be written as UTF-8: they are shown escaped.
    data = [value.encode(errors="backslashreplace") for value in values]
    ends = array("i", accumulate(map(len, data), initial=0))
    return pa.StringArray.from_buffers(len(data), pa.py_buffer(ends), pa.py_buffer(b"".join(data)))


def _times(values: Sequence[datetime | None]) -> pa.Array:
    known = "".join("0" if at is None else "1" for at in reversed(values))
    # One bit a value, the first one lowest.
    bits = int(known or "0", 2).to_bytes(len(values) // 8 + 1, "little")
    data = array("q", [0 if at is None else (at - _EPOCH) // _MICROSECOND for at in values])
    buffers = [pa.py_buffer(bits), pa.py_buffer(data)]
    return pa.Array.from_buffers(pa.timestamp("us"), len(values), buffers)
