"""Destination `file`: a CSV and a Parquet file a batch. It contacts nobody.

`<out>/file/<programme>/<batch_id>.csv` and `.parquet`, one recipient a row; a list of calls or
letters also has the fact, the talking points, the hours and the deadline apart. The CSV is the
delivery: it appears whole, last, under its final name, and is never written again. Its cells are
safe to open in a spreadsheet; the Parquet file holds the values as they are. What its emails look
like lies beside it (`proofs`).
"""

import csv
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import csv as pa_csv

from connectors.core.clock import iso_z
from connectors.core.delivery import Outcome, OutMessage
from connectors.core.errors import FixConfig
from connectors.core.settings import Settings
from connectors.destinations import proofs

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
        ("language", pa.string()),
    ]
)
# Who calls or writes letters reads these without opening the content.
BY_HAND = ("fact", "talking_points", "contact_hours", "deadline")
LISTED = {"call", "post"}
# What makes a spreadsheet read a cell as a formula: these, also behind blanks, and their
# full-width forms, which some programs fold to the plain ones. The blanks are spelled out: the
# engine's own class knows those of ASCII only.
BLANKS = (
    r"\t-\r\x1c-\x20\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}"
    r"\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}"
)
FORMULA = rf"\A(?:[\t\r\n\x00]|[{BLANKS}]*[=+\-@\x{{ff1d}}\x{{ff0b}}\x{{ff0d}}\x{{ff20}}])"
# More than one recipient in an address, by channel. A postal address may hold commas.
SEVERAL = {"email": re.compile(r"[,;\s]|@.*@"), "call": re.compile(r"[,;\r\n]")}
SAFE_NAME = re.compile(r"\A[A-Za-z0-9][A-Za-z0-9_-]*\Z")


@dataclass(frozen=True)
class FileDestination:
    """Writes batches under `root`. Accepting is sending: nothing follows but the file.

    `settings` say who writes and who gets copies; without them no proofs are written.
    """

    root: Path
    settings: Settings | None = None
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
                proofs.remove(twin.parent, batch_id)
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
            self._write(path, accepted)
        return outcomes + [Outcome(each.message_key, "accepted") for each in accepted]

    def _write(self, path: Path, messages: list[OutMessage]) -> None:
        """Write what comes along, then the CSV: once that is there, the batch is delivered."""
        path.parent.mkdir(parents=True, exist_ok=True)
        table = _table(messages)
        made = proofs.of(path.stem, messages, self.settings) if self.settings else {}
        for name, text in made.items():
            _whole(path.with_name(name), partial(_write_text, text=text))
        _whole(path.with_suffix(".parquet"), lambda part: pq.write_table(table, part))
        _whole(path, lambda part: _write_csv(part, table))


def create(settings: Settings) -> FileDestination:
    """Make the destination for these settings."""
    return FileDestination(settings.out_dir / "file", settings)


def safe_cells(texts: pa.Array) -> pa.Array:
    """Prefix a quote to what a spreadsheet would take for a formula."""
    is_formula = pc.match_substring_regex(texts, FORMULA)
    return pc.if_else(is_formula, pc.binary_join_element_wise("'", texts, ""), texts)


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


def _table(messages: Iterable[OutMessage]) -> pa.Table:
    """Return the messages in the order of their keys, as columns of the schema."""
    rows = sorted(messages, key=attrgetter("message_key"))
    columns: dict[str, Any] = {name: [getattr(row, name) for row in rows] for name in SCHEMA.names}
    for name in ("campaign_id", "variant"):
        columns[name] = [each or "" for each in columns[name]]
    utc = pa.array(columns["send_after"], pa.timestamp("us", "UTC"))
    columns["send_after"] = utc.cast(SCHEMA.field("send_after").type)
    columns["content"] = [
        orjson.dumps(each, option=orjson.OPT_SORT_KEYS) for each in columns["content"]
    ]
    table = pa.table(columns, schema=SCHEMA)
    if not any(row.channel in LISTED for row in rows):
        return table
    for name in BY_HAND:
        table = table.append_column(name, pa.array([_by_hand(row, name) for row in rows]))
    return table


def _by_hand(message: OutMessage, name: str) -> str:
    if name == "deadline":
        return iso_z(message.expires_at) if message.expires_at else ""
    if name == "contact_hours":
        return message.contact_hours
    return str(message.content.get(name) or "")


def _write_text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def _write_csv(path: Path, table: pa.Table) -> None:
    cells = {name: table[name].cast(pa.string()) for name in table.column_names}
    instants = table["send_after"].combine_chunks().dictionary_encode()
    texts = pa.array([iso_z(each) for each in instants.dictionary.to_pylist()], pa.string())
    cells["send_after"] = texts.take(instants.indices)
    shown = {name: safe_cells(pc.fill_null(column, "")) for name, column in cells.items()}
    # Every cell is quoted, so that no separator or line break inside one starts another.
    options = pa_csv.WriteOptions(quoting_style="all_valid")
    pa_csv.write_csv(pa.table(shown), path, options)


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
