"""What a stream's records look like, and what is new about that: fields come, go and change type.

Nothing is refused for it. Staging reads what it can, and people hear of it before it matters.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import orjson

from connectors.core.clock import iso_z
from connectors.core.spec import Manifest

# So many records of a page are looked at, evenly spread.
SAMPLE = 100
# With fewer records behind it, nothing is surprising.
ENOUGH = 100
MOST_FIELDS = 1_000
# So many changes of a stream are kept to be shown.
MOST_NOTES = 20
# Some vendors make field names of data: those are not shown.
_PLAIN_NAME = re.compile(r"[A-Za-z_$][\w$ .:-]{0,79}")

log = logging.getLogger("parley")

_WORDS = {
    str: "text",
    int: "number",
    float: "number",
    bool: "boolean",
    dict: "object",
    list: "list",
}


@dataclass(frozen=True, slots=True)
class Drift:
    """One change: `field` is a dotted path, `was` and `now` are types in words."""

    field: str
    kind: Literal["new", "missing", "retyped"]
    was: str = ""
    now: str = ""

    def __str__(self) -> str:
        if self.kind == "retyped":
            return f"{self.field} is {self.now}, was {self.was}"
        return f"{self.field} is {self.kind}"


@dataclass(slots=True)
class Shape:
    """Fields of records (two levels deep) with how often each was there, and as what."""

    records: int = 0
    fields: dict[str, dict[str, int]] = field(default_factory=dict)

    @classmethod
    def stored(cls, shape: Mapping[str, Any]) -> Shape:
        """What `as_json` gave; an empty mapping is an empty shape."""
        return cls(int(shape.get("records", 0)), dict(shape.get("fields", {})))

    def as_json(self) -> dict[str, Any]:
        """The shape as JSON values."""
        return {"records": self.records, "fields": self.fields}

    def look(self, payloads: Sequence[str]) -> None:
        """Take in some of a page's payloads; what is no JSON object is staging's business."""
        for payload in payloads[:: max(1, len(payloads) // SAMPLE)]:
            try:
                document = orjson.loads(payload)
            except ValueError:
                continue
            if isinstance(document, dict):
                self.records += 1
                for path, word in _fields(document):
                    self._count(path, word)

    def drifts_from(self, known: Shape) -> list[Drift]:
        """What is different now; nothing while too few records were known."""
        if known.records < ENOUGH or not self.records:
            return []
        found = []
        for path, words in sorted(self.fields.items()):
            before = known.fields.get(path)
            if before is None:
                found.append(Drift(path, "new"))
            elif new := sorted(set(words) - set(before) - {"null"}):
                was = " or ".join(sorted(set(before) - {"null"})) or "always empty"
                found.append(Drift(path, "retyped", was, " and ".join(new)))
        always = (p for p, words in known.fields.items() if sum(words.values()) == known.records)
        return found + [
            Drift(path, "missing") for path in sorted(always) if path not in self.fields
        ]

    def add(self, other: Shape) -> None:
        """Take in what another one saw."""
        self.records += other.records
        for path, words in other.fields.items():
            for word, count in words.items():
                self._count(path, word, count)

    def _count(self, path: str, word: str, count: int = 1) -> None:
        if path in self.fields or len(self.fields) < MOST_FIELDS:
            words = self.fields.setdefault(path, {})
            words[word] = words.get(word, 0) + count


def noticed(
    shape: Shape, manifest: Manifest, names: tuple[str, str, str], as_of: datetime
) -> tuple[Drift, ...]:
    """Compare what landed with what landed before, tell of it, and remember both.

    `names` are the stream's vendor, source_id and name.
    """
    if not shape.records:
        return ()
    stored = manifest.shape(*names)
    known, notes = Shape.stored(stored), list(stored.get("notes", []))
    drifts = shape.drifts_from(known)
    if drifts:
        said = told(drifts)
        log.warning("the records of %s.%s have changed: %s", names[1], names[2], said)
        notes.append({"at": iso_z(as_of), "said": said})
    known.add(shape)
    manifest.note_shape(*names, {**known.as_json(), "notes": notes[-MOST_NOTES:]})
    return tuple(drifts)


def told(drifts: Sequence[Drift], most: int = 8) -> str:
    """Changes in words, without a name that looks like data."""
    shown = [str(each) for each in drifts if _PLAIN_NAME.fullmatch(each.field)]
    rest = len(drifts) - len(shown[:most])
    return ", ".join(shown[:most]) + (f" and {rest} more" if rest else "")


def _fields(document: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    for name, value in document.items():
        yield name, _WORDS.get(type(value), "null")
        if isinstance(value, dict):
            for inner, deeper in value.items():
                yield f"{name}.{inner}", _WORDS.get(type(deeper), "null")
