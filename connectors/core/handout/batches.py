"""Batches as files: `<root>/<programme>/<batch_id>.csv`, one recipient a row.

The CSV is the delivery: it appears whole, last, under its final name, and is never written again.
What lies beside it came before; without the CSV it counts as nothing.
"""

from __future__ import annotations

import csv
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Final

import pyarrow as pa

from connectors.core.clock import iso_z
from connectors.core.delivery import Outcome, OutMessage
from connectors.core.errors import FixConfig
from connectors.core.handout.cells import write_csv
from connectors.core.handout.recipients import refusal
from connectors.core.handout.whole import whole

SAFE_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
LONGEST: Final = 1 << 30  # content may be long

Cell = Callable[[OutMessage], str]


class BatchFiles(ABC):
    """Writes batches under `root`. Accepting is sending: nothing follows but the file.

    Whoever derives from it says how a batch is written, what may come along, and whom it refuses.
    It is no dataclass, so that each of those has its own fields in its own order.
    """

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
        self._remove_halves(batch_id)
        files = sorted(self.root.glob(f"*/{batch_id}.csv"))
        return [Outcome(key, "accepted", "in the file") for file in files for key in _keys(file)]

    @abstractmethod
    def _write(self, path: Path, messages: list[OutMessage]) -> None:
        """Write what comes along, then the CSV: once that is there, the batch is delivered."""

    def _remove_halves(self, batch_id: str) -> None:
        """Take away what a dead delivery left; its messages may leave in another batch."""
        del batch_id  # a CSV alone leaves nothing

    def _refusal(self, message: OutMessage) -> str:
        return refusal(message)

    def _path(self, programme: str, batch_id: str) -> Path:
        for name in (programme, batch_id):
            if not SAFE_NAME.fullmatch(name):
                what = "A programme or batch has a name that cannot be a file's"
                raise FixConfig(what, f"destination {self.name}", "Use letters, digits, _ and -.")
        return self.root / programme / f"{batch_id}.csv"

    def _deliver_programme(self, path: Path, messages: list[OutMessage]) -> list[Outcome]:
        refused = {each.message_key: why for each in messages if (why := self._refusal(each))}
        accepted = [each for each in messages if each.message_key not in refused]
        outcomes = [Outcome(key, "rejected", why) for key, why in refused.items()]
        if path.exists():
            written = set(_keys(path))
            return outcomes + [_repeated(each.message_key, written) for each in accepted]
        if accepted:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._write(path, accepted)
        return outcomes + [Outcome(each.message_key, "accepted") for each in accepted]


def write_list(path: Path, messages: Sequence[OutMessage], cells: Mapping[str, Cell]) -> None:
    """Write a list for people to work through: a row a message, by key, these cells in a row."""
    rows = sorted(messages, key=attrgetter("message_key"))
    columns = {
        name: pa.array([cell(row) for row in rows], pa.string()) for name, cell in cells.items()
    }
    whole(path, partial(write_csv, columns=columns))


def said(name: str) -> Cell:
    """The cell of a part of the content, '' where a message lacks it."""
    return lambda message: str(message.content.get(name) or "")


def send_after(message: OutMessage) -> str:
    """From when a message is meant, in UTC; '' for at once."""
    return iso_z(message.send_after) if message.send_after else ""


def deadline(message: OutMessage) -> str:
    """Until when a message makes sense, in UTC; '' for always."""
    return iso_z(message.expires_at) if message.expires_at else ""


def _repeated(message_key: str, written: set[str]) -> Outcome:
    if message_key in written:
        return Outcome(message_key, "accepted")
    return Outcome(message_key, "unknown", "the batch was written without it")


def _keys(path: Path) -> Iterator[str]:
    with path.open(newline="", encoding="utf-8") as file:
        csv.field_size_limit(LONGEST)
        yield from (row["message_key"] for row in csv.DictReader(file))
