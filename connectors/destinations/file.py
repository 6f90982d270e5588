"""Destination `file`: a CSV and a Parquet file a batch. It contacts nobody.

`<out>/file/<programme>/<batch_id>.csv` and `.parquet`, one recipient a row. The CSV is the
delivery: it appears whole, last, under its final name, and is never written again. Its cells are
safe to open in a spreadsheet; the Parquet file holds the values as they are.
"""

import csv
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from connectors.core.clock import iso_z
from connectors.core.errors import FixConfig
from connectors.core.settings import Settings
from connectors.core.spec import Outcome, OutMessage

SCHEMA = pa.schema(
    [
        ("message_key", pa.string()),
        ("address", pa.string()),
        ("person_id", pa.string()),
        ("programme", pa.string()),
        ("campaign_id", pa.string()),
        ("step", pa.int32()),
        ("variant", pa.string()),
        ("channel", pa.string()),
        ("send_after", pa.timestamp("us")),
        ("content", pa.string()),
    ]
)
# What makes a spreadsheet read a cell as a formula: these, also behind blanks, and their
# full-width forms, which some programs fold to the plain ones.
FORMULA = re.compile(r"\A(?:[\t\r\n\0]|\s*[=+\-@\uff1d\uff0b\uff0d\uff20])")
# More than one recipient in an address, by channel. A postal address may hold commas.
SEVERAL = {"email": re.compile(r"[,;\s]|@.*@"), "call": re.compile(r"[,;\r\n]")}
SAFE_NAME = re.compile(r"\A[A-Za-z0-9][A-Za-z0-9_-]*\Z")


@dataclass(frozen=True)
class FileDestination:
    """Writes batches under `root`. Accepting is sending: nothing follows but the file."""

    root: Path
    name: str = "file"
    batch_size: int = 10_000
    idempotent: bool = True
    accepted_is_sent: bool = True

    def deliver(self, batch_id: str, messages: Sequence[OutMessage]) -> list[Outcome]:
        """Write one file per programme; a batch that is already there stays as it is.

        A message without exactly one recipient is rejected. Raises `FixConfig` for a name that
        cannot be a file's, and `OSError` when the disk refuses.
        """
        outcomes: list[Outcome] = []
        by_programme = attrgetter("programme")
        for programme, group in groupby(sorted(messages, key=by_programme), by_programme):
            outcomes += self._deliver_programme(self._path(programme, batch_id), list(group))
        return outcomes

    def lookup(self, batch_id: str) -> list[Outcome]:
        """Read a batch back from the files that are there; one never delivered gives []."""
        self._path("any", batch_id)
        for twin in self.root.glob(f"*/{batch_id}.parquet"):
            if not twin.with_suffix(".csv").exists():
                twin.unlink()  # half done: its messages may leave in another batch
        files = sorted(self.root.glob(f"*/{batch_id}.csv"))
        return [Outcome(key, "accepted", "in the file") for file in files for key in _keys(file)]

    def _path(self, programme: str, batch_id: str) -> Path:
        for name in (programme, batch_id):
            if not SAFE_NAME.match(name):
                what = "A programme or batch has a name that cannot be a file's"
                raise FixConfig(what, "destination file", "Use letters, digits, _ and - only.")
        return self.root / programme / f"{batch_id}.csv"

    def _deliver_programme(self, path: Path, messages: list[OutMessage]) -> list[Outcome]:
        refused = {each.message_key: why for each in messages if (why := _refusal(each))}
        accepted = [each for each in messages if each.message_key not in refused]
        outcomes = [Outcome(key, "rejected", why) for key, why in refused.items()]
        if path.exists():
            written = set(_keys(path))
            return outcomes + [_repeated(each.message_key, written) for each in accepted]
        if accepted:
            _write(path, accepted)
        return outcomes + [Outcome(each.message_key, "accepted") for each in accepted]


def create(settings: Settings) -> FileDestination:
    """Make the destination for these settings."""
    return FileDestination(settings.out_dir / "file")


def safe_cell(text: str) -> str:
    """Prefix a quote to what a spreadsheet would take for a formula."""
    return f"'{text}" if FORMULA.match(text) else text


def _refusal(message: OutMessage) -> str:
    """Say why a message has not exactly one recipient; '' if it has."""
    if not message.address.strip():
        return "no address"
    several = SEVERAL.get(message.channel)
    return "more than one recipient" if several and several.search(message.address) else ""


def _repeated(message_key: str, written: set[str]) -> Outcome:
    if message_key in written:
        return Outcome(message_key, "accepted")
    return Outcome(message_key, "unknown", "the batch was written without it")


def _keys(path: Path) -> Iterator[str]:
    with path.open(newline="", encoding="utf-8") as file:
        csv.field_size_limit(1 << 30)  # content may be long
        yield from (row["message_key"] for row in csv.DictReader(file))


def _row(message: OutMessage) -> tuple[Any, ...]:
    """Return the values of a row, in the order of the schema."""
    send_after = message.send_after.replace(tzinfo=None) if message.send_after else None
    return (
        *(message.message_key, message.address, message.person_id, message.programme),
        *(message.campaign_id or "", message.step, message.variant or "", message.channel),
        send_after,
        orjson.dumps(message.content, option=orjson.OPT_SORT_KEYS).decode(),
    )


def _cells(row: tuple[Any, ...]) -> list[str]:
    return [safe_cell(value) if isinstance(value, str) else _plain(value) for value in row]


def _plain(value: datetime | int | None) -> str:
    if value is None:
        return ""
    return iso_z(value) if isinstance(value, datetime) else str(value)


def _write(path: Path, messages: Iterable[OutMessage]) -> None:
    """Write the Parquet file, then the CSV: once the CSV is there, the batch is delivered."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [_row(message) for message in sorted(messages, key=attrgetter("message_key"))]
    columns = [
        pa.array(values, field.type)
        for values, field in zip(zip(*rows, strict=True), SCHEMA, strict=True)
    ]
    table = pa.Table.from_arrays(columns, schema=SCHEMA)
    _whole(path.with_suffix(".parquet"), lambda part: pq.write_table(table, part))
    _whole(path, lambda part: _write_csv(part, rows))


def _write_csv(path: Path, rows: list[tuple[Any, ...]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        # Every cell is quoted, so that no separator or line break inside one starts another.
        writer = csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n")
        writer.writerow(SCHEMA.names)
        writer.writerows(_cells(row) for row in rows)


def _whole(path: Path, write: Callable[[Path], None]) -> None:
    """Write a file under a temporary name, flush it to the disk, then give it its name."""
    part = path.with_name(f".{path.name}.part")
    write(part)
    _sync(part)
    part.replace(path)
    _sync(path.parent)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
