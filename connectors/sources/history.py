"""Source `history`: files of what the previous tool knew, each brought in once, by hand.

A stream is a kind of file, a part is one file, named by what it says: the same rows in another
encoding or packed are the same part. Runs do not extract it, so it is not in the registry.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from connectors.core.accounts import SourceSettings
from connectors.core.errors import FixConfig
from connectors.core.files.csv_files import CsvTable, Row, opened
from connectors.core.history.header import check_header
from connectors.core.history.judge import JUDGES, Reading, Said
from connectors.core.history.layouts import LAYOUTS
from connectors.core.spec import Finding, Page, ReadContext, Record, SourceSpec, Stream

VENDOR = "history"
STREAMS = {
    kind: Stream(kind, "line", identifiers={"email": ("email",), "phone": ("phone",)})
    for kind in LAYOUTS
}
# Raised when rows are read in another way: a file that was brought in can then come again.
READER = 1
# A page is also cut at this size, so that large rows don't add up.
PAGE_BYTES = 16 * 1024 * 1024
_LINES_TOLD = 5
_CHANNELS = {"email": "email", "phone": "call"}

RecordsOf = Callable[[Row, Said, list[str]], Iterator[Record]]


@dataclass(slots=True)
class Lines:
    """How many rows, and at which lines the first of them begin."""

    rows: int = 0
    first: list[int] = field(default_factory=list)

    def add(self, line: int) -> None:
        """Count a row."""
        self.rows += 1
        if len(self.first) < _LINES_TOLD:
            self.first.append(line)


@dataclass(slots=True)
class Tally:
    """What became of rows: rows = usable + rejected. Reasons and notes hold no values."""

    rows: int = 0
    usable: int = 0
    rejected: dict[str, Lines] = field(default_factory=dict)
    noted: dict[str, Lines] = field(default_factory=dict)

    def add(self, line: int, said: Said) -> None:
        """Count a row by what was made of it."""
        self.rows += 1
        if said.problem:
            self.rejected.setdefault(said.problem, Lines()).add(line)
            return
        self.usable += 1
        for note in said.notes:
            self.noted.setdefault(note, Lines()).add(line)


class HistoryFile:
    """A file of a kind, looked through once: it can be read to its end, and has a name (`part`)."""

    def __init__(
        self, path: Path, kind: str, reading: Reading, constants: Mapping[str, str] | None = None
    ) -> None:
        """Look through the file; `constants` are values of columns for rows that have none.

        Raises:
            FixConfig: it can't be read to its end, or columns are missing, doubled or unknown.
        """
        self.kind, self.rows = kind, 0
        self._path, self._layout, self.reading = path, LAYOUTS[kind], reading
        self._where = f"file {path.name}"
        self._constants = dict(constants or {})
        digest = hashlib.sha256(orjson.dumps([READER, sorted(self._constants.items())]))
        with self._opened() as table:
            self._state = self._file_state()
            check_header(table.header, self._layout, self._constants, self._where)
            digest.update(orjson.dumps(table.header.cells))
            for row in table.rows:
                digest.update(orjson.dumps(row.text or row.cells))
                self.rows += 1
        self.part = digest.hexdigest()[:32]

    def spec(self, tally: Tally) -> SourceSpec:
        """The source that lands every row, usable or not, and counts it."""

        def records(row: Row, said: Said, names: list[str]) -> Iterator[Record]:
            tally.add(row.line, said)
            yield _record(self.kind, row, said, names)

        return self._spec(STREAMS[self.kind], records)

    def withdrawals(self) -> SourceSpec:
        """The source that lands what unsubscribing means for permissions, as consents withdrawn."""
        return self._spec(STREAMS["consents"], _withdrawals)

    def count(self, tally: Tally) -> None:
        """Count what the rows would become."""
        with self._opened() as table:
            for row, said in self._said(table):
                tally.add(row.line, said)

    def _spec(self, stream: Stream, records: RecordsOf) -> SourceSpec:
        def read(context: ReadContext) -> Iterator[Page]:
            return self._pages(context, records)

        return SourceSpec(VENDOR, (stream,), read, self._check)

    def _check(self, _source_id: str, _settings: SourceSettings) -> list[Finding]:
        return [Finding("ok", f"{self.rows} rows")]

    def _pages(self, context: ReadContext, records_of: RecordsOf) -> Iterator[Page]:
        """The rows after the cursor, page by page. Raises `FixConfig` if the file was changed."""
        if self.part in context.done_parts:
            return
        stored = context.cursors.get(self.part)
        taken = int(orjson.loads(stored)["rows"]) if stored else 0
        with self._opened() as table:
            if self._file_state() != self._state:
                what = "the file was changed while it was read"
                raise FixConfig(what, self._where, "Import it again when it is complete.")
            names = [name or f"column {n}" for n, name in enumerate(table.header.cells, 1)]
            records: list[Record] = []
            size = 0
            for row, said in self._said(table, taken):
                taken += 1
                for record in records_of(row, said, names):
                    records.append(record)
                    size += len(record.payload)
                if len(records) >= context.page_size or size >= PAGE_BYTES:
                    yield Page(records, _position(taken), self.part)
                    records, size = [], 0
            yield Page(records, _position(taken), self.part, done=True)

    def _said(self, table: CsvTable, skipped: int = 0) -> Iterator[tuple[Row, Said]]:
        """The rows after the first ones, and what each says."""
        places, judge = self._layout.places(table.header.cells), JUDGES[self.kind]
        for row in islice(table.rows, skipped, None):
            if row.problem:
                yield row, Said(problem=row.problem)
                continue
            cells = dict(self._constants)
            for column, positions in places.items():
                texts = (row.cells[at].strip(" \t\r\n\u00a0\u200b\ufeff") for at in positions)
                cells[column] = next(filter(None, texts), cells.get(column, ""))
            yield row, judge(cells, self.reading)

    def _opened(self) -> AbstractContextManager[CsvTable]:
        return opened(self._path, self._where, self._layout.knows)

    def _file_state(self) -> tuple[int, int]:
        found = self._path.stat()
        return found.st_size, found.st_mtime_ns


def _position(rows: int) -> str:
    return orjson.dumps({"rows": rows}).decode()


def _record(kind: str, row: Row, said: Said, names: list[str]) -> Record:
    """A row as it lands: what it says by our columns, and all of it as it was written."""
    written: dict[str, Any] = (
        {"text": row.text} if row.problem else {"row": dict(zip(names, row.cells, strict=True))}
    )
    fields = {} if said.problem else said.fields
    payload = {"line": row.line, "problem": said.problem or None, **fields, **written}
    key = _key(kind, fields or written)
    return Record(key, None if said.problem else said.at, "upsert", orjson.dumps(payload).decode())


def _withdrawals(row: Row, said: Said, _names: list[str]) -> Iterator[Record]:
    if said.problem or said.fields["reason"] != "unsubscribed":
        return
    for name, channel in _CHANNELS.items():
        if said.fields.get(name):
            fields = {
                name: said.fields[name], "channel": channel, "purpose": "marketing",
                "state": "withdrawn", "given_at": said.fields.get("suppressed_at"),
                "proof": "unsubscribed in the previous tool",
            }  # fmt: skip
            payload = orjson.dumps({"line": row.line, "problem": None, **fields}).decode()
            yield Record(_key("consents", fields), said.at, "upsert", payload)


def _key(kind: str, says: Mapping[str, Any]) -> str:
    """A row's name is what it says: the same row in a mended file is the same record."""
    return hashlib.sha256(orjson.dumps([kind, sorted(says.items())])).hexdigest()[:32]
