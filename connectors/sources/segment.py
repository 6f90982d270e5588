"""Source `segment`: files of Segment-spec events, one JSON object a line, on any fsspec URL.

Files end in `.jsonl`, `.json` or `.gz`, at any depth; whether one is compressed is told by its
first bytes. A part is a file, its cursor the number of lines taken and the size the file had: a
file that has grown is read on, one that has shrunk was replaced and is read anew. Lines are in
the order of `receivedAt`; the first one after `as_of` ends its file for this run.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import logging
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, BinaryIO

import fsspec
import orjson

from connectors.core.clock import parse_instant
from connectors.core.errors import FixConfig, ParleyError, RetryLater
from connectors.core.settings import SourceSettings
from connectors.core.spec import Finding, Page, ReadContext, Record, SourceSpec, Stream

VENDOR = "segment"
SUFFIXES = (".jsonl", ".json", ".gz")
EVENTS = Stream(
    name="events",
    key="messageId",
    cursor="receivedAt",
    identifiers={
        "email": ("traits.email", "properties.email", "context.traits.email"),
        "phone": ("traits.phone", "properties.phone", "context.traits.phone"),
    },
)
# A page is also cut at this size, so that large events don't add up.
PAGE_BYTES = 16 * 1024 * 1024
_BUFFER = 1024 * 1024
_BOM = b"\xef\xbb\xbf"

log = logging.getLogger("parley")


@dataclass(slots=True)
class _File:
    """A file of the archive: `part` is its path below the root, `taken` the lines already read."""

    path: str
    part: str
    size: int
    taken: int


def read(context: ReadContext) -> Iterator[Page]:
    """Read the events that arrived since the cursors, up to `as_of`, file by file in name order.

    Raises:
        FixConfig: the folder can't be opened or isn't there.
        RetryLater: a file can't be read; the pages before it are safe.
    """
    where = f"source {context.source_id}"
    filesystem, root = _open(context.settings, where)
    for path, size in _files(filesystem, root, where):
        part = path.removeprefix(root).lstrip("/") or path.rpartition("/")[2]
        taken = _taken(context, part, size)
        if taken is None:
            continue
        try:
            with filesystem.open(path, "rb") as raw:
                yield from _pages(context, _File(path, part, size, taken), raw)
        except OSError as error:
            what = f"file {part} cannot be read: {type(error).__name__}"
            raise RetryLater(what, where, "Check access to it, then run again.") from None


def check(source_id: str, settings: SourceSettings) -> list[Finding]:
    """Say whether the folder can be listed and holds files of events."""
    where = f"source {source_id}"
    try:
        filesystem, root = _open(settings, where)
        files = _files(filesystem, root, where)
    except ParleyError as error:
        return [Finding("error", f"{error.what} ({error.where})", error.remedy)]
    if not files:
        what = f"the folder holds no {', '.join(SUFFIXES)} file: the stream is empty"
        return [Finding("warning", what, "Point the source's url at the archive's folder.")]
    return [Finding("ok", f"{len(files)} files of events")]


def _open(settings: SourceSettings, where: str) -> tuple[fsspec.AbstractFileSystem, str]:
    try:
        filesystem, root = fsspec.core.url_to_fs(settings.url.get_secret_value())
    except (ValueError, ImportError, OSError) as error:
        kind = type(error).__name__
    else:
        return filesystem, root.rstrip("/")
    # Raised outside the handler, so that the URL isn't shown by the chained error.
    what = f"the archive's filesystem cannot be opened: {kind}"
    remedy = "Use a path or an fsspec URL and install its driver (parley[s3], parley[gcs])."
    raise FixConfig(what, where, remedy)


def _files(filesystem: fsspec.AbstractFileSystem, root: str, where: str) -> list[tuple[str, int]]:
    """Path and size in bytes of each file of events, by name."""
    try:
        if not filesystem.exists(root):
            what = "the archive's folder does not exist"
            raise FixConfig(what, where, "Correct the source's url.")
        found = filesystem.find(root, detail=True)
    except OSError as error:
        what = f"the archive cannot be listed: {type(error).__name__}"
        raise RetryLater(what, where, "Check access to it, then run again.") from None
    return sorted(
        (path, int(info["size"] or 0)) for path, info in found.items() if path.endswith(SUFFIXES)
    )


def _taken(context: ReadContext, part: str, size: int) -> int | None:
    """How many lines of a file were taken; None if it was read to its end and is as it was."""
    stored = context.cursors.get(part)
    if stored is None:
        return 0
    position = orjson.loads(stored)
    if part in context.done_parts and position["size"] == size:
        return None
    return int(position["line"]) if size >= position["size"] else 0


def _pages(context: ReadContext, file: _File, raw: BinaryIO) -> Iterator[Page]:
    reader = _Reader(context, file, _lines(raw))
    reader.skip()
    while not reader.ended:
        records = reader.page()
        if records or reader.at_end:
            position = orjson.dumps({"line": file.taken, "size": file.size}).decode()
            yield Page(records, position, file.part, done=reader.at_end)


def _lines(raw: BinaryIO) -> Iterator[bytes]:
    packed = raw.read(2) == b"\x1f\x8b"
    raw.seek(0)
    stream: Any = gzip.GzipFile(fileobj=raw) if packed else raw
    return io.BufferedReader(stream, _BUFFER)


class _Reader:
    """Reads a file's lines into records. `ended`: no more in this run; `at_end`: no more at all."""

    def __init__(self, context: ReadContext, file: _File, lines: Iterator[bytes]) -> None:
        self._context = context
        self._file = file
        self._lines = lines
        self.ended = False
        self.at_end = False

    def skip(self) -> None:
        """Pass over the lines that earlier runs took."""
        with self._broken_off():
            next(islice(self._lines, self._file.taken, self._file.taken), None)

    def page(self) -> list[Record]:
        """The next records, untouched whatever they are; blank lines are none."""
        records: list[Record] = []
        with self._broken_off():
            self._fill(records)
        return records

    def _fill(self, records: list[Record]) -> None:
        size, file = 0, self._file
        for line in self._lines:
            text = line.rstrip(b"\r\n")
            if file.taken == 0:
                text = text.removeprefix(_BOM)
            if text:
                record = _record(text, self._context)
                if record is None:
                    self.ended = True
                    return
                records.append(record)
            # A last line without its end may be half of one: a file that grows gives it again.
            file.taken += line.endswith(b"\n")
            size += len(line)
            if len(records) >= self._context.page_size or size >= PAGE_BYTES:
                return
        self.ended = self.at_end = True

    @contextmanager
    def _broken_off(self) -> Iterator[None]:
        try:
            yield
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            # Not an error of the run: the upload may be going on. The next run tries again.
            self.ended = True
            kind = type(error).__name__
            log.warning("%s breaks off after line %d (%s)", self._file.part, self._file.taken, kind)


def _record(text: bytes, context: ReadContext) -> Record | None:
    """A line as a record, or None if it arrived after `as_of`."""
    try:
        event = orjson.loads(text)
    except ValueError:
        event = None
    if not isinstance(event, dict):
        event = {}
    at = _arrived(event)
    if at is not None and at > context.as_of:
        if context.latest is None or at <= context.latest:
            return None
        at = None
    message_id = event.get("messageId")
    if isinstance(message_id, (str, int)) and message_id:
        key = str(message_id)
    else:
        key = hashlib.sha256(text).hexdigest()
    # What is not UTF-8 stays visible, and is no JSON any more: staging rejects it with a reason.
    return Record(key, at, "upsert", text.decode(errors="backslashreplace"))


def _arrived(event: dict[str, Any]) -> datetime | None:
    for name in ("receivedAt", "sentAt", "timestamp"):
        at = parse_instant(event.get(name))
        if at is not None:
            return at
    return None


SPEC = SourceSpec(VENDOR, (EVENTS,), read, check)
