"""Sources that are folders of files: one is a `SourceSpec` made of a few values, `FileFormat`.

A part is a file, its cursor the number of lines taken, with the size and the mark that the file
had. A file that has grown is read on; one that has shrunk was replaced and is read anew. Lines are
in the order of their arrival: the first one after `as_of` ends its file for this run.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import date, timedelta
from functools import partial
from typing import Any

import orjson

from connectors.core.accounts import SourceSettings
from connectors.core.errors import ParleyError
from connectors.core.files.archive import OPTIONS, Archive, File
from connectors.core.files.formats import FileFormat, RecordMaker
from connectors.core.files.lines import BrokenOffError, lines_of
from connectors.core.spec import Finding, Page, ReadContext, Record, SourceSpec, Stream

# A day's table, where there are such, still changes for so long.
CHANGING = timedelta(days=3)
# A page is also cut at this size, so that large events don't add up.
PAGE_BYTES = 16 * 1024 * 1024

log = logging.getLogger("parley")


def file_source(vendor: str, stream: Stream, like: FileFormat, about: str) -> SourceSpec:
    """The source that reads the files of a vendor's format as one stream."""
    read, check = partial(_read, like), partial(_check, like)
    return SourceSpec(vendor, (stream,), read, check, about, OPTIONS)


def _read(like: FileFormat, context: ReadContext) -> Iterator[Page]:
    """Read the events that arrived since the cursors, up to `as_of`, file by file in name order.

    Raises:
        FixConfig: the folder can't be opened or isn't there.
        RetryLater: a file can't be read; the pages before it are safe.
    """
    archive = Archive(context.settings, f"source {context.source_id}")
    files = archive.files(like.suffixes)
    days = [day for file in files if like.day and (day := like.day(file.path))]
    for file in files:
        taken = _taken(like, context, file, max(days, default=None))
        if taken is not None:
            with archive.opened(file) as raw:
                reader = _Reader(like, context, file, taken)
                yield from reader.pages(lines_of(raw, 0 if like.repeats else taken))


def _check(like: FileFormat, source_id: str, settings: SourceSettings) -> list[Finding]:
    """Say whether the folder can be listed and holds files of events."""
    try:
        files = Archive(settings, f"source {source_id}").files(like.suffixes)
    except ParleyError as error:
        return [Finding("error", f"{error.what} ({error.where})", error.remedy)]
    if not files:
        what = f"the folder holds no {', '.join(like.suffixes)} file: the stream is empty"
        return [Finding("warning", what, "Point the source's url at the archive's folder.")]
    return [Finding("ok", f"{len(files)} files of events")]


def _taken(like: FileFormat, context: ReadContext, file: File, newest: date | None) -> int | None:
    """How many lines of a file were taken; None if there is nothing to be read in it."""
    stored = context.cursors.get(file.part)
    if stored is None:
        return 0
    position, done = orjson.loads(stored), file.part in context.done_parts
    if like.day is None:
        if done and position["size"] == file.size:
            return None
        return int(position["line"]) if file.size >= position["size"] else 0
    day = like.day(file.path)
    is_final = day is not None and newest is not None and newest - day > CHANGING
    is_same = (position["size"], position["mark"]) == (file.size, file.mark)
    if done and (is_final or is_same):
        return None
    return int(position["line"]) if is_same else 0


class _Reader:
    """Makes pages of a file's lines. `ended`: no more in this run; `at_end`: no more at all."""

    def __init__(self, like: FileFormat, context: ReadContext, file: File, taken: int) -> None:
        self._like, self._file, self._taken = like, file, taken
        self._most = context.page_size
        self._maker = RecordMaker(like, context)
        # Where keys are numbered, the lines taken before are counted once more.
        self._again = taken if like.repeats else 0
        self._ended = self._at_end = False

    def pages(self, lines: Iterator[bytes]) -> Iterator[Page]:
        """The records page by page, untouched whatever they are; blank lines are none."""
        while not self._ended:
            records: list[Record] = []
            try:
                self._fill(records, lines)
            except BrokenOffError as error:
                # Not an error of the run: the upload may be going on. The next run tries again.
                self._ended = True
                where = f"{self._file.part} breaks off after line {self._taken}"
                log.warning("%s (%s)", where, error)
            if records or self._at_end:
                yield Page(records, self._position(), self._file.part, done=self._at_end)

    def _fill(self, records: list[Record], lines: Iterator[bytes]) -> None:
        size = 0
        for line in lines:
            found = self._maker.records(line.rstrip(b"\r\n"))
            if self._again:
                self._again -= line.endswith(b"\n")
                continue
            if found is None:
                self._ended = True
                return
            records += found
            # A last line without its end may be half of one: a file that grows gives it again.
            self._taken += line.endswith(b"\n")
            size += len(line)
            if len(records) >= self._most or size >= PAGE_BYTES:
                return
        self._ended = self._at_end = True

    def _position(self) -> str:
        position: dict[str, Any] = {"line": self._taken, "size": self._file.size}
        if self._like.day:
            position["mark"] = self._file.mark
        return orjson.dumps(position).decode()
