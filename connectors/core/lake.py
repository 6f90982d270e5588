"""The lake: raw records as Parquet files that are either whole or not there."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import fsspec
import pyarrow as pa
import pyarrow.compute as pc
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
        """Write a batch from `chunk`s and make it durable; a file of that name is replaced.

        Raises:
            RetryLater: the filesystem refused; nothing is left under the batch's name.
        """
        table = _with_batch(name, pa.Table.from_batches(chunks, CHUNK))
        sink = pa.BufferOutputStream()
        pq.write_table(table, sink, compression="zstd", use_dictionary=_REPEATING)
        data = sink.getvalue()
        try:
            self._put(self._full(name.path), data)
        except OSError as error:
            what = f"writing to the lake failed: {error.strerror or type(error).__name__}"
            remedy = "Free space or check access, then run again."
            raise RetryLater(what, name.path, remedy) from None
        times = pc.min_max(table["record_at"]).as_py()
        return Batch(
            batch_id=name.batch_id,
            vendor=name.vendor,
            source_id=name.source_id,
            stream=name.stream,
            path=name.path,
            rows=table.num_rows,
            bytes=len(data),
            sha256=hashlib.sha256(data).hexdigest(),
            first_record_at=times["min"] and times["min"].replace(tzinfo=UTC),
            last_record_at=times["max"] and times["max"].replace(tzinfo=UTC),
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
    at = pa.array(times, pa.timestamp("us", "UTC")).cast(pa.timestamp("us"))
    return pa.record_batch([_text(keys), at, _text(ops), _text(payloads)], schema=CHUNK)


def _with_batch(name: BatchName, table: pa.Table) -> pa.Table:
    rows = table.num_rows
    landed = pa.scalar(name.landed_at.astimezone(UTC), pa.timestamp("us", "UTC"))
    columns = [
        *table.columns,
        pa.repeat(name.batch_id, rows),
        pa.array(range(rows), pa.int64()),
        pa.repeat(landed, rows).cast(pa.timestamp("us")),
    ]
    return pa.Table.from_arrays(columns, schema=SCHEMA)


def _text(values: Sequence[str]) -> pa.Array:
    try:
        return pa.array(values, pa.string())
    except UnicodeEncodeError:  # lone surrogates cannot be written as UTF-8: show them escaped
        return pa.array([v.encode(errors="backslashreplace").decode() for v in values], pa.string())
