"""The lake: raw records as Parquet files that are either whole or not there."""

from __future__ import annotations

import hashlib
import os
from array import array
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
from fsspec.implementations.local import LocalFileSystem

from connectors.core.errors import FixConfig, RetryLater
from connectors.core.spec import Batch, Record

if TYPE_CHECKING:
    from collections.abc import Sequence

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
# Records are encoded as soon as there are so many bytes of them: a hundredth of a batch's memory.
GROUP_BYTES = 4 * 1024 * 1024
# What a chunk weighs whatever is in it: pages of a few records each add up.
_CHUNK_BYTES = 4 * 1024
# A dictionary of values that hardly repeat costs time and saves nothing.
_REPEATING = ["op", "batch_id", "landed_at"]


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
        options = {"compression": "zstd", "use_dictionary": _REPEATING}
        self._writer = pq.ParquetWriter(self._sink, SCHEMA, **options)

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


class Lake:
    """A folder on any filesystem that fsspec knows."""

    def __init__(self, root: str) -> None:
        """Open the lake at a local path or an fsspec URL.

        Raises:
            FixConfig: the URL's protocol is unknown or its driver is not installed.
        """
        try:
            self._fs, self._root = fsspec.core.url_to_fs(root)
        except (ValueError, ImportError):
            self._fs = None
        if self._fs is None:  # outside the handler: the chained error could show the URL
            what = "the lake's filesystem cannot be opened"
            remedy = "Use a path or an fsspec URL, and install its driver (parley[s3], parley[gcs])"
            raise FixConfig(what, "PARLEY_LAKE_URL", f"{remedy}.")

    def url(self, path: str) -> str:
        """The full address of a file that a manifest row names; a plain path where it is local."""
        full = self._full(path)
        return full if self._local else str(self._fs.unstrip_protocol(full))

    def write(self, name: BatchName, chunks: Sequence[pa.RecordBatch]) -> Batch:
        """Write a batch from `chunk`s and make it durable. Raises as `store` does."""
        draft = Draft(name)
        for records in chunks:
            draft.add(records)
        return self.store(draft)

    def store(self, draft: Draft) -> Batch:
        """Make a batch durable; a file of that name is replaced.

        Raises:
            RetryLater: the filesystem refused; nothing is left under the batch's name.
        """
        name, data = draft.name, draft.close()
        times = _record_times(data)
        try:
            self._put(self._full(name.path), data)
        except OSError as error:
            what = f"writing to the lake failed: {error.strerror or type(error).__name__}"
            remedy = "Free space or check access, then run again."
            raise RetryLater(what, name.path, remedy) from None
        return Batch(
            batch_id=name.batch_id,
            vendor=name.vendor,
            source_id=name.source_id,
            stream=name.stream,
            path=name.path,
            rows=draft.rows,
            bytes=len(data),
            sha256=hashlib.sha256(data).hexdigest(),
            first_record_at=min(times, default=None),
            last_record_at=max(times, default=None),
            landed_at=name.landed_at,
        )

    def is_intact(self, batch: Batch) -> bool:
        """Whether the batch's file is there and has the bytes that were landed.

        Raises:
            RetryLater: the filesystem refused, which says nothing about the batch.
        """
        try:
            with self._fs.open(self._full(batch.path), "rb") as file:
                digest = hashlib.file_digest(file, "sha256")
        except FileNotFoundError:
            return False
        except OSError as error:
            what = f"the lake cannot be read: {error.strerror or type(error).__name__}"
            raise RetryLater(what, batch.path, "Check access to it, then run again.") from None
        return digest.hexdigest() == batch.sha256

    def has(self, path: str) -> bool:
        """Whether a file that a manifest row names is there."""
        return bool(self._fs.exists(self._full(path)))

    @property
    def _local(self) -> bool:
        return isinstance(self._fs, LocalFileSystem)

    def _full(self, path: str) -> str:
        return f"{self._root.rstrip('/')}/{path}"

    def _put(self, path: str, data: pa.Buffer) -> None:
        if self._local:
            _put_local(Path(path), data)
            return
        # An object store shows an object only when its upload is complete.
        self._fs.makedirs(path.rpartition("/")[0], exist_ok=True)
        self._fs.pipe_file(path, data.to_pybytes())


def _record_times(data: pa.Buffer) -> list[datetime]:
    """The earliest and latest record_at of each row group (aware UTC), as the file tells them."""
    metadata = pq.read_metadata(pa.BufferReader(data))
    place = SCHEMA.get_field_index("record_at")
    groups = range(metadata.num_row_groups)
    told = [metadata.row_group(group).column(place).statistics for group in groups]
    known = [each for each in told if each is not None and each.has_min_max]
    return [at.replace(tzinfo=UTC) for each in known for at in (each.min, each.max)]


def _put_local(path: Path, data: pa.Buffer) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    # The rename itself must survive a power cut before the manifest says that the file is there.
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


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
