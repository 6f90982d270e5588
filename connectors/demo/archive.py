"""The web activity archive: one gzipped file of Segment lines per UTC day of ``receivedAt``.

Like any real archive it has faults, put in on purpose: lines delivered twice, late or cut off,
values of a wrong type, a missing ``messageId``.
"""

import gzip
from collections import defaultdict
from pathlib import Path

import orjson

from connectors.demo.dice import dice
from connectors.demo.permissions import END
from connectors.demo.stamps import DAY_MS, day_of, stamp
from connectors.demo.steps import Properties

LAST_MS = END * 1000 + 999
TWICE, BROKEN_EVERY, ODD_EVERY = 0.003, 9_500, 7_000
_HARMLESS = frozenset({"Product Viewed", "Product List Viewed"})  # no count hangs on them
Line = tuple[int, int, bytes]


class Archive:
    """Collects lines and writes each day once nothing more can be added to it."""

    def __init__(self, folder: Path, seed: int) -> None:
        """Write into ``folder``, which must exist."""
        self._folder = folder
        self._rng = dice(seed, "archive")
        self._days: defaultdict[int, list[Line]] = defaultdict(list)
        self._count = 0
        self._harmless = 0
        self.written = 0

    def add(self, record: Properties, received: int, sent: int) -> None:
        """Keep a line received at ``received`` (epoch ms), with the faults that befall it.

        ``sent`` is when the client sent it, by the client's own clock.
        """
        is_harmless = record.get("event") in _HARMLESS or record["type"] == "page"
        line = self._spoil(record) if is_harmless else orjson.dumps(record)
        self._keep(received, line)
        if self._rng.chance(TWICE):
            if self._rng.chance(0.5):
                self._keep(received, line)
            else:
                self._again(record, received, sent)

    def add_whole(self, record: Properties, received: int) -> None:
        """Keep a line received at ``received`` (epoch ms) that no fault befalls."""
        self._keep(received, orjson.dumps(record))

    def write(self, before: int) -> None:
        """Write the days that end by ``before`` (epoch ms)."""
        for day in sorted(self._days):
            if (day + 1) * DAY_MS <= before:
                lines = sorted(self._days.pop(day))
                self._write(day, b"".join(line[2] + b"\n" for line in lines))
                self.written += len(lines)

    def _keep(self, received: int, line: bytes) -> None:
        self._count += 1
        self._days[received // DAY_MS].append((received, self._count, line))

    def _again(self, record: Properties, received: int, sent: int) -> None:
        """Keep a second delivery: the client asks again minutes or hours later."""
        wait = self._rng.randrange(20_000, 10_000_000)
        if received + wait <= LAST_MS:
            later = {"sentAt": stamp(sent + wait), "receivedAt": stamp(received + wait)}
            self._keep(received + wait, orjson.dumps(record | later))

    def _spoil(self, record: Properties) -> bytes:
        """Return the line, of a few cut off and of a few with an odd value."""
        self._harmless += 1
        line = orjson.dumps(record)
        if self._harmless % BROKEN_EVERY == 0:
            return line[: self._rng.randrange(20, len(line) - 10)]
        if self._harmless % ODD_EVERY == 0:
            return orjson.dumps(self._odd(dict(record), self._harmless // ODD_EVERY % 4))
        return line

    @staticmethod
    def _odd(record: Properties, kind: int) -> Properties:
        """Return a record with one of the four usual mistakes."""
        properties = record["properties"] if isinstance(record["properties"], dict) else {}
        if kind == 0:
            record.pop("messageId")
            return record
        odd: tuple[Properties, ...] = (
            {"properties": {**properties, "price": "£4.95"}},
            {"properties": [properties]},
            {"timestamp": 1_323_169_500},
        )
        return record | odd[kind - 1]

    def _write(self, day: int, text: bytes) -> None:
        path = self._folder / f"{day_of(day)}.jsonl.gz"
        with path.open("wb") as raw, gzip.GzipFile("", "wb", 2, raw, mtime=0) as packed:
            packed.write(text)
