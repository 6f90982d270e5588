"""A vendor's record as it lands: JSON text, a key, a time, whatever the record looks like."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import orjson

from connectors.core.clock import iso_z, parse_instant
from connectors.core.spec import Record, Stream

RecordOf = Callable[[Any], Record]


def json_text(value: object) -> str:
    """A value as JSON text: instants as ISO 8601 UTC with `Z`, decimals as strings."""
    try:
        return orjson.dumps(value, _plain, orjson.OPT_PASSTHROUGH_DATETIME).decode()
    except TypeError:  # integers beyond 64 bits, halves of surrogate pairs
        return json.dumps(value, default=_plain, separators=(",", ":"))


def digest(text: str) -> str:
    """What tells a payload from another one: 32 hex digits."""
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:32]


def at_path(document: object, path: str) -> object:
    """The value at a dotted path; None where there is none."""
    for name in path.split("."):
        if not isinstance(document, dict):
            return None
        document = document.get(name)
    return document


def record_reader(stream: Stream) -> RecordOf:
    """Turns a parsed record into a `Record` by the stream's dotted `key` and `cursor`.

    A record without a usable key is named by its contents.
    """

    def read(value: Any) -> Record:  # noqa: ANN401 - JSON
        text, key = json_text(value), at_path(value, stream.key)
        name = str(key) if isinstance(key, str | int) and key != "" else digest(text)
        at = parse_instant(at_path(value, stream.cursor)) if stream.cursor else None
        return Record(name, at, "upsert", text)

    return read


def _plain(value: object) -> object:
    """What JSON has no type for; types that nobody foresaw become text."""
    if isinstance(value, datetime):
        return iso_z(value)
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).hex()
    return str(value)
