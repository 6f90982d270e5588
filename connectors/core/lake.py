"""The lake: raw records as Parquet files that are either whole or not there."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
from fsspec.implementations.local import LocalFileSystem

from connectors.core.batch import BatchName, Draft, encoded, record_times
from connectors.core.errors import FixConfig, RetryLater
from connectors.core.spec import Batch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

READ_ROWS: Final = 10_000


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
        self._put(name.path, data)
        return Batch(
            batch_id=name.batch_id,
            vendor=name.vendor,
            source_id=name.source_id,
            stream=name.stream,
            path=name.path,
            rows=draft.rows,
            landed_at=name.landed_at,
            **_told_by(data),
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

    def paths(self) -> list[str]:
        """Every file in the lake, relative to its root, sorted; also those that nothing names."""
        root = self._root.rstrip("/")
        found = self._fs.find(root) if self._fs.exists(root) else []
        return sorted(path.removeprefix(f"{root}/") for path in found)

    def read(self, path: str, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """The records of a file in parts of bounded size. Raises OSError where it is not there."""
        with self._fs.open(self._full(path), "rb") as file:
            yield from pq.ParquetFile(file).iter_batches(batch_size=READ_ROWS, columns=columns)

    def rewrite(self, batch: Batch, parts: Iterable[pa.RecordBatch]) -> Batch:
        """Put these records in the place of a batch's file; the batch as it is now.

        Raises:
            RetryLater: the filesystem refused; the file is as it was.
        """
        data, rows = encoded(parts)
        self._put(batch.path, data)
        return replace(batch, rows=rows, **_told_by(data))

    def replace(self, path: str, parts: Iterable[pa.RecordBatch]) -> None:
        """Put these records in the place of a file that no batch names; raises as `rewrite`."""
        self._put(path, encoded(parts)[0])

    def remove_unfinished(self) -> None:
        """Remove what writers that died left half written; the caller is the only writer."""
        for path in self.paths():
            if path.rpartition("/")[2].startswith(".") and path.endswith(".tmp"):
                self.remove(path)

    def remove(self, path: str) -> None:
        """Remove a file, if it is there."""
        with suppress(FileNotFoundError):
            self._fs.rm(self._full(path))

    def has(self, path: str) -> bool:
        """Whether a file that a manifest row names is there."""
        return bool(self._fs.exists(self._full(path)))

    @property
    def _local(self) -> bool:
        return isinstance(self._fs, LocalFileSystem)

    def _full(self, path: str) -> str:
        return f"{self._root.rstrip('/')}/{path}"

    def _put(self, path: str, data: pa.Buffer) -> None:
        full = self._full(path)
        try:
            if self._local:
                _put_local(Path(full), data)
                return
            # An object store shows an object only when its upload is complete.
            self._fs.makedirs(full.rpartition("/")[0], exist_ok=True)
            self._fs.pipe_file(full, data.to_pybytes())
        except OSError as error:
            what = f"writing to the lake failed: {error.strerror or type(error).__name__}"
            remedy = "Free space or check access, then run again."
            raise RetryLater(what, path, remedy) from None


def _told_by(data: pa.Buffer) -> dict[str, Any]:
    """What a file tells of itself, as a manifest row has it."""
    times = record_times(data)
    return {
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "first_record_at": min(times, default=None),
        "last_record_at": max(times, default=None),
    }


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
