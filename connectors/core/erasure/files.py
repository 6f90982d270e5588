"""Finds the rows of some people in files that were handed out, and writes them without those.

An invitation (.ics) is one person's as a whole; it goes, and is not written anew.
"""

from __future__ import annotations

import csv
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from connectors.core.snapshot import flush

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from connectors.core.erasure.tables import Marks

MOST_CHARACTERS = 1 << 30  # content may be long
KINDS = ("csv", "parquet", "jsonl", "ics")


def count(file: Path, marks: Marks) -> int:
    """How many rows of a file hold one of the marks."""
    return sum(marks.are_in(row) for row in _rows(file))


def clear(file: Path, marks: Marks) -> None:
    """Write the file anew without those rows; the others stay as they are, byte for byte in CSV."""
    if file.suffix == ".ics":
        file.unlink()
        flush(file.parent)
        return
    kept = [not marks.are_in(row) for row in _rows(file)]
    with _whole(file) as part:
        if file.suffix == ".parquet":
            with pq.ParquetFile(file) as opened:
                pq.write_table(opened.read().filter(pa.array(kept, pa.bool_())), part)
            return
        if file.suffix == ".jsonl":
            with file.open("rb") as opened:
                part.write_bytes(
                    b"".join(line for line, stays in zip(opened, kept, strict=True) if stays)
                )
            return
        with part.open("w", newline="", encoding="utf-8") as written:
            writer = csv.writer(written, quoting=csv.QUOTE_ALL, lineterminator="\n")
            writer.writerows(row for row, stays in zip(_rows(file), kept, strict=True) if stays)


def handed_out(folder: Path) -> list[Path]:
    """The files under a folder; what a dead delivery left half written is removed first."""
    for part in folder.rglob(".*.part"):
        part.unlink(missing_ok=True)
    return sorted(file for kind in KINDS for file in folder.rglob(f"[!.]*.{kind}"))


def remove_proofs(*folders: Path) -> None:
    """Remove what shows a message without saying whose it was: any may be theirs."""
    for folder in folders:
        for kind in ("html", "txt"):
            for file in folder.rglob(f"[!.]*.{kind}"):
                file.unlink()


def _rows(file: Path) -> Iterator[list[object]]:
    if file.suffix == ".parquet":
        with pq.ParquetFile(file) as opened:
            for part in opened.iter_batches():
                yield from (list(row.values()) for row in part.to_pylist())
        return
    if file.suffix == ".jsonl":
        with file.open("rb") as lines:
            yield from (_cells(orjson.loads(line)) for line in lines)
        return
    if file.suffix == ".ics":
        yield _cells_of_invitation(file)
        return
    csv.field_size_limit(MOST_CHARACTERS)
    with file.open(newline="", encoding="utf-8") as opened:
        yield from csv.reader(opened)


def _cells(value: object) -> list[object]:
    """Every value of a JSON document, however deep it lies."""
    if isinstance(value, dict):
        return [cell for each in value.values() for cell in _cells(each)]
    if isinstance(value, list):
        return [cell for each in value for cell in _cells(each)]
    return [value]


def _cells_of_invitation(file: Path) -> list[object]:
    """The values of an invitation's lines (RFC 5545), unfolded, and the key in the file's name."""
    text = file.read_text(encoding="utf-8").replace("\r\n ", "")
    lines = [line.partition(":")[2] for line in text.split("\r\n")]
    return [*lines, *(line.removeprefix("mailto:") for line in lines), file.stem.rpartition(".")[2]]


@contextmanager
def _whole(file: Path) -> Iterator[Path]:
    """A file beside it, that takes its place once it is written and on the disk."""
    part = file.with_name(f".{file.name}.{os.getpid()}.part")
    yield part
    flush(part)
    part.replace(file)
    flush(file.parent)
