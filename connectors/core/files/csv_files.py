"""CSV files as people have them: any usual encoding, delimiter and line ending, packed or not.

Every line with something in it ends in a `Row`, read or with what is wrong with it; the lines
around a broken one are read. A file that can't be understood as a whole is an error that says
where. No more of a file is held than its longest row.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import re
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any

from connectors.core.errors import FixConfig

DELIMITERS = ",;\t|"
# A row with more characters is no row: the file would be held in memory.
MOST_CHARACTERS = 16 * 1024 * 1024
# A quoted field with more lines is one whose quote was never closed.
MOST_LINES = 100
RAGGED = "it has more or fewer fields than the header"
OPEN_QUOTE = "a quote is not closed"
WRONG_QUOTE = "a quote stands in the middle of a field"
NUL = "it holds a NUL character"
_BOMS = {
    codecs.BOM_UTF8: "",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
# What Excel writes so that it knows its own file again.
_SEPARATOR = re.compile(r"sep=(.)\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Row:
    """A row: the line it begins at (from 1), its fields, or its text and what is wrong with it."""

    line: int
    cells: list[str]
    problem: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class CsvTable:
    """A file's header and the rows after it, which can be read once."""

    header: Row
    rows: Iterator[Row]


@contextmanager
def opened(path: Path, where: str, known: Callable[[str], bool]) -> Iterator[CsvTable]:
    """Open a file and tell its encoding, delimiter and header.

    Args:
        path: a file, plain or gzip.
        where: what errors call it.
        known: whether a header's name is one that is looked for; it tells the delimiter.

    Raises:
        FixConfig: it can't be opened, is no text, is empty, breaks off, or has an endless row; some
            of these only while the rows are read.
    """
    try:
        raw = path.open("rb")
    except OSError as error:
        what = f"the file cannot be opened: {error.strerror or type(error).__name__}"
        raise FixConfig(what, where, "Correct its path, or the right to read it.") from None
    with raw:
        lines = _lines(_unpacked(raw, where), where)
        first = list(islice(lines, MOST_LINES))
        header, delimiter = _header(first, known)
        if header is None or header.problem:
            what = f"its first line cannot be read: {header.problem}" if header else "it is empty"
            remedy = "Export it again, with a first line of column names."
            raise FixConfig(what, where, remedy)
        rows = _Rows(chain(first, lines), delimiter)
        header = next(row for row in rows.read() if row.line == header.line)
        yield CsvTable(header, rows.read(len(header.cells)))


def _unpacked(raw: io.BufferedReader, where: str) -> io.BufferedReader:
    magic = raw.read(4)
    raw.seek(0)
    if magic[:2] == b"PK":
        what = "the file is an archive or a workbook (zip), not a CSV file"
        raise FixConfig(what, where, "Unpack it, or save it as CSV, and import each file.")
    if magic[:2] != b"\x1f\x8b":
        return raw
    packed: Any = gzip.GzipFile(fileobj=raw)
    return io.BufferedReader(packed)


def _lines(raw: io.BufferedReader, where: str) -> Iterator[tuple[int, str]]:
    """The lines with their numbers and their ends, as text."""
    number = 0
    try:
        encoding, skipped = _encoding(raw)
        raw.read(skipped)
        # Latin-1 gives each byte a character, so that each line can be looked at by itself.
        errors = "backslashreplace" if encoding else "strict"
        text = io.TextIOWrapper(raw, encoding or "latin-1", errors, newline="")
        for number, line in enumerate(iter(partial(text.readline, MOST_CHARACTERS), ""), 1):
            if len(line) == MOST_CHARACTERS:
                what = f"line {number} has no end within {MOST_CHARACTERS:,} characters"
                raise FixConfig(what, where, "Check that it is a CSV file and export it again.")
            yield number, line if encoding else _decoded(line)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        what = f"the file is packed and breaks off after line {number}"
    except OSError as error:
        reason = error.strerror or type(error).__name__
        what = f"the file cannot be read after line {number}: {reason}"
    else:
        return
    raise FixConfig(what, where, "Copy or export it again: nothing of it was taken.")


def _encoding(raw: io.BufferedReader) -> tuple[str, int]:
    """The encoding where characters have two bytes, else none; and the length of its mark."""
    sample = raw.peek()
    for mark, encoding in _BOMS.items():
        if sample.startswith(mark):
            return encoding, len(mark)
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    if max(even, odd) > len(sample) // 6:  # Latin letters in UTF-16, without a mark
        return "utf-16-le" if odd > even else "utf-16-be", 0
    return "", 0


def _decoded(line: str) -> str:
    """A line of UTF-8, or where it is none, of what Windows wrote before."""
    if line.isascii():
        return line
    data = line.encode("latin-1")
    for encoding in ("utf-8", "cp1252"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return line


def _header(lines: list[tuple[int, str]], known: Callable[[str], bool]) -> tuple[Row | None, str]:
    """The first row, read with the delimiter that gives most names that are looked for."""
    text = lines[0][1] if lines else ""
    told = _SEPARATOR.fullmatch(text)
    if told:
        return next(_Rows(iter(lines[1:]), told.group(1)).read(), None), told.group(1)
    found = [(next(_Rows(iter(lines), each).read(), None), each) for each in DELIMITERS]

    def fit(candidate: tuple[Row | None, str]) -> tuple[int, int]:
        cells = candidate[0].cells if candidate[0] else []
        return sum(map(known, cells)), len(cells)

    return max(found, key=fit)


class _Rows:
    """Makes rows of lines. After a broken one, reading goes on with the next line."""

    def __init__(self, lines: Iterator[tuple[int, str]], delimiter: str) -> None:
        # It is one for the process; a row has its own limit.
        csv.field_size_limit(MOST_CHARACTERS)
        self._lines, self._delimiter = lines, delimiter
        self._again: deque[tuple[int, str]] = deque()

    def read(self, wide: int | None = None) -> Iterator[Row]:
        """The rows that hold anything, of `wide` fields; empty ones beyond are no fault."""
        while first := self._next():
            taken = [first]
            cells, problem = self._cells(taken)
            if wide and not problem:
                cells, problem = _level(cells, wide)
            if problem and len(taken) > 1:
                # It is not certain that these lines belong together.
                self._again.extendleft(reversed(taken[1:]))
                del taken[1:]
                cells, problem = [], OPEN_QUOTE if problem == RAGGED else problem
            text = "".join(line for _, line in taken).rstrip("\r\n")
            if "\0" in text:
                cells, problem, text = [], NUL, text.replace("\0", "\\x00")
            if problem or any(cell.strip() for cell in cells):
                yield Row(first[0], cells, problem, text if problem else "")

    def _next(self) -> tuple[int, str] | None:
        return self._again.popleft() if self._again else next(self._lines, None)

    def _cells(self, taken: list[tuple[int, str]]) -> tuple[list[str], str]:
        """The fields of a row that begins with a line, or what is wrong; more lines are taken."""
        size = 0
        while True:
            try:
                lines = [line for _, line in taken]
                reader = csv.reader(
                    lines, delimiter=self._delimiter, strict=True, skipinitialspace=True
                )
                return next(reader, []), ""
            except csv.Error as error:
                if "unexpected end" not in str(error):
                    return [], WRONG_QUOTE
            # Not before a line with a quote can the field end.
            while True:
                line = self._next() if len(taken) < MOST_LINES else None
                size += len(line[1]) if line else MOST_CHARACTERS
                if line:
                    taken.append(line)
                if size >= MOST_CHARACTERS:
                    return [], OPEN_QUOTE
                if line and '"' in line[1]:
                    break


def _level(cells: list[str], wide: int) -> tuple[list[str], str]:
    """As many fields as the header has, or what is wrong."""
    if len(cells) < wide or any(cell.strip() for cell in cells[wide:]):
        blank = not any(cell.strip() for cell in cells)
        return cells, "" if blank else RAGGED
    return cells[:wide], ""
