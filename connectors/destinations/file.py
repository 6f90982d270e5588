"""Destination `file`: a CSV and a Parquet file a batch, JSON lines if asked. It contacts nobody.

`<out>/file/<programme>/<batch_id>.csv`, `.parquet`, `.jsonl`, one recipient a row; a list of calls
or letters also has the fact, the talking points, the hours and the deadline apart. The CSV is the
delivery: it appears whole, last, under its final name, and is never written again. Its cells are
safe to open in a spreadsheet; the other files hold the values as they are. What its emails look
like lies beside it (`proofs`).

Option `jsonl`: true for a file of JSON lines beside each batch, with content and evidence as
objects.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from connectors.core.clock import iso_z
from connectors.core.delivery import OutMessage
from connectors.core.errors import FixConfig
from connectors.core.handout.batches import BatchFiles, deadline, said
from connectors.core.handout.cells import safe_cells, write_csv
from connectors.core.handout.whole import whole as _whole
from connectors.core.handout.whole import write_text
from connectors.core.settings import Settings
from connectors.core.spec import Finding
from connectors.destinations import proofs

__all__ = [
    "ABOUT",
    "BY_HAND",
    "OPTIONS",
    "SCHEMA",
    "FileDestination",
    "check",
    "create",
    "safe_cells",
]

ABOUT = "Files that contact nobody: a CSV and a Parquet file a batch."
OPTIONS = {"jsonl": "true for a file of JSON lines beside each batch"}
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
# What may lie beside a batch's CSV, and comes before it.
BESIDE = ("parquet", "jsonl")


@dataclass(frozen=True)
class FileDestination(BatchFiles):
    """Writes batches under `root`. Accepting is sending: nothing follows but the file.

    `settings` say who writes and who gets copies; without them no proofs are written. `jsonl`:
    whether JSON lines lie beside each batch.
    """

    root: Path
    settings: Settings | None = None
    name: str = "file"
    batch_size: int = 10_000
    idempotent: bool = True
    accepted_is_sent: bool = True
    jsonl: bool = False

    def _remove_halves(self, batch_id: str) -> None:
        for twin in (path for kind in BESIDE for path in self.root.glob(f"*/{batch_id}.{kind}")):
            if not twin.with_suffix(".csv").exists():
                twin.unlink()
                proofs.remove(twin.parent, batch_id)

    def _write(self, path: Path, messages: list[OutMessage]) -> None:
        table = _table(messages)
        made = proofs.of(path.stem, messages, self.settings) if self.settings else {}
        for name, text in made.items():
            _whole(path.with_name(name), partial(write_text, text=text))
        _whole(path.with_suffix(".parquet"), lambda part: pq.write_table(table, part))
        if self.jsonl:
            _whole(path.with_suffix(".jsonl"), partial(_write_lines, messages=messages))
        _whole(path, lambda part: _write_csv(part, table))


def create(settings: Settings) -> FileDestination:
    """Make the destination for these settings.

    Raises:
        FixConfig: an option is neither true nor false.
    """
    options = settings.destination("file").options
    wanted = options.get("jsonl", "false")
    if wanted not in ("true", "false"):
        what = "the option jsonl is true or false"
        raise FixConfig(what, "PARLEY_DESTINATIONS__FILE__OPTIONS__JSONL", "Correct it.")
    root = settings.out_dir / "file"
    return FileDestination(root, settings, jsonl=wanted == "true")


def check(settings: Settings) -> list[Finding]:
    """Say where the files go, or what is wrong with the settings."""
    try:
        made = create(settings)
    except FixConfig as error:
        return [Finding("error", error.what, error.remedy)]
    return [Finding("ok", f"files are written to {made.root}")]


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
        return deadline(message)
    return message.contact_hours if name == "contact_hours" else said(name)(message)


def _write_csv(path: Path, table: pa.Table) -> None:
    cells = {name: table[name].cast(pa.string()) for name in table.column_names}
    instants = table["send_after"].combine_chunks().dictionary_encode()
    texts = pa.array([iso_z(each) for each in instants.dictionary.to_pylist()], pa.string())
    cells["send_after"] = texts.take(instants.indices)
    write_csv(path, cells)


def _write_lines(path: Path, messages: Iterable[OutMessage]) -> None:
    """Write a JSON object a line, in the order of the keys; every line has an end."""
    option = orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE
    with path.open("wb") as file:
        for row in sorted(messages, key=attrgetter("message_key")):
            file.write(orjson.dumps(_line(row), option=option))


def _line(row: OutMessage) -> dict[str, Any]:
    line = {name: getattr(row, name) for name in SCHEMA.names}
    return {
        **line,
        "send_after": iso_z(row.send_after) if row.send_after else None,
        "purpose": row.purpose,
        "contact_hours": row.contact_hours,
        "deadline": deadline(row) or None,
        "content": dict(row.content),
        "evidence": dict(row.evidence),
    }
