"""Comparing a pass over everything with what is known: news land, what is gone is said to be gone.

Memory is bounded by eight bytes a record; what is known stays in the ledger database.
"""

from __future__ import annotations

import logging
from array import array
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import NamedTuple

from connectors.core.payload import digest
from connectors.core.spec import KnownRow, Manifest, Page, Record

# A paged pass that finds nothing at all is likelier an outage than a shop without customers.
FEW = 10

log = logging.getLogger("parley")


class News(NamedTuple):
    """Records to land, and what is known (by key) once they have."""

    records: list[Record]
    known: dict[str, KnownRow]


@dataclass(slots=True)
class Comparison:
    """One pass over a part. `pending`: known rows, committed with the records that they are of."""

    manifest: Manifest
    scope: str
    pending: dict[str, KnownRow] = field(default_factory=dict)
    _seen: array[int] = field(default_factory=lambda: array("Q"))

    def news(self, page: Page) -> News:
        """The page's records that are new or changed."""
        keys = [record.key for record in page.records]
        known = {**self.manifest.known(self.scope, keys), **self._pending_of(keys)}
        found: list[Record] = []
        learnt: dict[str, KnownRow] = {}
        for record in page.records:
            mark = digest(record.payload)
            before = known.get(record.key)
            if before is None or before.digest != mark:
                found.append(record)
            elif not before.missed:
                continue
            known[record.key] = learnt[record.key] = KnownRow(record.key, mark)
        self._seen.extend(map(_short, (*keys, *page.held)))
        return News(found, learnt)

    def gone(self, *, at_once: bool) -> Iterator[News]:
        """Deletions of what the pass did not find; what was missed once gets another chance."""
        seen = sorted(self._seen)
        if not seen and not at_once and self._is_many():
            log.warning("%s: a pass found nothing at all; nothing is taken for deleted", self.scope)
            return
        for rows in self.manifest.all_known(self.scope):
            missing = [row for row in rows if not _holds(seen, _short(row.key))]
            dead = [row.key for row in missing if at_once or row.missed]
            learnt = {row.key: KnownRow(row.key, row.digest, 1) for row in missing}
            learnt |= {key: KnownRow(key, None) for key in dead}
            yield News([Record(key, None, "delete", "{}") for key in dead], learnt)

    def _pending_of(self, keys: list[str]) -> dict[str, KnownRow]:
        return {key: self.pending[key] for key in keys if key in self.pending}

    def _is_many(self) -> bool:
        return len(next(self.manifest.all_known(self.scope), [])) > FEW


def _short(key: str) -> int:
    return int.from_bytes(blake2b(key.encode(errors="replace"), digest_size=8).digest())


def _holds(ordered: list[int], value: int) -> bool:
    place = bisect_left(ordered, value)
    return place < len(ordered) and ordered[place] == value
