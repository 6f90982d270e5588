"""From the lines of a vendor's files to records: what is the vendor's own is a `FileFormat`."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import orjson

from connectors.core.clock import parse_instant
from connectors.core.files.captured import Event, json_in
from connectors.core.spec import ReadContext, Record

SUFFIXES = (".jsonl", ".ndjson", ".json", ".gz")


@dataclass(frozen=True, slots=True)
class FileFormat:
    """What a vendor's files are like.

    `apart` gives the events of a line's JSON object: [the object itself], or others, which are
    written anew. `arrived` is when an event reached a server (aware UTC), `told` when its sender
    says it happened: a sender's clock may be wrong. `key` is the event's id. Each may be None.

    `day` is the day of the table that a path belongs to, where a vendor writes its tables anew for
    some days: those of the last three days are read again whenever they changed, older ones once.
    `repeats`: equal keys in one file are events of their own, and are numbered.
    """

    apart: Callable[[Event], list[Any]]
    arrived: Callable[[Event], datetime | None]
    told: Callable[[Event], datetime | None]
    key: Callable[[Event], str | None]
    suffixes: tuple[str, ...] = SUFFIXES
    day: Callable[[str], date | None] | None = None
    repeats: bool = False


class RecordMaker:
    """Makes the records of one file's lines."""

    def __init__(self, like: FileFormat, context: ReadContext) -> None:
        """One for each file: equal keys are counted by file."""
        self._like = like
        self._as_of, self._latest = context.as_of, context.latest
        # A run of this very minute: what its sender dates later has a sender with a wrong clock.
        self._is_live = context.settled < context.as_of
        self._numbers = _Numbers() if like.repeats else None

    def records(self, text: bytes) -> list[Record] | None:
        """The records of a line without its end; None if one of them came after `as_of`."""
        if not text:
            return []
        line = _object(text)
        events = [line] if line is None else self._like.apart(line)
        if len(events) == 1 and events[0] is line:
            # What is not UTF-8 stays visible, and is no JSON any more: staging rejects it.
            record = self._record(line or {}, text.decode(errors="backslashreplace"))
            return None if record is None else [record]
        exact = self._like.apart(json_in(text))  # orjson would round what is beyond 64 bits
        made = [self._record(event, json.dumps(event, ensure_ascii=False)) for event in exact]
        records = [record for record in made if record is not None]
        return records if len(records) == len(made) else None

    def _record(self, event: object, payload: str) -> Record | None:
        fields = event if isinstance(event, dict) else {}
        arrived = self._like.arrived(fields)
        at = arrived or self._like.told(fields)
        if at is not None and at > self._as_of:
            is_wrong = self._latest is not None and at > self._latest
            if not is_wrong and (arrived is not None or not self._is_live):
                return None
            at = None
        return Record(self._key(fields, payload), at, "upsert", payload)

    def _key(self, event: Event, payload: str) -> str:
        key = self._like.key(event)
        if key is None:
            return hashlib.sha256(payload.encode(errors="backslashreplace")).hexdigest()
        return self._numbers.numbered(key) if self._numbers else key


class _Numbers:
    """Tells the repetitions of a key apart; on disk, since a file may hold millions of them."""

    def __init__(self) -> None:
        self._seen = sqlite3.connect("")
        self._seen.execute("create table seen (key text primary key, times integer) without rowid")

    def numbered(self, key: str) -> str:
        """The key itself the first time, `key-2` the second, and so on."""
        found = self._seen.execute(
            "insert into seen values (?, 1)"
            " on conflict (key) do update set times = times + 1 returning times",
            (key,),
        )
        ((times,),) = found.fetchall()
        return key if times == 1 else f"{key}-{times}"


def first_instant(names: tuple[str, ...], event: Event) -> datetime | None:
    """The first of an event's fields that holds an instant, in UTC; None where none does."""
    for name in names:
        at = parse_instant(event.get(name))
        if at is not None:
            return at
    return None


def first_id(names: tuple[str, ...], event: Event) -> str | None:
    """The first of an event's fields that holds an id: a text or a number, not empty, not 0."""
    for name in names:
        value = event.get(name)
        if value and isinstance(value, (str, int)):
            return str(value)
    return None


def _object(text: bytes) -> Event | None:
    try:
        value = orjson.loads(text)
    except ValueError:
        value = json_in(text)  # NaN is no JSON, but an event of a batch must not spoil the others
    return value if isinstance(value, dict) else None
