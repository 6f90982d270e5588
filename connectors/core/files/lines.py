"""The lines of a file: plain, gzip or Parquet, told by the first bytes, read without keeping them.

A row of a Parquet file is given as a line of JSON, nested values as they are.
"""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator
from functools import partial
from typing import Any, BinaryIO

import orjson

# A line longer than this is given in pieces: no file fills the memory.
LINE_BYTES = 64 * 1024 * 1024
_BOM = b"\xef\xbb\xbf"
_BUFFER = 1024 * 1024
_ROWS = 1_000


class BrokenOffError(Exception):
    """The file ends in the middle, as one does whose upload is going on. Names the kind only."""


class _Unpacked(io.RawIOBase):
    """A gzip stream that hands on what it has got before it says that the rest is missing."""

    def __init__(self, raw: BinaryIO) -> None:
        self._file = gzip.GzipFile(fileobj=raw)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:  # noqa: ANN401 - any writable buffer
        data = self._file.read1(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def lines_of(raw: BinaryIO, first: int = 0) -> Iterator[bytes]:
    """A file's lines after the `first` ones, with their ends; the last may have none.

    Raises:
        BrokenOffError: where a compressed file breaks off; the lines before that were given.
        OSError: the file can't be read.
    """
    magic = raw.read(4)
    raw.seek(0)
    if magic == b"PAR1":
        yield from _rows(raw, first)
        return
    stream: Any = _Unpacked(raw) if magic[:2] == b"\x1f\x8b" else raw
    try:
        yield from _plain(io.BufferedReader(stream, _BUFFER), first)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise BrokenOffError(type(error).__name__) from None


def _plain(stream: io.BufferedReader, first: int) -> Iterator[bytes]:
    lines = iter(partial(stream.readline, LINE_BYTES), b"")
    taken = 0
    while taken < first and (line := next(lines, b"")):
        taken += line.endswith(b"\n")
    if first == 0 and (line := next(lines, b"")):
        yield line.removeprefix(_BOM)
    yield from lines


def _rows(raw: BinaryIO, first: int) -> Iterator[bytes]:
    import pyarrow as pa  # noqa: PLC0415 - most files are none
    import pyarrow.parquet as pq  # noqa: PLC0415

    try:
        with pq.ParquetFile(raw) as file:
            for batch in file.iter_batches(_ROWS):
                yield from map(_line, batch.slice(min(first, batch.num_rows)).to_pylist())
                first = max(first - batch.num_rows, 0)
    except pa.ArrowException as error:
        raise BrokenOffError(type(error).__name__) from None


def _line(row: dict[str, Any]) -> bytes:
    return orjson.dumps(row, default=str) + b"\n"
