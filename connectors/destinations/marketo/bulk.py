"""Many leads at once: files of less than 10 MB, which Marketo imports one after the other.

Two imports run at a time, ten may wait; importing the same file twice does no harm.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, repeat
from time import monotonic, sleep
from typing import Final
from urllib.parse import urlencode

from connectors.core.errors import FixConfig, RetryLater
from connectors.core.http import HttpClient, Reply, multipart
from connectors.core.vendors.marketo import Json, rows_of
from connectors.destinations.marketo.leads import Lead

IMPORTS: Final = "/bulk/v1/leads"
# What a form adds around the file is below the rest.
MOST_BYTES = 9_500_000
# Seconds between two looks at an import (Marketo: every 5 to 30); the last again and again.
POLLS = (2.0, 5.0, 10.0, 30.0)
PATIENCE_SECONDS = 900.0


REASONS: Final = (
    ("multiple", "several leads have this address: merge them in Marketo"),
    ("email", "the address is not valid"),
    ("partition", "the lead lies in another partition"),
    ("field", "a value is not of its field's type"),
    ("value", "a value is not of its field's type"),
)


@dataclass
class Imported:
    """Why rows were refused, and about which of the others Marketo warns, by their address."""

    refused: dict[str, str] = field(default_factory=dict)
    warned: dict[str, str] = field(default_factory=dict)


def imported(
    client: HttpClient,
    list_id: str,
    names: Sequence[str],
    leads: Sequence[Lead],
    partition: str = "",
) -> Imported:
    """Import leads into a static list, and wait until that is done. `names`: the file's columns.

    Raises:
        RetryLater: the queue is full, or an import takes too long. Importing again does no harm.
        FixConfig: an import failed as a whole.
    """
    found, named = Imported(), {"partitionName": partition} if partition else {}
    for file in _files(names, leads):
        data, kind = multipart("file", "leads.csv", file)
        asked = {"format": "csv", "lookupField": "email", "listId": int(list_id)}
        address = f"{IMPORTS}.json?{urlencode(asked | named)}"
        job = _ended(client, _told(client.upload(address, data, kind)))
        told = f"{IMPORTS}/batch/{job['batchId']}"
        if int(job.get("numOfRowsFailed") or 0):
            found.refused |= _rows(client, f"{told}/failures.json")
        if int(job.get("numOfRowsWithWarning") or 0):
            found.warned |= _rows(client, f"{told}/warnings.json")
    return found


def _files(names: Sequence[str], leads: Sequence[Lead]) -> Iterator[bytes]:
    """CSV files of all leads, each below the limit."""
    heading = _line(names)
    lines, size = [heading], len(heading)
    for lead in leads:
        line = _line([_text(lead.get(name)) for name in names])
        if size + len(line) > MOST_BYTES and len(lines) > 1:
            yield b"".join(lines)
            lines, size = [heading], len(heading)
        lines.append(line)
        size += len(line)
    if len(lines) > 1:
        yield b"".join(lines)


def _line(cells: Sequence[str]) -> bytes:
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerow(cells)
    return written.getvalue().encode()


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


def _told(reply: Reply) -> Json:
    """What is told of an import. Raises `RetryLater` where nothing is."""
    rows = rows_of(reply)
    if rows and isinstance(rows[0].get("batchId"), int):
        return rows[0]
    what = "the answer tells of no import"
    raise RetryLater(what, IMPORTS, "Run again: importing again does no harm.")


def _ended(client: HttpClient, job: Json) -> Json:
    """Ask after an import until it has ended."""
    until = monotonic() + PATIENCE_SECONDS
    for pause in chain(POLLS, repeat(POLLS[-1])):
        if job.get("status") == "Complete":
            return job
        if job.get("status") == "Failed":
            what = "Marketo's import failed"
            remedy = "Look at it in Marketo (Admin, notifications); correct the option fields."
            raise FixConfig(what, IMPORTS, remedy)
        if monotonic() + pause > until:
            break
        sleep(pause)
        job = _told(client.get(f"{IMPORTS}/batch/{job['batchId']}.json"))
    what = "Marketo has not ended an import in time"
    raise RetryLater(what, IMPORTS, "Run again later.", after_seconds=PATIENCE_SECONDS)


def _rows(client: HttpClient, address: str) -> dict[str, str]:
    """The rows of a file of failures or warnings: reasons by address, in our words.

    Marketo's own quote the row. A file that is none (a token has ended) is asked for again later.
    """
    lines = (line.decode(errors="replace") + "\n" for line in client.lines(address))
    rows = csv.reader(lines)
    heading = next(rows, [])
    if "email" not in heading:
        what = "the file of an import's failures cannot be read"
        raise RetryLater(what, IMPORTS, "Run again: importing again does no harm.")
    place = heading.index("email")
    return {row[place].strip().lower(): _reason(row[-1]) for row in rows if len(row) > place}


def _reason(text: str) -> str:
    lower = text.lower()
    return next((said for word, said in REASONS if word in lower), "the row is refused")
