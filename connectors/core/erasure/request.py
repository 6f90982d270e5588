"""A request to erase: what was found, and how far it got; kept in a file until it is carried out.

The file holds addresses, since the rest of the way has to know what to look for. It is readable by
its owner alone and goes when the request is done.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson

from connectors.core.clock import iso_z, parse_as_of
from connectors.core.erasure.sought import Found, Sought
from connectors.core.erasure.tables import Marks
from connectors.core.snapshot import flush

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from connectors.core.settings import Settings

PENDING = ".pending"


@dataclass
class Request:
    """Some people to erase, at the clock `as_of`. `done` are the steps behind it.

    `counts` say how many rows there are, by place and table; `sent` how many messages went out, by
    destination; `runs` are those whose plan had a message of theirs.
    """

    as_of: datetime
    sought: Sought
    found: Found = field(default_factory=Found)
    marks: Marks = field(default_factory=Marks)
    message_keys: set[str] = field(default_factory=set)
    counts: dict[str, Counter[str]] = field(default_factory=dict)
    sent: Counter[str] = field(default_factory=Counter)
    runs: set[str] = field(default_factory=set)
    done: list[str] = field(default_factory=list)

    @property
    def request_id(self) -> str:
        """The same people at the same clock are the same request; it tells nobody who they are."""
        names = "\n".join(sorted({*self.sought.nodes, *self.sought.people}))
        short = hashlib.sha256(names.encode()).hexdigest()[:8]
        return f"{self.as_of.astimezone(UTC):%Y%m%dT%H%M%SZ}-erase-{short}"

    def add(self, place: str, counts: dict[str, int]) -> None:
        """Count rows of a place."""
        self.counts.setdefault(place, Counter()).update(counts)

    def save(self, settings: Settings) -> None:
        """Write how far it got; whole or not at all."""
        path = folder_of(settings) / f"{self.request_id}{PENDING}"
        part = path.with_suffix(".tmp")
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(orjson.dumps(self._told(), default=sorted))
        flush(part)
        part.replace(path)
        flush(path.parent)

    def _told(self) -> dict[str, Any]:
        sought = {"nodes": self.sought.nodes, "people": self.sought.people}
        return {
            "as_of": iso_z(self.as_of),
            "sought": {**sought, "nobodys": self.sought.nobodys},
            **{name: vars(getattr(self, name)) for name in ("found", "marks")},
            **{name: getattr(self, name) for name in ("message_keys", "counts", "sent")},
            **{name: getattr(self, name) for name in ("runs", "done")},
        }

    def forget(self, settings: Settings) -> None:
        """Remove the file: it is done."""
        folder = folder_of(settings)
        with suppress(FileNotFoundError):
            (folder / f"{self.request_id}{PENDING}").unlink()
        flush(folder)


def folder_of(settings: Settings) -> Path:
    """Where requests and certificates are."""
    folder = settings.home / "erasures"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def apart(settings: Settings) -> Iterator[Path]:
    """A folder to work in, empty again afterwards; what somebody who died left goes first."""
    folder = folder_of(settings) / ".work"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    yield folder
    shutil.rmtree(folder)


def pending(settings: Settings) -> list[Request]:
    """The requests that were begun and not carried out, oldest first."""
    found = sorted((settings.home / "erasures").glob(f"*{PENDING}"))
    return [_load(orjson.loads(path.read_bytes())) for path in found]


def _load(told: dict[str, Any]) -> Request:
    sought, found, marks = told["sought"], told["found"], told["marks"]
    kept: dict[str, Any] = {name: {k: set(v) for k, v in found[name].items()} for name in _BY_PLACE}
    kept |= {name: set(found[name]) for name in ("spellings", "phones", "shared")}
    return Request(
        as_of=parse_as_of(told["as_of"]),
        sought=Sought(sought["nodes"], frozenset(sought["people"]), frozenset(sought["nobodys"])),
        found=Found(**kept, records=Counter(found["records"]), redacted=Counter(found["redacted"])),
        marks=Marks(set(marks["ids"]), set(marks["texts"])),
        message_keys=set(told["message_keys"]),
        counts={place: Counter(rows) for place, rows in told["counts"].items()},
        sent=Counter(told["sent"]),
        runs=set(told["runs"]),
        done=told["done"],
    )


_BY_PLACE = ("remove", "redact", "gone")
