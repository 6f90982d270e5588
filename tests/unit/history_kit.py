"""What the tests of history files share: a file from rows, its import, what the lake then holds."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from connectors.core.history.judge import JUDGES, Reading, Said
from connectors.core.history.times import Dates
from connectors.core.identifiers import node_id
from connectors.core.lake import Lake
from connectors.core.settings import Settings
from connectors.ledger.manifest import LedgerManifest
from connectors.ledger.suppressions import _TABLE
from connectors.sources.history import HistoryFile, Tally
from flows import history
from flows.run import ledger_of

NOW = datetime(2024, 3, 4, 11, 0, tzinfo=UTC)
KEY = "parley-demo"


def judged(kind: str, /, dates: Dates | None = None, **cells: str) -> Said:
    """What a row of these cells says."""
    return JUDGES[kind](cells, Reading(NOW, "GB", dates))


def csv_text(header: Sequence[str], *rows: Sequence[str], delimiter: str = ",") -> str:
    """A CSV file's text."""
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter).writerows([header, *rows])
    return text.getvalue()


def written(folder: Path, data: str | bytes, name: str = "old.csv") -> Path:
    """A file with these contents."""
    path = folder / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def opened(
    path: Path, kind: str, constants: Mapping[str, str] | None = None, at: datetime = NOW
) -> HistoryFile:
    """A file that was looked through."""
    return HistoryFile(path, kind, Reading(at, "GB"), constants)


def counted(path: Path, kind: str, constants: Mapping[str, str] | None = None) -> Tally:
    """What would become of a file's rows."""
    return history.look_at(opened(path, kind, constants)).tally


def imported(
    settings: Settings, path: Path, kind: str, source: str = "history", **constants: str
) -> history.Imported:
    """Bring a file in."""
    return history.bring_in(settings, opened(path, kind, constants), source)


def landed(settings: Settings, stream: str, vendor: str = "history") -> list[dict[str, Any]]:
    """The records of a stream in the lake, their payloads parsed."""
    lake = Lake(settings.lake_root)
    batches = LedgerManifest(ledger_of(settings)).unchecked()
    rows = [
        row
        for batch in batches
        if (batch.vendor, batch.stream) == (vendor, stream)
        for row in pq.ParquetFile(lake.url(batch.path)).read().to_pylist()
    ]
    return [{**row, "says": json.loads(row["payload"])} for row in rows]


def suppressed(settings: Settings) -> set[tuple[str, str, datetime]]:
    """(node, reason, since) of the ledger's suppressions."""
    with ledger_of(settings).connect() as connection:
        rows = connection.execute(_TABLE.select()).mappings()
        return {(row["address_hash"], row["reason"], row["since"]) for row in rows}


def email_node(address: str) -> str:
    """The node of a normalised email."""
    return node_id("email", address, KEY)
